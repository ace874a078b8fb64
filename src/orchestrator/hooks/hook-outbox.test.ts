import { describe, it, vi } from "vitest";
import { memoryDatabase } from "../../../test/unit/sqlite-storage.ts";
import { migrate } from "../../migrations.ts";
import { Timers } from "../../timers.ts";
import { listEvents } from "../events.ts";
import { APPLICATION_MIGRATIONS } from "../storage/schema.ts";
import type { HookEvent } from "./hook-events.ts";
import { HookOutbox, HOOKS_TIMER, MOST_HOOKS, retryDelayMs } from "./hook-outbox.ts";

const start = (instance: string, generation: number): HookEvent => {
  return { application: "web", instance, name: null, generation, at: "", type: "start" };
};

function stage(binding: string | null = "HOOKS") {
  const db = memoryDatabase();
  migrate(db, APPLICATION_MIGRATIONS);
  let now = 1_000;
  const alarms: (number | null)[] = [];
  const timers = new Timers(db, { setAlarm: (at) => void alarms.push(at), deleteAlarm: () => void alarms.push(null) });
  const said: string[] = [];
  /** What a delivery of an instance waits for. */
  const gates = new Map<string, Promise<void>>();
  let drained = 0;
  const outbox = new HookOutbox({
    db,
    timers,
    clock: () => now,
    binding: () => binding,
    deliver: async (_, { instance, generation }) => {
      said.push(`${instance} ${generation}`);
      await gates.get(instance);
    },
    background: (work) => void work,
    onDrained: () => (drained += 1),
  });
  const at = (time: number) => {
    now = time;
    outbox.onTimer();
  };
  return { db, timers, outbox, said, gates, at, drained: () => drained, alarms };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

describe("hooks to be said", () => {
  it("are said in order for each instance, and nobody waits for another instance's", async ({ expect }) => {
    const { outbox, said, gates } = stage();
    const slow = Promise.withResolvers<void>();
    gates.set("a", slow.promise);
    outbox.intend("a", [start("a", 1), start("a", 2)]);
    outbox.intend("b", [start("b", 1)]);
    outbox.intend("b", [start("b", 2)]);
    await settled();
    expect(said).toEqual(["a 1", "b 1", "b 2"]);
    slow.resolve();
    await settled();
    expect(said.at(-1)).toBe("a 2");
    expect(outbox.isEmpty).toBe(true);
  });

  it("keep a timer while they are there, and none afterwards", async ({ expect }) => {
    const { outbox, timers, gates, drained } = stage();
    const slow = Promise.withResolvers<void>();
    gates.set("a", slow.promise);
    outbox.intend("a", [start("a", 1)]);
    await settled();
    expect(timers.dueAt(HOOKS_TIMER)).toBe(41_000);
    slow.resolve();
    await settled();
    expect([timers.dueAt(HOOKS_TIMER), drained()]).toEqual([null, 1]);
  });

  it("come again later each time when they fail, at most every ten minutes", async ({ expect }) => {
    const { outbox, timers, gates, said, at } = stage();
    vi.spyOn(console, "warn").mockReturnValue();
    gates.set("a", Promise.reject(new Error("no")));
    outbox.intend("a", [start("a", 1), start("a", 2)]);
    await settled();
    expect([said, timers.dueAt(HOOKS_TIMER)]).toEqual([["a 1"], 2_000]);
    at(1_500);
    await settled();
    expect(said).toHaveLength(1);
    at(2_000);
    await settled();
    expect([said, timers.dueAt(HOOKS_TIMER)]).toEqual([["a 1", "a 1"], 4_000]);
    expect([1, 2, 10, 11, 99].map(retryDelayMs)).toEqual([1_000, 2_000, 512_000, 600_000, 600_000]);
  });

  it("are bounded: the oldest are given up, and events say so", async ({ expect }) => {
    const { db, outbox, gates } = stage();
    gates.set("a", new Promise(() => undefined));
    outbox.intend(
      "a",
      Array.from({ length: MOST_HOOKS + 2 }, (_, index) => start("a", index)),
    );
    expect(db.one("SELECT COUNT(*) AS n, MIN(id) AS first FROM hooks")).toEqual({ n: MOST_HOOKS, first: 3 });
    expect(listEvents(db, 0, 10).events.map(({ name, generation }) => [name, generation])).toEqual([
      ["HookGivenUp", 0],
      ["HookGivenUp", 1],
    ]);
    await settled();
  });

  it("are dropped when nobody is to hear them any more", async ({ expect }) => {
    const { outbox, said } = stage(null);
    outbox.intend("a", [start("a", 1)]);
    await settled();
    expect([said, outbox.isEmpty]).toEqual([[], true]);
  });
});
