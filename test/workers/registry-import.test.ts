/** Blobs and manifests that Gantry itself brings: verified while they are stored, like a client's. */
import { describe, it } from "vitest";
import { importBlob, importManifest } from "../../src/registry/blobs/import.ts";
import { OCI_MANIFEST } from "../../src/registry/oci/media-types.ts";
import { ACCOUNT_ID, eventually, testEnv } from "./client.ts";
import {
  bodyOf,
  bytesOf,
  digestOf,
  imageManifest,
  newRepository,
  pushBlob,
  randomBytes,
  send,
  storedKeys,
} from "./registry-push-world.ts";

function streamOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
  return new Response(bytes).body ?? new Blob([]).stream();
}

describe("an import of a blob", () => {
  it("stores it, with and without a known length", async ({ expect }) => {
    for (const isKnown of [true, false]) {
      const repository = newRepository();
      const bytes = randomBytes(9 * 1024 * 1024);
      const digest = await digestOf(bytes);
      const wanted = { digest, size: isKnown ? bytes.length : null };
      const result = await importBlob(testEnv, ACCOUNT_ID, repository, wanted, streamOf(bytes));
      expect(result).toMatchObject({ imported: true, wasThere: false, blob: { digest, size: bytes.length } });
      expect(await digestOf(await bodyOf(await send("GET", `/v2/${repository}/blobs/${digest}`)))).toBe(digest);
    }
  });

  it("takes what is there already", async ({ expect }) => {
    const repository = newRepository();
    const bytes = randomBytes(100);
    const digest = await pushBlob(repository, bytes);
    const body = streamOf(randomBytes(5));
    const result = await importBlob(testEnv, ACCOUNT_ID, repository, { digest, size: 100 }, body);
    expect(result).toMatchObject({ imported: true, wasThere: true });
  });

  it("stores nothing that is not what it was said to be", async ({ expect }) => {
    const repository = newRepository();
    const bytes = randomBytes(1_000);
    const digest = await digestOf(bytes);
    const before = (await storedKeys()).length;
    for (const [size, given] of [
      [1_000, randomBytes(1_000)],
      [null, randomBytes(1_000)],
      [1_001, bytes],
      [999, bytes],
    ] as const) {
      const result = await importBlob(testEnv, ACCOUNT_ID, repository, { digest, size }, streamOf(given));
      expect(result).toMatchObject({ imported: false, reason: expect.stringContaining(digest) });
    }
    expect((await send("HEAD", `/v2/${repository}/blobs/${digest}`)).status).toBe(404);
    await eventually(async () => (await storedKeys()).length === before);
  });
});

describe("an import of a manifest", () => {
  it("stores it with its tags", async ({ expect }) => {
    const repository = newRepository();
    const { bytes, digest } = await imageManifest(repository);
    const draft = { bytes, mediaType: OCI_MANIFEST, digest, tags: ["v1"] };
    const result = await importManifest(testEnv, ACCOUNT_ID, repository, draft);
    expect(result).toMatchObject({ imported: true, digest, mediaType: OCI_MANIFEST, wasThere: false });
    expect(await importManifest(testEnv, ACCOUNT_ID, repository, draft)).toMatchObject({
      imported: true,
      wasThere: true,
    });
    expect((await send("HEAD", `/v2/${repository}/manifests/v1`)).headers.get("docker-content-digest")).toBe(digest);
  });

  it("without what it names only where that may be missing", async ({ expect }) => {
    const { bytes } = await imageManifest(newRepository());
    const repository = newRepository();
    const draft = { bytes, mediaType: OCI_MANIFEST, digest: null, tags: ["v1"] };
    const refused = await importManifest(testEnv, ACCOUNT_ID, repository, draft);
    expect(refused).toMatchObject({
      imported: false,
      problem: "missing",
      missing: [expect.any(String), expect.any(String)],
    });
    expect(await importManifest(testEnv, ACCOUNT_ID, repository, { ...draft, isSparse: true })).toMatchObject({
      imported: true,
    });
  });

  it("refuses other bytes, and what is none", async ({ expect }) => {
    const repository = newRepository();
    const { bytes } = await imageManifest(repository);
    const digest = await digestOf(randomBytes(4));
    const draft = { bytes, mediaType: OCI_MANIFEST, digest, tags: [] };
    expect(await importManifest(testEnv, ACCOUNT_ID, repository, draft)).toMatchObject({ problem: "digest" });
    const none = { ...draft, bytes: bytesOf("[]"), digest: null };
    expect(await importManifest(testEnv, ACCOUNT_ID, repository, none)).toMatchObject({ problem: "invalid" });
  });
});
