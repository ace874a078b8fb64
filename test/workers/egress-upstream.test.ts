/** What is allowed, sent to a real server and back: what the server sees, and what the container gets. */
import { describe, inject, it } from "vitest";
import { gunzipSync } from "node:zlib";
import { connectToOf, type ConnectTo } from "../../src/egress/upstream/connect-to.ts";
import { CredentialValues, type SecretValue } from "../../src/egress/upstream/credentials.ts";
import { sendUpstream, type Upstream } from "../../src/egress/upstream/send.ts";
import type { EgressCredential } from "../../src/egress/policy/policy.ts";
import { GantryError } from "../../src/errors.ts";
import { accountStub } from "../../src/stubs.ts";
import { ACCOUNT_ID, call, eventually, testEnv } from "./client.ts";

const HOST = "api.example.test";
const TOKEN = "s3cr3t-of-a-test";
const PAGE_BYTES = 32_000;

const toOutside: ConnectTo = (url) => new URL(`${inject("outside")}${url.pathname}${url.search}`);

const bearer: EgressCredential = { hosts: [HOST], header: "authorization", prefix: "Bearer ", secret: "TOKEN" };

interface Sent {
  readonly response: Response;
  readonly bytes: { up: number; down: number; ended: number };
}

async function send(
  path: string,
  init: RequestInit = {},
  more: Partial<Upstream> & { credentials?: EgressCredential[] } = {},
) {
  const bytes = { up: 0, down: 0, ended: 0 };
  const { credentials = [], ...upstream } = more;
  const response = await sendUpstream(new Request(`http://${HOST}${path}`, init), {
    decision: { host: HOST, credentials },
    secrets: async () => ({ value: TOKEN, version: 1 }),
    connectTo: toOutside,
    count: {
      up: (count) => (bytes.up += count),
      down: (count) => (bytes.down += count),
      end: () => (bytes.ended += 1),
    },
    ...upstream,
  });
  return { response, bytes } satisfies Sent;
}

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly bytes: number;
  readonly sha256: string;
}

/** What the server was asked, its headers by lower-case name. */
async function seen(path: string, init?: RequestInit, more: Parameters<typeof send>[2] = {}) {
  const { response, bytes } = await send(path, init, more);
  const answer = await response.json<Seen>();
  const headers = new Map<string, string>();
  for (let index = 0; index < answer.rawHeaders.length; index += 2) {
    headers.set((answer.rawHeaders[index] ?? "").toLowerCase(), answer.rawHeaders[index + 1] ?? "");
  }
  return { ...answer, headers, counted: bytes };
}

async function sha256(data: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", data);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function errorOf(work: Promise<unknown>): Promise<GantryError> {
  try {
    await work;
  } catch (error) {
    if (GantryError.is(error)) return error;
    throw error;
  }
  throw new Error("it was answered");
}

describe("a request", () => {
  it("reaches its host as it was made, without what is of a connection or of Gantry", async ({ expect }) => {
    const { method, url, headers } = await seen("/echo?a=%20b&c", {
      method: "PATCH",
      headers: {
        "user-agent": "container/1",
        "x-custom": "yes",
        "accept-encoding": "gzip;q=0.5",
        connection: "x-hop, close",
        "x-hop": "1",
        te: "trailers",
        "proxy-authorization": "Basic AAAA",
        "gantry-instance": "forged",
        "gantry-caller": "forged",
      },
    });
    expect([method, url]).toEqual(["PATCH", "/echo?a=%20b&c"]);
    expect(Object.fromEntries(headers)).toMatchObject({
      "user-agent": "container/1",
      "x-custom": "yes",
      "accept-encoding": "gzip;q=0.5",
    });
    for (const name of ["x-hop", "te", "proxy-authorization", "gantry-instance", "gantry-caller"]) {
      expect(headers.has(name), name).toBe(false);
    }
  });

  it("has no header that its container did not send, but for what any request has", async ({ expect }) => {
    const { headers } = await seen("/echo");
    // The last two because it is sent elsewhere, as in development.
    const made = ["cf-worker", "host", "x-forwarded-host", "x-forwarded-proto"];
    expect([...headers.keys()].toSorted()).toEqual(made);
  });

  it("sends its body whole, as it is, with its length where that is known", async ({ expect }) => {
    const body = crypto.getRandomValues(new Uint8Array(50_000));
    const known = await seen("/echo", { method: "PUT", body, headers: { "content-encoding": "gzip" } });
    expect([known.bytes, known.sha256]).toEqual([50_000, await sha256(body)]);
    expect(known.headers.get("content-encoding")).toBe("gzip");
    expect(known.counted.up).toBe(50_000);

    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    void (async () => {
      await writer.write(body.subarray(0, 20_000));
      await writer.write(body.subarray(20_000));
      await writer.close();
    })();
    const chunked = await seen("/echo", { method: "POST", body: readable });
    expect([chunked.bytes, chunked.sha256]).toEqual([50_000, await sha256(body)]);
    expect(chunked.headers.get("transfer-encoding")).toBe("chunked");
    expect(chunked.counted.up).toBe(50_000);
  });

  it("that breaks off is broken off at its host too, and never looks whole", async ({ expect }) => {
    for (const length of [null, 50_000]) {
      const key = crypto.randomUUID();
      const uploaded = async () =>
        await (await send(`/uploaded?${key}`)).response.json<{ bytes: number; state: string }>();
      const { readable, writable } = length === null ? new IdentityTransformStream() : new FixedLengthStream(length);
      const headers = length === null ? {} : { "content-length": String(length) };
      const sent = errorOf(send(`/upload?${key}`, { method: "POST", body: readable, headers }));
      const writer = writable.getWriter();
      writer.closed.catch(() => undefined);
      await writer.write(new Uint8Array(20_000));
      await eventually(async () => (await uploaded())?.bytes === 20_000);
      await writer.abort(new Error("the container is gone"));
      expect((await sent).code).toBe("EGRESS_UPSTREAM_FAILED");
      await eventually(async () => (await uploaded()).state !== "open");
      expect(await uploaded()).toEqual({ bytes: 20_000, state: "broken" });
    }
  });
});

