import { describe, it } from "vitest";
import { GantryError } from "../../errors.ts";
import { readApplication, writeApplication } from "../../orchestrator/storage/application-row.ts";
import { MAX_UNFINISHED } from "./plan-runs.ts";
import { runId } from "./schedule.ts";
import { GUARD, HOUR_MS, ID, MINUTE_MS, NOON, ScheduleWorld, specOf } from "./schedule-world.ts";

const hours = (slots: readonly number[]) => slots.map((slot) => (slot - NOON) / HOUR_MS);
const instants = (slots: readonly number[]) => slots.map((slot) => new Date(slot).toISOString().slice(0, 16));

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (GantryError.is(error)) return error.code;
    throw error;
  }
  return "accepted";
}

const refused = async (run: Promise<unknown>) =>
  await run.then(
    () => "accepted",
    (error: unknown) => (GantryError.is(error) ? error.code : String(error)),
  );

describe("a slot", () => {
  it("makes one job, named by schedule and minute, with one alarm before it", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create();
    expect(world.alarmAt).toBe(NOON);
    await world.ringAt(NOON);
    const [job] = world.jobs;
    expect(world.jobs).toHaveLength(1);
    expect(job).toMatchObject({
      id: runId({ id: ID }, NOON),
      name: `nightly-${NOON / MINUTE_MS}`,
      origin: { kind: "schedule", schedule: "nightly", at: NOON, isManual: false },
    });
    expect(job?.id).toMatch(/^[0-9a-f]{8}-4e5f-8061-8293-a4b5c6d7e8f9$/);
    expect(world.alarmAt).toBe(NOON + HOUR_MS);
    expect(world.events.map(({ name }) => name)).toEqual(["ScheduleCreated", "JobCreated", "ScheduleFired"]);
    expect(world.control.view("nightly").schedule.state).toMatchObject({ fired: 1, lastSlot: NOON });
  });

  it("is not run by an alarm that comes early, and once by alarms that come late and twice", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create();
    await world.ringAt(NOON - 1);
    await world.control.run();
    expect(world.slots).toEqual([]);
    await world.ringAt(NOON + 20_000);
    await Promise.all([world.ring(), world.control.run(), world.control.run()]);
    world.restart();
    await world.control.run();
    expect(world.slots).toEqual([NOON]);
    expect(world.alarmAt).toBe(NOON + HOUR_MS);
  });

  it("is not made again by a schedule that has forgotten it", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create();
    const body = "UPDATE schedule_states SET body = ?";
    const before = JSON.stringify(world.control.view("nightly").schedule.state);
    await world.ringAt(NOON);
    world.db.run(body, before);
    world.restart();
    await world.control.run();
    expect(world.slots).toEqual([NOON]);
  });

  it("is all kept or not at all: a write that fails takes the whole of it back", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create();
    world.now = NOON;
    const failing = "CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no space'); END";
    world.db.run(failing);
    expect(await refused(world.control.run())).toContain("no space");
    expect(world.jobs).toEqual([]);
    expect(world.control.view("nightly").schedule.state).toMatchObject({ fired: 0, wakeAt: NOON });
    world.db.run("DROP TRIGGER full");
    await world.control.run();
    expect(world.slots).toEqual([NOON]);
  });

  it("goes through hundreds of alarms at random times once each", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create({
      cron: "*/7 * * * *",
      misfire: { policy: "all", limit: 100 },
      history: { succeeded: 5, failed: 5 },
    });
    const first = world.now;
    let seed = 7;
    const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const fired: number[] = [];
    for (let step = 0; step < 400; step += 1) {
      world.now += Math.floor(random() * 9 * MINUTE_MS);
      if (random() < 0.2) world.restart();
      await (random() < 0.5 ? world.ring() : world.control.run());
      for (const { id, origin, finishedAt } of world.jobs) {
        if (finishedAt !== null) continue;
        if (origin.kind === "schedule") fired.push(origin.at);
        world.end(id);
      }
    }
    await world.control.run();
    const expected: number[] = [];
    for (let slot = Math.ceil(first / MINUTE_MS) * MINUTE_MS; slot <= world.now; slot += MINUTE_MS) {
      if (new Date(slot).getUTCMinutes() % 7 === 0) expected.push(slot);
    }
    expect(fired.length).toBeGreaterThan(150);
    expect(new Set(fired).size).toBe(fired.length);
    expect(fired.toSorted((a, b) => a - b)).toEqual(expected.slice(0, fired.length));
  });
});

