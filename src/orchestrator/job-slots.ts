/**
 * What the scheduler's decisions about jobs do to their rows: attempts that begin, end or are stopped, and jobs that are
 * decided. Called within the transaction of whatever it belongs to, so that every attempt is counted once.
 */
import type { Database } from "../database.ts";
import { sameSize, type Size } from "../account/amounts.ts";
import { begin, decide, finish } from "../jobs/intents.ts";
import { attemptEnded, jobFinished } from "../jobs/job-events.ts";
import type { Job, StopReason } from "../jobs/job.ts";
import {
  addAttempt,
  dropRetry,
  expiredJobs,
  findJob,
  firstRemoval,
  jobsInHand,
  putBegun,
  putJob,
  putRetry,
  removeJob,
  turnsOf,
  type Output,
} from "../jobs/job-store.ts";
import type { Begin, JobStep } from "../jobs/job-turns.ts";
import { settle, type AttemptEnd } from "../jobs/settle.ts";
import { noteEnd, suspectNoShell } from "../jobs/shells.ts";
import type { Told } from "../jobs/told.ts";
import { Remembered } from "../remembered.ts";
import type { EventDraft } from "./events.ts";
import { JOB_STOPS, type Deployment } from "./plan/deployment.ts";
import type { JobsInHand } from "./plan/jobs.ts";
import { begun } from "./plan/observe.ts";
import type { ApplicationRow } from "./storage/application-row.ts";

/** What is kept no longer goes so many at a time. */
const REMOVED_PER_PASS = 20;

const removal = new Remembered<number | null>(firstRemoval);

export interface JobSlotsDeps {
  readonly db: Database;
  /** Of a version's configuration. */
  readonly sizeOf: (version: number) => Size;
  /** A job is over, for whoever follows it. */
  readonly onFinished?: (job: Job) => void;
}

/** What there is of an ended attempt beside its end. */
export interface KeptOfAttempt {
  readonly output?: Output;
  readonly beganAt?: number;
  readonly told?: Told;
}

export interface EndedAttempt {
  readonly next: Deployment;
  /** In place of what is told of the end of a service. */
  readonly events: readonly EventDraft[];
}

export class JobSlots {
  readonly #deps: JobSlotsDeps;

  constructor(deps: JobSlotsDeps) {
    this.#deps = deps;
  }

  inHand({ spec, activeVersion }: ApplicationRow): JobsInHand {
    const { db, sizeOf } = this.#deps;
    return {
      open: (room, now) => jobsInHand(db, room, now),
      most: spec.jobInstances ?? 0,
      turns: turnsOf(db),
      ownSize: (id) => {
        const job = findJob(db, id);
        if (job === undefined) return null;
        const own = job.override?.size ?? sizeOf(job.version);
        return sameSize(own, sizeOf(activeVersion)) ? null : own;
      },
    };
  }

  /** Removes what is over and not to be kept any longer. When there will be more; null: not by time alone. */
  clean(now: number): number | null {
    const { db } = this.#deps;
    const first = removal.get(db);
    if (first === null || first > now) return first;
    db.transaction(() => {
      for (const id of expiredJobs(db, now, REMOVED_PER_PASS)) removeJob(db, id);
      removal.forget(db);
    });
    return removal.get(db);
  }

  /** The deployment as it is with that attempt. */
  begin(slot: Deployment, { job: id, index, past }: Begin, now: number): Deployment {
    const { db } = this.#deps;
    const job = findJob(db, id);
    if (job === undefined) return slot;
    const next = begin(job, { index, past }, now);
    dropRetry(db, id, index);
    putBegun(db, job, next.job);
    const { override: _, ...rest } = slot;
    const attempt = { ...next.attempt, job: id, name: job.name, isOver: false };
    return { ...rest, attempt, ...(job.override === null ? {} : { override: job.override }) };
  }

  /** Its container is being stopped: why, if that is the job's own doing. */
  stopping(slot: Deployment, reason: string): Deployment {
    const { attempt } = slot;
    if (attempt === undefined || attempt.isOver || attempt.stopping !== null || !JOB_STOPS.has(reason)) return slot;
    // One of the set.
    return { ...slot, attempt: { ...attempt, stopping: reason as StopReason } };
  }

  step({ job: id, action }: JobStep, now: number): EventDraft[] {
    const { db, onFinished } = this.#deps;
    const job = findJob(db, id);
    if (job === undefined) return [];
    switch (action.type) {
      case "decide": {
        putJob(db, decide(job, action.verdict));
        return [];
      }
      case "finish": {
        const finished = finish(decide(job, action.verdict), now);
        putJob(db, finished);
        removal.forget(db);
        onFinished?.(finished);
        return [jobFinished(finished)];
      }
      case "stop": {
        return [];
      }
    }
  }

  /** Ends an attempt that has no container. */
  cancel(slot: Deployment, reason: StopReason, now: number): EndedAttempt {
    const end: AttemptEnd = { kind: "stopped", exitCode: null, reason };
    return this.#settle(this.stopping(slot, reason), { ...slot, since: now }, end, {}, now);
  }

  /** `next`: as it is after the end of its placement. */
  ended(slot: Deployment, next: Deployment, kept: KeptOfAttempt, now: number): EndedAttempt | null {
    const { attempt } = slot;
    if (attempt === undefined || attempt.isOver || next.phase !== "pending" || next.last === null) return null;
    return this.#settle(slot, next, next.last, kept, now);
  }

  #settle(slot: Deployment, next: Deployment, end: AttemptEnd, kept: KeptOfAttempt, now: number): EndedAttempt {
    const { db } = this.#deps;
    const { attempt, id: deployment, generation } = slot;
    const job = attempt === undefined ? undefined : findJob(db, attempt.job);
    if (attempt === undefined || job === undefined) return { next, events: [] };
    if (needsNoShell(job, end)) {
      // The same attempt again, as the image is: no process of it has run.
      putJob(db, { ...job, isBare: true });
      suspectNoShell(db, job);
      return { next: { ...next, attempt, nextStartAt: now }, events: [] };
    }
    const settled = settle(job, attempt, end, now);
    if (settled === null) return { next: { ...next, attempt }, events: [] };
    noteEnd(db, job, end.kind === "exited");
    const {
      stopping: _,
      job: __,
      isOver: ___,
      name: ____,
      told: last,
      ...rest
    } = kept.beganAt === undefined ? attempt : begun(attempt, kept.beganAt, now);
    const told = kept.told ?? last;
    const { state, reason } = settled;
    const exitCode = end.exitCode;
    const said = told === undefined ? {} : { told };
    const again =
      settled.retry === null ? {} : { retry: { past: settled.retry.past, notBefore: settled.retry.notBefore } };
    const record = { ...rest, ...said, state, reason, exitCode, endedAt: now, deployment, generation, ...again };
    putJob(db, settled.job);
    if (settled.retry !== null) putRetry(db, job.id, settled.retry);
    addAttempt(db, job.id, record, kept.output ?? null);
    const over: Deployment = {
      ...next,
      attempt: { ...rest, stopping: attempt.stopping, job: job.id, name: attempt.name, isOver: true },
      failures: 0,
      losses: 0,
      nextStartAt: now,
    };
    return { next: over, events: [attemptEnded(job, record, end.message)] };
  }
}

/** The shell that was put before its command is not in its image, or nothing is. */
function needsNoShell({ isBare }: Job, { kind, reason }: AttemptEnd): boolean {
  return !isBare && kind === "refused" && reason === "ImageDoesNotBoot";
}
