/** The server as it runs, over loopback: its API, its errors, what it tells of itself. Downloads have tests of their own. */
import { randomBytes } from "node:crypto";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { request } from "node:http";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { curl, postJson, refusal } from "./testing/ask.ts";
import { startDownloader, type DownloaderProcess } from "./testing/downloader-process.ts";
import { startHubApi, type HubApi } from "./testing/hub-api.ts";
import { readEvents } from "./testing/events.ts";
import { startRegistry, type TestRegistry } from "./testing/registry.ts";

let server: DownloaderProcess;
let hub: HubApi;
let registry: TestRegistry;

beforeAll(async () => {
  [hub, registry] = await Promise.all([startHubApi(), startRegistry()]);
  server = await startDownloader({
    DOWNLOADER_HUB_URL: hub.origin,
    DOWNLOADER_REGISTRIES: JSON.stringify([{ host: "own.example:5000", url: registry.origin, title: "Our own" }]),
  });
});
afterEach(() => {
  hub.away = false;
  registry.gate = Promise.resolve();
});
afterAll(async () => {
  await server.stop();
  await Promise.all([hub.stop(), registry.stop()]);
});

const ask = async (path: string, init: RequestInit = {}) => await fetch(server.origin + path, init);
const post = async (path: string, body: object) => await postJson(server.origin + path, body);
const IMAGE = "own.example:5000/team/web";

describe("a search", () => {
  it("finds what Docker Hub finds, in the shape that it always had, and the operator's own first", async ({
    expect,
  }) => {
    const body = '{"query": "ubuntu", "limit": 10}';
    const args = ["-X", "POST", `${server.origin}/api/search`, "-H", "Content-Type: application/json", "-d", body];
    expect(JSON.parse(String(await curl(...args)))).toEqual({
      query: "ubuntu",
      num_results: 2,
      unreachable: [],
      results: [
        {
          name: "ubuntu",
          description: expect.stringContaining("Debian-based"),
          star_count: 17_211,
          pull_count: 3_512_345_678,
          is_official: true,
          is_automated: false,
          registry: "docker.io",
          registry_title: "Docker Hub",
        },
        // As it is: the page shows it as text.
        expect.objectContaining({ name: "ubuntu/nginx", description: '<img src=x onerror="alert(1)">' }),
      ],
    });
    const own = await (await post("/api/search", { query: "web" })).json<{ results: readonly object[] }>();
    expect(own.results[0]).toMatchObject({ name: IMAGE, registry: "own.example:5000", registry_title: "Our own" });
  });

  it("asks the Hub once in five minutes", async ({ expect }) => {
    const query = "asked-often";
    await Promise.all([post("/api/search", { query }), post("/api/search", { query }), post("/api/search", { query })]);
    await post("/api/search", { query });
    expect(hub.asked.filter((path) => path.includes(query))).toEqual([
      `/v2/search/repositories/?query=${query}&page_size=25&page=1`,
    ]);
  });

  it("says who could not be asked, keeps no failure, and makes nothing up", async ({ expect }) => {
    hub.away = true;
    const query = "away-and-back";
    const answer = await post("/api/search", { query });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ query, num_results: 0, results: [], unreachable: ["docker.io"] });
    hub.away = false;
    expect(await (await post("/api/search", { query })).json()).toMatchObject({ num_results: 2, unreachable: [] });
  });

  it.for([
    {},
    { query: "" },
    { query: 7 },
    { query: "a", limit: 0 },
    { query: "a", limit: 101 },
    { query: "a", limit: "x" },
  ])("is refused for %j", async (body, { expect }) => {
    expect(await refusal(await post("/api/search", body))).toMatchObject({
      status: 400,
      error: { code: "INVALID_REQUEST" },
    });
  });
});

describe("popular images", () => {
  it("are those that are pulled most", async ({ expect }) => {
    const { results } = JSON.parse(String(await curl(`${server.origin}/api/popular`))) as {
      results: { name: string }[];
    };
    expect(results.map(({ name }) => name)).toEqual(["alpine", "ubuntu", "ubuntu/nginx"]);
  });

  it("are none where the Hub is not in reach, and the registries that are are named", async ({ expect }) => {
    const alone = await startDownloader({
      DOWNLOADER_HUB_URL: "http://127.0.0.1:9",
      DOWNLOADER_REGISTRIES: JSON.stringify([{ host: "own.example:5000", url: registry.origin }]),
    });
    try {
      const answer = await fetch(`${alone.origin}/api/popular`);
      expect(await refusal(answer)).toMatchObject({
        status: 503,
        error: { code: "HUB_UNREACHABLE", unreachable: ["docker.io"], registries: ["own.example:5000"] },
      });
      expect(await (await fetch(`${alone.origin}/api/registries`)).json()).toMatchObject({
        registries: [
          { host: "own.example:5000", reachable: true, repositories: [IMAGE] },
          { host: "docker.io", reachable: false, reason: expect.stringContaining("could not be reached") },
        ],
      });
    } finally {
      await alone.stop();
    }
  });
});