describe("clocks that change", () => {
  const EVE = Date.parse("2026-03-28T12:00:00Z");
  const AUTUMN = Date.parse("2026-10-24T12:00:00Z");
  const DAYS = 2 * 24 * HOUR_MS;

  it.for([
    ["forward", "run_after", EVE, ["2026-03-29T01:00", "2026-03-30T00:30"]],
    ["forward", "skip", EVE, ["2026-03-30T00:30"]],
    ["back", "first", AUTUMN, ["2026-10-25T00:30", "2026-10-26T01:30"]],
    ["back", "both", AUTUMN, ["2026-10-25T00:30", "2026-10-25T01:30", "2026-10-26T01:30"]],
  ] as const)("%s: half past two with %s", async ([, rule, from, expected], { expect }) => {
    const world = new ScheduleWorld(from);
    const gap = rule === "skip" ? "skip" : "run_after";
    const overlap = rule === "both" ? "both" : "first";
    world.create({ cron: "30 2 * * *", timeZone: "Europe/Berlin", gap, overlap });
    await world.runUntil(from + DAYS);
    expect(instants(world.slots)).toEqual(expected);
    expect(new Set(world.jobs.map(({ name }) => name)).size).toBe(expected.length);
  });

  it("do not matter to what runs by the hour", async ({ expect }) => {
    const world = new ScheduleWorld(Date.parse("2026-10-24T23:10:00Z"));
    world.create({ timeZone: "Europe/Berlin" });
    await world.runUntil(Date.parse("2026-10-25T03:10:00Z"));
    expect(instants(world.slots).map((text) => text.slice(11))).toEqual(["00:00", "01:00", "02:00", "03:00"]);
  });
});

describe("late slots", () => {
  it.for([
    ["skip", { policy: "skip" }, [], "ScheduleMissed Misfire 4"],
    ["one", { policy: "one" }, [3], "ScheduleMissed Misfire 3"],
    ["all", { policy: "all", limit: 3 }, [1, 2, 3], "ScheduleMissed Misfire 1"],
  ] as const)("run as misfire says: %s", async ([, misfire, ran, told], { expect }) => {
    const world = new ScheduleWorld();
    world.create({ misfire });
    await world.ringAt(NOON + 3 * HOUR_MS + 2 * MINUTE_MS);
    expect(hours(world.slots)).toEqual(ran);
    expect(world.untold).toEqual([told]);
    const { fired, missed } = world.control.view("nightly").schedule.state;
    expect(fired + missed).toBe(4);
  });

  it("are not begun after the starting deadline", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create({ misfire: { policy: "all", limit: 100 }, startingDeadlineMs: 90 * MINUTE_MS });
    await world.ringAt(NOON + 3 * HOUR_MS + 2 * MINUTE_MS);
    expect(hours(world.slots)).toEqual([2, 3]);
    expect(world.untold).toEqual(["ScheduleMissed StartingDeadlineExceeded 2"]);
  });
});

describe("jitter", () => {
  it("begins each run later by a time of its own, the same for everybody who asks, and names it by its slot", async ({
    expect,
  }) => {
    const world = new ScheduleWorld();
    world.create({ jitterMs: 20 * MINUTE_MS });
    const delays: number[] = [];
    for (let hour = 0; hour < 8; hour += 1) {
      const slot = NOON + hour * HOUR_MS;
      const at = world.alarmAt ?? 0;
      delays.push(at - slot);
      await world.ringAt(at - 1);
      expect(world.slots).toHaveLength(hour);
      world.restart();
      await world.ringAt(at);
      expect(world.slots.at(-1)).toBe(slot);
    }
    expect(delays.every((delay) => delay >= 0 && delay <= 20 * MINUTE_MS)).toBe(true);
    expect(new Set(delays).size).toBeGreaterThan(5);
  });

  it("does not lose a run that it holds back when something else than the times is edited", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create({ jitterMs: 50 * MINUTE_MS });
    const at = world.alarmAt ?? 0;
    world.now = at - 1;
    await world.edit({ jitterMs: 50 * MINUTE_MS, concurrency: "forbid" });
    expect(world.alarmAt).toBe(at);
    await world.ringAt(at);
    expect(world.slots).toEqual([NOON]);
  });
});

