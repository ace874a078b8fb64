/** What goes wrong while a client pushes: nothing wrong is stored, and the upload goes on or is gone, as it was told. */
import { describe, it } from "vitest";
import { writePart } from "../../src/registry/blobs/upload.ts";
import type { Digest } from "../../src/registry/oci/digest.ts";
import type { BlobRecord } from "../../src/registry/store/contract.ts";
import { registryStub } from "../../src/stubs.ts";
import { ACCOUNT_ID, eventually, testEnv } from "./client.ts";
import {
  bodyOf,
  closing,
  digestOf,
  newRepository,
  randomBytes,
  send,
  startUpload,
  storedKeys,
  told,
} from "./registry-push-world.ts";
import { draftOf } from "./registry-world.ts";

const MIB = 1024 * 1024;

/** Bytes, and then an error, as where a client goes away or the platform cuts what it sends. */
function broken(bytes: Uint8Array<ArrayBuffer>, length: number): ReadableStream {
  const { readable, writable } = new FixedLengthStream(length);
  const writer = writable.getWriter();
  writer.closed.catch(() => undefined);
  void writer
    .write(bytes)
    .then(async () => await writer.abort(new Error("gone")))
    .catch(() => undefined);
  return readable;
}

async function keysOf(location: string): Promise<string[]> {
  const id = /uploads\/([^?]+)/.exec(location)?.[1] ?? "";
  return (await storedKeys()).filter((key) => key.includes(id));
}

describe("a digest that is not that of the bytes", () => {
  it.for(["sha256", "sha512"] as const)(
    "is refused however they come, and nothing is stored: %s",
    async (algorithm, { expect }) => {
      const bytes = randomBytes(3_000);
      const wrong = await digestOf(randomBytes(3_000), algorithm);
      const repository = newRepository();
      const single = await send("POST", `/v2/${repository}/blobs/uploads/?digest=${wrong}`, bytes);
      expect(await told(single)).toBe("400 DIGEST_INVALID");
      const locations: string[] = [];
      const ways: ((location: string) => Promise<Response>)[] = [
        async (location) => await send("PUT", closing(location, wrong), bytes),
        async (location) => {
          await send("PATCH", location, bytes);
          return await send("PUT", closing(location, wrong));
        },
        async (location) => {
          await send("PATCH", location, bytes.slice(0, 2_000), { "content-range": "0-1999" });
          return await send("PUT", closing(location, wrong), bytes.slice(2_000), { "content-range": "2000-2999" });
        },
        async (location) => await send("PUT", closing(location, wrong)),
      ];
      for (const way of ways) {
        const location = await startUpload(repository);
        locations.push(location);
        expect(await told(await way(location))).toBe("400 DIGEST_INVALID");
        expect(await told(await send("GET", location))).toBe("404 BLOB_UPLOAD_UNKNOWN");
      }
      expect(await told(await send("GET", `/v2/${repository}/blobs/${wrong}`))).toBe("404 BLOB_UNKNOWN");
      for (const location of locations) await eventually(async () => (await keysOf(location)).length === 0);
    },
  );
});

