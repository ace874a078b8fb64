/**
 * What an ended attempt comes to: which counter it is in, whether its index is done, failed or to be tried again, and
 * whether it decides the job. Pure, and called once for each attempt, in the transaction that stores its end.
 */
import { assertNever } from "../assert-never.ts";
import type { OutcomeKind } from "../orchestrator/plan/deployment.ts";
import { HARD_TIMEOUT, SESSION_ENDED } from "../orchestrator/plan/observe.ts";
import type { StopTimeline } from "../orchestrator/stop-timeline.ts";
import { failureDelayMs, lossDelayMs } from "./backoff.ts";
import { withIndex } from "./index-set.ts";
import type { Attempt, FailureRule, Job, Past, Retry, Tally, Verdict } from "./job.ts";

export type AttemptState = "succeeded" | "failed" | "lost" | "cancelled" | "ignored";

/** How the container of an attempt ended. */
export interface AttemptEnd {
  readonly kind: OutcomeKind;
  readonly exitCode: number | null;
  readonly reason: string;
  readonly message?: string;
  /** How the stop went; absent for what never ran. */
  readonly stop?: StopTimeline;
}

export interface Settled {
  readonly job: Job;
  readonly state: AttemptState;
  readonly reason: string;
  /** The index is to be tried again; null: it is done, failed, or nothing is tried any more. */
  readonly retry: Retry | null;
}

/**
 * Null: the attempt has not ended, since no process of it has run: the platform had no container, or one that never
 * came to life, as far as that is known. It goes on with the next placement.
 */
export function settle(job: Job, attempt: Attempt, end: AttemptEnd, now: number): Settled | null {
  const { past, stopping } = attempt;
  // It was done before we could end it.
  if (end.kind === "exited" && end.exitCode === 0) return succeeded(job, attempt);
  // Its container had its time, as it found itself.
  if (end.reason === HARD_TIMEOUT) return failed(job, attempt, "TimedOut", now);
  if (stopping === "TimedOut") return failed(job, attempt, "TimedOut", now);
  if (stopping !== null) return counted(job, attempt, "cancelled", stopping, { past, notBefore: now });
  switch (end.kind) {
    case "unavailable": {
      return null;
    }
    case "never-started": {
      // Nothing but a shell says for certain that nothing has run.
      return job.isBare ? lost(job, attempt, end.reason, now) : null;
    }
    case "refused": {
      const message = end.message ?? end.reason;
      return counted(decided(job, "StartRefused", message, now), attempt, "failed", end.reason, null);
    }
    case "lost":
    case "unknown": {
      // A boot of workerd ends all that ran before it, which says nothing about the job: again at once.
      if (end.reason === SESSION_ENDED) {
        const lostToBoots = (job.lostToBoots ?? 0) + 1;
        return counted({ ...job, lostToBoots }, attempt, "lost", end.reason, { past, notBefore: now });
      }
      return lost(job, attempt, end.reason, now);
    }
    // Stopped by nobody who says so in the attempt: somebody outside of the job did, or it was never launched.
    case "stopped": {
      if (end.stop === undefined) return null;
      return counted(job, attempt, "cancelled", end.reason, { past, notBefore: now });
    }
    case "killed": {
      return failed(job, attempt, end.reason, now);
    }
    case "exited": {
      return byPolicy(job, attempt, end, now);
    }
    default: {
      return assertNever(end.kind);
    }
  }
}

function lost(job: Job, attempt: Attempt, reason: string, now: number): Settled {
  const losses = attempt.past.losses + 1;
  const next = { past: { ...attempt.past, losses }, notBefore: now + lossDelayMs(losses) };
  return counted(job, attempt, "lost", reason, next);
}

function succeeded(job: Job, attempt: Attempt): Settled {
  const doneIndexes = withIndex(job.doneIndexes, attempt.index);
  return counted({ ...job, doneIndexes }, attempt, "succeeded", "Completed", null);
}

function byPolicy(job: Job, attempt: Attempt, { exitCode, reason }: AttemptEnd, now: number): Settled {
  const position = job.spec.failurePolicy.findIndex((rule) => exitCode !== null && fits(rule, exitCode));
  const action = job.spec.failurePolicy[position]?.action ?? "count";
  switch (action) {
    case "fail_job": {
      const message = `exit code ${exitCode} of index ${attempt.index} is in failure_policy[${position}]`;
      return counted(decided(job, "FailurePolicy", message, now), attempt, "failed", reason, null);
    }
    case "fail_index": {
      return counted(withFailedIndex(job, attempt.index), attempt, "failed", reason, null);
    }
    case "ignore": {
      const notBefore = now + failureDelayMs(job.spec, attempt.past.failures + 1);
      return counted(job, attempt, "ignored", reason, { past: attempt.past, notBefore });
    }
    case "count": {
      return failed(job, attempt, reason, now);
    }
    default: {
      return assertNever(action);
    }
  }
}

function fits({ exitCodes: { operator, values } }: FailureRule, exitCode: number): boolean {
  return values.includes(exitCode) === (operator === "in");
}

function failed(job: Job, attempt: Attempt, reason: string, now: number): Settled {
  const { retriesPerIndex } = job.spec;
  const failures = attempt.past.failures + 1;
  if (retriesPerIndex !== null && failures > retriesPerIndex) {
    return counted(withFailedIndex(job, attempt.index), attempt, "failed", reason, null);
  }
  const next = { past: { failures, losses: 0 }, notBefore: now + failureDelayMs(job.spec, failures) };
  return counted(job, attempt, "failed", reason, next);
}

function withFailedIndex(job: Job, index: number): Job {
  return { ...job, failedIndexes: withIndex(job.failedIndexes, index) };
}

/** A job that is decided stays so. */
function decided(job: Job, reason: Verdict["reason"], message: string, at: number): Job {
  return job.verdict === null ? { ...job, verdict: { outcome: "failed", reason, message, at } } : job;
}

function counted(
  job: Job,
  { index }: Attempt,
  state: AttemptState,
  reason: string,
  next: { readonly past: Past; readonly notBefore: number } | null,
): Settled {
  const tally: Tally = { ...job.tally, [state]: job.tally[state] + 1 };
  return {
    job: { ...job, tally },
    state,
    reason,
    retry: next === null || job.verdict !== null ? null : { index, ...next },
  };
}
