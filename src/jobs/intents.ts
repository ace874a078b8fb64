/** What a decision about a job changes in its row, before anything is done about it. Pure. */
import { NO_INDEXES } from "./index-set.ts";
import type { Attempt, Job, Past, StopReason, Verdict } from "./job.ts";

export type NewJob = Pick<
  Job,
  "id" | "name" | "spec" | "suspended" | "version" | "override" | "origin" | "fairnessKey"
> & {
  /** It is not to be run by a shell. */
  readonly isBare?: boolean;
};

export function newJob({ isBare = false, ...given }: NewJob, now: number): Job {
  return {
    ...given,
    isBare,
    createdAt: now,
    startedAt: null,
    verdict: null,
    finishedAt: null,
    tally: { succeeded: 0, failed: 0, lost: 0, cancelled: 0, ignored: 0 },
    doneIndexes: NO_INDEXES,
    failedIndexes: NO_INDEXES,
    nextIndex: 0,
    attempts: 0,
  };
}

/** The deadline of the job runs from its first attempt on. */
export function begin(
  job: Job,
  { index, past }: { index: number; past: Past },
  now: number,
): { job: Job; attempt: Attempt } {
  const number = job.attempts + 1;
  return {
    job: { ...job, attempts: number, nextIndex: Math.max(job.nextIndex, index + 1), startedAt: job.startedAt ?? now },
    attempt: { number, index, past, begunAt: now, startedAt: null, stopping: null },
  };
}

/** The first reason stays. */
export function stopAttempt(attempt: Attempt, reason: StopReason): Attempt {
  return attempt.stopping === null ? { ...attempt, stopping: reason } : attempt;
}

export function decide(job: Job, verdict: Verdict): Job {
  return job.verdict === null ? { ...job, verdict } : job;
}

export function finish(job: Job, now: number): Job {
  return job.finishedAt === null ? { ...job, finishedAt: now } : job;
}

/** Undefined: it is decided, so that nothing is left to cancel. */
export function cancel(job: Job, by: string, now: number): Job | undefined {
  if (job.verdict !== null) return undefined;
  return decide(job, { outcome: "cancelled", reason: "Cancelled", message: `cancelled by ${by}`, at: now });
}

/** Undefined: it is decided. What runs is ended, which is no failure; the deadline stands still. */
export function suspend(job: Job): Job | undefined {
  return job.verdict === null ? { ...job, suspended: true, startedAt: null } : undefined;
}

/** Undefined: it is decided. The deadline starts anew, with the next attempt. */
export function resume(job: Job): Job | undefined {
  return job.verdict === null ? { ...job, suspended: false } : undefined;
}