describe("an edit", () => {
  it("fires nothing of the past, whatever the new times would have been", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create({ cron: "0 0 1 1 *" });
    world.now = NOON + 10 * HOUR_MS + 30 * MINUTE_MS;
    await world.edit({ misfire: { policy: "all", limit: 100 }, cron: "*/5 * * * *" });
    await world.ring();
    expect(world.slots).toEqual([]);
    await world.runUntil(world.now + 5 * MINUTE_MS);
    expect(world.slots).toEqual([NOON + 10 * HOUR_MS + 35 * MINUTE_MS]);
  });

  it("comes after what was due before it, as it was before", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create();
    world.now = NOON + 5_000;
    await world.edit({ cron: "0 0 * * *", job: { ...specOf().job, fairnessKey: "new" } });
    expect(world.jobs).toMatchObject([{ fairnessKey: "", origin: { at: NOON } }]);
  });

  it("comes after what becomes due while the account is asked about another schedule", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create({ cron: "0 12 * * *", sized: true }, "large", crypto.randomUUID());
    world.create({ cron: "1 12 * * *" });
    world.create({ cron: "1 12 * * *" }, "other", crypto.randomUUID());
    world.now = NOON + MINUTE_MS - 1;
    world.meanwhile = () => void (world.now = NOON + MINUTE_MS);
    await world.edit({ cron: "0 3 * * *" });
    expect(world.slots).toEqual([NOON, NOON + MINUTE_MS, NOON + MINUTE_MS]);
    await world.suspend(true, "other");
    expect(world.untold).toEqual([]);
  });

  it("does not make late slots run that the policy before had given up", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create({ misfire: { policy: "skip" } });
    world.now = NOON + 5 * HOUR_MS + 5 * MINUTE_MS;
    await world.edit({ misfire: { policy: "all", limit: 100 } });
    await world.ring();
    expect(world.slots).toEqual([]);
    expect(world.untold).toEqual(["ScheduleMissed Misfire 6"]);
  });

  it("that changes nothing writes nothing, and its ETag stays", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create();
    const before = world.control.view("nightly");
    await world.edit({});
    expect(world.control.view("nightly")).toEqual(before);
    await world.edit({ concurrency: "replace" });
    const { etag, schedule } = world.control.view("nightly");
    expect(etag).not.toBe(before.etag);
    expect(schedule.id).toBe(ID);
    const stale = { ...GUARD, ifMatch: before.etag };
    const given = { id: ID, name: "nightly", suspended: false, spec: specOf() };
    expect(await refused(world.control.put(given, stale, "ann"))).toBe("PRECONDITION_FAILED");
    expect(refusal(() => world.control.remove("nightly", stale, "ann"))).toBe("PRECONDITION_FAILED");
    expect(await refused(world.control.put({ ...given, name: "other" }, stale, "ann"))).toBe("PRECONDITION_FAILED");
  });
});

describe("a suspended schedule", () => {
  const ALL = { policy: "all", limit: 10 } as const;

  it("fires nothing, has no alarm, and goes on with its next slot", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create({ misfire: ALL });
    await world.suspend(true);
    expect(world.alarmAt).toBeNull();
    await world.ringAt(NOON + 3 * HOUR_MS);
    expect(world.control.view("nightly").upcoming).toEqual([]);
    world.now += 20_000;
    await world.suspend(false);
    await world.ring();
    expect(world.slots).toEqual([]);
    expect(world.alarmAt).toBe(NOON + 4 * HOUR_MS);
    await world.ringAt(NOON + 4 * HOUR_MS);
    expect(hours(world.slots)).toEqual([4]);
    expect(world.untold).toEqual([]);
  });

  it.for([
    [{ policy: "one" }, [3]],
    [{ policy: "all", limit: 2 }, [2, 3]],
  ] as const)("makes up for what passed where it is to, with %j", async ([misfire, ran], { expect }) => {
    const world = new ScheduleWorld();
    world.create({ misfire, runsAfterSuspension: true });
    await world.suspend(true);
    world.now = NOON + 3 * HOUR_MS + 20_000;
    await world.suspend(false);
    world.restart();
    await world.ring();
    expect(hours(world.slots)).toEqual(ran);
    await world.ringAt(NOON + 4 * HOUR_MS + 30_000);
    expect(hours(world.slots)).toEqual([...ran, 4]);
  });

  it("runs what was due before it was suspended", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create();
    world.now = NOON + 1_000;
    await world.suspend(true);
    expect(world.slots).toEqual([NOON]);
  });
});

