/**
 * What must hold of schedules: each slot that comes is run once or recorded with why it is not, nothing of the past or of
 * another time runs, and no more beside each other than their concurrency allows. By what was written, and by a look at the
 * clocks of every minute.
 */
import type { Job } from "../../../src/jobs/job.ts";
import type { Schedule, ScheduleSpec, ScheduleState } from "../../../src/jobs/schedules/schedule.ts";
import type { StoredEvent } from "../../../src/orchestrator/events.ts";
import { expectedRuns, type Fate } from "./expected-runs.ts";
import type { JobRules } from "./job-rules.ts";
import type { Written } from "./ledger.ts";
import { slotsBetween } from "./oracle.ts";

export interface ScheduleRulesDeps {
  /** When the world began. */
  readonly start: number;
  /** As the application reads it. */
  readonly now: () => number;
  readonly mayRunJobs: () => boolean;
  /** Nothing of it matters any more, but that nothing begins. */
  readonly isDeleting: () => boolean;
  readonly jobs: JobRules;
}

interface KnownSchedule {
  written: Omit<Schedule, "state">;
  state: ScheduleState;
  /** Up to here slots have been dealt with, or do not count. */
  dealt: number;
  /** Slots before it passed during a suspension. */
  lateBefore: number;
  readonly ran: Set<number>;
}

/** A slot that was due longer ago has been forgotten: an alarm, a look of the watchdog, an answer of the account. */
const SLACK_MS = 60_000;

export class ScheduleRules {
  violation: string | null = null;
  readonly known = new Map<string, KnownSchedule>();
  fired = 0;
  unfired = 0;
  readonly #deps: ScheduleRulesDeps;

  constructor(deps: ScheduleRulesDeps) {
    this.#deps = deps;
  }

  /** One transaction; `before`: jobs of schedules that were not over before it. */
  kept(written: readonly Written[], before: ReadonlyMap<string, readonly Job[]>): void {
    const states = new Map<string, ScheduleState>();
    const changes = new Map<string, Omit<Schedule, "state">>();
    const made: Job[] = [];
    const events: StoredEvent[] = [];
    for (const one of written) {
      if (one.table === "states") states.set(one.name, one.state);
      if (one.table === "schedules") changes.set(one.schedule.name, one.schedule);
      if (one.table === "jobs" && one.job.origin.kind === "schedule" && this.#deps.jobs.isNew(one.job.id, written))
        made.push(one.job);
      if (one.table === "events") events.push(one.event);
      if (one.table === "gone" && one.from === "schedules") this.known.delete(one.id);
    }
    for (const [name, state] of states) {
      const own = made.filter(({ origin }) => origin.kind === "schedule" && origin.schedule === name);
      const told = events.filter(({ details }) => details?.["schedule"] === name);
      const change = changes.get(name);
      if (change !== undefined) this.#changed(change, state);
      else this.#came(name, state, own, told, before.get(name) ?? []);
    }
    for (const job of made) {
      if (job.origin.kind === "schedule" && !states.has(job.origin.schedule))
        this.#break("S10", `${job.name} was made, and its schedule has not come any further`);
    }
  }

  /** Written by a user: nothing is run by that. */
  #changed(written: Omit<Schedule, "state">, state: ScheduleState): void {
    const now = this.#deps.now();
    const known = this.known.get(written.name);
    if (known === undefined || known.written.id !== written.id) {
      const dealt = now;
      this.known.set(written.name, { written, state, dealt, lateBefore: -Infinity, ran: new Set() });
      return;
    }
    const { written: before, ran } = known;
    const isOtherwise = timesOf(before.spec) !== timesOf(written.spec);
    const isResumed = before.suspended && !written.suspended;
    let { dealt, lateBefore } = known;
    if (!before.suspended && !this.#deps.isDeleting()) {
      // What was due by then has been dealt with.
      const left = this.#slots(before.spec, dealt, now - before.spec.jitterMs);
      if (left[0] !== undefined)
        this.#break("S10", `${written.name} was changed, and ${iso(left[0])} was still to run`);
    }
    if (isOtherwise) dealt = Math.max(dealt, now);
    if (isResumed && !written.spec.runsAfterSuspension) dealt = Math.max(dealt, now);
    if (isResumed) lateBefore = written.spec.runsAfterSuspension ? now : -Infinity;
    if (state.cursor > dealt) this.#break("S10", `${written.name} was changed, and goes on at ${iso(state.cursor)}`);
    this.known.set(written.name, { written, state, dealt, lateBefore, ran });
  }

