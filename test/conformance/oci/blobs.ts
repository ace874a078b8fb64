/** Blobs: each way to upload one, mounts, ranges, contents that are special, and digests that are wrong. */
import { randomBytes } from "node:crypto";
import { beforeAll, describe, it } from "vitest";
import { digestOf, type Algorithm } from "./content.ts";
import { chunked, type ChunkOptions } from "./chunked.ts";
import { type Answer, locationOf, type Repository, type Target, withQuery } from "./target.ts";

const SIZE = 512;
/** Three chunks of 1,024 bytes, of which the last is short. */
const CHUNKED_SIZE = 3 * 1_024 - 5;

type Upload = (repository: Repository, digest: string, bytes: Buffer) => Promise<Answer>;

const postOnly: Upload = (repository, digest, body) =>
  repository.ask("POST", withQuery("blobs/uploads/", { digest }), { body });
const postPut: Upload = (repository, digest, bytes) => repository.push(digest, bytes);
const stream: Upload = async (repository, digest, body) => {
  const location = await repository.startUpload();
  const patched = await repository.target.ask("PATCH", location, { body, isStreamed: true });
  return await repository.close(locationOf(patched, 202), digest);
};
const inChunks =
  (options: ChunkOptions = {}): Upload =>
  (repository, digest, bytes) =>
    chunked(repository, digest, bytes, options);

/** The specification's names of them, how large the blob is, and how it is uploaded. */
const UPLOADS: readonly (readonly [string, number, Upload])[] = [
  ["post only", SIZE, postOnly],
  ["post+put", SIZE, postPut],
  ["chunked single", SIZE, inChunks()],
  ["stream", SIZE, stream],
  ["chunked multi", CHUNKED_SIZE, inChunks()],
  ["chunked multi and put chunk", CHUNKED_SIZE, inChunks({ putsLast: true })],
  ["chunked out-of-order", CHUNKED_SIZE, inChunks({ isOutOfOrder: true })],
  ["chunked out-of-order and put chunk", CHUNKED_SIZE, inChunks({ isOutOfOrder: true, putsLast: true })],
];

