/** The server as it runs, over loopback: its API, its errors, what it tells of itself. Archives have tests of their own. */
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { request } from "node:http";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { startDownloader, type DownloaderProcess } from "./testing/downloader-process.ts";
import { startHubApi, type HubApi } from "./testing/hub-api.ts";
import { readEvents } from "./testing/events.ts";
import { startRegistry, type TestRegistry } from "./testing/registry.ts";

let server: DownloaderProcess;
let hub: HubApi;
let registry: TestRegistry;
let locked: TestRegistry;
const LOGIN = { user: "ada", password: "a secret: ünd more" };

beforeAll(async () => {
  [hub, registry, locked] = await Promise.all([startHubApi(), startRegistry(), startRegistry(LOGIN)]);
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
  await Promise.all([hub.stop(), registry.stop(), locked.stop()]);
});

const ask = async (path: string, init: RequestInit = {}) => await fetch(server.origin + path, init);
const post = async (path: string, body: object) =>
  await ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
/** What curl prints, with the arguments of somebody who has read the documentation. */
const curl = async (...args: readonly string[]) =>
  (await promisify(execFile)("curl", ["-sS", ...args], { encoding: "buffer" })).stdout;
const IMAGE = "own.example:5000/team/web";

interface Refusal {
  readonly error: { readonly code: string; readonly message: string; readonly platforms?: readonly string[] };
  readonly message: string;
}
const refusal = async (response: Response) => ({ status: response.status, ...(await response.json<Refusal>()) });

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

describe("a download", () => {
  const body = JSON.stringify({ image: `${IMAGE}:latest`, platform: "linux/amd64" });

  it("is the same by JSON, as a stream, by a form and by a link", async ({ expect }) => {
    const json = ["-X", "POST", "-H", "Content-Type: application/json", "-d", body];
    const archives = await Promise.all([
      curl(...json, `${server.origin}/api/download`),
      curl(...json, `${server.origin}/api/download-stream`),
      curl("-d", `image=${IMAGE}:latest`, "-d", "platform=linux/amd64", `${server.origin}/api/download`),
      curl(`${server.origin}/api/download?image=${IMAGE}:latest&platform=linux/amd64`),
      // Without its type curl says that this is a form.
      curl("-d", body, `${server.origin}/api/download`),
    ]);
    expect(archives[0].length).toBeGreaterThan(500_000);
    const sums = archives.map((bytes) => createHash("sha256").update(bytes).digest("hex"));
    expect(new Set(sums).size).toBe(1);
  });

  it("goes on where it was cut, by GET and by POST", async ({ expect }) => {
    const whole = await curl("-d", body, `${server.origin}/api/download`);
    const link = `${server.origin}/api/download?image=${IMAGE}`;
    const middle = 123_456;
    expect((await curl("-r", `${middle}-`, link)).equals(whole.subarray(middle))).toBe(true);
    const posted = await curl("-H", `range: bytes=${middle}-`, "-d", body, `${server.origin}/api/download`);
    expect(posted.equals(whole.subarray(middle))).toBe(true);
    // What curl makes of `-r` and `-C` by POST: it would append the whole.
    expect(
      JSON.parse(String(await curl("-r", `${middle}-`, "-d", body, `${server.origin}/api/download`))),
    ).toMatchObject({
      error: { field: "content-range" },
    });
  });

  it("is what its headers say that it is", async ({ expect }) => {
    const path = `/api/download?image=${IMAGE}`;
    const [head, get] = [
      await ask(path, { method: "HEAD" }),
      await ask(path, { headers: { "accept-encoding": "br" } }),
    ];
    const bytes = await get.bytes();
    expect(get.headers.get("content-encoding")).toBeNull();
    expect(get.headers.get("content-length")).toBe(String(bytes.length));
    expect(get.headers.get("content-disposition")).toContain(".tar");
    expect(get.headers.get("access-control-allow-origin")).toBe("*");
    expect(shown(head.headers)).toEqual(shown(get.headers));
    const again = await ask(path, { headers: { "if-none-match": get.headers.get("etag") ?? "" } });
    expect(again.status).toBe(304);
  });

  it("of a private image takes a user and password in its body, and says nothing of them anywhere", async ({
    expect,
  }) => {
    const image = `${locked.host}/team/web`;
    expect(await refusal(await post("/api/download", { image }))).toMatchObject({
      status: 401,
      error: { code: "LOGIN_REQUIRED" },
    });
    expect(
      await refusal(await post("/api/download", { image, username: LOGIN.user, password: "wrong" })),
    ).toMatchObject({ status: 401 });
    const form = await ask("/api/download", {
      method: "POST",
      body: new URLSearchParams({ image, username: LOGIN.user, password: LOGIN.password, platform: "", format: "" }),
    });
    expect(form.status).toBe(200);
    expect(form.headers.get("cache-control")).toContain("no-store");
    const whole = Buffer.from(await form.bytes());
    const user = ["-u", `${LOGIN.user}:${LOGIN.password}`];
    const rest = await curl(...user, "-r", "1000-", `${server.origin}/api/download?image=${image}`);
    expect(rest.equals(whole.subarray(1000))).toBe(true);
    // Nor may anybody without them have what they have opened.
    expect((await post("/api/image-details", { image })).status).toBe(401);
    const inQuery = await ask(`/api/download?image=${image}&username=ada&password=x`);
    expect(await refusal(inQuery)).toMatchObject({ status: 400, error: { field: "username" } });
    for (const said of [LOGIN.password, encodeURIComponent(LOGIN.password), LOGIN.user]) {
      expect(server.output()).not.toContain(said);
    }
  });

  it.for([
    [{}, 400, "INVALID_REQUEST"],
    [{ image: "UPPER" }, 400, "INVALID_REFERENCE"],
    [{ image: IMAGE, platform: "linux" }, 400, "INVALID_PLATFORM"],
    [{ image: IMAGE, format: "zip" }, 400, "INVALID_REQUEST"],
    [{ image: IMAGE, id: "short" }, 400, "INVALID_REQUEST"],
    [{ images: Array.from({ length: 11 }, () => IMAGE) }, 400, "INVALID_REQUEST"],
    [{ image: `${IMAGE}:missing` }, 404, "IMAGE_NOT_FOUND"],
    [{ image: IMAGE, platform: "darwin/arm64" }, 404, "PLATFORM_NOT_FOUND"],
    [{ image: "127.0.0.1:9/team/web" }, 504, "REGISTRY_UNREACHABLE"],
  ] as const)("of %j is refused with %d %s", async ([asked, status, code], { expect }) => {
    const answer = await refusal(await post("/api/download", asked));
    expect(answer).toMatchObject({ status, error: { code } });
    // Where clients of the service that this follows look for it.
    expect(answer.message).toBe(answer.error.message);
  });

  it("that the operator's registry does not have names that as its visitors do", async ({ expect }) => {
    const { message } = await refusal(await post("/api/download", { image: `${IMAGE}:missing` }));
    expect(message).toBe("own.example:5000 has no team/web:missing");
  });

  it.for([
    ["nothing", "", "application/json", 400],
    ["what is no JSON", "{", "application/json", 400],
    ["a list", "[]", "application/json", 400],
    ["a body of another kind", "x", "image/png", 415],
    ["too much", `{"image": "${"x".repeat(70_000)}"}`, "application/json", 413],
  ] as const)("is refused for %s", async ([, text, type, status], { expect }) => {
    const answer = await ask("/api/download", { method: "POST", headers: { "content-type": type }, body: text });
    expect(answer.status).toBe(status);
  });
});

