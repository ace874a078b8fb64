/** What a world of schedules and tasks is made of, and everything that is done to it: data that a seed gives and people can read. */
import * as z from "zod";
import { Random } from "../random.ts";
import { withoutSome } from "../engine/shrink.ts";
import { BATCH_FAULTS, faultsSchema, noFaults, someFaults } from "./faults.ts";

export const CRONS = ["* * * * *", "*/2 * * * *", "*/7 1-3 * * *", "30 2 * * *", "0 * * * *", "15 */2 * * *"] as const;
export const ZONES = ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "Asia/Kathmandu"] as const;
/** An ordinary noon; nights in which clocks go forward and back: Berlin, New York, Lord Howe. */
export const STARTS = [
  "2026-06-01T11:56:30Z",
  "2026-03-29T00:25:30Z",
  "2026-10-25T00:20:30Z",
  "2026-03-08T06:50:30Z",
  "2026-11-01T05:10:30Z",
  "2026-10-03T15:20:30Z",
  "2026-04-04T14:50:30Z",
] as const;
/** Of everything, so that two deeds meet. */
export const SCHEDULES = 2;
export const KEYS = 4;

const at = z.int().min(0);
const nth = z.int().min(0);
const ms = z.int().min(0);
const count = z.int().min(0);

const spec = z.strictObject({
  cron: z.enum(CRONS),
  zone: z.enum(ZONES),
  gap: z.enum(["skip", "run_after"]),
  overlap: z.enum(["first", "both"]),
  concurrency: z.enum(["allow", "forbid", "replace"]),
  misfire: z.enum(["skip", "one", "all"]),
  runsAfterSuspension: z.boolean(),
  startingDeadlineMs: ms.nullable(),
  jitterMs: ms,
  succeeded: count,
  failed: count,
  /** Asks the account for room of its own. */
  isSized: z.boolean(),
  /** Of its job. */
  retries: count,
  deadlineMs: ms.nullable(),
});
export type ScheduleChoice = z.infer<typeof spec>;

const message = z.strictObject({
  /** Null: none. Two of one key are two deliveries of one thing, unless their text differs. */
  key: count.nullable(),
  mode: z.enum(["run", "http"]),
  text: count,
  fairness: count,
  retries: count,
  delayMs: ms,
  /** `poison` is no task; `nobody` is of an application that there is not. */
  kind: z.enum(["task", "poison", "nobody"]),
});
export type MessageChoice = z.infer<typeof message>;

const deed = z.discriminatedUnion("do", [
  z.strictObject({ at, do: z.literal("schedule"), nth, suspended: z.boolean(), spec }),
  z.strictObject({ at, do: z.literal("suspend"), nth, suspended: z.boolean() }),
  z.strictObject({ at, do: z.literal("run-now"), nth }),
  z.strictObject({ at, do: z.literal("unschedule"), nth }),
  z.strictObject({ at, do: z.literal("send"), messages: z.array(message) }),
  z.strictObject({ at, do: z.literal("post"), messages: z.array(message) }),
  z.strictObject({ at, do: z.literal("task"), nth, action: z.enum(["cancel", "retry", "remove"]) }),
  z.strictObject({ at, do: z.literal("job"), nth, action: z.enum(["cancel", "suspend", "resume"]) }),
  z.strictObject({ at, do: z.literal("scale"), instances: count, jobs: count, posts: count }),
  /** The clock that the application reads goes forward or back, and stays so. */
  z.strictObject({ at, do: z.literal("clock"), byMs: z.int() }),
  z.strictObject({ at, do: z.literal("vanish"), nth }),
  z.strictObject({ at, do: z.literal("crash") }),
  z.strictObject({ at, do: z.literal("delete") }),
]);
export type BatchDeed = z.infer<typeof deed>;

const scenario = z.strictObject({
  seed: z.int(),
  start: z.enum(STARTS),
  /** Of the pool. */
  instances: count,
  /** Attempts of jobs, and posts, at a time. */
  jobs: count,
  posts: count,
  /** Tasks that may be open. */
  mostOpen: count,
  chaosMs: ms,
  faults: faultsSchema,
  deeds: z.array(deed),
});
export type BatchScenario = z.infer<typeof scenario>;

export function parseBatchScenario(json: unknown): BatchScenario {
  const result = scenario.safeParse(json);
  if (result.success) return result.data;
  throw new Error(`not a scenario of schedules and tasks:\n${z.prettifyError(result.error)}`);
}

const MINUTE_MS = 60_000;