describe("a body that is cut", () => {
  it("is refused with what to do, and its upload goes on where it was", async ({ expect }) => {
    const repository = newRepository();
    const bytes = randomBytes(20_000);
    const location = await startUpload(repository);
    await send("PATCH", location, bytes.slice(0, 5_000), { "content-range": "0-4999" });
    const cut = await send("PATCH", location, broken(bytes.slice(5_000, 9_000), 15_000));
    expect([cut.status, cut.headers.get("range")]).toEqual([413, "0-4999"]);
    expect(await cut.json()).toMatchObject({
      errors: [{ code: "SIZE_INVALID", message: expect.stringContaining("push in chunks") }],
    });
    expect((await keysOf(location)).length).toBe(1);
    const rest = await send("PATCH", location, bytes.slice(5_000), { "content-range": "5000-19999" });
    expect(rest.status).toBe(202);
    const digest = await digestOf(bytes);
    expect((await send("PUT", closing(location, digest))).status).toBe(201);
    expect(await bodyOf(await send("GET", `/v2/${repository}/blobs/${digest}`))).toEqual(bytes);
  });

  it("keeps what of it was stored whole", async ({ expect }) => {
    const repository = newRepository();
    const bytes = randomBytes(20 * MIB);
    const location = await startUpload(repository);
    const id = location.split("/").at(-1) ?? "";
    const index = registryStub(testEnv, ACCOUNT_ID);
    let sent = 0;
    // Between two parts of one Worker, a stream that breaks and has no length only ends.
    const body = new ReadableStream({
      type: "bytes",
      pull: (controller) => {
        if (sent === 17) return controller.error(new Error("gone"));
        controller.enqueue(bytes.slice(sent * MIB, (sent + 1) * MIB));
        sent += 1;
      },
    });
    const place = { index, bucket: testEnv.REGISTRY_BLOBS, repository, id };
    const part = await writePart(place, { body, length: null, at: null, algorithm: "sha256", isChunk: true });
    expect(part).toMatchObject({ state: "cut", open: { upload: { size: 16 * MIB } } });
    const stored = 16 * MIB;
    expect((await send("GET", location)).headers.get("range")).toBe(`0-${stored - 1}`);
    const rest = await send("PATCH", location, bytes.slice(stored), {
      "content-range": `${stored}-${bytes.length - 1}`,
    });
    expect(rest.status).toBe(202);
    expect((await send("PUT", closing(location, await digestOf(bytes)))).status).toBe(201);
  });

  it("ends nothing when it was to end an upload", async ({ expect }) => {
    const repository = newRepository();
    const bytes = randomBytes(4_000);
    const digest = await digestOf(bytes);
    const location = await startUpload(repository);
    expect((await send("PUT", closing(location, digest), broken(bytes.slice(0, 1_000), 4_000))).status).toBe(413);
    expect((await send("PUT", closing(location, digest), bytes)).status).toBe(201);
    const single = await send("POST", `/v2/${newRepository()}/blobs/uploads/?digest=${digest}`, broken(bytes, 9_000));
    expect([single.status, single.headers.get("location")]).toEqual([413, null]);
  });
});

describe("two writes of one upload at once", () => {
  it("are one: the later one counts, and the other is told", async ({ expect }) => {
    const repository = newRepository();
    const location = await startUpload(repository);
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    const slow = send("PATCH", location, readable);
    await writer.write(randomBytes(300_000));
    const bytes = randomBytes(1_000);
    expect((await send("PATCH", location, bytes)).status).toBe(202);
    await writer.close();
    const superseded = await slow;
    expect(await told(superseded)).toBe("409 BLOB_UPLOAD_INVALID");
    expect((await send("GET", location)).headers.get("range")).toBe("0-999");
    expect((await keysOf(location)).length).toBe(1);
    const digest = await digestOf(bytes);
    expect((await send("PUT", closing(location, digest))).status).toBe(201);
    expect(await bodyOf(await send("GET", `/v2/${repository}/blobs/${digest}`))).toEqual(bytes);
  });

  it("of the same bytes by two clients are one blob", async ({ expect }) => {
    const repository = newRepository();
    const bytes = randomBytes(50_000);
    const digest = await digestOf(bytes);
    const uploads = await Promise.all(Array.from({ length: 5 }, async () => await startUpload(repository)));
    const answers = await Promise.all(
      uploads.map(async (location) => await send("PUT", closing(location, digest), bytes)),
    );
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
    await eventually(async () => {
      const counts = await Promise.all(uploads.map(async (location) => (await keysOf(location)).length));
      return counts.reduce((sum, count) => sum + count, 0) === 1;
    });
    expect(await bodyOf(await send("GET", `/v2/${repository}/blobs/${digest}`))).toEqual(bytes);
  });
});

const registry = () => registryStub(testEnv, ACCOUNT_ID);

async function segmentsOf(repository: string, digest: Digest): Promise<string[]> {
  const blob: BlobRecord | null = await registry().blob(repository, digest, { hold: false });
  return blob?.segments.map(({ key }) => key) ?? [];
}

/** Its blob and its manifest. */
async function image(repository: string) {
  const bytes = randomBytes(4_000);
  const digest = await digestOf(bytes);
  await send("PUT", closing(await startUpload(repository), digest), bytes);
  const draft = await draftOf(repository, { blobs: [digest], tags: ["latest"] });
  await registry().putManifest(draft);
  return { bytes, digest, draft, path: `/v2/${repository}/blobs/${digest}` };
}

