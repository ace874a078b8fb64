/**
 * A schedule as its application keeps it, and what writes to it change. Pure data and pure functions; time is an argument.
 * What it comes to at a moment is in `plan-runs.ts`.
 */
import { parseExpression } from "../cron/expression.ts";
import { startOf, type DuePolicy, type Misfire } from "../cron/due-runs.ts";
import { nextRun, type Timetable } from "../cron/next-run.ts";
import type { JobSpec } from "../job.ts";
import type { JobLaunch } from "../launch.ts";

/** What becomes of a run while an earlier one is not over: beside it, not at all, or in its place. */
export type Concurrency = "allow" | "forbid" | "replace";

/** What each run is. */
export interface ScheduledJob {
  readonly spec: JobSpec;
  readonly launch: JobLaunch;
  readonly fairnessKey: string;
  readonly isBare: boolean;
}

export interface ScheduleSpec {
  readonly cron: string;
  readonly timeZone: string;
  readonly gap: Timetable["gap"];
  readonly overlap: Timetable["overlap"];
  readonly concurrency: Concurrency;
  readonly misfire: Misfire;
  /** The misfire policy speaks of slots that passed during a suspension too; else those never run. */
  readonly runsAfterSuspension: boolean;
  readonly startingDeadlineMs: number | null;
  readonly jitterMs: number;
  /** Finished jobs that are kept, the newest. */
  readonly history: { readonly succeeded: number; readonly failed: number };
  readonly job: ScheduledJob;
  /** The job as it was asked for, to be shown: JSON. */
  readonly template: string;
}

/** What runs of it change. */
export interface ScheduleState {
  /** The last slot that was dealt with, or the moment from which on slots count. */
  readonly cursor: number;
  /** When the next slot is to be begun; null: never, or it is suspended. */
  readonly wakeAt: number | null;
  /** Slots before it passed during a suspension. */
  readonly lateBefore: number | null;
  readonly fired: number;
  readonly skipped: number;
  readonly missed: number;
  /** Of the last run that was not manual. */
  readonly lastSlot: number | null;
  /** Jobs that it has made and that may still be there, oldest first. */
  readonly jobs: readonly string[];
}

export interface Schedule {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Grows with every write to it: its ETag. */
  readonly change: number;
  readonly suspended: boolean;
  /** The name of what manages it, such as a manifest; without one it is nobody's. */
  readonly owner?: string;
  readonly spec: ScheduleSpec;
  readonly state: ScheduleState;
}

export type NewSchedule = Pick<Schedule, "id" | "name" | "suspended" | "owner" | "spec">;

/** It begins with the first slot after now. */
export function newSchedule(given: NewSchedule, now: number): Schedule {
  const state: ScheduleState = {
    cursor: now,
    wakeAt: null,
    lateBefore: null,
    fired: 0,
    skipped: 0,
    missed: 0,
    lastSlot: null,
    jobs: [],
  };
  return armed({ ...given, createdAt: now, updatedAt: now, change: 1, state });
}

/**
 * With another specification. What was due before it has been dealt with by then, so that it begins with the first slot
 * after now; one that its jitter holds back still comes, unless the times themselves are others.
 */
export function editSchedule(schedule: Schedule, spec: ScheduleSpec, suspended: boolean, now: number): Schedule {
  if (sameSpec(schedule.spec, spec) && schedule.suspended === suspended) return schedule;
  const isSameTimes = sameTimes(schedule.spec, spec);
  const cursor = isSameTimes ? schedule.state.cursor : Math.max(schedule.state.cursor, now);
  const edited = { ...schedule, spec, state: { ...schedule.state, cursor } };
  return suspendSchedule(touched(edited, now), suspended, now);
}

/** Suspended, it fires nothing; resumed, it begins with the first slot after now, or as its misfire policy says. */
export function suspendSchedule(schedule: Schedule, suspended: boolean, now: number): Schedule {
  const { state, spec } = schedule;
  if (schedule.suspended === suspended) return armed(schedule);
  const next = { ...touched(schedule, now), suspended };
  if (suspended) return armed(next);
  const cursor = spec.runsAfterSuspension ? state.cursor : Math.max(state.cursor, now);
  return armed({ ...next, state: { ...state, cursor, lateBefore: spec.runsAfterSuspension ? now : null } });
}

function touched(schedule: Schedule, now: number): Schedule {
  return { ...schedule, change: schedule.change + 1, updatedAt: now };
}

function armed(schedule: Schedule): Schedule {
  return { ...schedule, state: { ...schedule.state, wakeAt: wakeAtOf(schedule, schedule.state.cursor) } };
}

function wakeAtOf(schedule: Schedule, cursor: number): number | null {
  if (schedule.suspended) return null;
  const policy = policyOf(schedule);
  const slot = nextRun(policy.timetable, cursor);
  return slot === null ? null : startOf(policy, slot);
}

/** Expressions are parsed once: every look at a schedule asks for its times. */
const timetables = new WeakMap<ScheduleSpec, Timetable>();

export function timetableOf(spec: ScheduleSpec): Timetable {
  const known = timetables.get(spec);
  if (known !== undefined) return known;
  const { cron, timeZone: zone, gap, overlap } = spec;
  const timetable: Timetable = { expression: parseExpression(cron), zone, gap, overlap };
  timetables.set(spec, timetable);
  return timetable;
}

export function policyOf({ id, spec, state }: Pick<Schedule, "id" | "spec" | "state">): DuePolicy {
  const { misfire, startingDeadlineMs, jitterMs } = spec;
  const { lateBefore } = state;
  const timetable = timetableOf(spec);
  const policy = { timetable, misfire, startingDeadlineMs, jitterMs, seed: id };
  return lateBefore === null ? policy : { ...policy, lateBefore };
}

/** The next slots after a moment, so many at most. */
export function upcoming(spec: ScheduleSpec, after: number, count: number): number[] {
  const timetable = timetableOf(spec);
  const slots: number[] = [];
  for (let slot = nextRun(timetable, after); slot !== null && slots.length < count; slot = nextRun(timetable, slot)) {
    slots.push(slot);
  }
  return slots;
}

function sameTimes(a: ScheduleSpec, b: ScheduleSpec): boolean {
  const timesOf = ({ cron, timeZone, gap, overlap, jitterMs }: ScheduleSpec) =>
    JSON.stringify([cron, timeZone, gap, overlap, jitterMs]);
  return timesOf(a) === timesOf(b);
}

function sameSpec(a: ScheduleSpec, b: ScheduleSpec): boolean {
  return canonical(a) === canonical(b);
}

/** Whatever the order in which fields were written. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

const MINUTE_MS = 60_000;

/**
 * The job of a slot, by schedule and scheduled minute: the schedule's id with the minute in place of its first digits.
 * The same each time it is asked for, so that whoever makes the job twice makes one.
 */
export function runId({ id }: Pick<Schedule, "id">, slot: number): string {
  const minute = Math.floor(slot / MINUTE_MS)
    .toString(16)
    .padStart(8, "0");
  // A UUID of version 8, whose digits are its maker's.
  return `${minute}${id.slice(8, 14)}8${id.slice(15)}`;
}

/** As Kubernetes names them: the schedule, and the minutes since 1970. */
export function runName({ name }: Pick<Schedule, "name">, slot: number): string {
  return `${name}-${Math.floor(slot / MINUTE_MS)}`;
}