describe("a run beside an earlier one", () => {
  it("is allowed, up to a hundred", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create({ cron: "* * * * *" });
    await world.runUntil(world.now + (MAX_UNFINISHED + 2) * MINUTE_MS);
    expect(world.jobs).toHaveLength(MAX_UNFINISHED);
    expect(new Set(world.untold)).toEqual(new Set(["ScheduleSkipped TooManyUnfinished 1"]));
    expect(world.control.view("nightly").active).toBe(MAX_UNFINISHED);
  });

  it("is skipped where that is forbidden, and told", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create({ concurrency: "forbid" });
    await world.runUntil(NOON + 2 * HOUR_MS);
    expect(hours(world.slots)).toEqual([0]);
    expect(world.untold).toEqual(["ScheduleSkipped AlreadyRunning 1", "ScheduleSkipped AlreadyRunning 1"]);
    world.endAll();
    await world.runUntil(NOON + 3 * HOUR_MS);
    expect(hours(world.slots)).toEqual([0, 3]);
  });

  it("is one of several that are late, where that is forbidden", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create({ concurrency: "forbid", misfire: { policy: "all", limit: 3 } });
    await world.ringAt(NOON + 2 * HOUR_MS + 5 * MINUTE_MS);
    expect(hours(world.slots)).toEqual([0]);
    expect(world.untold).toEqual(["ScheduleSkipped AlreadyRunning 2"]);
  });

  it("replaces it, which is cancelled, where that is asked for", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create({ concurrency: "replace", misfire: { policy: "all", limit: 3 } });
    world.create({}, "other", crypto.randomUUID());
    await world.runUntil(NOON);
    await world.ringAt(NOON + 2 * HOUR_MS + 5 * MINUTE_MS);
    const own = world.jobs.filter(({ origin }) => origin.kind === "schedule" && origin.schedule === "nightly");
    expect(own).toMatchObject([{ verdict: { outcome: "cancelled", reason: "Cancelled" } }, { verdict: null }]);
    expect(own.at(-1)?.origin).toMatchObject({ at: NOON + 2 * HOUR_MS });
    expect(world.untold).toContain("ScheduleSkipped Replaced 1");
    const others = world.jobs.filter(({ origin }) => origin.kind === "schedule" && origin.schedule === "other");
    expect(others.every(({ verdict }) => verdict === null)).toBe(true);
  });
});

describe("finished jobs", () => {
  it("are kept as many as the history says, cancelled ones among the failed", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create({ history: { succeeded: 2, failed: 1 } });
    const outcomes = ["succeeded", "failed", "succeeded", "cancelled", "succeeded"] as const;
    for (const [hour, outcome] of outcomes.entries()) {
      await world.runUntil(NOON + hour * HOUR_MS);
      world.endAll(outcome);
    }
    expect(hours(world.slots)).toEqual([2, 3, 4]);
    await world.edit({ history: { succeeded: 1, failed: 0 } });
    expect(hours(world.slots)).toEqual([4]);
    expect(world.control.view("nightly").schedule.state.fired).toBe(5);
    expect(world.control.remove("nightly", GUARD, "ann")).toBe(true);
    expect(world.jobs).toEqual([]);
  });

  it("of a schedule that is gone stay, and what runs of it goes on", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create();
    await world.runUntil(NOON);
    world.control.remove("nightly", GUARD, "ann");
    world.endAll();
    expect(world.slots).toEqual([NOON]);
    expect(world.alarmAt).toBeNull();
  });

  it("are known to it for no longer than they are there", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create({ history: { succeeded: 1, failed: 0 } });
    for (let hour = 0; hour < 20; hour += 1) {
      await world.runUntil(NOON + hour * HOUR_MS);
      world.endAll();
    }
    expect(world.control.view("nightly").schedule.state.jobs.length).toBeLessThanOrEqual(2);
  });
});

