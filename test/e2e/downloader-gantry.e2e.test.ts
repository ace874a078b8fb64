/**
 * The downloader as an application of Gantry, in real containers, with its own manifest: what it fetches goes through egress,
 * what it keeps through the gateways. Docker Hub is on loopback, under its own names.
 */
import { randomUUID } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { ControlPlane, docker, eventually, PROJECT_DIR, TOKEN, workloads } from "./control-plane.ts";
import { inspect, throughSkopeo, type Inspected } from "./downloader/consumers.ts";
import { curl, type Curled } from "./downloader/curl.ts";
import { startDockerHub, type DockerHub } from "./downloader/docker-hub.ts";
import { pushTree } from "./downloader/push.ts";
import { RegistryProxy } from "./downloader/registry-proxy.ts";
import { OCI, OciLayout, type Descriptor } from "./oci-layout.ts";
import { startDockerRegistry, type DockerRegistry } from "./registry-tools.ts";
import { registryWorld, type RegistryWorld } from "./registry-world.ts";

const PURGE_TOKEN = "purge-token-of-the-test";
const PRIVATE_HOST = "private.example.org";
const PRIVATE = { user: "somebody", password: `secret-${randomUUID()}` };

const plane = new ControlPlane();
let hub: DockerHub;
let world: RegistryWorld;
let ubuntu: Descriptor;
let id: string;
/** Of whoever has a password alone. */
let registry: DockerRegistry;
let guarded: RegistryProxy;
let privateImage: Inspected;

beforeAll(async () => {
  hub = await startDockerHub();
  registry = await startDockerRegistry();
  guarded = await RegistryProxy.start(registry.host);
  guarded.user = PRIVATE;
  const hosts = { ...hub.hosts, [PRIVATE_HOST]: `http://${guarded.host}` };
  await plane.startByItself({ GANTRY_EGRESS_CONNECT_TO: JSON.stringify(hosts) });
  world = await registryWorld(plane);
  const layout = await OciLayout.create(join(world.folder, "images"));
  const layers = [{ size: 900_000 }, { size: 400_000 }];
  ubuntu = await layout.index([await layout.image(layers), await layout.image([{}], "arm64")]);
  await hub.push(layout, ubuntu, "library/ubuntu", "22.04");
  await hub.push(layout, { ...ubuntu, mediaType: OCI.index }, "tensorflow/tensorflow", "latest-gpu");
  const secret = await layout.image([{ size: 300_000 }]);
  await pushTree(layout, secret, { host: registry.host, repository: "team/secret" }, "1");
  privateImage = await inspect(`docker://${registry.host}/team/secret:1`);
  const manifest = JSON.parse(await readFile(join(PROJECT_DIR, "containers/downloader/application.json"), "utf8"));
  const { name, configuration, ...rest } = manifest;
  const environment = [
    ...(configuration.environment_variables ?? []),
    { name: "DOWNLOADER_PURGE_TOKEN", value: PURGE_TOKEN },
  ];
  // Each instance can be asked by itself.
  const network = { mode: "public" };
  const changed = { ...configuration, environment_variables: environment, network };
  id = await plane.create(name, { ...rest, configuration: changed });
  await eventually(async () => (await plane.ingress("downloader", "/health")).status === 200, 120_000);
});
afterAll(async () => {
  await plane.stop();
  await guarded.stop();
  await registry.stop();
  await hub.stop();
  await world.remove();
});

let files = 0;

/** A line of the document that this follows, with the host changed. */
async function line(path: string, ...options: readonly string[]): Promise<Curled & { readonly file: string }> {
  const file = join(world.folder, `answer-${(files += 1)}`);
  const { port } = new URL(plane.origin);
  // What a browser does with names below localhost, and curl 7.88 does not.
  const here = ["--resolve", `downloader.localhost:${port}:127.0.0.1`];
  return { ...(await curl(`http://downloader.localhost:${port}${path}`, file, ...here, ...options)), file };
}

const JSON_HEADER = ["-H", "Content-Type: application/json"];
const post = (body: string) => ["-X", "POST", ...JSON_HEADER, "-d", body];

