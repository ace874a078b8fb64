/**
 * What users and time do with the schedules of an application. A slot is dealt with in the transaction that stores how far
 * its schedule has come, jobs included, so that neither a crash nor an alarm that comes twice fires it again. One timer
 * wakes for all of them.
 */
import type { Database } from "../../database.ts";
import { GantryError } from "../../errors.ts";
import { etagOf, requireMatch } from "../../etag.ts";
import { appendEvents, type EventDraft } from "../../orchestrator/events.ts";
import type { StoredConfiguration } from "../../orchestrator/configurations.ts";
import { requireLease } from "../../orchestrator/leases.ts";
import type { ApplicationRow } from "../../orchestrator/storage/application-row.ts";
import type { WriteGuard } from "../../orchestrator/write-guard.ts";
import type { Timers } from "../../timers.ts";
import { cancel } from "../intents.ts";
import type { JobControl, JobRequest, JobView } from "../job-control.ts";
import { jobChanged } from "../job-events.ts";
import type { Job } from "../job.ts";
import { findJob, putJob, removeJob, unfinishedJobs } from "../job-store.ts";
import { overrideOf } from "../override.ts";
import { surplus } from "./history.ts";
import { MAX_UNFINISHED, planRuns, type Refusal } from "./plan-runs.ts";
import {
  editSchedule,
  newSchedule,
  runName,
  suspendSchedule,
  upcoming,
  type NewSchedule,
  type Schedule,
} from "./schedule.ts";
import { fired, notFired, scheduleChanged, type ScheduleChange } from "./schedule-events.ts";
import { findSchedule, listSchedules, putSchedule, putScheduleState, removeSchedule } from "./schedule-store.ts";

/** Key of the timer of the earliest run. */
export const CRON_TIMER = "cron";
export const MAX_SCHEDULES = 100;
const UPCOMING_SHOWN = 5;
/** After what could not be asked about: the account's limits. */
const RETRY_MS = 10_000;

export interface ScheduleControlDeps {
  readonly db: Database;
  readonly timers: Timers;
  readonly clock: () => number;
  readonly row: () => ApplicationRow | undefined;
  /** Throws when there is no application, or it is being deleted. */
  readonly mustRow: () => ApplicationRow;
  readonly jobs: JobControl;
  readonly configuration: (version: number) => StoredConfiguration;
  /** Room for a job of a size of its own in the account's limits: what is to be settled afterwards. Throws why there is none. */
  readonly reserve: (job: Pick<Job, "override" | "spec">) => Promise<string | null>;
  readonly settle: (intent: string) => void;
  readonly pass: () => void;
}

export interface ScheduleView {
  readonly schedule: Schedule;
  readonly etag: string;
  /** Jobs of it that are not over. */
  readonly active: number;
  /** Slots to come. */
  readonly upcoming: readonly number[];
}

export interface SchedulePage {
  readonly schedules: readonly ScheduleView[];
  /** Name of the last, when there are more. */
  readonly next: string | null;
}

export class ScheduleControl {
  readonly #deps: ScheduleControlDeps;

  constructor(deps: ScheduleControlDeps) {
    this.#deps = deps;
  }

