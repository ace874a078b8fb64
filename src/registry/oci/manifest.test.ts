import * as fc from "fast-check";
import { describe, it } from "vitest";
import { ManifestProblem } from "./descriptor.ts";
import { isNonDistributable, OCI_INDEX, OCI_MANIFEST } from "./media-types.ts";
import { namedBy, parseManifest } from "./manifest.ts";

const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
const plain = "application/vnd.oci.image.layer.v1.tar+gzip";

function descriptor(mediaType: fc.Arbitrary<string>) {
  return fc.record({ mediaType, digest: hex.map((text) => `sha256:${text}`), size: fc.nat() });
}

async function artifactTypeOf(value: object): Promise<string | null> {
  return (await parseManifest(bytesOf({ schemaVersion: 2, ...value }), null)).artifactType;
}

describe("a manifest", () => {
  it("is read or refused with a field, whatever it is", async ({ expect }) => {
    const part = fc.oneof(fc.jsonValue(), descriptor(fc.constantFrom(plain, foreign, "x")), fc.constant(undefined));
    const fields = fc.record(
      {
        schemaVersion: fc.constantFrom(2, 1, "2"),
        mediaType: fc.constantFrom(OCI_MANIFEST, OCI_INDEX, "", 5),
        config: part,
        layers: fc.oneof(part, fc.array(part)),
        manifests: fc.oneof(part, fc.array(part)),
        subject: part,
        annotations: part,
        artifactType: part,
      },
      { requiredKeys: [] },
    );
    const types = fc.constantFrom(null, OCI_MANIFEST, OCI_INDEX, "application/json", "x");
    await fc.assert(
      fc.asyncProperty(fc.oneof(fields, fc.jsonValue()), types, async (value, contentType) => {
        try {
          const parsed = await parseManifest(bytesOf(value ?? null), contentType);
          expect(namedBy(parsed).blobs.length).toBeGreaterThanOrEqual(0);
        } catch (error) {
          expect(error).toBeInstanceOf(ManifestProblem);
          expect((error as ManifestProblem).where).not.toBe("");
        }
      }),
    );
  });

  it("names each thing once: needed unless it is nothing but a layer from elsewhere", async ({ expect }) => {
    const layers = fc.array(descriptor(fc.constantFrom(plain, foreign)), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(descriptor(fc.constant(plain)), layers, layers, async (config, some, more) => {
        const all = [...some, ...more, ...some];
        const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: all };
        const { blobs, optional, manifests } = namedBy(await parseManifest(bytesOf(manifest), null));
        const needed = new Set(
          [config, ...all].filter((one) => !isNonDistributable(one.mediaType)).map((one) => one.digest),
        );
        expect(new Set(blobs)).toEqual(needed);
        expect(blobs.length).toBe(needed.size);
        expect(optional.every((digest) => !needed.has(digest))).toBe(true);
        expect(new Set([...blobs, ...optional]).size).toBe(new Set([config, ...all].map((one) => one.digest)).size);
        expect(manifests).toEqual([]);
      }),
    );
  });

  it("has as its kind of artifact what it says, else that of its config, and an index none", async ({ expect }) => {
    const digest = `sha256:${"0".repeat(64)}`;
    const config = { mediaType: "application/vnd.example.config", digest, size: 1 };
    expect(await artifactTypeOf({ config, layers: [] })).toBe("application/vnd.example.config");
    expect(await artifactTypeOf({ config, layers: [], artifactType: "" })).toBe("application/vnd.example.config");
    expect(await artifactTypeOf({ config, layers: [], artifactType: "a/b" })).toBe("a/b");
    expect(await artifactTypeOf({ manifests: [] })).toBeNull();
    expect(await artifactTypeOf({ manifests: [], artifactType: "a/b" })).toBe("a/b");
  });
});
