/** Images of another registry, pulled through the managed one. */
import { runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, inject, it } from "vitest";
import { OWN_REGISTRY } from "../../src/registry/images/pin.ts";
import { runnable, sourceOf } from "../../src/registry/images/source.ts";
import type { Digest } from "../../src/registry/oci/digest.ts";
import { accountStub, registryStub } from "../../src/stubs.ts";
import type { Fault, Logged } from "../registry/fake-registry.ts";
import { ACCOUNT_ID, call, eventually, raw, testEnv } from "./client.ts";
import { ask, running, statusOf } from "./egress-world.ts";

const OUTSIDE = inject("outsideRegistry");
const IMAGE = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const DOMAIN = encodeURIComponent(OUTSIDE);
const PREFIX = "there";
const random = () => crypto.randomUUID().slice(0, 8);

beforeAll(async () => {
  const name = `PULL_${random()}`;
  await call("POST", "/secrets", { name, value: "s3cret" });
  const stores = `http://control.test/client/v4/accounts/${ACCOUNT_ID}/secrets_store/stores`;
  const store_id = (await call("GET", stores)).result[0].id;
  const auth = { public_credential: "robot", private_credential: { store_id, secret_name: name } };
  const body = { domain: OUTSIDE, kind: "Generic", auth, pull_through: { prefix: PREFIX } };
  const { status, errors } = await call("POST", "/registries", body);
  if (status !== 201) throw new Error(JSON.stringify(errors));
});

/** The registry outside. */
async function outside(path: string, body?: BodyInit, type = IMAGE) {
  const init = body === undefined ? {} : { method: "POST", body, headers: { "content-type": type } };
  return await (await fetch(`http://${OUTSIDE}/-/${path}`, init)).json();
}

async function setFault(repository: string, fault: Fault | null): Promise<void> {
  await outside(`fault?repository=${repository}`, JSON.stringify(fault));
}

async function requestsOf(repository: string): Promise<string[]> {
  const all = (await outside(`requests?repository=${repository}`)) as Logged[];
  return all.map(({ line }) => line).filter((line) => !line.includes("/token"));
}

async function refreshAfter(seconds: number): Promise<void> {
  await call("PATCH", `/registries/${DOMAIN}`, { pull_through: { prefix: PREFIX, refresh_seconds: seconds } });
}

/** As a registry client that is logged in. */
async function v2(method: string, path: string, headers: Record<string, string> = {}, body?: BodyInit) {
  const authorization = `Basic ${btoa("any:test-token")}`;
  return await raw(method, `http://control.test/v2/${path}`, body, { authorization, ...headers });
}

interface Image {
  readonly repository: string;
  readonly digest: string;
  readonly layer: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Put outside: one layer, tagged. */
async function image(tag = "v1", repository = `team/${random()}`, size = 300_000): Promise<Image> {
  const bytes = crypto.getRandomValues(new Uint8Array(Math.min(size, 65_536)));
  const whole = new Uint8Array(size).map((_, index) => bytes[index % bytes.length] ?? 0);
  const layer = String(await outside("blob", whole));
  const config = String(await outside("blob", "{}"));
  const manifest = {
    schemaVersion: 2,
    mediaType: IMAGE,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: config, size: 2 },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest: layer, size }],
  };
  const query = `repository=${repository}&tag=${tag}`;
  const digest = String(await outside(`manifest?${query}`, JSON.stringify(manifest)));
  return { repository, digest, layer, bytes: whole };
}

async function isStored(repository: string, digest: string): Promise<boolean> {
  const index = registryStub(testEnv, ACCOUNT_ID);
  return (await index.blob(`${PREFIX}/${repository}`, digest as `sha256:${string}`, { hold: false })) !== null;
}

