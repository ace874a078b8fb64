/** What somebody does who means no good: references in odd spellings, bodies that are not there, manifests of two kinds. */
import { runInDurableObject } from "cloudflare:test";
import { describe, it, vi } from "vitest";
import { findImage } from "../../src/registry/images/find-image.ts";
import { DOCKER_MANIFEST, OCI_ARTIFACT, OCI_INDEX, OCI_MANIFEST } from "../../src/registry/oci/media-types.ts";
import { registryStub } from "../../src/stubs.ts";
import { ACCOUNT_ID, testEnv } from "./client.ts";
import { credentials } from "./registry-client.ts";
import {
  bytesOf,
  digestOf,
  imageManifest,
  imageParts,
  newRepository,
  pushBlob,
  putManifest,
  randomBytes,
  send,
  startUpload,
  told,
} from "./registry-push-world.ts";

const OTHER_ACCOUNT = "f".repeat(32);

/** Nobody holds anything any more. */
async function endHolds(): Promise<void> {
  await runInDurableObject(registryStub(testEnv, ACCOUNT_ID), (_, { storage }) => {
    storage.sql.exec("UPDATE links SET held_until = 0");
  });
}

/** Has every image, and gives the operator all of them. */
function operatorsRegistry() {
  const fetched = vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const { method } = new Request(input, init);
    if (method === "POST") return Response.json({ result: { username: "v1", password: "operator" } });
    return new Response(null, { headers: { "docker-content-digest": `sha256:${"1".repeat(64)}` } });
  });
  return { fetched, env: { ...testEnv, CLOUDFLARE_API_TOKEN: "operator" } as unknown as Env };
}

describe("the managed registry", () => {
  it("gives no image of another account, however its domain is written", async ({ expect }) => {
    const { env, fetched } = operatorsRegistry();
    const context = { env, accountId: ACCOUNT_ID };
    const [first = "", ...rest] = env.MANAGED_REGISTRY;
    for (const domain of [
      env.MANAGED_REGISTRY,
      env.MANAGED_REGISTRY.toUpperCase(),
      first.toUpperCase() + rest.join(""),
    ]) {
      const own = await findImage(context, `${domain}/${ACCOUNT_ID}/web:1`);
      expect([domain, own]).toEqual([domain, expect.objectContaining({ kind: "pinned" })]);
      fetched.mockClear();
      const other = await findImage(context, `${domain}/${OTHER_ACCOUNT}/web:1`);
      expect([domain, other]).toEqual([domain, expect.objectContaining({ kind: "refused", code: "VALIDATE_INPUT" })]);
      expect(fetched).not.toHaveBeenCalled();
    }
  });

  it("gives no copy of another account's image, which are all in the operator's part of it", async ({ expect }) => {
    const { env, fetched } = operatorsRegistry();
    const copies = (account: string) => `${env.MANAGED_REGISTRY}/gantry-${account}:sha256-${"1".repeat(64)}`;
    const context = { env, accountId: ACCOUNT_ID };
    expect(await findImage(context, copies(ACCOUNT_ID))).toMatchObject({ kind: "pinned" });
    fetched.mockClear();
    expect(await findImage(context, copies(OTHER_ACCOUNT))).toMatchObject({ kind: "refused", code: "VALIDATE_INPUT" });
    expect(fetched).not.toHaveBeenCalled();
  });
});

describe("credentials for some repositories", () => {
  it("learn no name of another one from the garbage that they have collected", async ({ expect }) => {
    const [mine, theirs] = [newRepository(), newRepository()];
    const digests = [await pushBlob(mine, randomBytes(30)), await pushBlob(theirs, randomBytes(30))];
    await endHolds();
    const header = await credentials({ repositories: [mine] });
    const answer = await send("PUT", "/v2/gc/layers", undefined, header);
    const { blobs, examples } = await answer.json<{ blobs: number; examples: string[] }>();
    expect(blobs).toBeGreaterThanOrEqual(digests.length);
    expect(examples).toEqual([`${mine}@${digests[0]}`]);
  });
});

describe("a manifest", () => {
  it.for(["constructor", "__proto__", "valueof"])("of the type %s is none", async (type, { expect }) => {
    const repository = newRepository();
    const { config, layer } = await imageParts(repository);
    const bytes = bytesOf(JSON.stringify({ schemaVersion: 2, config, layers: [layer] }));
    expect(await told(await putManifest(repository, "v1", bytes, type))).toBe("400 MANIFEST_INVALID");
    const says = bytesOf(`{"schemaVersion":2,"mediaType":"${type}","config":${JSON.stringify(config)},"layers":[]}`);
    expect(await told(await putManifest(repository, "v1", says, null))).toBe("400 MANIFEST_INVALID");
  });

  it("is an image or an index, and never both", async ({ expect }) => {
    const repository = newRepository();
    const { config, layer } = await imageParts(repository);
    const both = bytesOf(JSON.stringify({ schemaVersion: 2, config, layers: [layer], manifests: [] }));
    for (const type of [OCI_MANIFEST, DOCKER_MANIFEST, OCI_INDEX]) {
      expect(await told(await putManifest(repository, "v1", both, type))).toBe("400 MANIFEST_INVALID");
    }
  });

  it("that is pushed again as another type keeps what it names then", async ({ expect }) => {
    const repository = newRepository();
    const { config, layer } = await imageParts(repository);
    const bytes = bytesOf(JSON.stringify({ schemaVersion: 2, config, layers: [layer], blobs: [] }));
    expect((await putManifest(repository, "v1", bytes, OCI_ARTIFACT)).status).toBe(201);
    expect((await putManifest(repository, "v1", bytes, OCI_MANIFEST)).status).toBe(201);
    await endHolds();
    expect((await send("PUT", "/v2/gc/layers")).status).toBe(200);
    expect((await send("HEAD", `/v2/${repository}/blobs/${layer.digest}`)).status).toBe(200);
  });

  it("of brackets alone is refused before it fills the memory", async ({ expect }) => {
    const repository = newRepository();
    const deep = bytesOf(`{"schemaVersion":2,"x":${"[".repeat(4_000_000)}${"]".repeat(4_000_000)}}`);
    const wide = bytesOf(`{"schemaVersion":2,"x":[${"{},".repeat(2_600_000)}0]}`);
    for (const bomb of [deep, wide]) {
      const answer = await putManifest(repository, "v1", bomb);
      expect([answer.status, (await answer.json<{ errors: unknown[] }>()).errors[0]]).toEqual([
        400,
        expect.objectContaining({ code: "MANIFEST_INVALID", detail: { field: "body" } }),
      ]);
    }
    const { bytes } = await imageManifest(repository, { annotations: { text: "[{".repeat(1_000) } });
    expect((await putManifest(repository, "v1", bytes)).status).toBe(201);
  });
});

describe("an upload", () => {
  it("says of a chunk without the bytes of its range that they did not come", async ({ expect }) => {
    const repository = newRepository();
    const location = await startUpload(repository);
    const answer = await send("PATCH", location, undefined, { "content-range": "0-99" });
    expect(await told(answer)).toBe("413 SIZE_INVALID");
    const bytes = randomBytes(100);
    expect((await send("PATCH", location, bytes, { "content-range": "0-99" })).status).toBe(202);
    const digest = await digestOf(bytes);
    const lie = await send("PUT", `${location}?digest=${digest}`, undefined, { "content-range": "100-109" });
    expect(await told(lie)).toBe("413 SIZE_INVALID");
    expect((await send("PUT", `${location}?digest=${digest}`)).status).toBe(201);
  });
});
