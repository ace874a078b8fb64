import { describe, it } from "vitest";
import { artifactTypeOf } from "./artifact.ts";

const digest = `sha256:${"0".repeat(64)}`;
const bytesOf = (fields: object) => new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, ...fields }));
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const config = (mediaType: string) => ({ mediaType, digest, size: 2 });

describe("what no container can be started from", () => {
  it("is what has another config than an image's", async ({ expect }) => {
    const typed = { artifactType: "application/vnd.example.v1", config: config("application/vnd.oci.empty.v1+json") };
    expect(await artifactTypeOf(bytesOf({ ...typed, layers: [] }), MANIFEST)).toBe("application/vnd.example.v1");
    const chart = { config: config("application/vnd.cncf.helm.config.v1+json"), layers: [] };
    expect(await artifactTypeOf(bytesOf(chart), MANIFEST)).toBe("application/vnd.cncf.helm.config.v1+json");
    const old = "application/vnd.oci.artifact.manifest.v1+json";
    expect(await artifactTypeOf(bytesOf({ mediaType: old, blobs: [] }), old)).toBe(old);
  });

  it("is no image, whatever else that says of itself, no index, and nothing that cannot be read", async ({
    expect,
  }) => {
    const image = { config: config("application/vnd.oci.image.config.v1+json"), layers: [] };
    expect(await artifactTypeOf(bytesOf(image), MANIFEST)).toBeNull();
    expect(
      await artifactTypeOf(bytesOf({ ...image, artifactType: "application/vnd.example.v1" }), MANIFEST),
    ).toBeNull();
    const docker = { config: config("application/vnd.docker.container.image.v1+json"), layers: [] };
    expect(await artifactTypeOf(bytesOf(docker), "application/vnd.docker.distribution.manifest.v2+json")).toBeNull();
    expect(await artifactTypeOf(bytesOf({ manifests: [] }), "application/vnd.oci.image.index.v1+json")).toBeNull();
    expect(await artifactTypeOf(new TextEncoder().encode("{"), MANIFEST)).toBeNull();
  });
});