async function sha256(bytes: BufferSource): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `sha256:${Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

describe("an image that is pulled through", () => {
  it("can be made startable before anybody has pulled its blobs", async ({ expect }) => {
    const { repository, digest, layer, bytes } = await image();
    expect((await v2("GET", `${PREFIX}/${repository}/manifests/v1`)).status).toBe(200);
    expect(await isStored(repository, layer)).toBe(false);
    const pin = { domain: OWN_REGISTRY, repository: `${PREFIX}/${repository}`, digest: digest as Digest };
    const source = sourceOf(testEnv, ACCOUNT_ID, pin);
    const { image: found } = await runnable(source, pin.digest);
    expect(found.layers.map((one) => one.digest)).toEqual([layer]);
    const body = await source.blob(layer as Digest, bytes.byteLength);
    expect(new Uint8Array(await new Response(body).arrayBuffer())).toEqual(bytes);
  });

  it("is read by containers that are granted what is below its prefix, and by no others", async ({ expect }) => {
    const { repository, digest, layer, bytes } = await image();
    const reader = await running({ registry: [`${PREFIX}/*`] });
    const base = `http://registry.gantry.internal/v2/${PREFIX}/${repository}`;
    const manifest = await ask(reader.instance, `${base}/manifests/v1`);
    expect([manifest.status, manifest.headers.get("docker-content-digest")]).toEqual([200, digest]);
    await manifest.body?.cancel();
    const blob = await ask(reader.instance, `${base}/blobs/${layer}`);
    expect(new Uint8Array(await blob.arrayBuffer())).toEqual(bytes);
    const other = await running({ registry: ["elsewhere/*"] });
    expect(await statusOf(other.instance, `${base}/manifests/v1`)).toBe(403);
  });
});

describe("manifests", () => {
  it("are fetched once, and are here from then on", async ({ expect }) => {
    const { repository, digest } = await image();
    for (const reference of ["v1", digest, "v1"]) {
      const response = await v2("GET", `${PREFIX}/${repository}/manifests/${reference}`);
      expect([response.status, response.headers.get("content-type")]).toEqual([200, IMAGE]);
      expect(await sha256(await response.arrayBuffer())).toBe(digest);
    }
    const head = await v2("HEAD", `${PREFIX}/${repository}/manifests/v1`);
    expect([head.status, head.headers.get("docker-content-digest")]).toEqual([200, digest]);
    const asked = (await requestsOf(repository)).filter((line) => line.includes("/manifests/"));
    expect(asked.filter((line) => line.startsWith("GET"))).toHaveLength(1);
    const tags = await v2("GET", `${PREFIX}/${repository}/tags/list`);
    expect(await tags.json()).toMatchObject({ tags: ["v1"] });
  });

  it("of an index come when they are asked for", async ({ expect }) => {
    const { repository, digest } = await image("child");
    const index = { schemaVersion: 2, mediaType: INDEX, manifests: [{ mediaType: IMAGE, digest, size: 1 }] };
    await outside(`manifest?repository=${repository}&tag=all`, JSON.stringify(index), INDEX);
    expect((await v2("GET", `${PREFIX}/${repository}/manifests/all`)).status).toBe(200);
    expect((await requestsOf(repository)).join()).not.toContain(digest);
    expect((await v2("GET", `${PREFIX}/${repository}/manifests/${digest}`)).status).toBe(200);
  });

  it("by tags are asked for anew when they are old, and not before", async ({ expect }) => {
    const { repository, digest: first } = await image();
    const path = `${PREFIX}/${repository}/manifests/v1`;
    await v2("GET", path);
    const { digest: second } = await image("v1", repository);
    expect((await v2("GET", path)).headers.get("docker-content-digest")).toBe(first);
    await refreshAfter(0);
    expect((await v2("GET", path)).headers.get("docker-content-digest")).toBe(second);
    const before = await requestsOf(repository);
    expect((await v2("GET", path)).headers.get("docker-content-digest")).toBe(second);
    // What has not changed is not fetched again.
    const after = await requestsOf(repository);
    expect(after.slice(before.length).map((line) => line.split(" ")[0])).toEqual(["HEAD"]);
    await refreshAfter(300);
  });

  it("that are here are served while the registry is not, with a warning", async ({ expect }) => {
    const { repository, digest } = await image();
    const path = `${PREFIX}/${repository}/manifests/v1`;
    await v2("GET", path);
    await refreshAfter(0);
    for (const fault of [{ kind: "down" }, { kind: "status", status: 503 }, { kind: "status", status: 429 }] as const) {
      await setFault(repository, fault);
      const stale = await v2("GET", path);
      expect([stale.status, stale.headers.get("docker-content-digest")]).toEqual([200, digest]);
      expect(stale.headers.get("warning")).toMatch(/^299 - "[^"]+"$/);
    }
    await setFault(repository, null);
    expect((await v2("GET", path)).headers.has("warning")).toBe(false);
    await refreshAfter(300);
  });

  it("that are not to be had are refused by what is wrong", async ({ expect }) => {
    const repository = `team/${random()}`;
    const path = `${PREFIX}/${repository}/manifests/v1`;
    for (const [fault, status, code] of [
      [null, 404, "MANIFEST_UNKNOWN"],
      [{ kind: "status", status: 403 }, 403, "DENIED"],
      [{ kind: "status", status: 429, headers: { "retry-after": "600" } }, 429, "TOOMANYREQUESTS"],
      [{ kind: "down" }, 502, "MANIFEST_UNKNOWN"],
    ] as const) {
      await setFault(repository, fault);
      const response = await v2("GET", path);
      expect(response.status).toBe(status);
      expect(response.headers.get("retry-after")).toBe(status === 429 ? "600" : null);
      expect(await response.json()).toMatchObject({ errors: [{ code }] });
    }
  });

  it("and blobs of private repositories are read with the registry's credential", async ({ expect }) => {
    const { repository, layer, bytes } = await image("v1", `private/${random()}`);
    expect((await v2("GET", `${PREFIX}/${repository}/manifests/v1`)).status).toBe(200);
    const blob = await v2("GET", `${PREFIX}/${repository}/blobs/${layer}`);
    expect(await sha256(await blob.arrayBuffer())).toBe(await sha256(bytes));
  });
});

describe("a registry whose secret is gone", () => {
  it("still gives what is here, and says why not more", async ({ expect }) => {
    const { repository, digest } = await image("v1", `private/${random()}`);
    const path = `${PREFIX}/${repository}/manifests/v1`;
    await v2("GET", path);
    await refreshAfter(0);
    // As after a rotation that has lost a key.
    const rows = await runInDurableObject(accountStub(testEnv, ACCOUNT_ID), (_, { storage: { sql } }) => {
      const kept = sql.exec<{ name: string; sealed: string }>("SELECT name, sealed FROM secrets").toArray();
      sql.exec("UPDATE secrets SET sealed = 'v1.000000000000.AAAA.AAAA'");
      return kept;
    });
    const stale = await v2("GET", path);
    expect([stale.status, stale.headers.get("docker-content-digest")]).toEqual([200, digest]);
    expect(stale.headers.get("warning")).toContain("cannot be opened");
    const other = await image("v1", `private/${random()}`);
    expect((await v2("GET", `${PREFIX}/${other.repository}/manifests/v1`)).status).toBe(403);
    await runInDurableObject(accountStub(testEnv, ACCOUNT_ID), (_, { storage: { sql } }) => {
      for (const { name, sealed } of rows) sql.exec("UPDATE secrets SET sealed = ? WHERE name = ?", sealed, name);
    });
    await refreshAfter(300);
  });
});

describe("blobs", () => {
  it("pass on while they are stored, and are here from then on", async ({ expect }) => {
    const { repository, layer } = await image("v1", `team/${random()}`, 3_500_000);
    const path = `${PREFIX}/${repository}/blobs/${layer}`;
    const head = await v2("HEAD", path);
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "3500000"]);
    const first = await v2("GET", path);
    expect([first.headers.get("content-length"), first.headers.get("docker-content-digest")]).toEqual([
      "3500000",
      layer,
    ]);
    expect(await sha256(await first.arrayBuffer())).toBe(layer);
    await eventually(async () => await isStored(repository, layer));
    await setFault(repository, { kind: "down" });
    expect(await sha256(await (await v2("GET", path)).arrayBuffer())).toBe(layer);
  });

  it("with other bytes are neither stored nor whole", async ({ expect }) => {
    const { repository, layer, bytes } = await image("v1", `team/${random()}`, 2_500_000);
    await setFault(repository, { kind: "wrong-bytes" });
    const path = `${PREFIX}/${repository}/blobs/${layer}`;
    const response = await v2("GET", path);
    let seen = 0;
    const reading = (async () => {
      for await (const piece of response.body ?? []) seen += (piece as Uint8Array).length;
    })();
    await expect(reading).rejects.toThrow();
    expect(seen).toBeLessThan(bytes.length);
    expect((await v2("GET", path, { range: "bytes=0-9" })).status).toBe(502);
    expect(await isStored(repository, layer)).toBe(false);
    await setFault(repository, null);
    expect(await sha256(await (await v2("GET", path)).arrayBuffer())).toBe(layer);
  });

  it("that break off upstream go on where they were", async ({ expect }) => {
    const { repository, layer } = await image("v1", `team/${random()}`, 2_500_000);
    await setFault(repository, { kind: "cut", after: 1_100_000, times: 1 });
    const response = await v2("GET", `${PREFIX}/${repository}/blobs/${layer}`);
    expect(await sha256(await response.arrayBuffer())).toBe(layer);
  });

  it("are stored for others when their client leaves", async ({ expect }) => {
    const { repository, layer } = await image("v1", `team/${random()}`, 3_000_000);
    await setFault(repository, { kind: "held", after: 1_100_000 });
    const response = await v2("GET", `${PREFIX}/${repository}/blobs/${layer}`);
    await response.body?.cancel();
    await outside("release", "");
    expect(await eventually(async () => await isStored(repository, layer))).toBe(true);
  });

  it("are stored before a part of them is served", async ({ expect }) => {
    const { repository, layer, bytes } = await image();
    const part = await v2("GET", `${PREFIX}/${repository}/blobs/${layer}`, { range: "bytes=100-199" });
    expect([part.status, part.headers.get("content-range")]).toEqual([206, `bytes 100-199/${bytes.length}`]);
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(bytes.slice(100, 200));
    expect(await isStored(repository, layer)).toBe(true);
    const other = await image();
    await setFault(other.repository, { kind: "no-length" });
    const whole = await v2("GET", `${PREFIX}/${other.repository}/blobs/${other.layer}`);
    expect(await sha256(await whole.arrayBuffer())).toBe(other.layer);
  });

  it("that are nowhere are unknown", async ({ expect }) => {
    const { repository } = await image();
    const path = `${PREFIX}/${repository}/blobs/sha256:${"0".repeat(64)}`;
    for (const method of ["GET", "HEAD"]) expect((await v2(method, path)).status).toBe(404);
  });
});

describe("a prefix", () => {
  it("takes no pushes, and other names do", async ({ expect }) => {
    const { repository } = await image();
    const started = await v2("POST", `${PREFIX}/${repository}/blobs/uploads/`);
    expect([started.status, await started.json()]).toMatchObject([403, { errors: [{ code: "DENIED" }] }]);
    const body = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [] });
    const put = await v2("PUT", `${PREFIX}/${repository}/manifests/v1`, { "content-type": INDEX }, body);
    expect(put.status).toBe(403);
    expect((await v2("PUT", `own/${random()}/manifests/v1`, { "content-type": INDEX }, body)).status).toBe(201);
  });

  it("is what a mirror is asked without, by the registry's name", async ({ expect }) => {
    const { repository, digest } = await image();
    const answered = await v2("GET", `${repository}/manifests/v1?ns=${DOMAIN}`);
    expect(answered.headers.get("docker-content-digest")).toBe(digest);
    const ofAccount = await v2("GET", `${ACCOUNT_ID}/${repository}/manifests/v1?ns=${DOMAIN}`);
    expect(ofAccount.headers.get("docker-content-digest")).toBe(digest);
    expect((await v2("GET", `${repository}/manifests/v1?ns=other.example.com`)).status).toBe(404);
    expect((await v2("GET", `${repository}/manifests/v1`)).status).toBe(404);
  });

  it("is for those who may pull from here", async ({ expect }) => {
    const { repository } = await image();
    const nobody = await raw("GET", `http://control.test/v2/${PREFIX}/${repository}/manifests/v1`, undefined, {
      authorization: "",
    });
    expect(nobody.status).toBe(401);
    expect(await requestsOf(repository)).toEqual([]);
  });
});