  /** Some of its slots have been dealt with. */
  #came(
    name: string,
    state: ScheduleState,
    made: readonly Job[],
    told: readonly StoredEvent[],
    active: readonly Job[],
  ) {
    const known = this.known.get(name);
    if (known === undefined) return this.#break("S10", `${name} is not there, and comes further`);
    const now = this.#deps.now();
    const { written, dealt, state: before } = known;
    const { spec, suspended } = written;
    for (const key of ["fired", "skipped", "missed"] as const) {
      if (state[key] < before[key]) this.#break("S5", `fewer ${key} of ${name} than before`);
    }
    const due = this.#slots(spec, dealt, state.cursor);
    const ran: number[] = [];
    let manual = 0;
    for (const { origin } of made) {
      if (origin.kind !== "schedule") continue;
      if (origin.isManual) manual += 1;
      else ran.push(origin.at);
    }
    if (ran.length > 0 && this.#deps.isDeleting()) this.#break("S10", `${name} runs, and its application is deleted`);
    for (const slot of ran) {
      if (known.ran.has(slot)) this.#break("S10", `${name} runs ${iso(slot)} again`);
      known.ran.add(slot);
      if (slot > now) this.#break("S10", `${name} runs ${iso(slot)} at ${iso(now)}`);
      if (suspended) this.#break("S10", `${name} is suspended, and runs ${iso(slot)}`);
      if (!due.includes(slot))
        this.#break("S10", `${name} runs ${iso(slot)}, which is none of its slots after ${iso(dealt)}`);
    }
    this.#together(name, spec, made, active);
    if (manual === 0) this.#accounted(known, name, { due, ran, told, active: active.length, now }, state);
    this.fired += ran.length;
    known.state = state;
    known.dealt = Math.max(dealt, state.cursor);
    if (state.cursor >= known.lateBefore) known.lateBefore = -Infinity;
  }

  /** Each slot is run, or it is told why not. */
  #accounted(
    { written: { spec }, state: before, lateBefore }: KnownSchedule,
    name: string,
    { due, ran, told, active, now }: Look,
    state: ScheduleState,
  ): void {
    const reasons = new Map<string, number>();
    let isMore = false;
    for (const { name: event, message, details } of told) {
      if (event !== "ScheduleSkipped" && event !== "ScheduleMissed") continue;
      const reason = String(details?.["reason"]);
      reasons.set(reason, (reasons.get(reason) ?? 0) + Number(details?.["slots"]));
      isMore ||= message.includes("and earlier ones");
    }
    const unfired = [...reasons.values()].reduce((sum, slots) => sum + slots, 0);
    this.unfired += unfired;
    const counted = state.fired - before.fired + (state.skipped - before.skipped) + (state.missed - before.missed);
    if (counted !== ran.length + unfired || state.fired - before.fired !== ran.length) {
      this.#break("S4", `${name} counts ${counted} slots, ${ran.length} ran and ${unfired} are told of`);
    }
    if (isMore ? counted > due.length : counted !== due.length) {
      this.#break("S10", `${due.length} slots of ${name} are over, ${ran.length} ran and ${unfired} are told of`);
    }
    const refusal = reasons.has("Refused") ? "Refused" : this.#deps.mayRunJobs() ? null : "JobsNotAllowed";
    if (refusal === "Refused" && spec.job.launch.size === null)
      this.#break("S10", `${name} was refused, and nobody was asked`);
    // Which of them its jitter still holds back is its own secret.
    if (spec.jitterMs > 0) return;
    const fates = expectedRuns({ slots: due, spec, active, lateBefore, refusal, now });
    const expected = [...fates].flatMap(([slot, fate]) => (fate === "run" ? [slot] : []));
    if (expected.join() !== ran.toSorted((a, b) => a - b).join()) {
      this.#break("S10", `${name} runs ${ran.map(iso).join()}, and ${expected.map(iso).join()} should at ${iso(now)}`);
    }
    if (isMore) return;
    for (const reason of new Set([...reasons.keys(), ...fates.values()])) {
      if (reason === "run") continue;
      const count = [...fates.values()].filter((fate: Fate) => fate === reason).length;
      if (count !== (reasons.get(reason) ?? 0))
        this.#break("S10", `${reasons.get(reason) ?? 0} slots of ${name} are told of as ${reason}, ${count} are`);
    }
  }

  #together(name: string, { concurrency }: ScheduleSpec, made: readonly Job[], active: readonly Job[]): void {
    if (made.length === 0) return;
    const { jobs } = this.#deps;
    if (concurrency === "forbid" && made.length + active.length > 1) {
      this.#break("F", `${made.length} runs of ${name} begin beside ${active.length}, and none may`);
    }
    if (concurrency !== "replace") return;
    const left = active.find(({ id }) => jobs.known.get(id)?.job.verdict === null);
    if (made.length > 1) this.#break("R", `${made.length} runs of ${name} begin, and each replaces the others`);
    if (left !== undefined) this.#break("R", `${left.name} goes on beside a run of ${name} that replaces it`);
  }

  /** Once the faults have stopped: nothing that was due is left, and who comes next is waited for. */
  open(): string | null {
    const now = this.#deps.now();
    for (const [name, { written, dealt, state }] of this.known) {
      const { spec, suspended } = written;
      if (suspended !== (state.wakeAt === null)) return `L4: ${name} is to wake at ${state.wakeAt}`;
      if (suspended) continue;
      const [left] = this.#slots(spec, dealt, now - spec.jitterMs - SLACK_MS);
      if (left !== undefined) return `L4: slot ${iso(left)} of ${name} was neither run nor recorded`;
    }
    return this.violation;
  }

  #slots(spec: ScheduleSpec, after: number, until: number): number[] {
    return slotsBetween(this.#deps.start, spec, after, until);
  }

  #break(invariant: string, how: string): void {
    this.violation ??= `${invariant}: ${how}`;
  }
}

interface Look {
  readonly due: readonly number[];
  readonly ran: readonly number[];
  readonly told: readonly StoredEvent[];
  readonly active: number;
  readonly now: number;
}

function timesOf({ cron, timeZone, gap, overlap, jitterMs }: ScheduleSpec): string {
  return JSON.stringify([cron, timeZone, gap, overlap, jitterMs]);
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
