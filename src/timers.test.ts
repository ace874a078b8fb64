import { describe, it, vi } from "vitest";
import { memoryDatabase } from "../test/unit/sqlite-storage.ts";
import { timerRetryDelayMs, Timers, TIMERS_SCHEMA } from "./timers.ts";

/** Timers on an alarm that is only remembered. */
function setUp() {
  const db = memoryDatabase();
  db.run(TIMERS_SCHEMA);
  const alarm: { at: number | null } = { at: null };
  const clock = {
    setAlarm: (at: number) => void (alarm.at = at),
    deleteAlarm: () => void (alarm.at = null),
  };
  const timers = new Timers(db, clock);
  /** The platform calls: its alarm is used up by that. */
  const ring = async (now: number, run: (key: string, attempts: number) => Promise<void>) => {
    alarm.at = null;
    await timers.fire(now, run);
  };
  return { db, alarm, clock, timers, ring };
}

describe("the alarm", () => {
  it("stands at the earliest timer, and goes with the last", ({ expect }) => {
    const { timers, alarm } = setUp();
    timers.set("late", 200);
    timers.set("early", 100);
    expect(alarm.at).toBe(100);
    timers.clear("early");
    expect(alarm.at).toBe(200);
    timers.clear("late");
    expect(alarm.at).toBeNull();
  });

  it("is set again only when its time changes", ({ expect }) => {
    const { timers } = setUp();
    timers.set("a", 100);
    timers.set("a", 100);
    timers.set("b", 200);
    timers.clear("nothing");
    expect(timers.alarmsSet).toBe(1);
  });

  it("stays at an earlier time that it has, where any time until then will do", ({ expect }) => {
    const { timers } = setUp();
    timers.setBy("a", 100, 0);
    timers.setBy("a", 200, 50);
    expect([timers.dueAt("a"), timers.alarmsSet]).toEqual([100, 1]);
    // Not at one that is past, nor at a later one.
    timers.setBy("a", 200, 101);
    timers.setBy("a", 150, 101);
    expect([timers.dueAt("a"), timers.alarmsSet]).toEqual([150, 3]);
  });

  it("is set again by a new lifetime, also for what is overdue", ({ expect }) => {
    const { db, clock, timers, alarm } = setUp();
    timers.set("a", 100);
    alarm.at = null;
    new Timers(db, clock).rearm();
    expect(alarm.at).toBe(100);
  });
});

describe("what is due", () => {
  it("runs once, in order of time, and nothing else does", async ({ expect }) => {
    const { timers, alarm, ring } = setUp();
    const keys: string[] = [];
    const run = async (key: string) => void keys.push(key);
    timers.set("second", 100);
    timers.set("first", 50);
    timers.set("later", 101);
    await ring(100, run);
    expect([keys, alarm.at]).toEqual([["first", "second"], 101]);
    await ring(100, run);
    expect(keys).toEqual(["first", "second"]);
  });

  it("and is set again while it runs stays set", async ({ expect }) => {
    const { timers, alarm, ring } = setUp();
    timers.set("a", 100);
    await ring(100, async (key) => timers.set(key, 500));
    expect([timers.dueAt("a"), alarm.at]).toEqual([500, 500]);
  });

  it("and is cleared while it runs stays cleared", async ({ expect }) => {
    const { timers, alarm, ring } = setUp();
    timers.set("a", 100);
    await ring(100, async (key) => timers.clear(key));
    expect([timers.dueAt("a"), alarm.at]).toEqual([null, null]);
  });

  it("and fails comes back later and later, beside the others, until it succeeds", async ({ expect }) => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const { timers, alarm, ring } = setUp();
    timers.set("bad", 100);
    timers.set("good", 100);
    const tried: [string, number][] = [];
    const run = async (key: string, attempts: number) => {
      tried.push([key, attempts]);
      if (key === "bad" && attempts < 2) throw new Error("not yet");
    };
    await ring(100, run);
    expect([timers.dueAt("bad"), timers.dueAt("good"), alarm.at]).toEqual([1_100, null, 1_100]);
    await ring(1_100, run);
    expect(alarm.at).toBe(3_100);
    await ring(3_100, run);
    expect(alarm.at).toBeNull();
    expect(tried.filter(([key]) => key === "bad")).toEqual([
      ["bad", 0],
      ["bad", 1],
      ["bad", 2],
    ]);
  });

  it("and is set to the very same time while it runs runs again", async ({ expect }) => {
    const { timers, ring } = setUp();
    timers.set("a", 100);
    await ring(100, async (key) => timers.set(key, 100));
    expect(timers.dueAt("a")).toBe(100);
  });

  it("and is closed while it runs leaves an erased storage alone", async ({ expect }) => {
    const { db, timers, alarm, ring } = setUp();
    timers.set("a", 100);
    timers.set("b", 100);
    const ran: string[] = [];
    await ring(100, async (key) => {
      ran.push(key);
      timers.close();
      db.run("DROP TABLE timers");
      timers.set("c", 200);
      timers.clear("a");
    });
    await ring(200, async (key) => void ran.push(key));
    expect([ran, timers.dueAt("c"), alarm.at]).toEqual([["a"], null, null]);
  });

  it.for([
    [1, 1_000],
    [2, 2_000],
    [6, 32_000],
    [7, 60_000],
    [1_000, 60_000],
  ] as const)("and has failed %i times waits %i ms", ([attempts, ms], { expect }) => {
    expect(timerRetryDelayMs(attempts)).toBe(ms);
  });
});