describe("details of an image", () => {
  it("are platforms, layers, tags and the size of the archive", async ({ expect }) => {
    const found = await (
      await post("/api/image-details", { image: IMAGE, platform: "linux/arm64" })
    ).json<{
      archive_size: number;
    }>();
    expect(found).toMatchObject({
      name: IMAGE,
      reference: `${IMAGE}:latest`,
      registry_title: "Our own",
      platform: "linux/arm64",
      platforms: ["linux/amd64", "linux/arm64"],
      created: "2026-01-02T03:04:05Z",
      tags: [{ name: "latest" }, { name: "1.10" }, { name: "1.9" }],
      layers: [
        { digest: registry.layers[0], created_by: "COPY . /" },
        { digest: registry.layers[1], created_by: "RUN make" },
      ],
    });
    const head = await ask(`/api/download?image=${IMAGE}&platform=linux/arm64`, { method: "HEAD" });
    expect(Number(head.headers.get("content-length"))).toBe(found.archive_size);
  });

  it("of one that the Hub describes come with what it says, also where its registry is not in reach", async ({
    expect,
  }) => {
    const found = await (await post("/api/image-details", { image: "ubuntu" })).json();
    expect(found).toMatchObject({
      name: "ubuntu",
      description: expect.stringContaining("Debian-based"),
      full_description: expect.stringContaining("Quick reference"),
      star_count: 17_211,
      is_official: true,
      tags: [{ name: "22.04", platforms: [{ platform: "linux/amd64" }, { platform: "linux/arm64/v8" }] }],
      image_error: { code: expect.any(String) },
    });
  });

  it("of a platform that there is not name those that there are", async ({ expect }) => {
    const answer = await post("/api/image-details", { image: IMAGE, platform: "windows/amd64" });
    expect(await refusal(answer)).toMatchObject({
      status: 404,
      error: { code: "PLATFORM_NOT_FOUND", platforms: ["linux/amd64", "linux/arm64"] },
    });
  });
});

describe("tags", () => {
  it("of a registry come in pages, the newest first", async ({ expect }) => {
    expect(await tagPage(1)).toMatchObject({ tags: [{ name: "latest" }, { name: "1.10" }], count: 3, next: 2 });
    expect(await tagPage(2)).toMatchObject({ tags: [{ name: "1.9" }], next: null });
  });

  it("of Docker Hub come with their sizes and platforms", async ({ expect }) => {
    expect(await (await ask("/api/tags?image=ubuntu")).json()).toMatchObject({
      registry: "docker.io",
      tags: [{ name: "22.04", full_size: 29_536_818, last_updated: "2026-10-12T08:01:42.000000Z" }],
    });
  });
});

