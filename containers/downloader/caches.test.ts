/** What instances share: counts of requests, progress, metadata, layers. Without any of it they work alone. */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, it, vi } from "vitest";
import { Gateway } from "./cache/gateway.ts";
import { LastUse } from "./cache/last-use.ts";
import { R2Layers } from "./cache/layers.ts";
import { sweep } from "./cache/sweep.ts";
import { Metrics } from "./metrics/metrics.ts";
import { startDownloader, type DownloaderProcess } from "./testing/downloader-process.ts";
import { readEvents } from "./testing/events.ts";
import { startGateways, type Gateways } from "./testing/gateways.ts";
import { startHubApi, type HubApi } from "./testing/hub-api.ts";
import { startRegistry, type TestRegistry } from "./testing/registry.ts";

let hub: HubApi;
let registry: TestRegistry;
let gateways: Gateways;
let one: DownloaderProcess;
let other: DownloaderProcess;
const TOKEN = "operators-alone";
const DAY_MS = 86_400_000;

beforeAll(async () => {
  [hub, registry, gateways] = await Promise.all([startHubApi(), startRegistry(), startGateways()]);
  const env = {
    ...gateways.env,
    DOWNLOADER_HUB_URL: hub.origin,
    DOWNLOADER_PURGE_TOKEN: TOKEN,
    DOWNLOADER_RATE_LIMIT: "100",
    DOWNLOADER_CLIENT_HEADER: "CF-Connecting-IP",
  };
  [one, other] = await Promise.all([startDownloader(env), startDownloader(env)]);
});
beforeEach(() => {
  gateways.denied = false;
});
afterAll(async () => {
  await Promise.all([one.stop(), other.stop()]);
  await Promise.all([hub.stop(), registry.stop(), gateways.stop()]);
});

/** Each test has clients of its own, so that none uses up another's requests. */
let clients = 0;
function client(): Record<string, string> {
  clients += 1;
  return { "cf-connecting-ip": `192.0.2.${clients}` };
}

async function archive(server: DownloaderProcess, more = ""): Promise<Buffer> {
  const url = `${server.origin}/api/download?image=${registry.host}/team/web${more}`;
  const response = await fetch(url, { headers: client() });
  return Buffer.from(await response.bytes());
}

async function search(server: DownloaderProcess, query: string): Promise<Response> {
  const body = JSON.stringify({ query });
  return await fetch(`${server.origin}/api/search`, { method: "POST", headers: client(), body });
}

function layerRequests(): string[] {
  return registry.asked.filter((line) => registry.layers.some((digest) => line === `GET /v2/team/web/blobs/${digest}`));
}

function stored(): string[] {
  return [...gateways.objects.keys()].map((key) => key.replace("downloader/blobs/sha256/", "sha256:"));
}

async function metric(server: DownloaderProcess, line: string): Promise<number> {
  const text = await (await fetch(`${server.origin}/metrics`)).text();
  return Number(
    text
      .split("\n")
      .find((each) => each.startsWith(`${line} `))
      ?.split(" ")
      .at(-1) ?? 0,
  );
}

describe("the limit of requests", () => {
  it("is one for all instances, by the client's address", async ({ expect }) => {
    const headers = client();
    const answers = await Promise.all(
      Array.from({ length: 104 }, async (_, index) => {
        const server = index % 2 === 0 ? one : other;
        return await fetch(`${server.origin}/api/registries`, { headers });
      }),
    );
    expect(answers.filter(({ status }) => status === 200).length).toBe(100);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.headers.get("ratelimit-limit")).toBe("100");
    expect(refused?.headers.get("ratelimit-remaining")).toBe("0");
    expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await refused?.json()).toMatchObject({ error: { code: "RATE_LIMITED", retry_after: expect.any(Number) } });
    // Others are others, and neither the page, nor checks, nor progress are counted.
    expect((await fetch(`${one.origin}/api/registries`, { headers: client() })).status).toBe(200);
    for (const path of ["/", "/health", "/metrics"]) {
      expect((await fetch(one.origin + path, { headers })).status).toBe(200);
    }
    const id = randomBytes(16).toString("hex");
    const download = await fetch(`${one.origin}/api/download?image=${registry.host}/team/web&id=${id}`, { headers });
    expect(download.status).toBe(429);
    const events = readEvents(`${one.origin}/api/downloads/${id}/events`);
    expect(await events.until(({ state }) => state === "failed")).toMatchObject({ error: { code: "RATE_LIMITED" } });
  });

  it("is that of each instance where they share nothing, and never keeps anybody out for that", async ({ expect }) => {
    const alone = await startDownloader({
      DOWNLOADER_RATE_LIMIT: "2",
      DOWNLOADER_STATE_URL: "http://127.0.0.1:9/S/x:",
    });
    const statuses = [];
    for (let index = 0; index < 3; index += 1) statuses.push((await fetch(`${alone.origin}/api/registries`)).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect(alone.output().split("downloader.gateway.off").length).toBe(2);
    await alone.stop();
  });

  it("counts who connects where nothing in front says who it is", async ({ expect }) => {
    const alone = await startDownloader({ DOWNLOADER_RATE_LIMIT: "1" });
    expect((await fetch(`${alone.origin}/api/registries`, { headers: client() })).status).toBe(200);
    expect((await fetch(`${alone.origin}/api/registries`, { headers: client() })).status).toBe(429);
    await alone.stop();
  });
});

describe("progress", () => {
  it("is told by another instance than the one that sends", async ({ expect }) => {
    const id = randomBytes(16).toString("hex");
    const events = readEvents(`${other.origin}/api/downloads/${id}/events`);
    const bytes = await archive(one, `&id=${id}`);
    expect(await events.until(({ state }) => state === "done")).toMatchObject({
      bytes: bytes.length,
      total: bytes.length,
    });
    await events.ended;
  });
});