  /** When the earliest run is due; null: none is. */
  get nextAt(): number | null {
    const times = listSchedules(this.#deps.db).flatMap(({ state: { wakeAt } }) => (wakeAt === null ? [] : [wakeAt]));
    return times.length === 0 ? null : Math.min(...times);
  }

  get isEmpty(): boolean {
    return listSchedules(this.#deps.db).length === 0;
  }

  /** Throws `SCHEDULE_NOT_FOUND`. */
  view(name: string): ScheduleView {
    return this.#viewOf(this.#must(name));
  }

  list(after: string, limit: number): SchedulePage {
    const found = listSchedules(this.#deps.db).filter(({ name }) => name > after);
    const page = found.slice(0, limit);
    const next = found.length > limit ? (page.at(-1)?.name ?? null) : null;
    const active = this.#active();
    return { schedules: page.map((schedule) => this.#viewOf(schedule, active)), next };
  }

  /** The same id again is the same schedule: a request that was cut off is made once. */
  create(given: NewSchedule, guard: WriteGuard, actor: string): ScheduleView {
    const { db, clock } = this.#deps;
    const known = findSchedule(db, given.name);
    if (known?.id === given.id) return this.#viewOf(known);
    if (known !== undefined) {
      const message = `there is a schedule ${given.name} already: PUT changes it`;
      throw new GantryError("SCHEDULE_ALREADY_EXISTS", message, { schedule: given.name });
    }
    this.#requireAllowed(guard);
    if (guard.ifMatch !== null) {
      const message = `If-Match speaks of a schedule ${given.name}, and there is none: leave it out to create one`;
      throw new GantryError("PRECONDITION_FAILED", message, { schedule: given.name });
    }
    if (listSchedules(db).length >= MAX_SCHEDULES) {
      const message = `an application has at most ${MAX_SCHEDULES} schedules: delete one first`;
      throw new GantryError("SCHEDULE_LIMIT_REACHED", message, { limit: MAX_SCHEDULES });
    }
    this.#write(newSchedule(given, clock()), "ScheduleCreated", actor);
    return this.view(given.name);
  }

  /** Creates it, or gives it that specification. Nothing of the past is fired by it; what is due is before. */
  async put(given: NewSchedule, guard: WriteGuard, actor: string): Promise<ScheduleView> {
    await this.#catchUp();
    const { db, clock } = this.#deps;
    const known = findSchedule(db, given.name);
    if (known === undefined) return this.create(given, guard, actor);
    const next = editSchedule(known, given.spec, given.suspended, clock());
    if (guard.isRetry && next === known) return this.#viewOf(known);
    this.#requireAllowed(guard);
    requireMatch(guard.ifMatch, etagOfSchedule(known));
    if (next !== known) this.#write(next, "ScheduleChanged", actor);
    return this.view(given.name);
  }

  /** Null: it is nobody's any more. Its ETag is of what it does, and stays. Throws `OWNED_BY_ANOTHER`. */
  own(name: string, owner: string | null): ScheduleView {
    const { db } = this.#deps;
    const { owner: current, ...schedule } = this.#must(name);
    if (owner !== null && current !== undefined && current !== owner) {
      const message = `schedule ${name} belongs to ${current}: have that give it up first (DELETE …/schedules/${name}/owner)`;
      throw new GantryError("OWNED_BY_ANOTHER", message, { schedule: name, owner: current });
    }
    if (owner !== (current ?? null)) putSchedule(db, owner === null ? schedule : { ...schedule, owner });
    return this.view(name);
  }

  async suspend(name: string, suspended: boolean, guard: WriteGuard, actor: string): Promise<ScheduleView> {
    await this.#catchUp();
    const { db, clock } = this.#deps;
    const known = this.#must(name);
    requireLease(db, guard.lease, clock());
    if (!(guard.isRetry && known.suspended === suspended)) requireMatch(guard.ifMatch, etagOfSchedule(known));
    if (known.suspended !== suspended) {
      const event = suspended ? "ScheduleSuspended" : "ScheduleResumed";
      this.#write(suspendSchedule(known, suspended, clock()), event, actor);
    }
    return this.view(name);
  }

  /** With the finished jobs that it keeps. What runs of it goes on to its end. False: there is none. */
  remove(name: string, guard: WriteGuard, actor: string): boolean {
    const { db, clock } = this.#deps;
    const known = findSchedule(db, name);
    requireLease(db, guard.lease, clock());
    if (known === undefined) return false;
    requireMatch(guard.ifMatch, etagOfSchedule(known));
    db.transaction(() => {
      for (const { id, finishedAt } of this.#jobsOf(known)) if (finishedAt !== null) removeJob(db, id);
      removeSchedule(db, name);
      appendEvents(db, [scheduleChanged("ScheduleDeleted", known, actor)], clock());
    });
    this.arm();
    return true;
  }

  /** A run of its own, beside its slots: as its concurrency allows. The same id again is the same run. */
  async runNow(name: string, id: string, guard: WriteGuard, actor: string): Promise<JobView> {
    const { db, clock, jobs, reserve, settle, pass } = this.#deps;
    if (findJob(db, id) !== undefined) return jobs.view(id);
    requireLease(db, guard.lease, clock());
    const intent = await reserve(this.#requestOf(this.#must(name), id, clock(), true));
    // Whatever has come meanwhile.
    const schedule = this.#must(name);
    const { activeVersion } = this.#requireAllowed(guard);
    const now = clock();
    const active = this.#active().get(name) ?? [];
    requireRoom(schedule, active.length);
    if (findJob(db, id) === undefined) {
      db.transaction(() => {
        if (schedule.spec.concurrency === "replace") this.#cancelAll(schedule, active, now);
        jobs.insert(this.#requestOf(schedule, id, now, true), activeVersion, now);
        putScheduleState(db, this.#withJobs(schedule, [id]));
        appendEvents(db, [fired(schedule, now, id, actor)], now);
      });
      pass();
    }
    if (intent !== null) settle(intent);
    return jobs.view(id);
  }

  /** A job of a schedule is over; called within the transaction in which it ends. */
  finished({ origin }: Job): void {
    const { db } = this.#deps;
    const schedule = origin.kind === "schedule" ? findSchedule(db, origin.schedule) : undefined;
    if (schedule === undefined) return;
    for (const id of surplus(this.#jobsOf(schedule), schedule.spec.history)) removeJob(db, id);
  }

  /** Fires what is due, and sets the timer. Twice, or too early, it changes nothing. */
  async run(): Promise<void> {
    const { clock, reserve, settle } = this.#deps;
    const due = this.#due();
    this.#fire(due.filter((schedule) => !this.#isSized(schedule)).map(({ name }) => name));
    let unreachable: unknown;
    for (const { name } of due.filter((schedule) => this.#isSized(schedule))) {
      const schedule = this.#due().find((other) => other.name === name);
      if (schedule === undefined) continue;
      try {
        const intent = await reserve(this.#requestOf(schedule, schedule.id, clock(), false));
        this.#fire([name]);
        if (intent !== null) settle(intent);
      } catch (error) {
        if (!GantryError.is(error)) unreachable = error;
        else this.#fire([name], { reason: "Refused", message: `${error.code}: ${error.message}` });
      }
    }
    this.arm(unreachable === undefined ? 0 : clock() + RETRY_MS);
    if (unreachable !== undefined) throw unreachable;
  }

  /** Also what becomes due while the account is asked: a change in this turn leaves nothing behind. */
  async #catchUp(): Promise<void> {
    do await this.run();
    while (this.#due().length > 0);
  }

  /** Sets the timer to the earliest run, and not before `notBefore`. */
  arm(notBefore = 0): void {
    const { timers, row } = this.#deps;
    const application = row();
    const next = application === undefined || application.deleting ? null : this.nextAt;
    if (next === null) timers.clear(CRON_TIMER);
    else timers.set(CRON_TIMER, Math.max(next, notBefore));
  }

  #due(): Schedule[] {
    const { db, row, clock } = this.#deps;
    const application = row();
    if (application === undefined || application.deleting) return [];
    const now = clock();
    return listSchedules(db).filter(({ state: { wakeAt } }) => wakeAt !== null && wakeAt <= now);
  }

  /** Those of that name that are due: their slots, in one transaction with how far they have come. */
  #fire(names: readonly string[], refused: Refusal | null = null): void {
    const { db, clock, jobs, mustRow, pass } = this.#deps;
    const due = this.#due().filter(({ name }) => names.includes(name));
    if (due.length === 0) return;
    const { spec, activeVersion } = mustRow();
    const isAllowed = (spec.jobInstances ?? 0) > 0;
    const refusal = refused ?? (isAllowed ? null : NO_JOBS);
    const now = clock();
    const allActive = this.#active();
    db.transaction(() => {
      const events: EventDraft[] = [];
      for (const schedule of due) {
        const active = allActive.get(schedule.name) ?? [];
        const plan = planRuns(schedule, { active: active.map(({ id }) => id), refusal, now });
        if (plan.replaced.length > 0) this.#cancelAll(schedule, active, now);
        for (const { slot, job } of plan.runs) {
          // It was made before, whoever has forgotten that.
          if (findJob(db, job) !== undefined) continue;
          jobs.insert(this.#requestOf(schedule, job, slot, false), activeVersion, now);
          events.push(fired(schedule, slot, job, null));
        }
        events.push(...notFired(schedule, plan));
        const made = plan.runs.map(({ job }) => job);
        putScheduleState(db, this.#withJobs(plan.next, made));
      }
      appendEvents(db, events, now);
    });
    pass();
  }

  #write(schedule: Schedule, event: ScheduleChange, actor: string): void {
    const { db } = this.#deps;
    db.transaction(() => {
      putSchedule(db, schedule);
      for (const id of surplus(this.#jobsOf(schedule), schedule.spec.history)) removeJob(db, id);
      appendEvents(db, [scheduleChanged(event, schedule, actor)], schedule.updatedAt);
    });
    this.arm();
  }

  #requestOf(schedule: Schedule, id: string, at: number, isManual: boolean): JobRequest {
    const { spec, launch, fairnessKey, isBare } = schedule.spec.job;
    const name = isManual ? `${schedule.name}-${id.slice(0, 8)}` : runName(schedule, at);
    const configuration = this.#deps.configuration(this.#deps.mustRow().activeVersion);
    return {
      id,
      name,
      spec,
      launch,
      fairnessKey,
      isBare,
      suspended: false,
      origin: { kind: "schedule", schedule: schedule.name, at, isManual },
      override: overrideOf(id, launch, configuration),
    };
  }

  #isSized({ spec: { job } }: Schedule): boolean {
    return job.launch.instanceType !== null || job.launch.size !== null;
  }

  /** Jobs of schedules that are not over, by schedule. There may be many others: they are gone through once. */
  #active(): ReadonlyMap<string, readonly Job[]> {
    const active = new Map<string, Job[]>();
    for (const { job } of unfinishedJobs(this.#deps.db)) {
      if (job.origin.kind !== "schedule") continue;
      const of = active.get(job.origin.schedule);
      if (of === undefined) active.set(job.origin.schedule, [job]);
      else of.push(job);
    }
    return active;
  }

  #jobsOf({ state: { jobs } }: Schedule): Job[] {
    return jobs.map((id) => findJob(this.#deps.db, id)).filter((job) => job !== undefined);
  }

  /** Those that are not kept any more are not looked for again. */
  #withJobs(schedule: Schedule, made: readonly string[]): Schedule {
    const kept = this.#jobsOf(schedule).map(({ id }) => id);
    const jobs = [...new Set([...kept, ...made])];
    return { ...schedule, state: { ...schedule.state, jobs } };
  }

  #cancelAll({ name }: Schedule, active: readonly Job[], now: number): void {
    const { db } = this.#deps;
    for (const job of active) {
      const cancelled = cancel(job, `schedule ${name}, whose next run replaces it`, now);
      if (cancelled === undefined) continue;
      putJob(db, cancelled);
      appendEvents(db, [jobChanged("JobCancelling", cancelled)], now);
    }
  }

  /** Throws when somebody else holds the lease, or the application runs no jobs. */
  #requireAllowed({ lease }: WriteGuard): ApplicationRow {
    const { db, clock, mustRow } = this.#deps;
    const row = mustRow();
    requireLease(db, lease, clock());
    if ((row.spec.jobInstances ?? 0) > 0) return row;
    const message = `application ${row.name} ${NO_JOBS.message}: set jobs: true, or job_instances to how many may run at a time`;
    throw new GantryError("JOB_CREATE_NOT_ALLOWED", message, { job_instances: 0 });
  }

  #must(name: string): Schedule {
    const schedule = findSchedule(this.#deps.db, name);
    if (schedule !== undefined) return schedule;
    const shown = name.slice(0, 100);
    throw new GantryError("SCHEDULE_NOT_FOUND", `schedule ${shown} not found: GET …/schedules lists them`, {
      schedule: shown,
    });
  }

  #viewOf(schedule: Schedule, active = this.#active()): ScheduleView {
    const { clock } = this.#deps;
    const slots = schedule.suspended
      ? []
      : upcoming(schedule.spec, Math.max(schedule.state.cursor, clock()), UPCOMING_SHOWN);
    return {
      schedule,
      etag: etagOfSchedule(schedule),
      active: active.get(schedule.name)?.length ?? 0,
      upcoming: slots,
    };
  }
}

const NO_JOBS: Refusal = { reason: "JobsNotAllowed", message: "runs no jobs" };

function requireRoom({ name, spec: { concurrency } }: Schedule, active: number): void {
  const most = concurrency === "allow" ? MAX_UNFINISHED : concurrency === "forbid" ? 1 : Infinity;
  if (active < most) return;
  const why = concurrency === "allow" ? "at most so many may be" : "its concurrency is forbid";
  const message = `schedule ${name} has ${active} runs that are not over, and ${why}: wait for them or cancel them`;
  throw new GantryError("SCHEDULE_BUSY", message, { active });
}

function etagOfSchedule({ id, change }: Schedule): string {
  return etagOf(id, change);
}