describe("every answer", () => {
  it("may be read by any page, and preflights say how to ask", async ({ expect }) => {
    for (const answer of [
      await ask("/api/registries"),
      await ask("/api/download?image=UPPER"),
      await ask("/nothing"),
    ]) {
      expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    }
    const preflight = await ask("/api/search", {
      method: "OPTIONS",
      headers: { "access-control-request-method": "POST" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-methods")).toContain("POST");
    expect(preflight.headers.get("access-control-allow-headers")).toContain("content-type");
  });

  it("is for the page's own origin where images of the operator's are among them, unless he says otherwise", async ({
    expect,
  }) => {
    const DOWNLOADER_REGISTRIES = JSON.stringify([{ host: "own.example", url: "http://registry.gantry.internal" }]);
    for (const [more, origin] of [
      [{}, null],
      [{ DOWNLOADER_CROSS_ORIGIN: "true" }, "*"],
    ] as const) {
      const own = await startDownloader({ DOWNLOADER_REGISTRIES, ...more });
      const answer = await fetch(`${own.origin}/nothing`);
      expect(answer.headers.get("access-control-allow-origin")).toBe(origin);
      const asked = { method: "OPTIONS", headers: { "access-control-request-method": "POST" } };
      const preflight = await fetch(`${own.origin}/api/search`, asked);
      expect(preflight.headers.get("access-control-allow-origin")).toBe(origin);
      expect(preflight.headers.has("access-control-allow-methods")).toBe(origin !== null);
      await own.stop();
    }
  });

  it.for([
    ["br", "gzip;q=0.8, br"],
    ["gzip", "gzip"],
    ["gzip", "br;q=0, *"],
    [null, "identity"],
  ] as const)("of text is sent as %s to who accepts %s", async ([encoding, accepted], { expect }) => {
    const outgoing = request(`${server.origin}/metrics`, { headers: { "accept-encoding": accepted } });
    outgoing.end();
    const [answer] = await once(outgoing, "response");
    expect(answer.headers["content-encoding"] ?? null).toBe(encoding);
    expect(answer.headers.vary).toContain("accept-encoding");
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const plain = encoding === "br" ? brotliDecompressSync(bytes) : encoding === "gzip" ? gunzipSync(bytes) : bytes;
    expect(String(plain)).toContain("# TYPE");
  });

  it("of the page is for its own origin, under a policy without exceptions", async ({ expect }) => {
    const page = await ask("/");
    expect(page.headers.get("content-type")).toContain("text/html");
    expect(page.headers.get("access-control-allow-origin")).toBeNull();
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe");
    const again = await ask("/", { headers: { "if-none-match": page.headers.get("etag") ?? "" } });
    expect(again.status).toBe(304);
    const [script = ""] = /\/assets\/[\w-]+\.js/.exec(await page.text()) ?? [];
    expect((await ask(script)).headers.get("cache-control")).toContain("immutable");
  });

  it("to another method names those that there are", async ({ expect }) => {
    const answer = await ask("/api/registries", { method: "POST" });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
  });
});

describe("operators", () => {
  it("see that it is healthy, and what it has done", async ({ expect }) => {
    expect(await (await ask("/health")).json()).toEqual({
      status: "healthy",
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    await ask("/api/download?image=UPPER");
    await (await ask(`/api/download?image=${IMAGE}`)).bytes();
    const text = await (await ask("/metrics")).text();
    expect(text).toMatch(/downloader_requests_total\{route="\/health",method="GET",status="200"\} \d+/);
    expect(text).toMatch(/downloader_errors_total\{route="\/api\/download",code="INVALID_REFERENCE"\} \d+/);
    expect(text).toMatch(/downloader_request_duration_seconds_bucket\{route="\/health",le="\+Inf"\} \d+/);
    expect(text).toMatch(/downloader_sent_bytes_total [1-9]/);
    for (const line of text.trim().split("\n")) {
      expect(line).toMatch(
        /^(?:# (?:HELP|TYPE) [a-z0-9_]+ .+|[a-z0-9_]+(?:\{[a-z_]+="[^"]*"(?:,[a-z_]+="[^"]*")*\})? [\d.e+-]+)$/,
      );
    }
  });

  it("may not empty the caches without a token, nor anybody else", async ({ expect }) => {
    expect(await refusal(await ask("/api/cache", { method: "DELETE" }))).toMatchObject({
      status: 403,
      error: { code: "PURGE_OFF" },
    });
  });

  it("are told of a setting that cannot be read", async ({ expect }) => {
    await expect(startDownloader({ DOWNLOADER_REGISTRIES: "[{}]" })).rejects.toThrow(
      /DOWNLOADER_REGISTRIES\[0\]\.host/,
    );
    await expect(startDownloader({ DOWNLOADER_RATE_LIMIT: "many" })).rejects.toThrow(/DOWNLOADER_RATE_LIMIT/);
  });

  it("may stop it: archives on their way are sent to their end, and nothing else is waited for", async ({ expect }) => {
    const own = await startDownloader();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    registry.gate = gate;
    const events = readEvents(`${own.origin}/api/downloads/${newId()}/events`);
    const archive = await fetch(`${own.origin}/api/download?image=${registry.host}/team/web`);
    own.signal("SIGTERM");
    await events.ended;
    open();
    expect((await archive.bytes()).length).toBe(Number(archive.headers.get("content-length")));
    expect(await own.exit).toEqual([0, null]);
  });
});

function newId(): string {
  return randomBytes(16).toString("hex");
}

async function tagPage(number: number): Promise<unknown> {
  return await (await ask(`/api/tags?image=${IMAGE}&page=${number}&page_size=2`)).json();
}