describe("a run by hand", () => {
  it("is made once for each id, also of a suspended schedule, and moves no slot", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create();
    await world.suspend(true);
    const id = crypto.randomUUID();
    await world.control.runNow("nightly", id, GUARD, "ann");
    await world.control.runNow("nightly", id, { ...GUARD, isRetry: true }, "ann");
    expect(world.jobs).toMatchObject([
      { id, name: `nightly-${id.slice(0, 8)}`, origin: { schedule: "nightly", isManual: true, at: world.now } },
    ]);
    await world.suspend(false);
    await world.runUntil(NOON);
    expect(world.slots).toHaveLength(2);
    expect(world.control.view("nightly").schedule.state).toMatchObject({ fired: 1, lastSlot: NOON });
    expect(world.events.find(({ name }) => name === "ScheduleFired")).toMatchObject({ details: { manual: true } });
  });

  it("is refused beside another where that is forbidden, and counts as one itself", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create({ concurrency: "forbid" });
    await world.control.runNow("nightly", crypto.randomUUID(), GUARD, "ann");
    expect(await refused(world.control.runNow("nightly", crypto.randomUUID(), GUARD, "ann"))).toBe("SCHEDULE_BUSY");
    await world.runUntil(NOON);
    expect(world.untold).toEqual(["ScheduleSkipped AlreadyRunning 1"]);
    world.endAll();
    await world.control.runNow("nightly", crypto.randomUUID(), GUARD, "ann");
    expect(world.jobs).toHaveLength(2);
  });

  it("replaces another where that is asked for", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create({ concurrency: "replace" });
    await world.runUntil(NOON);
    await world.control.runNow("nightly", crypto.randomUUID(), GUARD, "ann");
    expect(world.jobs).toMatchObject([{ verdict: { outcome: "cancelled" } }, { verdict: null }]);
  });
});

describe("what an application does not allow", () => {
  it("is skipped and told where it runs no jobs any more, and refused where it runs none", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create();
    const row = readApplication(world.db);
    if (row === undefined) throw new Error("no row");
    writeApplication(world.db, { ...row, spec: { ...row.spec, jobInstances: 0 } });
    await world.runUntil(NOON);
    expect(world.jobs).toEqual([]);
    expect(world.untold).toEqual(["ScheduleSkipped JobsNotAllowed 1"]);
    expect(refusal(() => world.create({}, "other"))).toBe("JOB_CREATE_NOT_ALLOWED");
    expect(await refused(world.control.runNow("nightly", crypto.randomUUID(), GUARD, "ann"))).toBe(
      "JOB_CREATE_NOT_ALLOWED",
    );
  });

  it("is asked of the account for jobs of a size of their own: granted, refused, or tried again", async ({
    expect,
  }) => {
    const world = new ScheduleWorld();
    world.create({ sized: true });
    world.create({}, "usual", crypto.randomUUID());
    await world.runUntil(NOON);
    expect(world.slots).toEqual([NOON, NOON]);
    expect(world.settled).toBe(1);
    world.refusal = new GantryError("SURPASSED_TOTAL_LIMITS", "too much");
    await world.runUntil(NOON + HOUR_MS);
    expect(hours(world.slots)).toEqual([0, 0, 1]);
    expect(world.untold).toEqual(["ScheduleSkipped Refused 1"]);
    world.refusal = new Error("gone away");
    await world.ringAt(NOON + 2 * HOUR_MS);
    // The other schedule does not wait for it.
    expect(hours(world.slots)).toEqual([0, 0, 1, 2]);
    expect(world.alarmAt).toBe(world.now + 10_000);
    world.refusal = null;
    await world.ringAt(world.alarmAt ?? 0);
    expect(hours(world.slots)).toEqual([0, 0, 1, 2, 2]);
    expect(world.alarmAt).toBe(NOON + 3 * HOUR_MS);
  });

  it("fires nothing more once the application is being deleted, and wakes nobody", async ({ expect }) => {
    const world = new ScheduleWorld();
    world.create();
    const row = readApplication(world.db);
    if (row === undefined) throw new Error("no row");
    writeApplication(world.db, { ...row, deleting: true });
    await world.ringAt(NOON);
    expect(world.jobs).toEqual([]);
    expect(world.alarmAt).toBeNull();
  });

  it("is more than a hundred schedules, or two of one name", ({ expect }) => {
    const world = new ScheduleWorld();
    for (let number = 0; number < 100; number += 1) world.create({}, `s${number}`, crypto.randomUUID());
    expect(refusal(() => world.create({}, "one-more"))).toBe("SCHEDULE_LIMIT_REACHED");
    expect(refusal(() => world.create({}, "s1"))).toBe("SCHEDULE_ALREADY_EXISTS");
    const first = world.control.list("", 60);
    const second = world.control.list(first.next ?? "", 60);
    expect(second.next).toBeNull();
    const names = [...first.schedules, ...second.schedules].map(({ schedule }) => schedule.name);
    expect(names).toHaveLength(100);
    expect(names).toEqual(names.toSorted());
  });
});
