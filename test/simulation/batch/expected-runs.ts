/**
 * What is to become of slots that are due, as the documentation of schedules says it: each is run, or is not and why. Of
 * nothing but the slots, the schedule as its user wrote it, and the time.
 */
import type { ScheduleSpec } from "../../../src/jobs/schedules/schedule.ts";

export type Fate =
  | "run"
  | "StartingDeadlineExceeded"
  | "Misfire"
  | "AlreadyRunning"
  | "Replaced"
  | "TooManyUnfinished"
  | "JobsNotAllowed"
  | "Refused";

export interface DueInput {
  readonly slots: readonly number[];
  readonly spec: Pick<ScheduleSpec, "misfire" | "concurrency" | "startingDeadlineMs">;
  /** Jobs of it that are not over. */
  readonly active: number;
  /** Slots before it passed during a suspension. */
  readonly lateBefore: number;
  /** Why nothing can be run at all. */
  readonly refusal: "JobsNotAllowed" | "Refused" | null;
  readonly now: number;
}

const ON_TIME_MS = 60_000;
const MOST_UNFINISHED = 100;

export function expectedRuns({ slots, spec, active, lateBefore, refusal, now }: DueInput): Map<number, Fate> {
  const fates = new Map<number, Fate>();
  const isLate = (slot: number) => now - slot > ON_TIME_MS || slot < lateBefore;
  const inTime = slots.filter((slot) => spec.startingDeadlineMs === null || now - slot <= spec.startingDeadlineMs);
  const late = inTime.filter(isLate);
  const { policy } = spec.misfire;
  const kept = policy === "skip" ? 0 : policy === "one" ? 1 : spec.misfire.limit;
  const forgiven = new Set(late.toReversed().slice(0, kept));
  for (const slot of slots) {
    if (!inTime.includes(slot)) fates.set(slot, "StartingDeadlineExceeded");
    else if (isLate(slot) && !forgiven.has(slot)) fates.set(slot, "Misfire");
  }
  const wanted = slots.filter((slot) => !fates.has(slot));
  wanted.forEach((slot, index) => {
    if (refusal !== null) fates.set(slot, refusal);
    else if (spec.concurrency === "replace") fates.set(slot, index === wanted.length - 1 ? "run" : "Replaced");
    else if (spec.concurrency === "forbid") fates.set(slot, active === 0 && index === 0 ? "run" : "AlreadyRunning");
    else fates.set(slot, active + index < MOST_UNFINISHED ? "run" : "TooManyUnfinished");
  });
  return fates;
}