async function jsonOf(answer: { readonly file: string }) {
  return JSON.parse(await readFile(answer.file, "utf8"));
}

describe("the lines of the document", () => {
  it("search", async ({ expect }) => {
    const answer = await line("/api/search", ...post('{"query": "ubuntu", "limit": 10}'));
    expect(answer.status).toBe(200);
    const { query, results } = await jsonOf(answer);
    expect(query).toBe("ubuntu");
    expect(results).toContainEqual(
      expect.objectContaining({
        name: "ubuntu",
        is_official: true,
        star_count: 17_000,
        description: expect.any(String),
      }),
    );
  });

  it("download", async ({ expect }) => {
    const answer = await line("/api/download", ...post('{"image": "ubuntu:22.04", "platform": "linux/amd64"}'));
    expect([answer.code, answer.status]).toEqual([0, 200]);
    expect((await throughSkopeo("docker-archive", answer.file)).layers).toHaveLength(2);
  });

  it("download what is large", async ({ expect }) => {
    const body = '{"image": "tensorflow/tensorflow:latest-gpu", "platform": "linux/amd64"}';
    const answer = await line("/api/download-stream", ...post(body));
    expect([answer.code, answer.status]).toEqual([0, 200]);
    expect((await throughSkopeo("oci-archive", answer.file)).layers).toHaveLength(2);
  });

  it("show what is popular, and what there is of an image", async ({ expect }) => {
    const popular = await line("/api/popular");
    expect([popular.status, JSON.stringify(await jsonOf(popular))]).toEqual([200, expect.stringContaining("ubuntu")]);
    const details = await line("/api/image-details", ...post('{"image": "ubuntu"}'));
    expect([details.status, JSON.stringify(await jsonOf(details))]).toEqual([200, expect.stringContaining("22.04")]);
  });
});

describe("a connection that goes on being used", () => {
  it("carries a POST right after a HEAD, whose length is that of an archive which does not come", async ({
    expect,
  }) => {
    for (const image of ["tensorflow/tensorflow:latest-gpu", "ubuntu:22.04"]) {
      const head = await plane.ingress("downloader", `/api/download?image=${image}`, { method: "HEAD" });
      expect([head.status, head.body]).toEqual([200, ""]);
      const headers = { "content-type": "application/json" };
      const body = '{"query": "ubuntu"}';
      expect((await plane.ingress("downloader", "/api/search", { method: "POST", headers, body })).status).toBe(200);
    }
  });
});

describe("what it keeps", () => {
  it("is what a second download is made of, whichever instance it reaches, until it is purged", async ({ expect }) => {
    const download = async () => {
      const answer = await line("/api/download", ...post('{"image": "ubuntu:22.04"}'));
      expect([answer.code, answer.status]).toEqual([0, 200]);
      return (await stat(answer.file)).size;
    };
    await download();
    const before = hub.registry.asked.blobs;
    const size = await download();
    // Small blobs as the config are asked for where they are needed; layers are not.
    const layers = 2;
    expect(hub.registry.asked.blobs - before).toBeLessThan(layers);
    await restartContainers();
    const beforeNew = hub.registry.asked.blobs;
    expect(await download()).toBe(size);
    expect(hub.registry.asked.blobs - beforeNew).toBeLessThan(layers);

    const refused = await line("/api/cache", "-X", "DELETE");
    expect(refused.status).toBe(401);
    const purged = await line("/api/cache", "-X", "DELETE", "-H", `Authorization: Bearer ${PURGE_TOKEN}`);
    expect(purged.status).toBeLessThan(300);
    // What it has just sent is in memory for a moment.
    await restartContainers();
    const beforePurged = hub.registry.asked.blobs;
    expect(await download()).toBe(size);
    expect(hub.registry.asked.blobs - beforePurged).toBeGreaterThanOrEqual(layers);
  });
});