export function blobs(target: () => Target): void {
  describe.each<Algorithm>(["sha256", "sha512"])("blobs of %s", (algorithm) => {
    let here: Repository;
    let other: Repository;
    beforeAll(() => {
      here = target().repository("repo1");
      other = target().repository("repo2");
    });
    const blobOf = (size: number) => {
      const bytes = randomBytes(size);
      return { bytes, digest: digestOf(bytes, algorithm) };
    };

    it("get-missing: GET and HEAD of what was never pushed are 404", async ({ expect }) => {
      const { digest } = blobOf(SIZE);
      const missing = await here.blob("GET", digest);
      expect(missing.status).toBe(404);
      expect(JSON.parse(missing.body.toString()).errors).toEqual([expect.objectContaining({ code: "BLOB_UNKNOWN" })]);
      expect(await here.blob("HEAD", digest)).toMatchObject({ status: 404, body: Buffer.alloc(0) });
    });

    it.for(UPLOADS)("%s: is there with its bytes until it is deleted", async ([, size, upload], { expect }) => {
      const { bytes, digest } = blobOf(size);
      const answer = await upload(here, digest, bytes);
      expect(await seen(here, answer, digest, bytes)).toEqual(asPushed(digest, bytes));
      expect(await deleted(here, digest)).toEqual(DELETED);
    });

    it("post cancel: the upload is gone", async ({ expect }) => {
      const location = await here.startUpload();
      expect((await target().ask("DELETE", location)).status).toBe(204);
      expect((await target().ask("GET", location)).status).toBe(404);
      const late = await target().ask("PUT", withQuery(location, { digest: blobOf(1).digest }));
      expect(late.status).toBe(404);
      expect(JSON.parse(late.body.toString()).errors[0].code).toBe("BLOB_UPLOAD_UNKNOWN");
    });

    const mount = (query: Record<string, string>) => here.ask("POST", withQuery("blobs/uploads/", query));

    it("mount: of another repository, without an upload, with its size", async ({ expect }) => {
      const { bytes, digest } = blobOf(SIZE);
      locationOf(await other.push(digest, bytes), 201);
      const answer = await mount({ mount: digest, from: other.name });
      expect(await seen(here, answer, digest, bytes)).toEqual(asPushed(digest, bytes));
      expect(await deleted(here, digest)).toEqual(DELETED);
      // The other one's stays.
      expect((await other.blob("GET", digest)).body.equals(bytes)).toBe(true);
      expect(await deleted(other, digest)).toEqual(DELETED);
    });

    it("mount anonymous: without `from`, where the registry finds it", async ({ expect }) => {
      const { bytes, digest } = blobOf(SIZE);
      locationOf(await other.push(digest, bytes), 201);
      expect(await seen(here, await mount({ mount: digest }), digest, bytes)).toEqual(asPushed(digest, bytes));
      expect(await deleted(here, digest)).toEqual(DELETED);
      expect(await deleted(other, digest)).toEqual(DELETED);
    });

    it("mount missing: is an upload that can be used", async ({ expect }) => {
      const { bytes, digest } = blobOf(SIZE);
      const location = locationOf(await mount({ mount: digest, from: other.name }), 202);
      const answer = await here.close(location, digest, { body: bytes });
      expect(await seen(here, answer, digest, bytes)).toEqual(asPushed(digest, bytes));
    });

    describe("range requests", () => {
      const { bytes, digest } = blobOf(2_048);
      beforeAll(async () => void locationOf(await here.push(digest, bytes), 201));

      it.for([
        ["500-1499", 500, 1_499],
        ["500-", 500, 2_047],
        ["-500", 1_548, 2_047],
        ["2000-5000", 2_000, 2_047],
      ] as const)("range %s is answered in part", async ([range, first, last], { expect }) => {
        const answer = await here.blob("GET", digest, { range: `bytes=${range}` });
        expect(answer.status).toBe(206);
        expect(answer.headers).toMatchObject({
          "content-length": String(last - first + 1),
          "content-range": `bytes ${first}-${last}/2048`,
        });
        expect(answer.body.equals(bytes.subarray(first, last + 1))).toBe(true);
      });

      it.for(["500-0", "5000-10000"])("range %s is 416", async (range, { expect }) => {
        const answer = await here.blob("GET", digest, { range: `bytes=${range}` });
        expect(answer.status).toBe(416);
        // What is announced is what comes.
        expect(answer.headers["content-length"]).toBe(String(answer.body.byteLength));
      });
    });

    it.for([
      ["empty", ""],
      ["emptyJSON", "{}"],
    ])("%s: can be pushed, pulled and deleted", async ([, text = ""], { expect }) => {
      const bytes = Buffer.from(text);
      const digest = digestOf(bytes, algorithm);
      expect(await seen(here, await here.push(digest, bytes), digest, bytes)).toEqual(asPushed(digest, bytes));
      expect(await deleted(here, digest)).toEqual(DELETED);
    });

    const WRONG: readonly (readonly [string, Upload])[] = [
      ["post only", postOnly],
      ["post+put", postPut],
      ["chunked", inChunks()],
      ["chunked and put chunk", inChunks({ putsLast: true })],
      ["stream", stream],
    ];
    it.for(WRONG)("bad digest %s: is 400, and nothing is stored", async ([, upload], { expect }) => {
      const { bytes, digest } = blobOf(CHUNKED_SIZE);
      const other_ = Buffer.concat([bytes, Buffer.from("oh no")]);
      const answer = await upload(here, digest, other_);
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.body.toString()).errors[0].code).toBe("DIGEST_INVALID");
      expect((await here.blob("HEAD", digest)).status).toBe(404);
      expect((await here.blob("HEAD", digestOf(other_, algorithm))).status).toBe(404);
    });
  });
}

/** `answer` ended an upload: what is where it says, and under the digest. */
async function seen(repository: Repository, answer: Answer, digest: string, bytes: Buffer) {
  const at = await repository.target.ask("GET", locationOf(answer, 201));
  const head = await repository.blob("HEAD", digest);
  const got = await repository.blob("GET", digest);
  return {
    at: { status: at.status, isWhole: at.body.equals(bytes) },
    head: { status: head.status, length: head.headers["content-length"], body: head.body.byteLength },
    got: {
      status: got.status,
      length: got.headers["content-length"],
      digest: got.headers["docker-content-digest"],
      type: got.headers["content-type"],
      isWhole: got.body.equals(bytes),
    },
  };
}

function asPushed(digest: string, bytes: Buffer) {
  const [status, length] = [200, String(bytes.byteLength)];
  return {
    at: { status, isWhole: true },
    head: { status, length, body: 0 },
    got: { status, length, digest, type: "application/octet-stream", isWhole: true },
  };
}

/** The answers to DELETE, and to HEAD and GET after it. */
async function deleted(repository: Repository, digest: string): Promise<number[]> {
  const statuses: number[] = [];
  for (const method of ["DELETE", "HEAD", "GET"]) statuses.push((await repository.blob(method, digest)).status);
  return statuses;
}

const DELETED = [202, 404, 404];
