/** What is in Gantry's own registry and is no image. */
import { beforeEach, describe, it } from "vitest";
import { digestOfBytes } from "../../src/registry/oci/digest.ts";
import { OCI_MANIFEST } from "../../src/registry/oci/media-types.ts";
import { registryStub } from "../../src/stubs.ts";
import { ACCOUNT_ID, call, domainError, testEnv } from "./client.ts";
import { ImagesWorld } from "./images-world.ts";

let world: ImagesWorld;
beforeEach(() => {
  world = new ImagesWorld();
});

async function push(repository: string, configType: string): Promise<void> {
  const config = { mediaType: configType, digest: `sha256:${"0".repeat(64)}`, size: 2 };
  const text = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [] });
  const bytes = Uint8Array.from(new TextEncoder().encode(text));
  const digest = await digestOfBytes("sha256", bytes);
  const about = { artifactType: configType, annotations: {}, subject: null, blobs: [], optional: [], manifests: [] };
  const draft = { repository, digest, mediaType: OCI_MANIFEST, bytes, tags: ["latest"], ...about };
  await registryStub(testEnv, ACCOUNT_ID).putManifest(draft);
}

async function create(repository: string) {
  const name = `image-${crypto.randomUUID().slice(0, 8)}`;
  const configuration = { image: `${ACCOUNT_ID}/${repository}` };
  return await call("POST", "/applications", { name, instances: 0, configuration });
}

describe("an artifact in the registry", () => {
  it("is refused as the image of an application, in words", async ({ expect }) => {
    const repository = `templates/${crypto.randomUUID()}`;
    await push(repository, "application/vnd.gantry.template.config.v1+json");
    const refused = await create(repository);
    expect(refused.status).toBe(400);
    const { error, message } = domainError(refused);
    expect([error, message]).toEqual(["VALIDATE_INPUT", expect.stringContaining("is no image: it is of the type")]);
    const image = `images/${crypto.randomUUID()}`;
    await push(image, "application/vnd.oci.image.config.v1+json");
    expect((await create(image)).status).toBe(201);
    expect(world.loads).toEqual([]);
  });
});