describe("an object that is lost", () => {
  it("makes its blob unknown, and the next upload of it good again, for whoever has it", async ({ expect }) => {
    const [repository, other] = [newRepository(), newRepository()];
    const { bytes, digest, draft, path } = await image(repository);
    await registry().mount(other, digest, { repository, readable: "all" });
    const lost = await segmentsOf(repository, digest);
    await testEnv.REGISTRY_BLOBS.delete(lost);
    expect((await send("HEAD", path)).status).toBe(200);
    expect(await told(await send("GET", path))).toBe("404 BLOB_UNKNOWN");
    expect((await send("HEAD", path)).status).toBe(404);
    expect((await send("HEAD", `/v2/${other}/blobs/${digest}`)).status).toBe(404);
    expect(await registry().mount(newRepository(), digest, { repository, readable: "all" })).toBeNull();
    expect((await registry().manifest(repository, "latest"))?.digest).toBe(draft.digest);
    expect(await registry().putManifest(draft)).toEqual({ stored: false, missing: [digest] });
    expect((await send("PUT", closing(await startUpload(other), digest), bytes)).status).toBe(201);
    for (const name of [repository, other]) {
      expect(await bodyOf(await send("GET", `/v2/${name}/blobs/${digest}`))).toEqual(bytes);
    }
    expect(await registry().putManifest(draft)).toEqual({ stored: true, wasThere: true });
    // Whoever has found it missing before the upload says nothing of what it is made of now.
    await registry().loseBlob(digest, lost[0] ?? "");
    expect((await send("HEAD", path)).status).toBe(200);
  });

  it("after the first makes its blob unknown too, and what is left of it goes with the next upload", async ({
    expect,
  }) => {
    const repository = newRepository();
    const bytes = randomBytes(3_000);
    const digest = await digestOf(bytes);
    const location = await startUpload(repository);
    await send("PATCH", location, bytes.slice(0, 2_000), { "content-range": "0-1999" });
    await send("PATCH", location, bytes.slice(2_000), { "content-range": "2000-2999" });
    await send("PUT", closing(location, digest));
    const [first = "", second = ""] = await segmentsOf(repository, digest);
    expect(second).not.toBe("");
    await testEnv.REGISTRY_BLOBS.delete(second);
    const path = `/v2/${repository}/blobs/${digest}`;
    const cut = await send("GET", path).then(async (response) => await response.arrayBuffer()).catch(() => null); // prettier-ignore
    expect(cut).toBeNull();
    await eventually(async () => (await send("HEAD", path)).status === 404);
    expect(await testEnv.REGISTRY_BLOBS.head(first)).not.toBeNull();
    await send("PUT", closing(await startUpload(repository), digest), bytes);
    expect(await bodyOf(await send("GET", path))).toEqual(bytes);
    await eventually(async () => (await testEnv.REGISTRY_BLOBS.head(first)) === null);
  });
});

describe("a store that fails", () => {
  it("is an error that passes, and leaves the upload as it was", async ({ expect }) => {
    const location = await startUpload(newRepository());
    const id = location.split("/").at(-1) ?? "";
    const index = registryStub(testEnv, ACCOUNT_ID);
    const repository = location.slice("/v2/".length, location.indexOf("/blobs/"));
    const bucket = failing(testEnv.REGISTRY_BLOBS);
    const bytes = randomBytes(10_000);
    for (const length of [bytes.length, null]) {
      const { body } = new Response(bytes);
      const part = { body, length, at: null, algorithm: "sha256", isChunk: true } as const;
      const failed = writePart({ index, bucket, repository, id }, part);
      await expect(failed).rejects.toMatchObject({ name: "StoreFailed", retryable: true });
    }
    expect((await send("GET", location)).headers.get("range")).toBe("0-0");
    expect((await send("PUT", closing(location, await digestOf(bytes)), bytes)).status).toBe(201);
  });
});

async function refuse(_key: string, value: unknown): Promise<never> {
  if (value instanceof ReadableStream) await value.cancel("full").catch(() => undefined);
  throw new Error("put: We encountered an internal error. Please try again. (10001)");
}

/** Refuses every object, also after it has read some of it. */
function failing(bucket: R2Bucket): R2Bucket {
  return new Proxy(bucket, {
    get: (target, name) => {
      if (name === "put") return refuse;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
