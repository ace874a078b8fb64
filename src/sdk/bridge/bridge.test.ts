import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it, onTestFinished, vi } from "vitest";
import { createBridge, FunctionError, GantryError, type BridgeOptions } from "./index.ts";

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | null;
  readonly body: unknown;
}

function stage(reply: (asked: Asked) => Response | Promise<Response>, options: BridgeOptions = {}) {
  const asked: Asked[] = [];
  const bridge = createBridge({
    fetch: async (request) => {
      const text = await request.text();
      const seen = {
        method: request.method,
        url: request.url,
        authorization: request.headers.get("authorization"),
        body: text === "" ? undefined : (JSON.parse(text) as unknown),
      };
      asked.push(seen);
      return await reply(seen);
    },
    ...options,
  });
  return { bridge, asked };
}

const result = (value: unknown) => () => Response.json({ result: value });

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe("a container", () => {
  it("says everything to one address, without a token", async ({ expect }) => {
    const { bridge, asked } = stage(result({ id: "job-1" }));
    await bridge.payload();
    await bridge.heartbeat();
    await bridge.progress({ fraction: 0.5, message: "half" });
    await bridge.result({ ok: true });
    await bridge.log("info", "hello", { a: 1 });
    expect(await bridge.enqueue({ next: 1 }, { key: "k", delayMs: 5 })).toEqual({ id: "job-1" });
    await bridge.call("jobs:markDone", { id: 7 }, "mutation");
    expect(
      asked.map(({ method, url, body }) => [method, url.replace("http://control.gantry.internal", ""), body]),
    ).toEqual([
      ["GET", "/payload", undefined],
      ["POST", "/heartbeat", {}],
      ["PUT", "/progress", { fraction: 0.5, message: "half" }],
      ["PUT", "/result", { result: { ok: true } }],
      ["POST", "/log", { level: "info", message: "hello", fields: { a: 1 } }],
      ["POST", "/enqueue", { payload: { next: 1 }, key: "k", delayMs: 5 }],
      ["POST", "/rpc", { functionPath: "jobs:markDone", args: { id: 7 }, kind: "mutation" }],
    ]);
    expect(asked.every(({ authorization }) => authorization === null)).toBe(true);
  });

  it("outside says the same with a token, in a header", async ({ expect }) => {
    const { bridge, asked } = stage(result(1), { baseUrl: "https://gantry.example.com/bridge//", token: "secret" });
    expect(await bridge.call("a:b")).toBe(1);
    expect(asked[0]).toMatchObject({ url: "https://gantry.example.com/bridge/rpc", authorization: "Bearer secret" });
  });

  it.for<[string, BridgeOptions]>([
    ["baseUrl", { baseUrl: "" }],
    ["baseUrl", { baseUrl: "control.gantry.internal" }],
    ["baseUrl", { baseUrl: "https://user:secret@example.com" }],
    ["baseUrl", { baseUrl: "https://example.com/?token=secret" }],
    ["token", { token: "" }],
    ["token", { token: "a\n" }],
  ])("with a bad %s is told so at once: %j", ([field, options], { expect }) => {
    expect(() => createBridge(options)).toThrowError(
      expect.objectContaining({ code: "VALIDATE_INPUT", details: { [field]: expect.any(String) } }),
    );
  });

  it("is told what it may not send", async ({ expect }) => {
    const { bridge, asked } = stage(result(1));
    expect(await failureOf(bridge.progress({ fraction: 1.5 }))).toMatchObject({ code: "VALIDATE_INPUT" });
    expect(await failureOf(bridge.call(" "))).toMatchObject({ code: "VALIDATE_INPUT" });
    expect(await failureOf(bridge.result(1n))).toMatchObject({ code: "VALIDATE_INPUT" });
    expect(asked).toEqual([]);
  });
});

const callWith = (response: Response) => failureOf(stage(() => response).bridge.call("a:b"));
const json = (body: unknown, status = 200, headers = {}) => Response.json(body, { status, headers });

describe("an answer", () => {
  it("of a function is its result or its error, whatever the status", async ({ expect }) => {
    expect(await stage(result(null)).bridge.call("a:b")).toBeNull();
    for (const status of [200, 400, 500]) {
      const error = await callWith(
        json({ error: { code: "OUT_OF_STOCK", message: "none left", details: { sku: 1 } } }, status),
      );
      expect(error).toBeInstanceOf(FunctionError);
      expect(error).toMatchObject({ code: "OUT_OF_STOCK", message: "none left", details: { sku: 1 } });
    }
  });

  it("of Gantry itself is Gantry's error", async ({ expect }) => {
    const body = { error: { code: "NO_BRIDGE_TARGET", message: "none is bound", retryable: true } };
    const error = await callWith(json(body, 409, { "gantry-error": "NO_BRIDGE_TARGET" }));
    expect(error).toBeInstanceOf(GantryError);
    expect(error).toMatchObject({ code: "NO_BRIDGE_TARGET", status: 409, retryable: true });
    const payload = await failureOf(
      stage(() => json({ error: { code: "FORBIDDEN", message: "no" } }, 403)).bridge.payload(),
    );
    expect(payload).toBeInstanceOf(GantryError);
  });

  it.for<[string, string, () => Response]>([
    ["an error that is none", "MALFORMED_ANSWER", () => json({ error: "no" }, 500)],
    ["an error without a message", "MALFORMED_ANSWER", () => json({ error: { code: "A" } })],
    ["a page with a bad status", "UNEXPECTED_STATUS", () => new Response("<html>bad gateway", { status: 502 })],
    ["a redirect", "UNEXPECTED_STATUS", () => new Response(null, { status: 302, headers: { location: "/x" } })],
    ["a page with a good status", "MALFORMED_ANSWER", () => new Response("<html>welcome")],
    ["an empty one", "MALFORMED_ANSWER", () => new Response(null, { status: 204 })],
    ["JSON of something else", "MALFORMED_ANSWER", () => json([1])],
    ["a result and an error of a prototype", "MALFORMED_ANSWER", () => new Response('{"__proto__":{"result":1}}')],
  ])("that is %s is %s", async ([, code, response], { expect }) => {
    expect(await callWith(response())).toMatchObject({ name: "GantryError", code });
  });

  it("with a long page shows its beginning", async ({ expect }) => {
    const error = (await callWith(new Response("x".repeat(9_999), { status: 500 }))) as Error;
    expect(error.message.length).toBeLessThan(300);
  });
});

