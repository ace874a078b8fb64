import { afterEach, describe, it } from "vitest";
import { closeFakes, fake } from "../../../test/registry/upstream-client.ts";
import type { FakeRegistry } from "../../../test/registry/fake-registry.ts";
import { DownloadError } from "../errors.ts";
import { Registries } from "../registry/registries.ts";
import { addImage, addIndex, entry, MANIFEST, OCI } from "../testing/images.ts";
import { readPlatform } from "./platform.ts";
import { readReference } from "./reference.ts";
import { platformsOf, resolveImage } from "./resolve.ts";
import type { ManifestCache } from "./manifest-reader.ts";

afterEach(closeFakes);

const registries = new Registries({ aliases: [], allowPrivate: true, fetch });

async function resolved(registry: FakeRegistry, image: string, platform = "linux/amd64", manifests?: ManifestCache) {
  const reference = readReference(`${registry.host}/${image}`);
  const opened = registries.open(reference.domain, null);
  return await resolveImage(opened, reference, { platform: readPlatform(platform), manifests });
}

async function refusal(work: Promise<unknown>): Promise<DownloadError> {
  const error = await work.then(
    () => new Error("it was given"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DownloadError)) throw error;
  return error;
}

const linux = (architecture: string, variant?: string) => ({
  os: "linux",
  architecture,
  ...(variant === undefined ? {} : { variant }),
});

describe("an image", () => {
  it("is known to its last byte before any layer is read", async ({ expect }) => {
    const registry = await fake();
    const made = await addImage(registry, "team/web", "v1", { layers: [10, 2_000] });
    const image = await resolved(registry, "team/web:v1");
    expect(image).toMatchObject({
      name: `${registry.host}/team/web:v1`,
      repoTag: `${registry.host}/team/web:v1`,
      platform: "linux/amd64",
      platforms: ["linux/amd64"],
      manifest: { digest: made.digest },
      layers: made.layers.map((layer, index) => ({
        ...layer,
        compression: "gzip",
        diffId: made.diffIds[index],
        createdBy: `RUN ${index}`,
      })),
    });
    const layers = made.layers.reduce((sum, { size }) => sum + size, 0);
    expect(image.size).toBe(image.manifest.bytes.length + image.config.bytes.length + layers);
    expect(registry.requests.filter(({ line }) => made.layers.some(({ digest }) => line.includes(digest)))).toEqual([]);
  });

  it("of an index is the one for the platform, of indexes inside it too", async ({ expect }) => {
    const registry = await fake();
    const arm6 = await addImage(registry, "a", "arm6", { platform: linux("arm", "v6") });
    const arm7 = await addImage(registry, "a", "arm7", { platform: linux("arm", "v7") });
    const arm64 = await addImage(registry, "a", "arm64", { platform: linux("arm64") });
    const inner = addIndex(registry, "a", "inner", [entry(arm6, linux("arm", "v6")), entry(arm7, linux("arm", "v7"))]);
    const attestation = { ...entry(arm6), platform: { os: "unknown", architecture: "unknown" } };
    const old = {
      ...entry(arm7, linux("amd64")),
      annotations: { "vnd.docker.reference.type": "attestation-manifest" },
    };
    addIndex(registry, "a", "v1", [
      attestation,
      old,
      { mediaType: "application/vnd.in-toto+json", digest: arm6.digest, size: 1, platform: linux("amd64") },
      entry({ mediaType: `${OCI}.index.v1+json`, digest: inner, size: 1 }),
      entry(arm64, linux("arm64", "v8")),
    ]);
    expect((await resolved(registry, "a:v1", "linux/arm64")).manifest.digest).toBe(arm64.digest);
    expect((await resolved(registry, "a:v1", "linux/arm/v7")).manifest.digest).toBe(arm7.digest);
    expect((await resolved(registry, "a:v1", "linux/arm/v6")).manifest.digest).toBe(arm6.digest);
    const error = await refusal(resolved(registry, "a:v1"));
    expect(error).toMatchObject({ code: "PLATFORM_NOT_FOUND", status: 404 });
    expect(error.details.platforms).toEqual(["linux/arm/v6", "linux/arm/v7", "linux/arm64"]);
    expect(error.message).toContain("linux/arm/v6, linux/arm/v7, linux/arm64");
    const reference = readReference(`${registry.host}/a:v1`);
    expect(await platformsOf(registries.open(registry.host, null), reference)).toEqual(error.details.platforms);
  });

  it("of an index that does not say platforms is found by its config", async ({ expect }) => {
    const registry = await fake();
    const arm = await addImage(registry, "a", "arm", { platform: linux("arm64") });
    const amd = await addImage(registry, "a", "amd", { platform: linux("amd64") });
    addIndex(registry, "a", "v1", [entry(arm), entry(amd)]);
    expect((await resolved(registry, "a:v1")).manifest.digest).toBe(amd.digest);
    const error = await refusal(resolved(registry, "a:v1", "linux/s390x"));
    expect(error.details.platforms).toEqual(["linux/arm64", "linux/amd64"]);
  });

  it("of one platform is not given for another", async ({ expect }) => {
    const registry = await fake();
    await addImage(registry, "a", "v1", { platform: { os: "windows", architecture: "amd64", "os.version": "10.0.1" } });
    expect((await refusal(resolved(registry, "a:v1"))).details.platforms).toEqual(["windows/amd64"]);
    expect((await resolved(registry, "a:v1", "windows/amd64")).platform).toBe("windows/amd64");
  });

  it.for([
    ["an index inside itself", (index: string) => [{ mediaType: `${OCI}.index.v1+json`, digest: index, size: 1 }]],
    ["nothing", () => []],
  ] as const)("is not in %s", async ([, entries], { expect }) => {
    const registry = await fake();
    const first = addIndex(registry, "a", "inner", []);
    addIndex(registry, "a", "v1", entries(first));
    expect((await refusal(resolved(registry, "a:v1"))).code).toBe("PLATFORM_NOT_FOUND");
  });
});

