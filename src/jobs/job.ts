/**
 * A job as the scheduler keeps it: a number of completions, each an index, and for each index one attempt at a time until
 * one succeeds. Pure data; `plan-job.ts` says what is to be done, `settle.ts` what an ended attempt comes to.
 */
import type { Override } from "../orchestrator/start/choice.ts";
import type { IndexSet } from "./index-set.ts";
import type { Told } from "./told.ts";

export interface FailureRule {
  /**
   * `fail_job`: the job is over. `fail_index`: the index is, others go on. `ignore`: tried again, and not counted.
   * `count`: counted as any other failure.
   */
  readonly action: "fail_job" | "fail_index" | "ignore" | "count";
  readonly exitCodes: { readonly operator: "in" | "not_in"; readonly values: readonly number[] };
}

/** The job has succeeded when all `indexes` have, or `count` of them (of any, without `indexes`). */
export interface SuccessRule {
  readonly indexes: IndexSet | null;
  readonly count: number | null;
}

export interface JobSpec {
  readonly completions: number;
  /** Most attempts at a time. */
  readonly parallelism: number;
  /** Failed attempts that are tried again, over all indexes; null: only `retriesPerIndex` limits them. */
  readonly retries: number | null;
  /** Failed attempts of one index that are tried again; the index has failed with the next one. */
  readonly retriesPerIndex: number | null;
  /** So many indexes may fail before the job does; null: it goes on to its end. */
  readonly maxFailedIndexes: number | null;
  /** Attempts that the platform lost and that are tried again, over all indexes. */
  readonly lossRetries: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** Of one attempt, from the start of its container; null: none. */
  readonly timeoutMs: number | null;
  /** Of the job, from its first start, and again from each resumption; null: none. */
  readonly deadlineMs: number | null;
  /** The first rule that fits decides; else an exit code other than 0 is a failure that counts. */
  readonly failurePolicy: readonly FailureRule[];
  readonly successPolicy: readonly SuccessRule[];
  /** How long a finished job is kept; null: until it is deleted. */
  readonly ttlMs: number | null;
}

export type VerdictReason =
  | "CompletionsReached"
  | "SuccessPolicy"
  | "BackoffLimitExceeded"
  | "LossLimitExceeded"
  | "DeadlineExceeded"
  | "FailurePolicy"
  | "FailedIndexes"
  | "MaxFailedIndexesExceeded"
  | "StartRefused"
  | "Cancelled";

/** Decided once. The job is over when nothing of it is alive any more. */
export interface Verdict {
  readonly outcome: "succeeded" | "failed" | "cancelled";
  readonly reason: VerdictReason;
  readonly message: string;
  readonly at: number;
}

/** Ended attempts by what they came to: they only grow, and each attempt is in one of them. */
export interface Tally {
  readonly succeeded: number;
  readonly failed: number;
  /** The platform's doing. */
  readonly lost: number;
  /** Ended by us: cancelled, suspended, or the job was decided. */
  readonly cancelled: number;
  /** Failures that a rule said not to count. */
  readonly ignored: number;
}

/** What made a job. `at`: the time that it was made for, where that is not when. */
export type Origin =
  | { readonly kind: "user" }
  | { readonly kind: "schedule"; readonly schedule: string; readonly at: number; readonly isManual: boolean }
  | { readonly kind: "task"; readonly task: string };

export interface Job {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly spec: JobSpec;
  /** Of the application, when the job was made: all its attempts start with its configuration. */
  readonly version: number;
  /** What of that it was given in place: its attempts are counted in its own size, where it has one. */
  readonly override: Override | null;
  readonly origin: Origin;
  /** Those who share one take turns with all others. */
  readonly fairnessKey: string;
  /** Its image has no shell, as its first start has shown: its exit code comes from whoever watches, its output from nobody. */
  readonly isBare: boolean;
  readonly suspended: boolean;
  /** When its first attempt was begun, or it was resumed last; null: nothing has begun. */
  readonly startedAt: number | null;
  readonly verdict: Verdict | null;
  readonly finishedAt: number | null;
  readonly tally: Tally;
  /** Of the lost: to boots of workerd, which `lossRetries` does not count. */
  readonly lostToBoots?: number;
  readonly doneIndexes: IndexSet;
  readonly failedIndexes: IndexSet;
  /** All indexes below it have been begun. */
  readonly nextIndex: number;
  /** Number of the last attempt; attempts of a job are counted from 1. */
  readonly attempts: number;
}

/** An index that is to be tried again. */
export interface Retry {
  readonly index: number;
  readonly notBefore: number;
  readonly past: Past;
}

/** What an index has gone through before its next attempt. */
export interface Past {
  readonly failures: number;
  readonly losses: number;
}

export const NO_PAST: Past = { failures: 0, losses: 0 };

/** One try of an index, from the decision to begin it to its end. */
export interface Attempt {
  readonly number: number;
  readonly index: number;
  readonly past: Past;
  readonly begunAt: number;
  /** When its process was first seen to run; null: it has not been. */
  readonly startedAt: number | null;
  /** Why we are ending it; null: we are not. */
  readonly stopping: StopReason | null;
  /** While it runs, as it last said, and as last written: an object that was dropped hears it again. */
  readonly told?: Told;
}

/** In a deployment's row: which attempt its placement is of, or was last. */
export interface SlotAttempt extends Attempt {
  readonly job: string;
  /** Of the job. */
  readonly name: string;
  /** It is counted, and the slot is free. */
  readonly isOver: boolean;
}

export type StopReason = "TimedOut" | "DeadlineExceeded" | "Cancelled" | "Suspended" | "JobDecided";

export type JobState = "pending" | "running" | "suspended" | "finishing" | "succeeded" | "failed" | "cancelled";

export function stateOf({ finishedAt, verdict, suspended, attempts }: Job): JobState {
  if (verdict !== null) return finishedAt === null ? "finishing" : verdict.outcome;
  if (suspended) return "suspended";
  return attempts === 0 ? "pending" : "running";
}