const never = () => new Promise<never>(() => undefined);

describe("a bridge that does not answer", () => {
  it("is waited for until the time is up, and the error says whether to come again", async ({ expect }) => {
    const { bridge } = stage(never, { timeoutMs: 5 });
    expect(await failureOf(bridge.payload())).toMatchObject({ code: "TIMEOUT", retryable: true });
    expect(await failureOf(bridge.call("a:b", {}, "mutation"))).toMatchObject({ code: "TIMEOUT", retryable: false });
    expect(await failureOf(bridge.call("a:b", {}, "query"))).toMatchObject({ code: "TIMEOUT", retryable: true });
    expect(await failureOf(bridge.payload({ timeoutMs: 0 }))).toMatchObject({ code: "VALIDATE_INPUT" });
  });

  it("is not waited for by a caller that gives up, who gets its own reason", async ({ expect }) => {
    const caller = new AbortController();
    const { bridge, asked } = stage(never);
    const calling = failureOf(bridge.call("a:b", {}, "action", { signal: caller.signal }));
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    const reason = new Error("enough");
    caller.abort(reason);
    expect(await calling).toBe(reason);
    expect(await failureOf(bridge.payload({ signal: caller.signal }))).toBe(reason);
    expect(asked).toHaveLength(1);
  });

  it("because it cannot be reached says so", async ({ expect }) => {
    const { bridge } = stage(() => {
      throw new TypeError("fetch failed");
    });
    expect(await failureOf(bridge.heartbeat())).toMatchObject({ code: "CONNECTION_LOST", retryable: true });
    expect(await failureOf(bridge.enqueue(1))).toMatchObject({ code: "CONNECTION_LOST", retryable: false });
    expect(await failureOf(bridge.enqueue(1, { key: "k" }))).toMatchObject({
      code: "CONNECTION_LOST",
      retryable: true,
    });
  });
});

describe("a busy lease", () => {
  it("is renewed while it is held, and released once", async ({ expect }) => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { bridge, asked } = stage(result(null));
    const lease = await bridge.busy({ ttlMs: 3_000 });
    await vi.advanceTimersByTimeAsync(2_000);
    await Promise.all([lease.release(), lease.release()]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked.map(({ method, url, body }) => [method, new URL(url).pathname, body])).toEqual([
      ["PUT", "/lease", { ttlMs: 3_000 }],
      ["PUT", "/lease", { ttlMs: 3_000 }],
      ["PUT", "/lease", { ttlMs: 3_000 }],
      ["DELETE", "/lease", undefined],
    ]);
  });

  it("is held while something runs, and let go also when that fails", async ({ expect }) => {
    const { bridge, asked } = stage(result(null));
    expect(await bridge.whileBusy(async () => "done")).toBe("done");
    expect(await failureOf(bridge.whileBusy(() => Promise.reject(new Error("mine"))))).toMatchObject({
      message: "mine",
    });
    expect(asked.map(({ method }) => method)).toEqual(["PUT", "DELETE", "PUT", "DELETE"]);
  });

  it("that cannot be renewed or released is told, and costs the work nothing", async ({ expect }) => {
    let calls = 0;
    const { bridge } = stage(() =>
      ++calls === 1 ? Response.json({ result: null }) : new Response("", { status: 500 }),
    );
    const errors: unknown[] = [];
    expect(await bridge.whileBusy(async () => 1, { onError: (error) => errors.push(error) })).toBe(1);
    expect(errors).toEqual([expect.objectContaining({ code: "UNEXPECTED_STATUS" })]);
    expect(await failureOf(bridge.busy({ ttlMs: 10 }))).toMatchObject({ code: "VALIDATE_INPUT" });
  });
});

describe("a bridge over a network", () => {
  it("does not carry its token to where it is redirected", async ({ expect }) => {
    const seen: string[] = [];
    const server: Server = createServer((request, answer) => {
      seen.push(request.url ?? "");
      answer.writeHead(307, { location: "/elsewhere" }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const bridge = createBridge({ baseUrl: `http://127.0.0.1:${port}`, token: "secret" });
    expect(await failureOf(bridge.payload())).toMatchObject({ code: "UNEXPECTED_STATUS" });
    expect(seen).toEqual(["/payload"]);
  });
});
