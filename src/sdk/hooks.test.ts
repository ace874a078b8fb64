import { describe, it, vi } from "vitest";
import { createHooks, eventKey, rememberEvents, type HookContext } from "./hooks.ts";

const context: HookContext<{ name: string }> = { env: { name: "mine" }, ctx: { waitUntil: () => undefined } };
const base = { application: "web", instance: "i1", name: "alice", generation: 3, at: "2026-01-01T00:00:00.000Z" };
const stop = { ...base, type: "stop", exitCode: 137, reason: "OOMKilled" };

describe("hooks", () => {
  it("get the event of their kind, and what their Worker has", async ({ expect }) => {
    const seen: unknown[] = [];
    const log = (event: unknown, { env }: HookContext<{ name: string }>) => seen.push([event, env.name]);
    const deliver = createHooks({ web: { onStart: log, onStop: log, onError: log, onHardTimeout: log } });
    const events = [
      { ...base, type: "start" },
      stop,
      { ...base, type: "error", code: "INSTANCE_CANNOT_START", message: "it exits" },
      { ...base, type: "hard_timeout", afterMs: 3_600_000 },
    ];
    for (const event of events) await deliver(event, context);
    expect(seen).toEqual(events.map((event) => [event, "mine"]));
  });

  it("are done with what nobody handles, and with what only newer releases know", async ({ expect }) => {
    const onStart = vi.fn<() => void>();
    const deliver = createHooks({ web: { onStart } });
    await deliver(stop, context);
    await deliver({ ...stop, application: "other" }, context);
    await deliver({ ...base, type: "migrated", to: "weur" }, context);
    await deliver({ ...base, type: "start", newField: 1 }, context);
    expect(onStart).toHaveBeenCalledOnce();
  });

  it("say what is wrong with an event that is none", async ({ expect }) => {
    const deliver = createHooks({});
    const broken = { ...stop, generation: "3" };
    await expect(deliver(broken, context)).rejects.toMatchObject({
      code: "VALIDATE_INPUT",
      details: { generation: expect.any(String) },
    });
    await expect(deliver(null, context)).rejects.toMatchObject({ code: "VALIDATE_INPUT" });
  });

  it("fail with their handler, so that Gantry calls again", async ({ expect }) => {
    const deliver = createHooks({ web: { onStop: () => Promise.reject(new Error("not now")) } });
    await expect(deliver(stop, context)).rejects.toThrow("not now");
  });
});

describe("remembering", () => {
  it("handles each event of each start once, and again only after a failure", async ({ expect }) => {
    const results = [Promise.reject(new Error("not now")), Promise.resolve(), Promise.resolve(), Promise.resolve()];
    const onStop = vi.fn<() => Promise<void>>(() => results.shift() as Promise<void>);
    const deliver = createHooks({ web: { onStop } }, { seen: rememberEvents() });
    await expect(deliver(stop, context)).rejects.toThrow("not now");
    await deliver(stop, context);
    await deliver(stop, context);
    expect(onStop).toHaveBeenCalledTimes(2);
    await deliver({ ...stop, generation: 4 }, context);
    await deliver({ ...stop, instance: "i2" }, context);
    expect(onStop).toHaveBeenCalledTimes(4);
  });

  it("lets a second delivery wait for the first, and fail with it", async ({ expect }) => {
    const { promise, reject } = Promise.withResolvers<void>();
    const onStop = vi.fn<() => Promise<void>>(() => promise);
    const deliver = createHooks({ web: { onStop } }, { seen: rememberEvents() });
    const both = Promise.allSettled([deliver(stop, context), deliver(stop, context)]);
    await vi.waitFor(() => expect(onStop).toHaveBeenCalledOnce());
    reject(new Error("not now"));
    expect((await both).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(onStop).toHaveBeenCalledOnce();
  });

  it("goes no further back than it was told", ({ expect }) => {
    const seen = rememberEvents(2);
    for (const key of ["a", "b", "c"]) seen.add(key);
    expect(["a", "b", "c"].map((key) => seen.has(key))).toEqual([false, true, true]);
    expect(eventKey({ instance: "i1", generation: 3, type: "stop" })).toBe("i1:3:stop");
  });
});
