import { describe, it, vi } from "vitest";
import { GantryError } from "../errors.ts";
import { send, type Call, type Transport } from "./send.ts";
import { sleep } from "./abort.ts";

const target = { application: "web", mode: "get", id: "a" } as const;
const get: Call = { target, policy: { attempts: 3, backoffMs: 100, maxBackoffMs: 1_000 }, signal: undefined };
const pool: Call = { ...get, target: { application: "web", mode: "pool" }, retryOn: ({ status }) => status >= 500 };

type Step = () => Response | Promise<Response>;

const ok = () => new Response("ok", { headers: { "gantry-instance": "good" } });
const refusal =
  (code: string, retryable: boolean, headers: Record<string, string> = {}) =>
  () =>
    Response.json(
      {
        success: false,
        errors: [{ code: 1000, message: `because of ${code}`, error: code, details: { reason: "x" } }],
      },
      { status: 503, headers: { "gantry-error": code, "gantry-retryable": String(retryable), ...headers } },
    );
const answer = (status: number, instance: string) => () =>
  new Response(`${status}`, { status, headers: { "gantry-instance": instance } });
const lookalike = () => new Response("There is no Container instance available at this time", { status: 503 });
const lost: Step = () => {
  throw new Error("Network connection lost.");
};

/** Answers step by step, and says what it was asked. */
function stage(...steps: Step[]) {
  const headers: Record<string, unknown>[] = [];
  const pauses: number[] = [];
  const given: Response[] = [];
  const transport: Transport = {
    binding: {
      async fetch(request) {
        headers.push(JSON.parse(request.headers.get("gantry-call") ?? "{}") as Record<string, unknown>);
        const step = steps[headers.length - 1];
        if (step === undefined) throw new Error("one call too many");
        const response = await step();
        given.push(response);
        return response;
      },
    },
    sleep: async (ms) => void pauses.push(ms),
    now: () => 0,
    random: () => 0.5,
  };
  return { transport, headers, pauses, given };
}

describe("a call of one instance", () => {
  it("goes through a cold start, waiting longer each time", async ({ expect }) => {
    const { transport, pauses } = stage(refusal("INSTANCE_NOT_READY", true), refusal("NO_READY_INSTANCE", true), ok);
    expect(await (await send(transport, get, "/", undefined)).text()).toBe("ok");
    expect(pauses).toEqual([50, 100]);
  });

  it("waits as long as Gantry asks, and gives up where that is longer than it ever waits", async ({ expect }) => {
    const patient = stage(refusal("NO_READY_INSTANCE", true, { "retry-after": "1" }), ok);
    await send(patient.transport, get, "/", undefined);
    expect(patient.pauses).toEqual([1_050]);
    const long = stage(refusal("NO_READY_INSTANCE", true, { "retry-after": "2" }));
    await expect(send(long.transport, get, "/", undefined)).rejects.toMatchObject({
      code: "NO_READY_INSTANCE",
      retryAfterMs: 2_000,
    });
  });

  it("throws what is permanent at once, with all that is known of it", async ({ expect }) => {
    const { transport, headers } = stage(refusal("APPLICATION_NOT_FOUND", false, { "gantry-instance": "i" }));
    const error: unknown = await send(transport, get, "/", undefined).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(GantryError);
    expect(error).toMatchObject({
      code: "APPLICATION_NOT_FOUND",
      message: "because of APPLICATION_NOT_FOUND",
      retryable: false,
      status: 503,
      instance: "i",
      details: { reason: "x" },
    });
    expect(headers).toHaveLength(1);
  });

  it("gives every answer of the application as it is, whatever its status or text", async ({ expect }) => {
    for (const step of [answer(500, "i"), answer(429, "i"), lookalike]) {
      const { transport, given } = stage(step);
      expect(await send(transport, get, "/", undefined)).toBe(given[0]);
    }
  });

  it("repeats after a lost connection only what may be done twice", async ({ expect }) => {
    const safe = stage(lost, ok);
    await send(safe.transport, get, "/", { method: "PUT", body: "x" });
    expect(safe.headers).toHaveLength(2);
    const unsafe = stage(lost);
    await expect(send(unsafe.transport, get, "/", { method: "POST", body: "x" })).rejects.toMatchObject({
      code: "CONNECTION_LOST",
      retryable: false,
      message: "the connection to Gantry ended before the answer: Network connection lost.",
    });
  });

  it("never repeats a stream", async ({ expect }) => {
    const { transport, headers } = stage(refusal("INSTANCE_NOT_READY", true));
    const body = new Blob(["x"]).stream();
    const call = send(transport, get, "/", { method: "POST", body, duplex: "half" } as RequestInit);
    await expect(call).rejects.toMatchObject({ code: "INSTANCE_NOT_READY", retryable: true });
    expect(headers).toHaveLength(1);
  });

  it("excludes nobody", async ({ expect }) => {
    const { transport, headers } = stage(refusal("INSTANCE_NOT_READY", true, { "gantry-instance": "i" }), ok);
    await send(transport, get, "/", undefined);
    expect(headers).toEqual([{ mode: "get" }, { mode: "get" }]);
  });

  it("tries as often as it was told", async ({ expect }) => {
    for (const attempts of [1, 2, 5]) {
      const { transport, headers } = stage(...Array.from({ length: 5 }, () => refusal("NO_READY_INSTANCE", true)));
      const call = { ...get, policy: { ...get.policy, attempts } };
      await expect(send(transport, call, "/", undefined)).rejects.toMatchObject({ code: "NO_READY_INSTANCE" });
      expect(headers).toHaveLength(attempts);
    }
  });
});

