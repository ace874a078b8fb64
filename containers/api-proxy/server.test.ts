/** The server as it runs in its image, in front of a real upstream. */
import { spawn, type ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttpServer, request, type IncomingMessage, type Server } from "node:http";
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { afterAll, beforeAll, describe, it } from "vitest";

const SERVER = join(import.meta.dirname, "server.ts");
const LIMIT = 4 * 1_048_576;

let upstream: Server;
let silent: ReturnType<typeof createTcpServer>;
let proxy: ChildProcess;
let port: number;
/** Requests that wait for the test to answer them. */
const held = new Map<string, (request: IncomingMessage, socket: Socket) => void>();

const portOf = (server: { address(): AddressInfo | string | null }) => (server.address() as AddressInfo).port;

async function listening<T extends Server | ReturnType<typeof createTcpServer>>(server: T): Promise<T> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function answerUpstream(
  incoming: IncomingMessage,
  answer: Parameters<Parameters<typeof createHttpServer>[1] & object>[1],
) {
  const url = new URL(incoming.url ?? "/", "http://upstream");
  const name = url.pathname.slice("/base/".length);
  switch (name) {
    case "echo": {
      const headers = incoming.headers;
      void textOf(incoming).then((body) =>
        answer.end(JSON.stringify({ method: incoming.method, url: incoming.url, headers, body })),
      );
      break;
    }
    case "hash": {
      const hash = createHash("sha256");
      incoming.on("data", (chunk: Buffer) => hash.update(chunk));
      incoming.on("end", () => answer.end(hash.digest("hex")));
      break;
    }
    case "back":
      answer.writeHead(201, { "content-type": "application/octet-stream" });
      incoming.pipe(answer);
      break;
    case "headers":
      answer.writeHead(200, "Fine", {
        "set-cookie": ["a=1; HttpOnly", "b=2"],
        "x-hop": "dropped",
        connection: "keep-alive, x-hop",
        "keep-alive": "timeout=5",
        "access-control-allow-origin": "https://only.test",
        "strict-transport-security": "max-age=1",
        "alt-svc": "h3",
        vary: "accept-language",
        etag: '"e"',
        "content-length": "4",
      });
      answer.end(incoming.method === "HEAD" ? undefined : "body");
      break;
    case "redirect":
      answer.writeHead(302, { location: url.searchParams.get("to") ?? "" });
      answer.end();
      break;
    case "status":
      answer.writeHead(Number(url.searchParams.get("code")), { "x-kept": "yes" });
      answer.end();
      break;
    case "cut":
      answer.writeHead(200, { "content-length": "100" });
      answer.write("half", () => answer.destroy());
      break;
    case "stall":
      answer.writeHead(200, { "content-type": "text/plain" });
      answer.write("first");
      break;
    case "never":
      break;
    case "denied":
      answer.writeHead(403, { "gantry-error": "EGRESS_DENIED" });
      answer.end("{}");
      break;
    default: {
      const hold = held.get(name);
      if (hold === undefined) {
        answer.writeHead(404, { "content-type": "text/plain" });
        answer.end("not here");
      } else hold(incoming, incoming.socket);
    }
  }
}