describe("what is no image", () => {
  it.for([
    ["a chart", { configType: "application/vnd.cncf.helm.config.v1+json" }, "helm"],
    ["an empty artifact", { configType: "application/vnd.oci.empty.v1+json" }, "empty"],
    ["an attestation", { layerType: "application/vnd.in-toto+json" }, "in-toto"],
    ["encrypted", { layerType: `${OCI}.layer.v1.tar+gzip+encrypted` }, "encrypted"],
    ["without layers in its config", { config: { rootfs: { type: "layers", diff_ids: [] } } }, "layers"],
    ["with a config that names none", { config: { rootfs: null } }, "config"],
  ] as const)("is refused with what it is: %s", async ([, options, word], { expect }) => {
    const registry = await fake();
    await addImage(registry, "a", "v1", options);
    const error = await refusal(resolved(registry, "a:v1"));
    expect([error.code, error.status]).toEqual(["NOT_AN_IMAGE", 422]);
    expect(error.message).toContain(word);
  });

  it("is one of schema 1, and that is said", async ({ expect }) => {
    const registry = await fake();
    registry.addManifest("a", "v1", { schemaVersion: 1, name: "a", fsLayers: [] }, "application/json");
    const error = await refusal(resolved(registry, "a:v1"));
    expect(error).toMatchObject({ code: expect.stringMatching(/NOT_AN_IMAGE|IMAGE_NOT_FOUND/) });
  });

  it("is one whose layers may not be distributed and are not there", async ({ expect }) => {
    const registry = await fake();
    const made = await addImage(registry, "a", "v1");
    const [layer] = made.layers;
    const foreign = {
      mediaType: `${OCI}.layer.nondistributable.v1.tar+gzip`,
      digest: layer?.digest,
      size: layer?.size,
    };
    const { config } = JSON.parse(
      new TextDecoder().decode((await registries.open(registry.host, null).manifest("a", "v1")).bytes),
    ) as { config: object };
    const manifest = { schemaVersion: 2, mediaType: MANIFEST, config, layers: [foreign] };
    registry.addManifest("a", "there", manifest, MANIFEST);
    expect((await resolved(registry, "a:there")).layers).toHaveLength(1);
    const missing = { ...foreign, digest: `sha256:${"0".repeat(64)}`, urls: ["http://127.0.0.1/secret"] };
    registry.addManifest("a", "gone", { ...manifest, layers: [missing] }, MANIFEST);
    expect((await refusal(resolved(registry, "a:gone"))).code).toBe("LAYER_UNAVAILABLE");
  });
});

describe("a registry", () => {
  it("that does not have it, does not let it be read, or lies, is told apart", async ({ expect }) => {
    const registry = await fake({ auth: "token" });
    await addImage(registry, "private/a", "v1");
    await addImage(registry, "a", "v1");
    expect((await refusal(resolved(registry, "b:v1"))).code).toBe("IMAGE_NOT_FOUND");
    expect((await refusal(resolved(registry, "private/a:v1"))).status).toBe(401);
    registry.setFault("a", { kind: "status", status: 429, headers: { "retry-after": "3600" } });
    const limited = await refusal(resolved(registry, "a:v1"));
    expect([limited.status, limited.details.retryAfter]).toEqual([429, 3_600]);
    registry.setFault("a", { kind: "wrong-bytes" });
    expect((await refusal(resolved(registry, "a:v1"))).code).toBe("REGISTRY_INVALID");
  });

  it("is not asked where it is private and strangers are let in", ({ expect }) => {
    const open = new Registries({ aliases: [], allowPrivate: false, fetch });
    for (const host of ["127.0.0.1:5000", "localhost", "[::1]:80", "10.0.0.1", "metadata.internal", "x.local:1"]) {
      expect(() => open.open(host, null)).toThrow(/private/);
    }
  });

  it("of the operator's is asked where the operator says, under the name that it has", async ({ expect }) => {
    const registry = await fake();
    await addImage(registry, "a", "v1");
    const aliases = [{ host: "gantry.example", url: registry.origin, cache: false }];
    const named = new Registries({ aliases, allowPrivate: false, fetch });
    const opened = named.open("gantry.example", null);
    const image = await resolveImage(opened, readReference("gantry.example/a:v1"), {
      platform: readPlatform("linux/amd64"),
    });
    expect([image.repoTag, opened.isCached]).toEqual(["gantry.example/a:v1", false]);
  });
});

describe("manifests that were read before", () => {
  it("are not asked for again, and are no others than they were", async ({ expect }) => {
    const registry = await fake();
    const made = await addImage(registry, "a", "v1");
    const kept = new Map<string, { mediaType: string; bytes: Uint8Array }>();
    const cache: ManifestCache = {
      get: async ({ digest }) => kept.get(digest) ?? null,
      put: async ({ digest }, manifest) => void kept.set(digest, manifest),
    };
    const asked = () => registry.requests.splice(0).filter(({ line }) => line.startsWith("GET /v2/a/manifests")).length;
    for (const times of [1, 0]) {
      expect((await resolved(registry, "a:v1", "linux/amd64", cache)).manifest.digest).toBe(made.digest);
      expect(asked()).toBe(times);
    }
    kept.set(made.digest, { mediaType: MANIFEST, bytes: new TextEncoder().encode("{}") });
    expect((await resolved(registry, "a:v1", "linux/amd64", cache)).manifest.digest).toBe(made.digest);
    expect(asked()).toBe(1);
  });
});