describe("a call of a pool", () => {
  it("goes on to another member, telling whom not to choose, and lets go of what it does not give", async ({
    expect,
  }) => {
    const cancelled = vi.fn<() => void>();
    const body = new ReadableStream({ cancel: cancelled });
    const bad = () => new Response(body, { status: 500, headers: { "gantry-instance": "one" } });
    const { transport, headers } = stage(bad, refusal("INSTANCE_UNREACHABLE", false, { "gantry-instance": "two" }), ok);
    const response = await send(transport, pool, "/", { method: "POST", body: "x" });
    expect(await response.text()).toBe("ok");
    expect(headers).toEqual([
      { mode: "pool" },
      { mode: "pool", exclude: ["one"] },
      { mode: "pool", exclude: ["one", "two"] },
    ]);
    expect(cancelled).toHaveBeenCalledOnce();
  });

  it("gives the application's last answer when nobody else is left", async ({ expect }) => {
    const { transport } = stage(answer(500, "one"), refusal("NO_READY_INSTANCE", false));
    expect(await (await send(transport, pool, "/", undefined)).text()).toBe("500");
    const tired = stage(answer(500, "one"), answer(502, "two"), answer(503, "three"));
    expect((await send(tired.transport, pool, "/", undefined)).status).toBe(503);
  });

  it("goes on after a lost connection", async ({ expect }) => {
    const { transport } = stage(lost, ok);
    expect((await send(transport, pool, "/", { method: "POST", body: "x" })).status).toBe(200);
  });

  it("asks another member at once, however long the broken one is to be left alone", async ({ expect }) => {
    const hungUp = refusal("INSTANCE_UNREACHABLE", false, { "retry-after": "60", "gantry-instance": "one" });
    const { transport, pauses, headers } = stage(hungUp, ok);
    await send(transport, pool, "/", { method: "POST", body: "job" });
    expect(pauses).toEqual([50]);
    expect(headers[1]).toMatchObject({ exclude: ["one"] });
  });

  it("does not go on where nobody can answer", async ({ expect }) => {
    const { transport } = stage(refusal("APPLICATION_NOT_FOUND", false));
    await expect(send(transport, pool, "/", undefined)).rejects.toMatchObject({ code: "APPLICATION_NOT_FOUND" });
  });

  it("asks its caller which answer to do without, and lets go of everything when that throws", async ({ expect }) => {
    const choosy = { ...pool, retryOn: ({ status }: Response) => status === 404 };
    const { transport } = stage(answer(404, "one"), answer(500, "two"));
    expect((await send(transport, choosy, "/", undefined)).status).toBe(500);
    const cancelled = vi.fn<() => void>();
    const open = stage(() => new Response(new ReadableStream({ cancel: cancelled }), { status: 500 }));
    const broken = { ...pool, retryOn: () => assertNothing() };
    await expect(send(open.transport, broken, "/", undefined)).rejects.toThrow("mine");
    expect(cancelled).toHaveBeenCalledOnce();
  });
});

function assertNothing(): boolean {
  throw new Error("mine");
}

describe("a caller that gives up", () => {
  const reason = new Error("not needed");

  it("ends the wait between two tries at once", async ({ expect }) => {
    const caller = new AbortController();
    const { transport, headers } = stage(refusal("NO_READY_INSTANCE", true));
    const waiting = {
      ...transport,
      random: () => 0.99,
      sleep: (_: number, signal: AbortSignal | undefined) => sleep(3_600_000, signal),
    };
    const call = send(waiting, { ...get, signal: caller.signal }, "/", undefined);
    await vi.waitFor(() => expect(headers).toHaveLength(1));
    caller.abort(reason);
    await expect(call).rejects.toBe(reason);
  });

  it("ends a call that was sent, and an answer that comes later is let go", async ({ expect }) => {
    const cancelled = vi.fn<() => void>();
    const { promise, resolve } = Promise.withResolvers<Response>();
    const { transport, headers } = stage(() => promise);
    const own = new AbortController();
    const call = send(transport, get, "/", { signal: own.signal });
    await vi.waitFor(() => expect(headers).toHaveLength(1));
    own.abort(reason);
    await expect(call).rejects.toBe(reason);
    resolve(new Response(new ReadableStream({ cancel: cancelled })));
    await vi.waitFor(() => expect(cancelled).toHaveBeenCalledOnce());
  });

  it("sends nothing when it has given up before", async ({ expect }) => {
    const { transport, headers } = stage();
    await expect(send(transport, { ...get, signal: AbortSignal.abort(reason) }, "/", undefined)).rejects.toBe(reason);
    expect(headers).toHaveLength(0);
  });
});