async function startProxy(env: Record<string, string>): Promise<{ proxy: ChildProcess; port: number }> {
  const child = spawn(process.execPath, [SERVER], {
    env: { ...process.env, PORT: "0", ...env },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [line] = await once(child.stdout, "data");
  return { proxy: child, port: Number(/\d+/.exec(String(line))?.[0]) };
}

beforeAll(async () => {
  upstream = await listening(createHttpServer(answerUpstream));
  // Takes connections and says nothing.
  silent = await listening(createTcpServer());
  const closed = await listening(createTcpServer());
  const closedPort = portOf(closed);
  closed.close();
  const base = `http://127.0.0.1:${portOf(upstream)}/base`;
  const upstreams = {
    "/api": { url: base, headers: { "x-set": "by the proxy" } },
    "/named": { url: base, forward: ["Authorization", "Cookie"], expose: ["Set-Cookie"], methods: ["GET"] },
    "/some": { url: base, paths: ["/echo"] },
    "/closed": { url: `http://127.0.0.1:${closedPort}` },
    "/silent": { url: `https://127.0.0.1:${portOf(silent)}` },
  };
  ({ proxy, port } = await startProxy({
    API_PROXY_UPSTREAMS: JSON.stringify(upstreams),
    API_PROXY_MAX_BODY_BYTES: String(LIMIT),
    API_PROXY_CONNECT_TIMEOUT_MS: "300",
    API_PROXY_HEADERS_TIMEOUT_MS: "400",
    API_PROXY_IDLE_TIMEOUT_MS: "600",
  }));
});

afterAll(() => {
  proxy.kill("SIGKILL");
  upstream.closeAllConnections();
  upstream.close();
  silent.close();
});

const at = (path: string) => `http://127.0.0.1:${port}${path}`;

interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

async function echo(path: string, init: RequestInit = {}): Promise<Echo> {
  return await (await fetch(at(path), init)).json<Echo>();
}

async function problem(answer: Response): Promise<string> {
  const { error } = await answer.json<{ error: { code: string } }>();
  return `${answer.status} ${error.code} ${answer.headers.get("access-control-allow-origin")}`;
}

/** Where a redirect of the upstream to `location` leads. */
async function redirect(location: string): Promise<string | null> {
  const answer = await fetch(at(`/api/redirect?to=${encodeURIComponent(location)}`), { redirect: "manual" });
  return answer.status === 302 ? answer.headers.get("location") : await problem(answer);
}

/** Exactly these bytes, and what comes back until the connection ends. */
async function raw(bytes: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(bytes);
  return await textOf(socket);
}

describe("api-proxy", () => {
  it("says how it is used, to people and to programs", async ({ expect }) => {
    const page = await fetch(at("/"), { headers: { accept: "text/html,*/*" } });
    expect(page.headers.get("content-type")).toContain("text/html");
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(await page.text()).toContain("/named/…");
    const json = await (await fetch(at("/"))).json<{ upstreams: { prefix: string }[] }>();
    expect(json.upstreams.map(({ prefix }) => prefix)).toContain("/api");
  });

  it("is healthy", async ({ expect }) => {
    expect(await (await fetch(at("/health"))).json()).toEqual({
      status: "healthy",
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    const head = await fetch(at("/health"), { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  it("sends path, query and body on as they are", async ({ expect }) => {
    const sent = await echo("/api/echo?a=1&a=%20%2F&b", { method: "POST", body: "text" });
    expect(sent).toMatchObject({ method: "POST", url: "/base/echo?a=1&a=%20%2F&b", body: "text" });
    expect(sent.headers["content-length"]).toBe("4");
  });

  it("sets what it is told to, and says for whom it asks", async ({ expect }) => {
    const headers = {
      "x-set": "by the caller",
      "x-forwarded-for": "192.0.2.1",
      "x-forwarded-proto": "https",
      accept: "a/b",
    };
    const sent = await echo("/api/echo", { headers });
    expect(sent.headers).toMatchObject({
      "x-set": "by the proxy",
      accept: "a/b",
      host: `127.0.0.1:${portOf(upstream)}`,
      "x-forwarded-for": expect.stringMatching(/^192\.0\.2\.1, .*127\.0\.0\.1$/),
      "x-forwarded-proto": "https",
      "x-forwarded-host": `127.0.0.1:${port}`,
      via: "1.1 api-proxy",
    });
  });

  it("keeps the caller's secrets, but where an upstream is named to have them", async ({ expect }) => {
    const headers = {
      authorization: "Bearer s",
      cookie: "s=1",
      "proxy-authorization": "Basic s",
      "cf-connecting-ip": "192.0.2.1",
      "gantry-caller": "x",
    };
    const kept = (await echo("/api/echo", { headers })).headers;
    for (const name of Object.keys(headers)) expect(kept).not.toHaveProperty(name);
    const named = (await echo("/named/echo", { headers })).headers;
    expect(named).toMatchObject({ authorization: "Bearer s", cookie: "s=1" });
    expect(named).not.toHaveProperty("gantry-caller");
  });

  it("passes on nothing that is of one connection", async ({ expect }) => {
    const answer = await raw(
      "GET /api/echo HTTP/1.1\r\nHost: proxy\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\nTE: trailers\r\n" +
        "Upgrade: h2c\r\nHTTP2-Settings: AAA\r\nKeep-Alive: timeout=1\r\n\r\n",
    );
    const { headers } = JSON.parse(answer.slice(answer.indexOf("{"), answer.lastIndexOf("}") + 1)) as Echo;
    for (const name of ["x-mine", "te", "upgrade", "http2-settings"]) expect(headers).not.toHaveProperty(name);
    expect(headers["connection"]).toBe("keep-alive");
    expect(headers["keep-alive"] ?? "").not.toContain("1");
  });

  it("answers with the upstream's status and headers, less what is not the caller's", async ({ expect }) => {
    const answer = await fetch(at("/api/headers"));
    expect([answer.status, answer.statusText, await answer.text()]).toEqual([200, "Fine", "body"]);
    const seen = Object.fromEntries(answer.headers);
    expect(seen).toMatchObject({ etag: '"e"', "content-length": "4", "access-control-allow-origin": "*" });
    for (const name of ["set-cookie", "x-hop", "strict-transport-security", "alt-svc"])
      expect(seen).not.toHaveProperty(name);
    const exposed = await fetch(at("/named/headers"));
    expect(exposed.headers.getSetCookie()).toEqual(["a=1; HttpOnly", "b=2"]);
    await exposed.body?.cancel();
  });

  it("answers HEAD without a body and with the length", async ({ expect }) => {
    const answer = await fetch(at("/api/headers"), { method: "HEAD" });
    expect([answer.status, answer.headers.get("content-length"), await answer.text()]).toEqual([200, "4", ""]);
  });

  it.for([204, 304, 404, 418, 500])("keeps the status %d", async (code, { expect }) => {
    const answer = await fetch(at(`/api/status?code=${code}`));
    expect([answer.status, answer.headers.get("x-kept")]).toEqual([code, "yes"]);
  });

  it("carries binary bodies whole, of a stated length or in chunks", async ({ expect }) => {
    const bytes = randomBytes(3 * 1_048_576 + 1);
    const hex = createHash("sha256").update(bytes).digest("hex");
    expect(await (await fetch(at("/api/hash"), { method: "PUT", body: bytes })).text()).toBe(hex);
    const body = new Blob([bytes]).stream();
    const chunked = await fetch(at("/api/hash"), { method: "POST", body, duplex: "half" } as RequestInit);
    expect(await chunked.text()).toBe(hex);
    const back = await fetch(at("/api/back"), { method: "POST", body: bytes });
    expect(Buffer.compare(Buffer.from(await back.arrayBuffer()), bytes)).toBe(0);
  });

  it("streams both ways at once, and holds nothing back", async ({ expect }) => {
    const outgoing = request(at("/api/back"), { method: "POST" });
    outgoing.write("one");
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
    expect(String((await once(answer, "data"))[0])).toBe("one");
    outgoing.end("two");
    expect(String((await once(answer, "data"))[0])).toBe("two");
  });

  it("answers preflights itself, and every answer may be read by pages of other origins", async ({ expect }) => {
    const preflight = await fetch(at("/api/echo"), {
      method: "OPTIONS",
      headers: {
        origin: "https://page.test",
        "access-control-request-method": "PUT",
        "access-control-request-headers": "x-a, content-type",
      },
    });
    expect(preflight.status).toBe(204);
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
      "access-control-allow-headers": "x-a, content-type",
    });
    expect(await problem(await fetch(at("/nothing")))).toBe("404 NOT_FOUND *");
  });

  it("refuses methods, paths and ways up that are not its own", async ({ expect }) => {
    const refused = await fetch(at("/named/echo"), { method: "POST" });
    expect(refused.headers.get("allow")).toBe("GET, OPTIONS");
    expect(await problem(refused)).toBe("405 METHOD_NOT_ALLOWED *");
    expect(await problem(await fetch(at("/some/hash")))).toBe("403 PATH_NOT_ALLOWED *");
    expect((await echo("/some/echo")).url).toBe("/base/echo");
    const up = await raw("GET /api/%2e%2e/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect(up).toMatch(/^HTTP\/1.1 400 /);
    const absolute = await raw("GET http://other.test/api/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect(absolute).toMatch(/^HTTP\/1.1 400 /);
  });

  it("takes no body beyond its limit, said or not", async ({ expect }) => {
    const tooMuch = Buffer.alloc(LIMIT + 1);
    expect(await problem(await fetch(at("/api/hash"), { method: "POST", body: tooMuch }))).toBe("413 BODY_TOO_LARGE *");
    const outgoing = request(at("/api/hash"), { method: "POST" });
    outgoing.on("error", () => undefined);
    outgoing.write(tooMuch.subarray(1));
    outgoing.end("x");
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
    expect([answer.statusCode, JSON.parse(await textOf(answer)).error.limit]).toEqual([413, LIMIT]);
    const whole = await fetch(at("/api/hash"), { method: "POST", body: tooMuch.subarray(1) });
    expect(whole.status).toBe(200);
    await whole.body?.cancel();
  });

  it("rewrites redirects to itself and refuses others", async ({ expect }) => {
    expect(await redirect("/base/echo?x=1")).toBe("/api/echo?x=1");
    expect(await redirect(`http://127.0.0.1:${portOf(upstream)}/base/echo`)).toBe("/api/echo");
    expect(await redirect("https://elsewhere.test/")).toBe("502 REDIRECT_REFUSED *");
    expect(await redirect("/outside")).toBe("502 REDIRECT_REFUSED *");
  });

  it("says 502 of an upstream that is not there, 504 of one that takes too long", async ({ expect }) => {
    const closed = await fetch(at("/closed/x"));
    expect(closed.headers.get("content-type")).toBe("application/json");
    expect(await closed.json()).toMatchObject({
      error: { code: "UPSTREAM_FAILED", upstream: "/closed", reason: "ECONNREFUSED" },
    });
    expect(closed.status).toBe(502);
    expect(await problem(await fetch(at("/silent/x")))).toBe("504 UPSTREAM_TIMEOUT *");
    expect(await problem(await fetch(at("/api/never")))).toBe("504 UPSTREAM_TIMEOUT *");
    expect(await problem(await fetch(at("/api/denied")))).toBe("502 UPSTREAM_NOT_ALLOWED *");
  });

  it.for(["cut", "stall"])("breaks off an answer that the upstream does not end: %s", async (path, { expect }) => {
    const answer = await fetch(at(`/api/${path}`));
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow("terminated");
  });

  it.for(["200 O\u0001K", "000 None", "099 Less", "101 Other"])(
    "outlives an upstream that answers with what is no status: %s",
    async (status, { expect }) => {
      const head = `HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`;
      held.set("odd", (_incoming, socket) => socket.end(head));
      expect(await problem(await fetch(at("/api/odd")))).toBe("502 UPSTREAM_FAILED *");
      expect((await fetch(at("/health"))).status).toBe(200);
    },
  );

  it("leaves the upstream when its caller goes away", async ({ expect }) => {
    const asked = Promise.withResolvers<Socket>();
    held.set("left", (_incoming, socket) => asked.resolve(socket));
    const gone = new AbortController();
    const call = fetch(at("/api/left"), { signal: gone.signal }).catch(() => undefined);
    const socket = await asked.promise;
    gone.abort();
    await once(socket, "close");
    await call;
    expect(socket.destroyed).toBe(true);
  });

  it("answers some origins only, where they are named", async ({ expect }) => {
    const own = await startProxy({ API_PROXY_CORS_ORIGINS: "https://a.test, https://b.test" });
    try {
      const allowed = async (origin: string) =>
        (await fetch(`http://127.0.0.1:${own.port}/health`, { headers: { origin } })).headers;
      const named = await allowed("https://b.test");
      expect([named.get("access-control-allow-origin"), named.get("vary")]).toEqual(["https://b.test", "origin"]);
      expect((await allowed("https://c.test")).get("access-control-allow-origin")).toBeNull();
    } finally {
      own.proxy.kill("SIGKILL");
    }
  });

  it("ends with code 0 on SIGTERM, and with a sentence where it is misconfigured", async ({ expect }) => {
    const own = await startProxy({});
    const exit = once(own.proxy, "exit");
    own.proxy.kill("SIGTERM");
    expect(await exit).toEqual([0, null]);
    const wrong = spawn(process.execPath, [SERVER], { env: { ...process.env, API_PROXY_UPSTREAMS: "{" } });
    const [error, [code]] = await Promise.all([textOf(wrong.stderr), once(wrong, "exit")]);
    expect([code, error]).toEqual([1, expect.stringMatching(/^API_PROXY_UPSTREAMS is no JSON: /)]);
  });
});
