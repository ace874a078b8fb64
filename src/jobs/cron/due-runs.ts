/**
 * Which slots of a schedule are to run now. A slot is a scheduled instant, and a run is named by it; the cursor is the last
 * slot that was dealt with, so that an alarm that comes late, early or twice changes nothing. Pure.
 */
import { hashOf } from "../../hash.ts";
import { nextRun, type Timetable } from "./next-run.ts";

/** What becomes of slots that are long over when the scheduler comes to them. */
export type Misfire =
  | { readonly policy: "skip" }
  /** The latest of them runs. */
  | { readonly policy: "one" }
  /** The latest `limit` of them run. */
  | { readonly policy: "all"; readonly limit: number };

export interface DuePolicy {
  readonly timetable: Timetable;
  readonly misfire: Misfire;
  /** A slot may be begun this long after its time, in milliseconds; null: however long. */
  readonly startingDeadlineMs: number | null;
  /** Runs begin up to this long after their slot, spread evenly; 0: at their slot. */
  readonly jitterMs: number;
  /** What the spreading is made of: the same for one schedule each time. */
  readonly seed: string;
  /** Slots before it are late, however soon somebody comes to them: the schedule was suspended then. */
  readonly lateBefore?: number;
}

export interface DueRuns {
  /** Instants of the slots that are to run, oldest first. */
  readonly slots: readonly number[];
  /** Slots that passed without a run, by why. */
  readonly missed: readonly { readonly slot: number; readonly reason: MissReason }[];
  /** There were more of them, too long ago to be looked at. */
  readonly hasMissedMore: boolean;
  readonly cursor: number;
  /** When to look again; null: never. */
  readonly wakeAt: number | null;
}

export type MissReason = "Misfire" | "StartingDeadlineExceeded";

/** A slot that is no later than this when the scheduler comes to it is on time: alarms are not exact. */
export const ON_TIME_MS = 60_000;
const MOST_TOLD = 20;
/** How far back the first look for slots goes; each further one goes four times as far. */
const FIRST_LOOK_MS = 2 * ON_TIME_MS;

/** `cursor` is the last slot dealt with, or the moment of the schedule's creation, change or resumption. */
export function dueRuns(policy: DuePolicy, cursor: number, now: number): DueRuns {
  const { slots: passed, isAll } = passedSlots(policy, cursor, now);
  const upcoming = nextRun(policy.timetable, passed.at(-1) ?? cursor);
  const missed: { slot: number; reason: MissReason }[] = [];
  const candidates = passed.filter((slot) => {
    const isOver = policy.startingDeadlineMs !== null && now - startOf(policy, slot) > policy.startingDeadlineMs;
    if (isOver) missed.push({ slot, reason: "StartingDeadlineExceeded" });
    return !isOver;
  });
  const { lateBefore = Number.NEGATIVE_INFINITY } = policy;
  const late = candidates.filter((slot) => slot < lateBefore || now - startOf(policy, slot) > ON_TIME_MS);
  const kept = new Set(candidates.filter((slot) => !late.includes(slot)));
  for (const slot of latest(late, policy.misfire)) kept.add(slot);
  for (const slot of late) if (!kept.has(slot)) missed.push({ slot, reason: "Misfire" });
  const told = missed.toSorted((a, b) => a.slot - b.slot).slice(-MOST_TOLD);
  return {
    slots: candidates.filter((slot) => kept.has(slot)),
    missed: told,
    hasMissedMore: !isAll || missed.length > told.length,
    cursor: passed.at(-1) ?? cursor,
    wakeAt: upcoming === null ? null : startOf(policy, upcoming),
  };
}

/**
 * Slots whose time has come. After years of sleep not every one is asked for: the looks go back from now until there are
 * more than any policy runs or tells.
 */
function passedSlots(policy: DuePolicy, cursor: number, now: number): { slots: readonly number[]; isAll: boolean } {
  const enough = MOST_TOLD + (policy.misfire.policy === "all" ? policy.misfire.limit : 1);
  for (let back = FIRST_LOOK_MS + policy.jitterMs; ; back *= 4) {
    const from = Math.max(cursor, now - back);
    const slots: number[] = [];
    let slot = nextRun(policy.timetable, from);
    for (; slot !== null && startOf(policy, slot) <= now; slot = nextRun(policy.timetable, slot)) slots.push(slot);
    if (from === cursor) return { slots, isAll: true };
    if (slots.length > enough) return { slots: slots.slice(-enough), isAll: false };
  }
}

function latest(late: readonly number[], misfire: Misfire): readonly number[] {
  switch (misfire.policy) {
    case "skip": {
      return [];
    }
    case "one": {
      return late.slice(-1);
    }
    case "all": {
      return misfire.limit === 0 ? [] : late.slice(-misfire.limit);
    }
  }
}

/** When the run of a slot begins. */
export function startOf({ jitterMs, seed }: Pick<DuePolicy, "jitterMs" | "seed">, slot: number): number {
  return jitterMs === 0 ? slot : slot + (hashOf(`${seed}/${slot}`) % (jitterMs + 1));
}
