/** Every way in which clients push a blob. */
import { describe, it } from "vitest";
import { algorithmOf } from "../../src/registry/oci/digest.ts";
import {
  bodyOf,
  closing,
  digestOf,
  newRepository,
  pushBlob,
  randomBytes,
  send,
  startUpload,
  storedKeys,
  told,
} from "./registry-push-world.ts";

const ALGORITHMS = ["sha256", "sha512"] as const;

async function pulled(repository: string, digest: string): Promise<Uint8Array> {
  const response = await send("GET", `/v2/${repository}/blobs/${digest}`);
  return response.status === 200 ? await bodyOf(response) : new Uint8Array();
}

function streamed(...pieces: Uint8Array<ArrayBuffer>[]): ReadableStream {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  void (async () => {
    for (const piece of pieces) await writer.write(piece);
    await writer.close();
  })();
  return readable;
}

async function patch(location: string, bytes: Uint8Array<ArrayBuffer>, begin: number): Promise<Response> {
  const range = `${begin}-${begin + bytes.length - 1}`;
  return await send("PATCH", location, bytes, { "content-range": range });
}

describe("a blob is pushed", () => {
  for (const algorithm of ALGORITHMS) {
    it(`by a single POST, ${algorithm}`, async ({ expect }) => {
      const repository = newRepository();
      const bytes = randomBytes(5_000);
      const digest = await digestOf(bytes, algorithm);
      const response = await send("POST", `/v2/${repository}/blobs/uploads/?digest=${digest}`, bytes);
      expect(response.status).toBe(201);
      expect(response.headers.get("docker-content-digest")).toBe(digest);
      expect(response.headers.get("location")).toBe(`/v2/${repository}/blobs/${digest}`);
      expect(await pulled(repository, digest)).toEqual(bytes);
    });

    it(`by POST and PUT, ${algorithm}`, async ({ expect }) => {
      const repository = newRepository();
      const bytes = randomBytes(5_000);
      const location = await startUpload(repository);
      const digest = await digestOf(bytes, algorithm);
      const response = await send("PUT", closing(location, digest), bytes);
      expect([response.status, response.headers.get("location")]).toEqual([201, `/v2/${repository}/blobs/${digest}`]);
      expect(await pulled(repository, digest)).toEqual(bytes);
    });

    it(`in one stream whose length nobody says, ${algorithm}`, async ({ expect }) => {
      const repository = newRepository();
      const bytes = randomBytes(20 * 1024 * 1024 + 17);
      const location = await startUpload(repository, `?digest-algorithm=${algorithm}`);
      const response = await send("PATCH", location, streamed(bytes));
      expect([response.status, response.headers.get("range")]).toEqual([202, `0-${bytes.length - 1}`]);
      const digest = await digestOf(bytes, algorithm);
      const closed = await send("PUT", closing(response.headers.get("location") ?? "", digest));
      expect(closed.status).toBe(201);
      expect(await digestOf(await bodyOf(await send("GET", `/v2/${repository}/blobs/${digest}`)))).toBe(
        await digestOf(bytes),
      );
    });

    for (const last of ["PATCH", "PUT"]) {
      it(`in chunks, the last by ${last}, ${algorithm}`, async ({ expect }) => {
        const repository = newRepository();
        const bytes = randomBytes(3_067);
        let location = await startUpload(repository, algorithm === "sha256" ? "" : "?digest-algorithm=sha512");
        const digest = await digestOf(bytes, algorithm);
        for (let begin = 0; begin < bytes.length; begin += 1_024) {
          const chunk = bytes.slice(begin, begin + 1_024);
          if (last === "PUT" && begin + chunk.length === bytes.length) {
            const range = `${begin}-${bytes.length - 1}`;
            const closed = await send("PUT", closing(location, digest), chunk, { "content-range": range });
            expect(closed.status).toBe(201);
          } else {
            const response = await patch(location, chunk, begin);
            expect([response.status, response.headers.get("range")]).toEqual([202, `0-${begin + chunk.length - 1}`]);
            location = response.headers.get("location") ?? "";
          }
        }
        if (last === "PATCH") expect((await send("PUT", closing(location, digest))).status).toBe(201);
        expect(await pulled(repository, digest)).toEqual(bytes);
      });
    }

    it(`without a byte, ${algorithm}`, async ({ expect }) => {
      const repository = newRepository();
      const nothing = new Uint8Array();
      const digest = await digestOf(nothing, algorithm);
      const location = await startUpload(repository);
      expect((await send("PUT", closing(location, digest))).status).toBe(201);
      const response = await send("GET", `/v2/${repository}/blobs/${digest}`);
      expect([response.status, response.headers.get("content-length")]).toEqual([200, "0"]);
      expect((await bodyOf(response)).length).toBe(0);
      const single = await send("POST", `/v2/${newRepository()}/blobs/uploads/?digest=${digest}`);
      expect(single.status).toBe(201);
    });
  }

  it("as sha512 though its chunks were hashed as sha256, and the other way about", async ({ expect }) => {
    const repository = newRepository();
    for (const algorithm of ALGORITHMS) {
      const bytes = randomBytes(4_000);
      const digest = await digestOf(bytes, algorithm);
      const other = algorithm === "sha256" ? "sha512" : "sha256";
      const location = await startUpload(repository, `?digest-algorithm=${other}`);
      await patch(location, bytes.slice(0, 1_000), 0);
      await patch(location, bytes.slice(1_000), 1_000);
      expect((await send("PUT", closing(location, digest))).status).toBe(201);
      expect(algorithmOf(digest)).toBe(algorithm);
      expect(await pulled(repository, digest)).toEqual(bytes);
    }
  });

  it("by a stream and chunks after it", async ({ expect }) => {
    const repository = newRepository();
    const bytes = randomBytes(9_000);
    const location = await startUpload(repository);
    expect((await send("PATCH", location, bytes.slice(0, 4_000))).status).toBe(202);
    expect((await patch(location, bytes.slice(4_000, 6_000), 4_000)).status).toBe(202);
    expect((await send("PATCH", location, streamed(bytes.slice(6_000, 7_000)))).status).toBe(202);
    const digest = await digestOf(bytes);
    expect((await send("PUT", closing(location, digest), bytes.slice(7_000))).status).toBe(201);
    expect(await pulled(repository, digest)).toEqual(bytes);
  });

  it("in a thousand small chunks as a few objects", async ({ expect }) => {
    const repository = newRepository();
    const bytes = randomBytes(300 * 100);
    const location = await startUpload(repository);
    const before = (await storedKeys()).length;
    for (let begin = 0; begin < bytes.length; begin += 100) {
      expect((await patch(location, bytes.slice(begin, begin + 100), begin)).status).toBe(202);
    }
    const digest = await digestOf(bytes);
    expect((await send("PUT", closing(location, digest))).status).toBe(201);
    expect(await pulled(repository, digest)).toEqual(bytes);
    const blob = await (
      await import("../../src/stubs.ts")
    )
      .registryStub((await import("./client.ts")).testEnv, "00000000000000000000000000000001")
      .blob(repository, digest, { hold: false });
    expect(blob?.segments.length).toBeLessThan(12);
    expect(before).toBeGreaterThanOrEqual(0);
  });
});

