/** Seeded lives of schedules whose object dies between any two writes: what must hold of them at each step. */
import { describe, it } from "vitest";
import { Random } from "../../../test/simulation/random.ts";
import { GantryError } from "../../errors.ts";
import type { Misfire } from "../cron/due-runs.ts";
import type { ScheduleSpec } from "./schedule.ts";
import { GUARD, HOUR_MS, MINUTE_MS, NOON, ScheduleWorld } from "./schedule-world.ts";

const SEEDS = Number(process.env["SCHEDULE_SEEDS"] ?? 10);
const STEPS = 50;

const CRONS = ["* * * * *", "*/5 * * * *", "0 * * * *", "30 2 * * *"] as const;
const MISFIRES: readonly [Misfire, ...Misfire[]] = [{ policy: "skip" }, { policy: "one" }, { policy: "all", limit: 5 }];
const CONCURRENCY = ["allow", "forbid", "replace"] as const;

class Died extends Error {}

function changesOf(random: Random): Partial<ScheduleSpec> {
  return {
    cron: random.pick(CRONS),
    timeZone: random.pick(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]),
    gap: random.pick(["skip", "run_after"]),
    overlap: random.pick(["first", "both"]),
    misfire: random.pick(MISFIRES),
    concurrency: random.pick(CONCURRENCY),
    runsAfterSuspension: random.chance(0.3),
    startingDeadlineMs: random.chance(0.3) ? 10 * MINUTE_MS : null,
    jitterMs: random.chance(0.3) ? 50_000 : 0,
    history: { succeeded: random.between(0, 3), failed: random.between(0, 2) },
  };
}

/** The object dies at the n-th statement from now on: what its transactions have kept by then is there afterwards. */
function dieAt(world: ScheduleWorld, statements: number): () => void {
  const { db } = world;
  const run = db.run.bind(db);
  let left = statements;
  db.run = (...args) => {
    left -= 1;
    if (left === 0) throw new Died();
    run(...args);
  };
  return () => {
    db.run = run;
  };
}

async function live(seed: number): Promise<string[]> {
  const random = new Random(seed).stream("schedules");
  // Some live through a change of the clocks.
  const world = new ScheduleWorld(
    random.pick([NOON, Date.parse("2026-10-24T22:00:00Z"), Date.parse("2026-03-28T22:00:00Z")]),
  );
  const broken: string[] = [];
  const ran = new Map<string, number>();
  let floor = world.now;
  let count = { fired: 0, skipped: 0, missed: 0 };
  world.create(changesOf(random));
  const step = async () => {
    const dice = random.next();
    if (dice < 0.08) await world.edit(changesOf(random));
    else if (dice < 0.16) await world.suspend(random.chance(0.5));
    else if (dice < 0.22) await world.control.runNow("nightly", crypto.randomUUID(), GUARD, "ann");
    else if (dice < 0.6) await world.control.run();
    else await world.ring();
  };
  for (let turn = 0; turn < STEPS; turn += 1) {
    world.now += random.between(0, random.chance(0.1) ? 5 * HOUR_MS : 3 * MINUTE_MS);
    const before = world.control.view("nightly").schedule;
    const revive = random.chance(0.4) ? dieAt(world, random.between(1, 12)) : () => undefined;
    const error: unknown = await step().then(
      () => null,
      (thrown: unknown) => thrown,
    );
    revive();
    if (error instanceof Died || random.chance(0.1)) world.restart();
    else if (error !== null && !GantryError.is(error)) throw error;

    const { schedule } = world.control.view("nightly");
    const { state, suspended, change } = schedule;
    // What was written before the present times and states of it were is nobody's to fire.
    const isChanged = change !== before.change;
    for (const { id, origin, name } of world.jobs) {
      if (origin.kind !== "schedule" || origin.isManual || ran.has(id)) continue;
      if ([...ran.values()].includes(origin.at)) broken.push(`slot ${name} ran twice`);
      if (origin.at <= floor && !before.spec.runsAfterSuspension) broken.push(`${name} is of the past`);
      if (origin.at > world.now) broken.push(`${name} is of the future`);
      if (before.suspended && suspended) broken.push(`${name} fired while suspended`);
      ran.set(id, origin.at);
    }
    if (isChanged && JSON.stringify(before.spec) !== JSON.stringify(schedule.spec))
      floor = Math.max(floor, state.cursor);
    for (const key of ["fired", "skipped", "missed"] as const) {
      if (state[key] < count[key]) broken.push(`${key} fell`);
    }
    count = state;
    if (suspended !== (state.wakeAt === null)) broken.push("wakes as it should not");
    const open = world.jobs.filter(({ verdict }) => verdict === null);
    if (before.spec.concurrency === "forbid" && state.fired > before.state.fired + 1)
      broken.push("fired beside another");
    for (const job of open) if (random.chance(0.4)) world.end(job.id, random.pick(["succeeded", "failed"]));
    for (const { id, verdict, finishedAt } of world.jobs) {
      if (verdict?.outcome === "cancelled" && finishedAt === null) world.end(id, "cancelled");
    }
  }
  // Whatever died, the timer is set as soon as somebody looks.
  await world.control.run();
  const { wakeAt } = world.control.view("nightly").schedule.state;
  if (world.timers.dueAt("cron") !== wakeAt) broken.push("nobody will wake for it");
  return broken;
}

describe("a schedule whose object dies at random", () => {
  const patience = { timeout: 60_000 + SEEDS * 2_000 };
  it(`runs no slot twice, nor one of the past, in ${SEEDS} lives`, patience, async ({ expect }) => {
    for (let seed = 1; seed <= SEEDS; seed += 1)
      expect({ seed, broken: await live(seed) }).toEqual({ seed, broken: [] });
  });
});
