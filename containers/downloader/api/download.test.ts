/** Downloads over loopback, whichever way they are asked for, and what a page hears of them. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { curl, postJson, refusal } from "../testing/ask.ts";
import { startDownloader, type DownloaderProcess } from "../testing/downloader-process.ts";
import { readEvents } from "../testing/events.ts";
import { startRegistry, type TestRegistry } from "../testing/registry.ts";

let server: DownloaderProcess;
let registry: TestRegistry;
let locked: TestRegistry;
const LOGIN = { user: "ada", password: "a secret: ünd more" };
const IMAGE = "own.example:5000/team/web";

beforeAll(async () => {
  [registry, locked] = await Promise.all([startRegistry(), startRegistry(LOGIN)]);
  server = await startDownloader({
    DOWNLOADER_REGISTRIES: JSON.stringify([{ host: "own.example:5000", url: registry.origin }]),
  });
});
afterEach(() => {
  registry.gate = Promise.resolve();
});
afterAll(async () => {
  await server.stop();
  await Promise.all([registry.stop(), locked.stop()]);
});

const ask = async (path: string, init: RequestInit = {}) => await fetch(server.origin + path, init);
const post = async (path: string, body: object) => await postJson(server.origin + path, body);

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

function newId(): string {
  return randomBytes(16).toString("hex");
}

/** Those that are not about the connection. */
function shown(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => !["date", "connection", "keep-alive"].includes(name)));
}
