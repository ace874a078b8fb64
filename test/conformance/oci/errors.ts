/** Manifests that are refused, or that are not there, and what the registry says then. */
import { randomBytes } from "node:crypto";
import { beforeAll, describe, it } from "vitest";
import { Content, digestOf, INDEX, MANIFEST, type Manifest } from "./content.ts";
import { put } from "./kinds.ts";
import { locationOf, type Repository, type Target } from "./target.ts";

export function errors(target: () => Target): void {
  let here: Repository;
  beforeAll(() => {
    here = target().repository("errors");
  });

  const image = async (): Promise<Manifest> => {
    const content = new Content();
    content.manifest();
    for (const [digest, bytes] of content.blobs) locationOf(await here.push(digest, bytes), 201);
    return content.manifests[0] ?? { digest: "", mediaType: MANIFEST, bytes: Buffer.alloc(0) };
  };
  describe("missing-manifest", () => {
    it.for([
      ["by-digest", digestOf(randomBytes(8))],
      ["by-tag", "missing-tag"],
    ])("%s: is 404", async ([, reference = ""], { expect }) => {
      const answer = await here.manifest("GET", reference);
      expect([answer.status, codeOf(answer.body)]).toEqual([404, expect.stringMatching(/^(MANIFEST|NAME)_UNKNOWN$/)]);
      expect((await here.manifest("HEAD", reference)).status).toBe(404);
    });
  });

  describe("invalid-digest-format", () => {
    it("manifest-put: is 400", async ({ expect }) => {
      const answer = await put(here, "sha256:baddigeststring", await image());
      expect([answer.status, codeOf(answer.body)]).toEqual([400, "DIGEST_INVALID"]);
    });

    it("manifest-get: is 404 or 400", async ({ expect }) => {
      expect([400, 404]).toContain((await here.manifest("GET", "sha256:baddigeststring")).status);
    });

    it("blobs and referrers: are 404 or 400", async ({ expect }) => {
      expect([400, 404]).toContain((await here.blob("GET", "sha256:baddigeststring")).status);
      expect([400, 404]).toContain((await here.ask("GET", "referrers/sha256:baddigeststring")).status);
      const location = await here.startUpload();
      const closed = await here.close(location, "sha256:baddigeststring", { body: Buffer.from("x") });
      expect([closed.status, codeOf(closed.body)]).toEqual([400, "DIGEST_INVALID"]);
    });
  });

  it("bad-digest-image: a manifest is only stored under the digest of its bytes", async ({ expect }) => {
    const manifest = await image();
    const other = { ...manifest, bytes: Buffer.concat([manifest.bytes, Buffer.from("  ")]) };
    const answer = await put(here, manifest.digest, other);
    expect([answer.status, codeOf(answer.body)]).toEqual([400, "DIGEST_INVALID"]);
    expect((await here.manifest("HEAD", manifest.digest)).status).toBe(404);
    expect((await here.manifest("HEAD", digestOf(other.bytes))).status).toBe(404);
  });

  it("sparse-image: a manifest whose layer is missing is refused with its name", async ({ expect }) => {
    const content = new Content();
    const missing = { mediaType: "application/vnd.oci.image.layer.v1.tar", digest: digestOf(randomBytes(8)), size: 8 };
    content.manifest({ layers: [missing] });
    for (const [digest, bytes] of content.blobs) locationOf(await here.push(digest, bytes), 201);
    for (const manifest of content.manifests) {
      const answer = await put(here, "sparse", manifest);
      expect([answer.status, codeOf(answer.body)]).toEqual([expect.any(Number), "MANIFEST_BLOB_UNKNOWN"]);
      expect([400, 404]).toContain(answer.status);
      expect(answer.body.toString()).toContain(missing.digest);
    }
    expect((await here.manifest("HEAD", "sparse")).status).toBe(404);
  });

  it.for([
    ["not JSON", MANIFEST, "nothing"],
    ["another type than it says", INDEX, JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST })],
    ["no object", MANIFEST, "[]"],
    ["a config without a digest", MANIFEST, JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config: {} })],
  ])("a manifest that is %s: is 400 in the specification's form", async ([, mediaType = "", text = ""], { expect }) => {
    const answer = await put(here, "broken", { digest: "", mediaType, bytes: Buffer.from(text) });
    expect([answer.status, codeOf(answer.body)]).toEqual([400, "MANIFEST_INVALID"]);
  });

  it.for([
    ["a name in capitals", "/v2/Conformance/UPPER/tags/list"],
    ["a name with two slashes", "/v2/conformance//repo/tags/list"],
  ])("%s: is 400 or 404, never 500", async ([, path = ""], { expect }) => {
    const answer = await target().ask("GET", path);
    expect([400, 404]).toContain(answer.status);
    expect(JSON.parse(answer.body.toString()).errors).toHaveLength(1);
  });
}

function codeOf(body: Buffer): string {
  return JSON.parse(body.toString()).errors[0].code;
}
