/** Manifests: stored as their bytes under the digest of those, with what they name, and refused with a reason. */
import { describe, it } from "vitest";
import { MAX_MANIFEST_BYTES } from "../../src/registry/oci/manifest.ts";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "../../src/registry/oci/media-types.ts";
import {
  bodyOf,
  bytesOf,
  descriptor,
  digestOf,
  imageManifest,
  imageParts,
  indexOf,
  newRepository,
  pushBlob,
  pushImage,
  putManifest,
  randomBytes,
  send,
  told,
} from "./registry-push-world.ts";

const EMPTY = bytesOf("{}");
const IN_TOTO = "application/vnd.in-toto+json";

async function get(repository: string, reference: string, headers: Record<string, string> = {}) {
  return await send("GET", `/v2/${repository}/manifests/${reference}`, undefined, headers);
}

describe("a manifest", () => {
  it("is answered as its bytes, by tag and by digest", async ({ expect }) => {
    const repository = newRepository();
    const { bytes, digest } = await imageManifest(repository);
    const put = await putManifest(repository, "v1", bytes);
    expect([put.status, put.headers.get("location"), put.headers.get("docker-content-digest")]).toEqual([
      201,
      `/v2/${repository}/manifests/${digest}`,
      digest,
    ]);
    for (const reference of ["v1", digest]) {
      const response = await get(repository, reference);
      expect(response.status).toBe(200);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "content-type": OCI_MANIFEST,
        "content-length": String(bytes.length),
        "docker-content-digest": digest,
        etag: `"${digest}"`,
      });
      expect(await bodyOf(response)).toEqual(bytes);
      const head = await send("HEAD", `/v2/${repository}/manifests/${reference}`);
      expect([head.status, head.headers.get("content-length"), head.headers.get("content-type")]).toEqual([
        200,
        String(bytes.length),
        OCI_MANIFEST,
      ]);
      expect((await get(repository, reference, { "if-none-match": `"${digest}"` })).status).toBe(304);
    }
  });

  it("is the same whatever types a client names", async ({ expect }) => {
    const repository = newRepository();
    const image = await pushImage(repository, "one");
    await putManifest(repository, "all", indexOf([image]), OCI_INDEX);
    for (const accept of ["*/*", DOCKER_MANIFEST, `${OCI_MANIFEST}, ${DOCKER_MANIFEST}`, "application/json"]) {
      expect((await get(repository, "all", { accept })).headers.get("content-type")).toBe(OCI_INDEX);
    }
  });

  it("is stored under no other digest than its own", async ({ expect }) => {
    const repository = newRepository();
    const { bytes, digest } = await imageManifest(repository);
    const other = await digestOf(randomBytes(10));
    expect(await told(await putManifest(repository, other, bytes))).toBe("400 DIGEST_INVALID");
    expect(await told(await get(repository, other))).toBe("404 MANIFEST_UNKNOWN");
    expect(await told(await putManifest(repository, digest, bytesOf(`${new TextDecoder().decode(bytes)} `)))).toBe(
      "400 DIGEST_INVALID",
    );
    expect(await told(await get(repository, digest))).toBe("404 MANIFEST_UNKNOWN");
    for (const wrong of ["sha256:baddigeststring", "sha384:00", `sha256:${"A".repeat(64)}`]) {
      expect(await told(await putManifest(repository, wrong, bytes))).toBe("400 DIGEST_INVALID");
      expect(await told(await get(repository, wrong))).toBe("400 DIGEST_INVALID");
    }
  });

  it("may have a digest of sha512, and tags with it", async ({ expect }) => {
    const repository = newRepository();
    const { bytes } = await imageManifest(repository);
    const digest = await digestOf(bytes, "sha512");
    const put = await putManifest(repository, `${digest}?tag=a&tag=b&tag=a`, bytes);
    expect([put.status, put.headers.get("oci-tag"), put.headers.get("docker-content-digest")]).toEqual([
      201,
      "a, b",
      digest,
    ]);
    for (const reference of ["a", "b", digest]) {
      const response = await get(repository, reference);
      expect([response.headers.get("docker-content-digest"), await bodyOf(response)]).toEqual([digest, bytes]);
    }
    expect(await told(await putManifest(repository, `${digest}?tag=not%20one`, bytes))).toBe("400 MANIFEST_INVALID");
    const many = Array.from({ length: 101 }, (_, index) => `tag=t${index}`).join("&");
    expect(await told(await putManifest(repository, `${digest}?${many}`, bytes))).toBe("414 MANIFEST_INVALID");
  });

  it("names the blobs that are missing", async ({ expect }) => {
    const repository = newRepository();
    const { config, layer } = await imageParts(repository);
    const missing = descriptor(layer.mediaType, EMPTY, await digestOf(randomBytes(7)));
    const bytes = bytesOf(JSON.stringify({ schemaVersion: 2, config, layers: [layer, missing] }));
    const refused = await putManifest(repository, "v1", bytes);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      errors: [{ code: "MANIFEST_BLOB_UNKNOWN", detail: { digest: missing.digest } }],
    });
    expect(await told(await get(repository, "v1"))).toBe("404 MANIFEST_UNKNOWN");
    const index = indexOf([{ bytes, digest: await digestOf(bytes) }]);
    expect(await told(await putManifest(repository, "v1", index, OCI_INDEX))).toBe("400 MANIFEST_BLOB_UNKNOWN");
  });

  it("needs no layers that are elsewhere", async ({ expect }) => {
    const repository = newRepository();
    const { config, layer } = await imageParts(repository);
    const digest = await digestOf(randomBytes(7));
    for (const [index, mediaType] of [
      "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
      "application/vnd.oci.image.layer.nondistributable.v1.tar",
      "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ].entries()) {
      const foreign = { mediaType, digest, size: 5, urls: ["https://store.example.com/x"] };
      const bytes = bytesOf(JSON.stringify({ schemaVersion: 2, config, layers: [foreign, layer] }));
      expect((await putManifest(repository, `v${index}`, bytes)).status).toBe(201);
    }
  });

  it("may be an artifact, with empty parts, data beside them, fields that nobody knows and no layers", async ({
    expect,
  }) => {
    const repository = newRepository();
    const emptyDigest = await pushBlob(repository, EMPTY);
    const empty = { ...descriptor("application/vnd.oci.empty.v1+json", EMPTY, emptyDigest), data: "e30=" };
    const common = {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      artifactType: "application/vnd.example",
      config: empty,
    };
    for (const manifest of [
      { ...common, layers: [empty] },
      { ...common, layers: [], unknown: { field: [1, 2] } },
      { ...common, layers: null, annotations: { "org.example": "x" } },
    ]) {
      const bytes = bytesOf(JSON.stringify(manifest));
      expect((await putManifest(repository, await digestOf(bytes), bytes)).status).toBe(201);
    }
  });

  it("may be docker's, or say itself what it is", async ({ expect }) => {
    const repository = newRepository();
    const image = await imageManifest(repository, { mediaType: DOCKER_MANIFEST });
    expect((await putManifest(repository, "docker", image.bytes, DOCKER_MANIFEST)).status).toBe(201);
    const list = indexOf([], {
      mediaType: DOCKER_LIST,
      manifests: [
        { ...descriptor(DOCKER_MANIFEST, image.bytes, image.digest), platform: { os: "linux", architecture: "arm64" } },
      ],
    });
    expect((await putManifest(repository, "list", list, `${DOCKER_LIST}; charset=utf-8`)).status).toBe(201);
    expect((await get(repository, "list")).headers.get("content-type")).toBe(DOCKER_LIST);
    for (const type of [null, "application/json", "application/octet-stream"]) {
      expect((await putManifest(repository, "told", image.bytes, type)).status).toBe(201);
      expect((await get(repository, "told")).headers.get("content-type")).toBe(DOCKER_MANIFEST);
    }
    const silent = await imageManifest(repository, { mediaType: undefined });
    expect((await putManifest(repository, "silent", silent.bytes, "")).status).toBe(201);
    expect((await get(repository, "silent")).headers.get("content-type")).toBe(OCI_MANIFEST);
  });

  it("of an index may be nested, empty, or lead to layers, as caches do", async ({ expect }) => {
    const repository = newRepository();
    const image = await pushImage(repository, "image");
    const inner = indexOf([image]);
    await putManifest(repository, "inner", inner, OCI_INDEX);
    const entry = descriptor(OCI_INDEX, inner, await digestOf(inner));
    const outer = indexOf([], { manifests: [entry] });
    expect((await putManifest(repository, "outer", outer, OCI_INDEX)).status).toBe(201);
    expect((await putManifest(repository, "empty", indexOf([]), OCI_INDEX)).status).toBe(201);
    const { config, layer } = await imageParts(repository);
    const cache = indexOf([], {
      manifests: [layer, { ...config, mediaType: "application/vnd.buildkit.cacheconfig.v0" }],
    });
    expect((await putManifest(repository, "cache", cache, OCI_INDEX)).status).toBe(201);
  });

  it("may have a subject that nobody pushed, and is told that it was seen", async ({ expect }) => {
    const repository = newRepository();
    const subject = { mediaType: OCI_MANIFEST, digest: await digestOf(randomBytes(9)), size: 123 };
    const image = await imageManifest(repository, { subject });
    const put = await putManifest(repository, image.digest, image.bytes);
    expect([put.status, put.headers.get("oci-subject")]).toEqual([201, subject.digest]);
    const plain = await imageManifest(repository);
    expect((await putManifest(repository, "v1", plain.bytes)).headers.get("oci-subject")).toBeNull();
  });

  it("may have four megabytes, and not any number of them", async ({ expect }) => {
    const repository = newRepository();
    const annotations = Object.fromEntries(
      Array.from({ length: 410 }, (_, index) => [`a${index}`, "A".repeat(10_000)]),
    );
    const large = await imageManifest(repository, { annotations });
    expect(large.bytes.length).toBeGreaterThan(4_000_000);
    expect((await putManifest(repository, "large", large.bytes)).status).toBe(201);
    expect(await digestOf(await bodyOf(await get(repository, "large")))).toBe(large.digest);
    const tooLarge = new Uint8Array(MAX_MANIFEST_BYTES + 1).fill(32);
    expect(await told(await putManifest(repository, "too-large", tooLarge))).toBe("413 SIZE_INVALID");
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    writer.write(tooLarge).catch(() => undefined);
    const streamed = await send("PUT", `/v2/${repository}/manifests/too-large`, readable, {
      "content-type": OCI_MANIFEST,
    });
    expect(await told(streamed)).toBe("413 SIZE_INVALID");
  });

  it.for([
    ["is no JSON", "{", "MANIFEST_INVALID", "body"],
    ["is no object", "[]", "MANIFEST_INVALID", "body"],
    ["is of the first schema", '{"schemaVersion":1,"fsLayers":[]}', "MANIFEST_INVALID", "schemaVersion"],
    ["has no schema", '{"config":{},"layers":[]}', "MANIFEST_INVALID", "schemaVersion"],
    ["is of a type that nobody knows", '{"schemaVersion":2,"mediaType":"text/plain"}', "MANIFEST_INVALID", "mediaType"],
    ["is of no type", '{"schemaVersion":2}', "MANIFEST_INVALID", "mediaType"],
    ["has no config", `{"schemaVersion":2,"mediaType":"${OCI_MANIFEST}","layers":[]}`, "MANIFEST_INVALID", "config"],
    ["has no layers", `{"schemaVersion":2,"config":${emptyConfig()}}`, "MANIFEST_INVALID", "layers"],
    ["has a layer without digest", layered('{"mediaType":"a/b","size":1}'), "MANIFEST_INVALID", "layers[0].digest"],
    [
      "has a layer of no size",
      layered(`{"mediaType":"a/b","digest":"sha256:${"0".repeat(64)}","size":-1}`),
      "MANIFEST_INVALID",
      "layers[0].size",
    ],
    [
      "has a layer of no type",
      layered(`{"digest":"sha256:${"0".repeat(64)}","size":1}`),
      "MANIFEST_INVALID",
      "layers[0].mediaType",
    ],
    ["has a wrong subject", layered("", ',"subject":{}'), "MANIFEST_INVALID", "subject.mediaType"],
    ["has wrong annotations", layered("", ',"annotations":{"a":1}'), "MANIFEST_INVALID", "annotations[a]"],
    ["has data of another length", layered("", "", ',"data":"e30K"'), "SIZE_INVALID", "config.data"],
    ["has other data", layered("", "", ',"data":"e3A="'), "DIGEST_INVALID", "config.data"],
    ["has data that is no base64", layered("", "", ',"data":"?"'), "MANIFEST_INVALID", "config.data"],
  ] as const)("that %s is refused, with the field", async ([, text, code, field], { expect }) => {
    const repository = newRepository();
    const refused = await putManifest(repository, "v1", bytesOf(text), null);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ errors: [{ code, detail: { field } }] });
  });

  it("that is not what its request says is refused", async ({ expect }) => {
    const repository = newRepository();
    const { bytes } = await imageManifest(repository);
    expect(await told(await putManifest(repository, "v1", bytes, OCI_INDEX))).toBe("400 MANIFEST_INVALID");
    const signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    expect(await told(await putManifest(repository, "v1", bytes, signed))).toBe("400 MANIFEST_INVALID");
    expect(await told(await putManifest(repository, "not%20a%20tag", bytes))).toBe("400 MANIFEST_INVALID");
    expect(await told(await get(repository, ".INVALID_MANIFEST_NAME"))).toBe("404 MANIFEST_UNKNOWN");
  });
});

