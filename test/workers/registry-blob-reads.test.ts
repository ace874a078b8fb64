/** How blobs are read: whole, in part, not again, and never by another name than their digest. */
import { describe, it } from "vitest";
import { openRange } from "../../src/registry/blobs/read.ts";
import { eventually } from "./client.ts";
import {
  bodyOf,
  closing,
  digestOf,
  newRepository,
  pushBlob,
  randomBytes,
  send,
  startUpload,
  told,
} from "./registry-push-world.ts";

/** A blob of several objects: each chunk is too long to take the one before along. */
async function segmented(repository: string) {
  const bytes = randomBytes(13_000);
  const digest = await digestOf(bytes);
  const location = await startUpload(repository);
  for (const [begin, end] of [
    [0, 8_000],
    [8_000, 11_000],
    [11_000, 13_000],
  ] as const) {
    const range = `${begin}-${end - 1}`;
    await send("PATCH", location, bytes.slice(begin, end), { "content-range": range });
  }
  const closed = await send("PUT", closing(location, digest));
  if (closed.status !== 201) throw new Error(await closed.text());
  return { bytes, digest, path: `/v2/${repository}/blobs/${digest}` };
}

describe("a blob", () => {
  it("is answered with all that clients read", async ({ expect }) => {
    const { bytes, digest, path } = await segmented(newRepository());
    const response = await send("GET", path);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "content-length": "13000",
      "docker-content-digest": digest,
      etag: `"${digest}"`,
      "accept-ranges": "bytes",
      "cache-control": "private, max-age=31536000, immutable, no-transform",
      "docker-distribution-api-version": "registry/2.0",
      "x-content-type-options": "nosniff",
    });
    expect(await bodyOf(response)).toEqual(bytes);
    const head = await send("HEAD", path);
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "13000"]);
    expect(head.headers.get("docker-content-digest")).toBe(digest);
    expect((await bodyOf(head)).length).toBe(0);
  });

  it.for([
    ["bytes=500-1499", 500, 1_500],
    ["bytes=500-", 500, 13_000],
    ["bytes=-500", 12_500, 13_000],
    ["bytes=-20000", 0, 13_000],
    ["bytes=7999-8000", 7_999, 8_001],
    ["bytes=7000-12000", 7_000, 12_001],
    ["bytes=8000-10999", 8_000, 11_000],
    ["bytes=12999-99999", 12_999, 13_000],
    ["bytes=0-0", 0, 1],
  ] as const)("is read in part: %s", async ([range, from, to], { expect }) => {
    const { bytes, path } = await segmented(newRepository());
    const response = await send("GET", path, undefined, { range });
    expect([response.status, response.headers.get("content-range"), response.headers.get("content-length")]).toEqual([
      206,
      `bytes ${from}-${to - 1}/13000`,
      String(to - from),
    ]);
    expect(await bodyOf(response)).toEqual(bytes.slice(from, to));
  });

  it.for(["bytes=500-0", "bytes=13000-", "bytes=20000-30000", "bytes=-0"])(
    "has nothing at %s",
    async (range, { expect }) => {
      const { path } = await segmented(newRepository());
      const response = await send("GET", path, undefined, { range });
      expect([response.status, response.headers.get("content-range")]).toEqual([416, "bytes */13000"]);
      const text = await response.text();
      expect(response.headers.get("content-length")).toBe(String(text.length));
      expect(JSON.parse(text)).toMatchObject({ errors: [{ code: "SIZE_INVALID" }] });
    },
  );

  it("is whole where a range is none that HTTP knows, or of something else", async ({ expect }) => {
    const { bytes, digest, path } = await segmented(newRepository());
    for (const headers of [
      { range: "bytes=0-1,5-6" },
      { range: "lines=0-1" },
      { range: "bytes=-" },
      { range: "bytes=0-1", "if-range": '"sha256:other"' },
    ] as Record<string, string>[]) {
      const response = await send("GET", path, undefined, headers);
      expect([response.status, (await bodyOf(response)).length]).toEqual([200, bytes.length]);
    }
    const same = await send("GET", path, undefined, { range: "bytes=0-1", "if-range": `"${digest}"` });
    expect([same.status, (await bodyOf(same)).length]).toEqual([206, 2]);
  });

  it("that a client has already is not sent again", async ({ expect }) => {
    const { digest, path } = await segmented(newRepository());
    for (const method of ["GET", "HEAD"]) {
      for (const tag of [`"${digest}"`, `W/"${digest}"`, `"other", "${digest}"`, "*"]) {
        const response = await send(method, path, undefined, { "if-none-match": tag });
        expect([response.status, response.headers.get("etag")]).toEqual([304, `"${digest}"`]);
        expect((await bodyOf(response)).length).toBe(0);
      }
    }
    expect((await send("GET", path, undefined, { "if-none-match": '"other"' })).status).toBe(200);
  });

  it("that is not there, or is in another repository, is unknown", async ({ expect }) => {
    const digest = await pushBlob(newRepository(), randomBytes(10));
    const path = `/v2/${newRepository()}/blobs/${digest}`;
    expect(await told(await send("GET", path))).toBe("404 BLOB_UNKNOWN");
    const head = await send("HEAD", path);
    expect([head.status, (await bodyOf(head)).length]).toEqual([404, 0]);
    expect(await told(await send("DELETE", path))).toBe("404 BLOB_UNKNOWN");
    expect(await told(await send("GET", `/v2/${newRepository()}/blobs/sha256:abc`))).toBe("400 DIGEST_INVALID");
    expect(await told(await send("GET", `/v2/${newRepository()}/blobs/md5:${"0".repeat(32)}`))).toBe(
      "400 DIGEST_INVALID",
    );
  });

  it("that is deleted is gone, and comes again when it is pushed again", async ({ expect }) => {
    const repository = newRepository();
    const bytes = randomBytes(100);
    const digest = await pushBlob(repository, bytes);
    const path = `/v2/${repository}/blobs/${digest}`;
    expect((await send("DELETE", path)).status).toBe(202);
    expect((await send("HEAD", path)).status).toBe(404);
    await pushBlob(repository, bytes);
    expect(await bodyOf(await send("GET", path))).toEqual(bytes);
  });

  it("is found by a digest whose colon is written as the URL standard has it", async ({ expect }) => {
    const repository = newRepository();
    const digest = await pushBlob(repository, randomBytes(100));
    const path = `/v2/${repository}/blobs/${digest.replace(":", "%3A")}`;
    expect((await send("HEAD", path)).status).toBe(200);
  });
});

describe("who goes away while a blob is read", () => {
  it("closes what is open in the store, also what was opened ahead", async ({ expect }) => {
    const open = new Set<string>();
    const asked: string[] = [];
    const bucket = {
      get: async (key: string) => {
        open.add(key);
        asked.push(key);
        const body = new ReadableStream({
          type: "bytes",
          pull: (controller) => controller.enqueue(new Uint8Array(1_000)),
          cancel: () => {
            open.delete(key);
          },
        });
        return { body };
      },
    } as unknown as R2Bucket;
    const segments = ["a", "b", "c"].map((key) => ({ key, size: 1_000_000 }));
    const reader = (await openRange(bucket, segments, { offset: 0, length: 3_000_000 })).getReader();
    expect((await reader.read()).value?.byteLength).toBeGreaterThan(0);
    await reader.cancel("gone");
    await eventually(async () => open.size === 0);
    expect(asked).toEqual(["a", "b"]);
  });
});
