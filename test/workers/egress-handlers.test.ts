/** Workers that stand in for hosts: what they are given, and what they make of it. */
import { describe, it } from "vitest";
import { callHandler, CALLER_HEADER } from "../../src/egress/upstream/handlers.ts";
import { GantryError } from "../../src/errors.ts";
import { testEnv } from "./client.ts";

const CALLER = { application: "shop", instance: "a".repeat(64), name: "käse", generation: 3 };

async function ask(binding: string, path: string, init: RequestInit = {}): Promise<Response | Request> {
  const headers = new Headers(init.headers);
  headers.set("x-custom", "1");
  headers.set(CALLER_HEADER, "forged");
  return await callHandler(
    { binding },
    new Request(`http://api.example.test${path}`, { ...init, headers }),
    CALLER,
    testEnv,
  );
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

function streamOf(chunks: readonly string[]): { readonly body: ReadableStream; readonly go: () => void } {
  const { readable, writable } = new IdentityTransformStream();
  const gate = Promise.withResolvers<void>();
  void (async () => {
    const writer = writable.getWriter();
    for (const [index, chunk] of chunks.entries()) {
      if (index === 1) await gate.promise;
      await writer.write(new TextEncoder().encode(chunk));
    }
    await writer.close();
  })();
  return { body: readable, go: gate.resolve };
}

describe("a Worker that stands in for a host", () => {
  it("answers, while the request still comes in, and knows who is calling", async ({ expect }) => {
    const { body, go } = streamOf(["one ", "two"]);
    const answer = await ask("STAND_IN", "/stream", { method: "POST", body });
    if (!(answer instanceof Response)) throw new Error("no answer");
    expect(answer.status).toBe(203);
    expect(JSON.parse(decodeURIComponent(answer.headers.get("x-caller") ?? ""))).toEqual(CALLER);
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe("one ");
    go();
    expect((await reader?.read())?.value).toBe("two");
    expect((await reader?.read())?.done).toBe(true);
  });

  it("makes another request of it, body and all", async ({ expect }) => {
    const { body, go } = streamOf(["one ", "two"]);
    const changed = await ask("STAND_IN", "/rewrite?a=1", { method: "POST", body });
    go();
    expect(changed).toBeInstanceOf(Request);
    expect([changed.url, (changed as Request).method]).toEqual(["http://rewritten.test/?a=1", "POST"]);
    expect(changed.headers.get("x-custom")).toBe("1");
    expect(changed.headers.has(CALLER_HEADER)).toBe(false);
    expect(await changed.text()).toBe("one two");
  });

  it("passes it on as it is", async ({ expect }) => {
    const passed = await ask("STAND_IN", "/pass");
    expect(passed).toBeInstanceOf(Request);
    expect([passed.url, passed.body]).toEqual(["http://api.example.test/pass", null]);
    const upgrade = await ask("STAND_IN", "/pass", { headers: { upgrade: "websocket" } });
    expect(upgrade.headers.get("upgrade")).toBe("websocket");
  });

  it("answers by fetch where it has no egress, and finds the caller in a header that is no container's", async ({
    expect,
  }) => {
    for (const round of [1, 2]) {
      const answer = await ask("STAND_IN_PLAIN", "/x?y", { method: "PUT", body: `body ${round}` });
      if (!(answer instanceof Response)) throw new Error("no answer");
      const { url, method, headers, body } = await answer.json<Record<string, Record<string, string>>>();
      expect([url, method, body]).toEqual(["http://api.example.test/x?y", "PUT", `body ${round}`]);
      expect(JSON.parse(headers?.[CALLER_HEADER] ?? "")).toEqual(CALLER);
      expect(headers?.["x-custom"]).toBe("1");
    }
  });

  it("answers WebSockets by fetch", async ({ expect }) => {
    const answer = await ask("STAND_IN_PLAIN", "/", { headers: { upgrade: "websocket" } });
    const socket = (answer as Response).webSocket as WebSocket;
    const said = new Promise((resolve) => socket.addEventListener("message", ({ data }) => resolve(data)));
    socket.accept();
    expect(await said).toBe("hello");
    socket.close();
  });

  it("that fails, or answers with neither, is named", async ({ expect }) => {
    for (const [path, why] of [
      ["/else", "not today"],
      ["/nothing", "neither a Response nor a Request"],
      ["/unsendable", "WebSocket"],
    ] as const) {
      const error = await errorOf(ask("STAND_IN", path));
      expect([error.code, error.details["binding"]], path).toEqual(["EGRESS_HANDLER_FAILED", "STAND_IN"]);
      expect(error.message).toContain(why);
    }
  });

  it("that is not bound, or is Gantry's own, is refused", async ({ expect }) => {
    for (const binding of ["NOBODY", "ASSETS", "ACCOUNT", "GANTRY_MASTER_KEY"]) {
      const error = await errorOf(ask(binding, "/"));
      expect([error.code, error.details], binding).toEqual(["NO_EGRESS_HANDLER", { binding }]);
    }
  });
});