describe("a delete", () => {
  it("of a tag leaves the manifest, of a digest takes its tags", async ({ expect }) => {
    const repository = newRepository();
    const { digest, bytes } = await pushImage(repository, "v1");
    await putManifest(repository, "v2", bytes);
    expect((await send("DELETE", `/v2/${repository}/manifests/v1`)).status).toBe(202);
    expect(await told(await get(repository, "v1"))).toBe("404 MANIFEST_UNKNOWN");
    expect((await get(repository, digest)).status).toBe(200);
    expect((await send("DELETE", `/v2/${repository}/manifests/${digest}`)).status).toBe(202);
    for (const reference of ["v2", digest]) {
      expect(await told(await get(repository, reference))).toBe("404 MANIFEST_UNKNOWN");
      expect(await told(await send("DELETE", `/v2/${repository}/manifests/${reference}`))).toBe("404 MANIFEST_UNKNOWN");
    }
    expect(await told(await send("DELETE", `/v2/${repository}/manifests/.x`))).toBe("404 MANIFEST_UNKNOWN");
  });

  it("of a blob that a manifest names is refused", async ({ expect }) => {
    const repository = newRepository();
    const { bytes, digest } = await pushImage(repository, "v1");
    const { layers } = JSON.parse(new TextDecoder().decode(bytes)) as { layers: { digest: string }[] };
    const path = `/v2/${repository}/blobs/${layers[0]?.digest ?? ""}`;
    const refused = await send("DELETE", path);
    expect([refused.headers.get("allow"), await told(refused)]).toEqual(["GET, HEAD", "405 UNSUPPORTED"]);
    await send("DELETE", `/v2/${repository}/manifests/${digest}`);
    expect((await send("DELETE", path)).status).toBe(202);
  });
});

function emptyConfig(more = ""): string {
  const digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
  return `{"mediaType":"${IN_TOTO}","digest":"${digest}","size":2${more}}`;
}

function layered(layer: string, more = "", config = ""): string {
  return `{"schemaVersion":2,"config":${emptyConfig(config)},"layers":[${layer}]${more}}`;
}