describe("an answer", () => {
  it("keeps status, its text and repeated headers, without what is of a connection or of Gantry", async ({
    expect,
  }) => {
    const { response } = await send("/teapot");
    expect([response.status, response.statusText]).toEqual([418, "I am a teapot"]);
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    for (const name of ["gantry-error", "x-hop", "connection", "keep-alive"]) {
      expect(response.headers.has(name), name).toBe(false);
    }
    expect(await response.text()).toBe("short and stout");
  });

  it("has its length, or none where the host has said none", async ({ expect }) => {
    const known = await send("/zeros?bytes=300000");
    expect(known.response.headers.get("content-length")).toBe("300000");
    expect((await known.response.arrayBuffer()).byteLength).toBe(300_000);
    await eventually(async () => known.bytes.ended === 1);
    expect(known.bytes.down).toBe(300_000);
    const unknown = await send("/zeros?bytes=300000&chunked");
    expect(unknown.response.headers.get("content-length")).toBeNull();
    expect((await unknown.response.arrayBuffer()).byteLength).toBe(300_000);
    await eventually(async () => unknown.bytes.ended === 1);
    expect(unknown.bytes.down).toBe(300_000);
  });

  it("that is compressed stays so, byte for byte, whole and in part", async ({ expect }) => {
    const { response, bytes } = await send("/zipped");
    expect(response.headers.get("content-encoding")).toBe("gzip");
    const whole = new Uint8Array(await response.arrayBuffer());
    expect(String(whole.length)).toBe(response.headers.get("content-length"));
    expect(gunzipSync(whole).length).toBe(PAGE_BYTES);
    expect(bytes.down).toBe(whole.length);
    const part = await send("/zipped", { headers: { range: "bytes=10-19", "accept-encoding": "gzip" } });
    expect([part.response.status, part.response.headers.get("content-length")]).toEqual([206, "10"]);
    expect(part.response.headers.get("content-range")).toBe(`bytes 10-19/${whole.length}`);
    expect(new Uint8Array(await part.response.arrayBuffer())).toEqual(whole.slice(10, 20));
  });

  it("without a body says what its headers say", async ({ expect }) => {
    const head = await send("/zeros?bytes=12345", { method: "HEAD" });
    expect(head.response.headers.get("content-length")).toBe("12345");
    expect(head.bytes).toEqual({ up: 0, down: 0, ended: 1 });
    const { response } = await send("/not-modified", { headers: { "if-none-match": '"zipped"' } });
    expect([response.status, response.headers.get("etag"), response.body]).toEqual([304, '"zipped"', null]);
  });

  it("that is a redirect is given to the container, who may not be allowed where it leads", async ({ expect }) => {
    const { response } = await send("/redirect");
    expect([response.status, response.headers.get("location")]).toEqual([302, "http://elsewhere.test/?a=1"]);
    expect(await response.text()).toBe("gone\n");
  });

  it("is passed on as it comes", async ({ expect }) => {
    const key = crypto.randomUUID();
    const { response } = await send(`/held?${key}`);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe("first\n");
    await (await send(`/let-go?${key}`)).response.text();
    expect((await reader?.read())?.value).toBe("second\n");
  });

  it("that breaks off is broken off, and never looks whole", async ({ expect }) => {
    for (const path of ["/short", "/torn"]) {
      const { response, bytes } = await send(path);
      await expect(response.arrayBuffer(), path).rejects.toThrow();
      await eventually(async () => bytes.ended === 1);
      expect(bytes.down, path).toBeLessThanOrEqual(PAGE_BYTES);
    }
  });

  it("that nobody reads to its end is left by the host too", async ({ expect }) => {
    const { response, bytes } = await send("/zeros?bytes=1000000000");
    await response.body?.cancel();
    await eventually(async () => bytes.ended === 1);
    expect(bytes.down).toBeLessThan(100_000_000);
  });

  it("with a status of nobody's is passed on too", async ({ expect }) => {
    const { response } = await send("/status?code=999");
    expect([response.status, await response.text()]).toEqual([999, "odd"]);
  });

  it("of a host that does not answer says so, and which", async ({ expect }) => {
    for (const connectTo of [toOutside, () => new URL("http://127.0.0.1:9/")]) {
      const error = await errorOf(send("/hang-up", { method: "POST", body: "x" }, { connectTo }));
      expect([error.code, error.details]).toEqual(["EGRESS_UPSTREAM_FAILED", { host: HOST }]);
      expect(error.message).toContain(`${HOST} could not be reached`);
    }
  });
});