describe("progress", () => {
  it("is told from before the first byte to the last, by the id that the page chose", async ({ expect }) => {
    const own = newId();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    registry.gate = gate;
    const events = readEvents(`${server.origin}/api/downloads/${own}/events`);
    const archive = ask(`/api/download?image=${IMAGE}&id=${own}`);
    const first = await events.until(({ state }) => state === "sending");
    expect(first).toMatchObject({ offset: 0, filename: expect.stringContaining(".tar"), error: null });
    open();
    const bytes = await (await archive).bytes();
    const last = await events.until(({ state }) => state === "done");
    expect(last).toMatchObject({ bytes: bytes.length, total: bytes.length });
    await events.ended;
  });

  it("begins where a resumed download begins", async ({ expect }) => {
    const own = newId();
    await (await ask(`/api/download?image=${IMAGE}&id=${own}`, { headers: { range: "bytes=1000-" } })).bytes();
    const last = await readEvents(`${server.origin}/api/downloads/${own}/events`).until(
      ({ state }) => state === "done",
    );
    expect(last).toMatchObject({ offset: 1000, bytes: last.total });
  });

  it("tells why there is no archive", async ({ expect }) => {
    const own = newId();
    await ask(`/api/download?image=${IMAGE}:missing&id=${own}`);
    const events = readEvents(`${server.origin}/api/downloads/${own}/events`);
    expect(await events.until(({ state }) => state === "failed")).toMatchObject({ error: { code: "IMAGE_NOT_FOUND" } });
  });

  it("tells that whoever downloads has gone", async ({ expect }) => {
    // One that has no layer in memory yet, so that it waits for the registry.
    const alone = await startDownloader();
    const own = newId();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    registry.gate = gate;
    const outgoing = request(`${alone.origin}/api/download?image=${registry.host}/team/web&id=${own}`);
    outgoing.on("error", () => undefined).end();
    await once(outgoing, "response");
    outgoing.destroy();
    const events = readEvents(`${alone.origin}/api/downloads/${own}/events`);
    expect(await events.until(({ state }) => state !== "sending")).toMatchObject({ state: "aborted" });
    open();
    await alone.stop();
  });

  it("is refused for an id that could be guessed", async ({ expect }) => {
    expect((await ask("/api/downloads/1/events")).status).toBe(400);
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

/** Those that are not about the connection. */
function shown(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => !["date", "connection", "keep-alive"].includes(name)));
}
