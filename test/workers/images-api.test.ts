/** Images of the account's own registry in the control API: lists, visibility, deletes and garbage. */
import { runInDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import { registryStub, accountStub } from "../../src/stubs.ts";
import { removeImage } from "../../src/api/image-use.ts";
import { freshAccount, type TestAccount } from "./accounts.ts";
import { domainError, raw, testEnv, type Envelope } from "./client.ts";
import { ask, basic } from "./registry-client.ts";
import { digestOfText, indexOf, pushImage } from "./registry-world.ts";

const told = (answer: Envelope & { status: number }) =>
  `${answer.status} ${answer.success ? "" : domainError(answer).error}`.trim();

const encoded = (name: string) => encodeURIComponent(name);

/** An application that is just being written with these images: it has claimed them. */
async function claim(account: TestAccount, names: readonly string[]): Promise<{ settle: () => Promise<void> }> {
  const { result } = await account.create({ instances: 0 });
  const id = crypto.randomUUID();
  const references = names.map((name) => ({ kind: "image" as const, name }));
  await accountStub(testEnv, account.id).claimReferences({ id, application: result.id, references });
  return { settle: async () => await accountStub(testEnv, account.id).settleClaim(id) };
}

/** Of manifests that were pushed long ago, as those of these tests are to be. */
async function age(accountId: string): Promise<void> {
  await runInDurableObject(registryStub(testEnv, accountId), (_, state) => {
    state.storage.sql.exec("UPDATE manifests SET pushed_at = 0");
    state.storage.sql.exec("UPDATE links SET held_until = 0");
  });
}

/** An index as clients write it. */
async function indexManifest(account: TestAccount, repository: string, tag: string | null, manifests: object[]) {
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const text = JSON.stringify({ schemaVersion: 2, mediaType, manifests });
  const digest = await digestOfText(text);
  const put = await indexOf(account.id).putManifest({
    repository,
    digest,
    mediaType,
    bytes: new Uint8Array(new TextEncoder().encode(text)),
    tags: tag === null ? [] : [tag],
    artifactType: null,
    subject: null,
    blobs: [],
    manifests: [...new Set(manifests.map((one) => (one as { digest: `sha256:${string}` }).digest))],
    optional: [],
  });
  if (!put.stored) throw new Error("not stored");
  return digest;
}

/** A namespace, with something that happens just before each call of one method of its objects. */
function interrupted<N extends { getByName: (name: string) => object }>(
  namespace: N,
  method: string,
  act: () => Promise<unknown>,
): N {
  const getByName = (name: string) =>
    new Proxy(namespace.getByName(name), {
      get:
        (stub, key) =>
        async (...values: unknown[]): Promise<unknown> => {
          if (key === method) await act();
          return await (Reflect.get(stub, key) as (...all: unknown[]) => Promise<unknown>)(...values);
        },
    });
  return { getByName } as N;
}

async function collect(account: TestAccount, body: Record<string, unknown>) {
  return (await account.call("POST", "/image-collections", body)).result;
}

describe("repositories", () => {
  it("are listed in pages with what is in them", async ({ expect }) => {
    const account = await freshAccount();
    const index = indexOf(account.id);
    await pushImage(index, "team/web", { layers: ["12345", "678"], tags: ["v1", "latest"] });
    await pushImage(index, "db", { layers: ["1"], tags: [] });
    const { result } = await account.call("GET", "/images");
    expect(result).toEqual([
      { name: "db", is_public: false, tags: 0, manifests: 1, size: 1, created_at: expect.any(String) },
      { name: "team/web", is_public: false, tags: 2, manifests: 1, size: 8, created_at: expect.any(String) },
    ]);
    const first = await account.call("GET", "/images?per_page=1");
    expect([first.result, first.result_info]).toMatchObject([[{ name: "db" }], { count: 1, per_page: 1 }]);
    const next = await account.call("GET", `/images?per_page=1&page_token=${first.result_info?.next_page_token}`);
    expect([next.result, next.result_info?.next_page_token]).toMatchObject([[{ name: "team/web" }], undefined]);
    expect((await account.call("GET", `/images/${encoded("team/web")}`)).result).toEqual(result[1]);
    expect((await account.call("GET", `/images/${encoded(`${account.id}/team/web`)}`)).result).toEqual(result[1]);
  });

  it("that are not there, or of another account, are not found; what is no name is refused", async ({ expect }) => {
    const account = await freshAccount();
    for (const name of ["nothing", `${"f".repeat(32)}/web`]) {
      expect(told(await account.call("GET", `/images/${encoded(name)}`))).toBe("404 IMAGE_REPOSITORY_NOT_FOUND");
      expect(told(await account.call("GET", `/images/${encoded(name)}/tags`))).toBe("404 IMAGE_REPOSITORY_NOT_FOUND");
    }
    const wrong = await account.call("GET", `/images/${encoded("Team/Web")}`);
    expect([told(wrong), Object.keys(domainError(wrong).details)]).toEqual(["400 VALIDATE_INPUT", ["repository"]]);
  });

  it("are public as soon as that is said, and private as soon as it is taken back", async ({ expect }) => {
    const account = await freshAccount();
    const path = `/images/${encoded("team/web")}`;
    const pull = async () => (await ask("pull", `${account.id}/team/web`)).allowed;
    expect(told(await account.call("PATCH", path, { is_public: false }))).toBe("404 IMAGE_REPOSITORY_NOT_FOUND");
    expect(await pull()).toBe(false);
    expect((await account.call("PATCH", path, { is_public: true })).result).toMatchObject({ is_public: true, tags: 0 });
    expect(await pull()).toBe(true);
    expect((await account.call("PATCH", path, { is_public: false })).result).toMatchObject({ is_public: false });
    expect(await pull()).toBe(false);
  });

  it("are nothing for tokens that are limited to applications", async ({ expect }) => {
    const account = await freshAccount();
    const { result } = await account.call("POST", "/tokens", { name: "t", scopes: ["deploy"], applications: ["web"] });
    const headers = { authorization: `Bearer ${result.value}` };
    for (const [method, path, body] of [
      ["GET", "/images"],
      ["GET", "/images/web"],
      ["GET", "/images/web/tags"],
      ["PATCH", "/images/web", { is_public: true }],
      ["DELETE", "/images/web/tags/latest"],
      ["DELETE", `/images/web/manifests/sha256:${"0".repeat(64)}`],
      ["POST", "/image-collections", {}],
    ] as const) {
      const { status } = await account.raw(method, path, body, headers);
      expect([method, path, status]).toEqual([method, path, 403]);
    }
  });
});

describe("tags", () => {
  it("are listed with digest, type, size and platforms", async ({ expect }) => {
    const account = await freshAccount();
    const index = indexOf(account.id);
    const { digest } = await pushImage(index, "web", { layers: ["12345"], tags: ["v1"] });
    const entry = (platform: object) => ({
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest,
      size: 1,
      platform,
    });
    const manifests = [
      entry({ os: "linux", architecture: "arm64", variant: "v8" }),
      entry({ os: "linux", architecture: "amd64" }),
      entry({ os: "unknown", architecture: "unknown" }),
    ];
    const list = await indexManifest(account, "web", "multi", manifests);
    const { result } = await account.call("GET", "/images/web/tags");
    expect(result).toMatchObject([
      {
        name: "multi",
        digest: list,
        media_type: "application/vnd.oci.image.index.v1+json",
        platforms: ["linux/arm64/v8", "linux/amd64"],
        used_by: [],
      },
      { name: "v1", digest, media_type: "application/vnd.oci.image.manifest.v1+json", used_by: [] },
    ]);
    expect(result[1]).not.toHaveProperty("platforms");
    expect(result[1].size).toBeGreaterThan(5);
  });

  it("name who uses them, and are not deleted then unless that is forced", async ({ expect }) => {
    const account = await freshAccount();
    const { digest } = await pushImage(indexOf(account.id), "web", { layers: ["1"], tags: ["v1", "v2"] });
    const { settle } = await claim(account, [`web@${digest}`]);
    const { result } = await account.call("GET", "/images/web/tags");
    expect(result[0].used_by).toEqual([expect.stringMatching(/^app-\w+ \(a write is under way\)$/)]);
    for (const path of ["/images/web/tags/v1", `/images/web/manifests/${digest}`]) {
      const refused = await account.call("DELETE", path);
      expect([told(refused), domainError(refused).details["users"]]).toEqual(["409 IMAGE_IN_USE", result[0].used_by]);
    }
    expect(told(await account.call("DELETE", "/images/web/tags/v1?force=true"))).toBe("200");
    await settle();
    // It was asked, and uses it not: the claim of a write that failed keeps nothing.
    expect(told(await account.call("DELETE", "/images/web/tags/v2"))).toBe("200");
    expect(told(await account.call("DELETE", "/images/web/tags/v2"))).toBe("404 IMAGE_NOT_FOUND");
    expect(told(await account.call("DELETE", `/images/web/manifests/${digest}`))).toBe("200");
    expect(told(await account.call("DELETE", `/images/web/manifests/${digest}`))).toBe("404 IMAGE_NOT_FOUND");
  });

  it("of images in use are not deleted with the image by a registry client either", async ({ expect }) => {
    const account = await freshAccount();
    const { digest } = await pushImage(indexOf(account.id), "web", { layers: ["1"], tags: ["v1"] });
    const { settle } = await claim(account, [`web@${digest}`]);
    const remove = async () => {
      const url = `http://control.test/v2/${account.id}/web/manifests/${digest}`;
      const response = await raw("DELETE", url, undefined, basic("operator", "test-token"));
      return `${response.status} ${await response.text()}`;
    };
    expect(await remove()).toMatch(/^409 \{"errors":\[\{"code":"DENIED","message":".*is in use.*app-/);
    await settle();
    expect(await remove()).toMatch(/^202/);
  });

  it("go with their manifest, also when force takes it from somebody", async ({ expect }) => {
    const account = await freshAccount();
    const { digest } = await pushImage(indexOf(account.id), "web", { layers: ["1"], tags: ["v1"] });
    await claim(account, [`web@${digest}`]);
    expect(told(await account.call("DELETE", `/images/web/manifests/${digest}?force=true`))).toBe("200");
    expect((await account.call("GET", "/images/web/tags")).result ?? []).toEqual([]);
  });

  it("of an index in use keep the manifests of its platforms", async ({ expect }) => {
    const account = await freshAccount();
    const { digest } = await pushImage(indexOf(account.id), "web", { layers: ["1"], tags: [] });
    const entry = { mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size: 1 };
    const inner = await indexManifest(account, "web", "inner", [entry]);
    const nested = { mediaType: "application/vnd.oci.image.index.v1+json", digest: inner, size: 1 };
    const outer = await indexManifest(account, "web", "outer", [nested]);
    const { settle } = await claim(account, [`web@${outer}`]);
    const path = `/images/web/manifests/${digest}`;
    expect(told(await account.call("DELETE", path))).toBe("409 IMAGE_IN_USE");
    await settle();
    expect(told(await account.call("DELETE", path))).toBe("200");
  });

  it("of an index that somebody begins to use meanwhile are kept, and nobody begins while they go", async ({
    expect,
  }) => {
    const account = await freshAccount();
    const { digest } = await pushImage(indexOf(account.id), "web", { layers: ["1"], tags: [] });
    const entry = { mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size: 1 };
    const inner = await indexManifest(account, "web", "inner", [entry]);
    const nested = { mediaType: "application/vnd.oci.image.index.v1+json", digest: inner, size: 1 };
    const name = `web@${await indexManifest(account, "web", "outer", [nested])}`;
    const removed = async (env: Env) =>
      await removeImage({ env, accountId: account.id }, "web", digest, false).catch((error: unknown) => error);
    const claims: Awaited<ReturnType<typeof claim>>[] = [];
    const claimOnce = async () => {
      if (claims.length === 0) claims.push(await claim(account, [name]));
    };
    const racing = { ...testEnv, ACCOUNT: interrupted(testEnv.ACCOUNT, "releaseImages", claimOnce) };
    expect(await removed(racing)).toMatchObject({ code: "IMAGE_IN_USE" });
    expect(await indexOf(account.id).manifest("web", digest)).not.toBeNull();
    await claims[0]?.settle();
    const refused: unknown[] = [];
    const claimLate = async () => refused.push(await claim(account, [name]).catch((error: unknown) => error));
    const late = { ...testEnv, REGISTRY: interrupted(testEnv.REGISTRY, "deleteManifest", claimLate) };
    expect(await removed(late)).toBe("removed");
    expect(refused).toMatchObject([{ code: "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE" }]);
    await claim(account, [name]);
  });

  it("are deleted by what is a tag, and digests by what is one", async ({ expect }) => {
    const account = await freshAccount();
    expect(told(await account.call("DELETE", `/images/web/tags/${encoded("a b")}`))).toBe("400 VALIDATE_INPUT");
    expect(told(await account.call("DELETE", "/images/web/manifests/latest"))).toBe("400 VALIDATE_INPUT");
    expect(told(await account.call("DELETE", "/images/web/tags/v1?force=maybe"))).toBe("400 VALIDATE_INPUT");
  });
});

describe("an image that is being deleted", () => {
  it("can be claimed by nobody until it is gone, and again afterwards", async ({ expect }) => {
    const account = await freshAccount();
    const object = accountStub(testEnv, account.id);
    const name = `web@sha256:${"0".repeat(64)}`;
    expect(await object.releaseImages([{ name, users: [] }])).toEqual([name]);
    const refused = await claim(account, [name]).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE" });
    await object.imagesGone([name]);
    await claim(account, [name]);
    // Somebody who was not asked has it now.
    expect(await object.releaseImages([{ name, users: [] }])).toEqual([]);
  });
});

describe("garbage", () => {
  it("is counted by a dry run, and collected without one", async ({ expect }) => {
    const account = await freshAccount();
    const index = indexOf(account.id);
    const { digest } = await pushImage(index, "web", { layers: ["12345"], tags: ["v1"] });
    await index.deleteManifest("web", digest);
    await pushImage(index, "db", { layers: ["1"], tags: ["v1"] });
    await age(account.id);
    const found = { manifests: 0, blobs: 1, bytes: 5, complete: true, kept: [] };
    expect(await collect(account, { dry_run: true })).toMatchObject({ dry_run: true, ...found });
    expect(await collect(account, { repository: "db" })).toMatchObject({ blobs: 0, bytes: 0 });
    expect(await collect(account, {})).toMatchObject({ dry_run: false, ...found });
    expect(await collect(account, {})).toMatchObject({ blobs: 0, bytes: 0 });
    expect((await account.call("GET", "/images/db/tags")).result).toHaveLength(1);
  });

  it("has manifests without a tag only when that is said, and never those in use", async ({ expect }) => {
    const account = await freshAccount();
    const index = indexOf(account.id);
    const used = await pushImage(index, "web", { layers: ["1"], tags: [] });
    const child = await pushImage(index, "web", { layers: ["2"], tags: [] });
    const entry = { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: child.digest, size: 1 };
    const list = await indexManifest(account, "web", null, [entry]);
    await pushImage(index, "web", { layers: ["3"], tags: ["v1"] });
    const { settle } = await claim(account, [`web@${used.digest}`]);
    await age(account.id);
    expect(await collect(account, {})).toMatchObject({ manifests: 0 });
    const kept = [{ image: `web@${used.digest}`, users: [expect.stringContaining("a write is under way")] }];
    const gone = [`web@${child.digest}`, `web@${list}`];
    for (const dry_run of [true, false]) {
      const report = await collect(account, { dry_run, untagged: true });
      expect(report).toMatchObject({ dry_run, manifests: 2, kept, complete: true });
      expect(report.examples).toEqual(expect.arrayContaining(gone));
    }
    expect(await collect(account, { untagged: true })).toMatchObject({ manifests: 0, kept });
    await settle();
    expect(await collect(account, { untagged: true })).toMatchObject({ manifests: 1, kept: [] });
    expect((await account.call("GET", "/images/web")).result).toMatchObject({ manifests: 1, tags: 1 });
  });

  it("keeps what an index in use names", async ({ expect }) => {
    const account = await freshAccount();
    const child = await pushImage(indexOf(account.id), "web", { layers: ["2"], tags: [] });
    const entry = { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: child.digest, size: 1 };
    const list = await indexManifest(account, "web", null, [entry]);
    await claim(account, [`web@${list}`]);
    await age(account.id);
    for (const dry_run of [true, false]) {
      expect(await collect(account, { dry_run, untagged: true })).toMatchObject({ manifests: 0, examples: [] });
    }
  });

  it("is collected without a body, too", async ({ expect }) => {
    const account = await freshAccount();
    expect(told(await account.call("POST", "/image-collections"))).toBe("200");
    expect(told(await account.call("POST", "/image-collections", { repository: "A" }))).toBe("400 VALIDATE_INPUT");
  });
});