describe("a WebSocket", () => {
  it("is opened with the credential, and passed through", async ({ expect }) => {
    const { response } = await send("/ws", { headers: { upgrade: "websocket" } }, { credentials: [bearer] });
    expect(response.status).toBe(101);
    const socket = response.webSocket as WebSocket;
    const said = new Promise((resolve) => socket.addEventListener("message", ({ data }) => resolve(data)));
    const closed = new Promise((resolve) => socket.addEventListener("close", ({ code }) => resolve(code)));
    socket.accept();
    expect(await said).toBe(`hello Bearer ${TOKEN}`);
    expect(await closed).toBe(1000);
  });
});

describe("a credential", () => {
  it("takes the place of what the container has sent", async ({ expect }) => {
    const headers = { authorization: "Bearer of-the-container" };
    const sent = await seen("/echo", { headers }, { credentials: [bearer] });
    expect(sent.headers.get("authorization")).toBe(`Bearer ${TOKEN}`);
    expect(sent.rawHeaders.filter((name) => name.toLowerCase() === "authorization")).toHaveLength(1);
  });

  it("is in no header of the answer", async ({ expect }) => {
    const { response } = await send("/reflect", {}, { credentials: [bearer] });
    const headers = JSON.stringify([...response.headers]);
    expect(headers).not.toContain(TOKEN);
    expect(response.headers.get("x-other")).toBe("kept");
  });

  it("that is not to be had is named, and nothing is sent without it", async ({ expect }) => {
    const error = await errorOf(
      send(
        "/echo",
        {},
        {
          credentials: [bearer],
          secrets: async () => null,
          connectTo: () => new URL("http://127.0.0.1:9/"),
        },
      ),
    );
    expect([error.code, error.details]).toEqual([
      "CREDENTIAL_UNAVAILABLE",
      { host: HOST, header: "authorization", secret: "TOKEN" },
    ]);
    expect(error.message).toContain("nothing is sent without it");
  });
});

async function lookup(accountId: string, name: string): Promise<SecretValue | null> {
  return await accountStub(testEnv, accountId).secretValue(name);
}

describe("a secret of the account", () => {
  it("is read with its version, and its change is seen when it is asked for again", async ({ expect }) => {
    const name = `KEY_${crypto.randomUUID().slice(0, 8)}`;
    let now = Date.now();
    const values = new CredentialValues(() => now);
    expect(await values.get(ACCOUNT_ID, name, lookup)).toBeNull();
    await call("POST", "/secrets", { name, value: "first" });
    now += 1_000;
    expect(await values.get(ACCOUNT_ID, name, lookup)).toEqual({ value: "first", version: 1 });
    await call("PATCH", `/secrets/${name}`, { value: "second" });
    now += 59_999;
    expect(await values.get(ACCOUNT_ID, name, lookup)).toEqual({ value: "first", version: 1 });
    now += 1;
    expect(await values.get(ACCOUNT_ID, name, lookup)).toEqual({ value: "second", version: 2 });
  });
});

describe("where requests are sent in development", () => {
  it("is refused as a whole when it cannot be read", async ({ expect }) => {
    const connectTo = connectToOf({ GANTRY_EGRESS_CONNECT_TO: "{" });
    const error = await errorOf(send("/echo", {}, { connectTo }));
    expect([error.code, error.details]).toEqual(["EGRESS_MISCONFIGURED", { variable: "GANTRY_EGRESS_CONNECT_TO" }]);
  });

  it("tells the server which host was meant", async ({ expect }) => {
    const map = JSON.stringify({ "*.example.test": inject("outside") });
    const { headers } = await seen("/echo", {}, { connectTo: connectToOf({ GANTRY_EGRESS_CONNECT_TO: map }) });
    expect([headers.get("x-forwarded-host"), headers.get("x-forwarded-proto")]).toEqual([HOST, "http"]);
  });
});