/** Nothing in memory: what comes then was kept elsewhere. */
async function restartContainers(): Promise<void> {
  const old = await workloads();
  await docker("kill", ...old.map(({ id: container }) => container));
  await eventually(async () => {
    const now = await workloads();
    if (now.some((one) => old.some((other) => other.id === one.id))) return false;
    return (await plane.ingress("downloader", "/health")).status === 200;
  }, 120_000);
}

describe("a private image", () => {
  it("leaves nothing of its password and of itself behind", async ({ expect }) => {
    const { user, password } = PRIVATE;
    const body = JSON.stringify({ image: `${PRIVATE_HOST}/team/secret:1`, username: user, password });
    const answer = await line("/api/download", ...post(body));
    expect([answer.code, answer.status]).toEqual([0, 200]);
    expect(await throughSkopeo("oci-archive", answer.file)).toEqual(privateImage);
    const kept = await everythingKept();
    expect(kept.names).not.toEqual([]);
    const lines = (await plane.call("GET", `/applications/${id}/logs?order=oldest`)).result;
    expect(JSON.stringify(lines)).toContain("/api/download");
    const everything = JSON.stringify([kept, lines]);
    const secrets = [password, Buffer.from(`${user}:${password}`).toString("base64"), PRIVATE_HOST];
    const digests = privateImage.layers.map((digest) => digest.slice("sha256:".length));
    for (const secret of [...secrets, ...digests]) expect(everything).not.toContain(secret);
  });
});

/** Names and values of all that applications keep, read by another application. */
async function everythingKept(): Promise<{ names: string[]; values: string[] }> {
  const bindings = [
    { type: "kv", binding: "SAMPLES_KV" },
    { type: "r2", binding: "SAMPLES_R2" },
  ];
  const configuration = { image: "behaves" };
  const reader = await plane.create("reads", { instances: 1, configuration, egress: { bindings } });
  await plane.untilReady(reader, 1);
  const read = async (url: string): Promise<string> => {
    const { body } = await plane.ingress("reads", `/fetch?url=${encodeURIComponent(url)}`);
    const { status, body: text }: { status: number; body: string } = JSON.parse(body);
    if (status !== 200) throw new Error(`${status} of ${url}: ${text}`);
    return text;
  };
  const [kv, r2] = ["http://kv.gantry.internal/SAMPLES_KV/", "http://r2.gantry.internal/SAMPLES_R2/"];
  const keys: string[] = JSON.parse(await read(kv)).keys.map(({ name }: { name: string }) => name);
  const objects: string[] = JSON.parse(await read(r2)).objects.map(({ key }: { key: string }) => key);
  const values: string[] = [];
  for (const key of keys) values.push(await read(`${kv}${key}`));
  return { names: [...keys, ...objects], values };
}

describe("a client that asks too often", () => {
  it("is told so by every instance, which count together", async ({ expect }) => {
    const autoscaling = { min: 2, max: 2, target_concurrency: 30 };
    expect((await plane.call("PATCH", `/applications/${id}`, { autoscaling })).status).toBe(200);
    const instances = await plane.untilReady(id, 2);
    const paths = instances.map((instance) => `/a/downloader/@${instance.id}/api/registries`);
    const headers = { authorization: `Bearer ${TOKEN}` };
    const statuses: number[][] = [[], []];
    // The last minute of this file's other requests counts too.
    for (let asked = 0; asked < 150 && !statuses.every((seen) => seen.includes(429)); asked += 1) {
      const { status } = await plane.fetch(paths[asked % 2] ?? "", { headers });
      statuses[asked % 2]?.push(status);
    }
    for (const seen of statuses) {
      expect(seen.at(-1)).toBe(429);
      expect(seen.filter((status) => status === 200).length).toBeLessThanOrEqual(51);
      expect(seen.filter((status) => status === 200).length).toBeGreaterThan(0);
    }
    const refused = await plane.fetch(paths[0] ?? "", { headers });
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    expect(refused.headers["ratelimit-remaining"] ?? refused.headers["ratelimit"]).toBeDefined();
    expect((await plane.ingress("downloader", "/health")).status).toBe(200);
  });
});