describe("an upload", () => {
  it("says where it is, and begins with nothing", async ({ expect }) => {
    const repository = newRepository();
    const location = await startUpload(repository);
    const begun = await send("GET", location);
    expect([begun.status, begun.headers.get("range")]).toEqual([204, "0-0"]);
    await patch(location, randomBytes(700), 0);
    const grown = await send("GET", location);
    expect([grown.status, grown.headers.get("range"), grown.headers.get("location")]).toEqual([204, "0-699", location]);
    expect(grown.headers.get("docker-upload-uuid")).toBe(location.split("/").at(-1));
  });

  it("refuses a chunk that does not begin where it ends, and says where that is", async ({ expect }) => {
    const location = await startUpload(newRepository());
    const bytes = randomBytes(1_000);
    expect(await told(await patch(location, bytes, 5))).toBe("416 BLOB_UPLOAD_INVALID");
    await patch(location, bytes, 0);
    const again = await patch(location, bytes, 0);
    expect([again.status, again.headers.get("range"), again.headers.get("location")]).toEqual([416, "0-999", location]);
    const closed = await send("PUT", closing(location, await digestOf(bytes)), bytes, { "content-range": "2000-2999" });
    expect(await told(closed)).toBe("416 BLOB_UPLOAD_INVALID");
    expect((await send("GET", location)).headers.get("range")).toBe("0-999");
    expect((await send("PUT", closing(location, await digestOf(bytes)))).status).toBe(201);
  });

  it("refuses what contradicts itself", async ({ expect }) => {
    const location = await startUpload(newRepository());
    const bytes = randomBytes(100);
    expect(await told(await send("PATCH", location, bytes, { "content-range": "0-50" }))).toBe("400 SIZE_INVALID");
    expect(await told(await send("PATCH", location, bytes, { "content-range": "50-0" }))).toBe(
      "400 BLOB_UPLOAD_INVALID",
    );
    expect(await told(await send("PATCH", location, bytes, { "content-range": "all" }))).toBe(
      "400 BLOB_UPLOAD_INVALID",
    );
    const longer = await send("PATCH", location, streamed(bytes), { "content-range": "0-50" });
    expect(await told(longer)).toBe("400 SIZE_INVALID");
    expect(await told(await send("PUT", location))).toBe("400 DIGEST_INVALID");
    expect(await told(await send("PUT", `${location}?digest=sha256:abc`))).toBe("400 DIGEST_INVALID");
    expect((await send("GET", location)).headers.get("range")).toBe("0-0");
    const md5 = await send("POST", `/v2/${newRepository()}/blobs/uploads/?digest-algorithm=md5`);
    expect(await told(md5)).toBe("400 DIGEST_INVALID");
  });

  it("that is cancelled is gone", async ({ expect }) => {
    const location = await startUpload(newRepository());
    await patch(location, randomBytes(10), 0);
    expect((await send("DELETE", location)).status).toBe(204);
    for (const method of ["GET", "PATCH", "DELETE"]) {
      expect(await told(await send(method, location))).toBe("404 BLOB_UPLOAD_UNKNOWN");
    }
    const digest = await digestOf(randomBytes(3));
    expect(await told(await send("PUT", closing(location, digest)))).toBe("404 BLOB_UPLOAD_UNKNOWN");
    expect(await told(await send("GET", `/v2/${newRepository()}/blobs/uploads/nothing`))).toBe(
      "404 BLOB_UPLOAD_UNKNOWN",
    );
  });

  it("whose last answer was lost is ended again", async ({ expect }) => {
    const repository = newRepository();
    const bytes = randomBytes(100);
    const location = await startUpload(repository);
    const url = closing(location, await digestOf(bytes));
    expect((await send("PUT", url, bytes)).status).toBe(201);
    expect((await send("PUT", url, bytes)).status).toBe(201);
  });
});