describe("metadata", () => {
  it("that one instance has asked for is known to all, until its time is over", async ({ expect }) => {
    await search(one, "shared");
    await vi.waitFor(() =>
      expect([...gateways.keys.keys()].some((key) => key.includes("metadata/search/"))).toBe(true),
    );
    expect(await (await search(other, "shared")).json()).toMatchObject({ num_results: 2 });
    expect(hub.asked.filter((path) => path.includes("query=shared")).length).toBe(1);
  });
});

describe("layers", () => {
  it("are stored when they were verified, and asked for once by all instances", async ({ expect }) => {
    const first = await archive(one);
    await vi.waitFor(() => expect(stored().toSorted()).toEqual(registry.layers.toSorted()));
    const before = layerRequests().length;
    const second = await archive(other);
    expect(second.equals(first)).toBe(true);
    expect(layerRequests().length).toBe(before);
    expect(await metric(other, 'downloader_cache_total{cache="layers",result="hit"}')).toBe(registry.layers.length);
    const part = await fetch(`${other.origin}/api/download?image=${registry.host}/team/web`, {
      headers: { ...client(), range: "bytes=100000-" },
    });
    expect(Buffer.from(await part.bytes()).equals(first.subarray(100_000))).toBe(true);
    expect(layerRequests().length).toBe(before);
    // Kept for a day from now on.
    await vi.waitFor(() => {
      for (const digest of registry.layers) expect(gateways.keys.has(`downloader/used/${digest}`)).toBe(true);
    });
  });

  it("of a private image are neither stored nor served", async ({ expect }) => {
    const login = { user: "ada", password: "secret" };
    const locked = await startRegistry(login);
    const image = `${locked.host}/team/web`;
    const get = async () =>
      await fetch(`${one.origin}/api/download`, {
        method: "POST",
        headers: client(),
        body: JSON.stringify({ image, username: login.user, password: login.password }),
      });
    gateways.objects.clear();
    gateways.asked.length = 0;
    expect((await (await get()).bytes()).length).toBeGreaterThan(500_000);
    await (await get()).bytes();
    expect(gateways.asked.filter((line) => /^\w+ (?:R2|KV) /.test(line))).toEqual([]);
    expect(locked.asked.filter((line) => line.includes("/blobs/")).length).toBeGreaterThan(0);
    await locked.stop();
  });

  it("are taken out by the operator, one or all of them", async ({ expect }) => {
    const fresh = await startDownloader({ ...gateways.env, DOWNLOADER_PURGE_TOKEN: TOKEN });
    await archive(fresh);
    await vi.waitFor(() => expect(stored().length).toBe(registry.layers.length));
    const purge = async (path: string, token: string) =>
      await fetch(fresh.origin + path, { method: "DELETE", headers: { authorization: `Bearer ${token}` } });
    const [first] = registry.layers;
    expect((await purge("/api/cache", "wrong")).status).toBe(401);
    expect((await purge("/api/cache/latest", TOKEN)).status).toBe(400);
    expect(await (await purge(`/api/cache/${first}`, TOKEN)).json()).toEqual({ deleted: { digest: first } });
    expect(stored()).not.toContain(first);
    expect(await (await purge("/api/cache", TOKEN)).json()).toMatchObject({ deleted: { layers: 1 } });
    expect(stored()).toEqual([]);
    expect([...gateways.keys.keys()].filter((key) => key.includes("metadata/"))).toEqual([]);
    await fresh.stop();
  });

  it("are not waited for where the cache is not granted, and it is said once", async ({ expect }) => {
    gateways.denied = true;
    const fresh = await startDownloader(gateways.env);
    expect((await archive(fresh)).length).toBeGreaterThan(500_000);
    expect((await archive(fresh)).length).toBeGreaterThan(500_000);
    expect(fresh.output().split('"gateway":"r2"').length).toBe(2);
    await fresh.stop();
  });
});

describe("a sweep", () => {
  it("takes out what nobody has used for a day, once an hour for all instances", async ({ expect }) => {
    const own = await startGateways();
    const metrics = new Metrics();
    const kv = new Gateway("kv", own.env["DOWNLOADER_KV_URL"] ?? null);
    const r2 = new Gateway("r2", own.env["DOWNLOADER_R2_URL"] ?? null);
    const lastUse = new LastUse(kv);
    const stores = { r2, kv, lastUse, layers: new R2Layers(r2, lastUse, metrics), metrics };
    const put = (name: string, age: number) => {
      own.objects.set(`downloader/blobs/sha256/${name}`, {
        bytes: Buffer.alloc(3),
        uploaded: new Date(Date.now() - age),
      });
    };
    put("old", DAY_MS + 1);
    put("old-and-used", DAY_MS + 1);
    put("new", DAY_MS - 60_000);
    own.keys.set("downloader/used/sha256:old-and-used", "1");
    own.objects.set("another/blobs/sha256/old", { bytes: Buffer.alloc(3), uploaded: new Date(0) });
    expect(await sweep(stores)).toBe(1);
    expect([...own.objects.keys()].toSorted()).toEqual([
      "another/blobs/sha256/old",
      "downloader/blobs/sha256/new",
      "downloader/blobs/sha256/old-and-used",
    ]);
    put("old", DAY_MS + 1);
    const asked = own.asked.length;
    expect(await sweep(stores)).toBeNull();
    // All that an hour costs where there is nothing to do.
    expect(own.asked.length - asked).toBe(1);
    // The one that was new is as old by then.
    expect(await sweep(stores, Date.now() + 3_600_001)).toBe(2);
    await own.stop();
  });
});