export function batchScenarioOf(seed: number): BatchScenario {
  const random = new Random(seed).stream("batch");
  const chaosMs = MINUTE_MS * random.between(2, 8);
  const deeds: BatchDeed[] = [];
  const sometimes = (most: number, make: (when: number) => BatchDeed) => {
    for (let left = random.between(0, most); left > 0; left -= 1) deeds.push(make(someTime(random, chaosMs)));
  };
  const isCron = random.chance(0.75);
  const isTasks = !isCron || random.chance(0.5);
  if (isCron) {
    deeds.push({ at: 0, do: "schedule", nth: 0, suspended: false, spec: someSpec(random) });
    sometimes(5, (when) => ({
      at: when,
      do: "schedule",
      nth: random.between(0, 1),
      suspended: random.chance(0.15),
      spec: someSpec(random),
    }));
    sometimes(3, (when) => ({ at: when, do: "suspend", nth: random.between(0, 1), suspended: random.chance(0.5) }));
    sometimes(2, (when) => ({ at: when, do: "run-now", nth: random.between(0, 1) }));
    sometimes(1, (when) => ({ at: when, do: "unschedule", nth: random.between(0, 1) }));
    sometimes(4, (when) => ({ at: when, do: "clock", byMs: someLeap(random) }));
  }
  if (isTasks) {
    sometimes(4, (when) => ({ at: when, do: "send", messages: someMessages(random) }));
    sometimes(2, (when) => ({ at: when, do: "post", messages: someMessages(random).filter(isTask) }));
    sometimes(4, (when) => ({
      at: when,
      do: "task",
      nth: random.between(0, 9),
      action: random.pick(["cancel", "retry", "remove"]),
    }));
  }
  sometimes(2, (when) => ({
    at: when,
    do: "job",
    nth: random.between(0, 9),
    action: random.pick(["cancel", "suspend", "resume"]),
  }));
  sometimes(2, (when) => ({ at: when, do: "vanish", nth: random.between(0, 9) }));
  sometimes(2, (when) => ({ at: when, do: "crash" }));
  const most = { jobs: random.between(1, 4), posts: random.between(1, 3) };
  if (random.chance(0.2)) {
    sometimes(2, (when) => ({
      at: when,
      do: "scale",
      instances: isTasks ? random.between(0, 2) : 0,
      jobs: random.between(0, 4),
      posts: random.between(1, 3),
    }));
  }
  if (random.chance(0.08)) deeds.push({ at: someTime(random, chaosMs), do: "delete" });
  return {
    seed,
    start: random.pick(STARTS),
    instances: isTasks ? random.between(0, 2) : 0,
    ...most,
    mostOpen: random.chance(0.2) ? random.between(2, 6) : 1_000,
    chaosMs,
    faults: random.chance(0.1) ? noFaults() : someFaults(random),
    deeds: deeds.toSorted((a, b) => a.at - b.at),
  };
}

function isTask({ kind }: MessageChoice): boolean {
  return kind === "task";
}

/** Often just when a cron is due: the starts are half a minute before a full one. */
function someTime(random: Random, chaosMs: number): number {
  const time = random.between(0, chaosMs);
  if (random.chance(0.6)) return time;
  return Math.max(0, Math.floor(time / MINUTE_MS) * MINUTE_MS + MINUTE_MS / 2 + random.between(-150, 150));
}

function someLeap(random: Random): number {
  if (random.chance(0.4)) return -random.between(1, 30_000);
  return random.chance(0.4) ? random.between(1, 180_000) : random.between(1, 7 * 60) * MINUTE_MS;
}

function someSpec(random: Random): ScheduleChoice {
  return {
    cron: random.chance(0.4) ? "* * * * *" : random.pick(CRONS),
    zone: random.pick(ZONES),
    gap: random.pick(["skip", "run_after"]),
    overlap: random.pick(["first", "both"]),
    concurrency: random.pick(["allow", "forbid", "replace"]),
    misfire: random.pick(["skip", "one", "all"]),
    runsAfterSuspension: random.chance(0.3),
    startingDeadlineMs: random.chance(0.3) ? MINUTE_MS * random.between(1, 100) : null,
    jitterMs: random.chance(0.3) ? random.between(1, 50_000) : 0,
    succeeded: random.between(0, 3),
    failed: random.between(0, 2),
    isSized: random.chance(0.4),
    retries: random.between(0, 2),
    deadlineMs: random.chance(0.3) ? MINUTE_MS * random.between(1, 3) : null,
  };
}

function someMessages(random: Random): MessageChoice[] {
  return Array.from({ length: random.between(1, 6) }, () => ({
    key: random.chance(0.5) ? random.between(0, KEYS - 1) : null,
    mode: random.pick(["run", "http"]),
    text: random.chance(0.8) ? 0 : 1,
    fairness: random.between(0, 2),
    retries: random.between(0, 2),
    delayMs: random.chance(0.2) ? 1_000 * random.between(1, 90) : 0,
    kind: random.chance(0.8) ? "task" : random.pick(["poison", "nobody"]),
  }));
}

/** Fewer deeds, fewer faults, fewer messages, a shorter time. */
export function* smallerBatchScenarios(from: BatchScenario): Iterable<BatchScenario> {
  for (const deeds of withoutSome(from.deeds)) yield { ...from, deeds: [...deeds] };
  for (const name of BATCH_FAULTS) {
    if (from.faults[name] > 0) yield { ...from, faults: { ...from.faults, [name]: 0 } };
  }
  for (const [index, one] of from.deeds.entries()) {
    if (one.do !== "send" && one.do !== "post") continue;
    for (const messages of withoutSome(one.messages)) {
      if (messages.length > 0) yield { ...from, deeds: from.deeds.with(index, { ...one, messages: [...messages] }) };
    }
  }
  for (const fewer of ["instances", "jobs", "posts"] as const) {
    if (from[fewer] > (fewer === "instances" ? 0 : 1)) yield { ...from, [fewer]: from[fewer] - 1 };
  }
  const chaosMs = Math.floor(from.chaosMs / 2);
  if (chaosMs > 0) yield { ...from, chaosMs, deeds: from.deeds.filter((one) => one.at <= chaosMs) };
}