describe("a mount", () => {
  it("takes a blob from another repository, with its size and digest", async ({ expect }) => {
    const [from, to] = [newRepository(), newRepository()];
    const bytes = randomBytes(1_234);
    const digest = await pushBlob(from, bytes);
    const mounted = await send("POST", `/v2/${to}/blobs/uploads/?mount=${digest}&from=${from}`);
    expect([mounted.status, mounted.headers.get("location")]).toEqual([201, `/v2/${to}/blobs/${digest}`]);
    const head = await send("HEAD", `/v2/${to}/blobs/${digest}`);
    expect([head.headers.get("content-length"), head.headers.get("docker-content-digest")]).toEqual(["1234", digest]);
    expect(await pulled(to, digest)).toEqual(bytes);
  });

  it("needs no name of where the blob is", async ({ expect }) => {
    const digest = await pushBlob(newRepository(), randomBytes(50));
    expect((await send("POST", `/v2/${newRepository()}/blobs/uploads/?mount=${digest}`)).status).toBe(201);
  });

  it("of what is not there begins an upload", async ({ expect }) => {
    const to = newRepository();
    const bytes = randomBytes(60);
    const digest = await digestOf(bytes);
    const answers = [
      `?mount=${digest}&from=${newRepository()}`,
      `?mount=${digest}&from=NOT%20A%20NAME`,
      `?mount=${digest}`,
    ];
    for (const query of answers) {
      const response = await send("POST", `/v2/${to}/blobs/uploads/${query}`);
      expect(response.status).toBe(202);
      expect((await send("PUT", closing(response.headers.get("location") ?? "", digest), bytes)).status).toBe(201);
      expect((await send("DELETE", `/v2/${to}/blobs/${digest}`)).status).toBe(202);
    }
    expect(await told(await send("POST", `/v2/${to}/blobs/uploads/?mount=sha256:1`))).toBe("400 DIGEST_INVALID");
  });
});
