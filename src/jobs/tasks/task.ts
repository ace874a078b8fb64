/**
 * A task: one piece of work that is queued for an application, and done by a job of its own (`run`) or by a member of the
 * pool that it is posted to (`http`). What an ended try comes to is decided here. Pure; time is an argument.
 */
import { failureDelayMs, lossDelayMs } from "../backoff.ts";
import type { FailureRule, Job } from "../job.ts";

export type TaskMode = "run" | "http";
/** `dead`: given up, with its reason; it can be retried. */
export type TaskState = "queued" | "running" | "succeeded" | "dead" | "cancelled";

export interface Task {
  readonly id: string;
  /** Its place in the order of all tasks of its application. */
  readonly seq: number;
  /** What its submitter calls it by; null: nothing. */
  readonly key: string | null;
  readonly mode: TaskMode;
  /** Those that share one take turns with all others. */
  readonly fairnessKey: string;
  readonly state: TaskState;
  readonly createdAt: number;
  /** Of a queued one: it begins no sooner. */
  readonly notBefore: number;
  /** Of its latest try. */
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  /** Counted from 1 and never again from the start, so that a receiver can tell an older try from a newer one. */
  readonly tries: number;
  /** Since it was made, or retried by somebody: what uses up its retries. */
  readonly failures: number;
  readonly losses: number;
  /** Why the latest try failed, or what ended it. */
  readonly reason: string | null;
  readonly message: string | null;
  /** Of the latest answer of an `http` task. */
  readonly status: number | null;
  /** That does it, or did last. */
  readonly job: string | null;
  /** How long it is kept after its end. */
  readonly ttlMs: number;
}

export interface RunWork {
  readonly entrypoint: readonly string[] | null;
  readonly command: readonly string[] | null;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly retries: number;
  readonly lossRetries: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  readonly timeoutMs: number | null;
  readonly deadlineMs: number | null;
  readonly failurePolicy: readonly FailureRule[];
  readonly isBare: boolean;
}

export interface HttpWork {
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** For a ready member, before a try. Absent from what was stored before it could be said: the default. */
  readonly waitMs?: number;
  readonly retries: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
}

/** How long a try waits for a ready member, where nothing else is said. */
export const DEFAULT_TASK_WAIT_MS = 600_000;
/** Nobody was ready to take it in that time. */
export const NO_READY_INSTANCE = "NoReadyInstance";

/** What is to be done, as it was asked for: stored once, and read when a try begins. */
export interface TaskWork {
  /** Digest of the request: the same key with another one is refused. */
  readonly fingerprint: string;
  /** Null: none. `isText`: it was given as text, and not as JSON. */
  readonly payload: { readonly text: string; readonly isText: boolean } | null;
  readonly run: RunWork | null;
  readonly http: HttpWork | null;
}

/** A task as it is asked for. */
export interface TaskDraft extends Pick<Task, "id" | "key" | "mode" | "fairnessKey" | "ttlMs"> {
  readonly delayMs: number;
  readonly work: TaskWork;
}

/** Dead ones are kept at least so long: somebody has to see them. */
export const DEAD_TTL_MS = 7 * 86_400_000;
/** Tries whose outcome nobody knows, in a row, before a task is given up. */
export const MAX_LOSSES = 20;
/** Nobody took it, so that nothing was tried: soon again. */
const UNDELIVERED_DELAY_MS = 1_000;

/** How a try of an `http` task ended. */
export type TryEnd =
  | { readonly kind: "succeeded"; readonly status: number }
  | { readonly kind: "failed"; readonly reason: string; readonly message: string; readonly status: number | null }
  /** It may have been answered, or not. */
  | { readonly kind: "lost"; readonly message: string }
  /** No container has seen it. */
  | { readonly kind: "undelivered"; readonly message: string };

/** Of a task whose retries are all left. */
const UNTRIED = {
  state: "queued",
  finishedAt: null,
  failures: 0,
  losses: 0,
  reason: null,
  message: null,
  status: null,
  job: null,
} as const;

export function newTask({ id, key, mode, fairnessKey, ttlMs, delayMs }: TaskDraft, seq: number, now: number): Task {
  return {
    id,
    seq,
    key,
    mode,
    fairnessKey,
    ...UNTRIED,
    createdAt: now,
    notBefore: now + delayMs,
    startedAt: null,
    tries: 0,
    ttlMs,
  };
}

export function isOpen({ state }: Pick<Task, "state">): boolean {
  return state === "queued" || state === "running";
}

/** When it is not kept any more; null: it is not over. */
export function removalOf({ finishedAt, state, ttlMs }: Task): number | null {
  if (finishedAt === null) return null;
  return finishedAt + (state === "dead" ? Math.max(ttlMs, DEAD_TTL_MS) : ttlMs);
}

export function beginTry(task: Task, job: string | null, now: number): Task {
  return { ...task, state: "running", tries: task.tries + 1, startedAt: now, job };
}

/** After a try of an `http` task. */
export function settleTry(
  task: Task,
  work: Pick<HttpWork, "retries" | "backoffMs" | "maxBackoffMs">,
  end: TryEnd,
  now: number,
): Task {
  switch (end.kind) {
    case "succeeded": {
      return finished({ ...task, status: end.status }, "succeeded", "Completed", `answered ${end.status}`, now);
    }
    case "undelivered": {
      const notBefore = now + UNDELIVERED_DELAY_MS;
      return { ...task, state: "queued", notBefore, reason: "NotDelivered", message: end.message };
    }
    case "lost": {
      const losses = task.losses + 1;
      const lost = { ...task, losses };
      if (losses > MAX_LOSSES) {
        return finished(lost, "dead", "LossLimitExceeded", `the outcome of ${losses} tries is not known`, now);
      }
      return {
        ...lost,
        state: "queued",
        notBefore: now + lossDelayMs(losses),
        reason: "OutcomeUnknown",
        message: end.message,
      };
    }
    case "failed": {
      const failures = task.failures + 1;
      const failed = { ...task, failures, losses: 0, status: end.status };
      if (failures > work.retries) {
        const message = `${failures} ${failures === 1 ? "try" : "tries"} failed; the last: ${end.message}`;
        const reason = end.reason === NO_READY_INSTANCE ? NO_READY_INSTANCE : "RetriesExhausted";
        return finished(failed, "dead", reason, message, now);
      }
      const notBefore = now + failureDelayMs(work, failures);
      return { ...failed, state: "queued", notBefore, reason: end.reason, message: end.message };
    }
  }
}

/** After the job that did it. */
export function settleJob(task: Task, { verdict }: Pick<Job, "verdict">, now: number): Task {
  const { outcome = "failed", reason = "Cancelled", message = "" } = verdict ?? {};
  if (outcome === "succeeded") return finished(task, "succeeded", "Completed", message, now);
  return finished(task, outcome === "cancelled" ? "cancelled" : "dead", reason, message, now);
}

export function cancelTask(task: Task, by: string, now: number): Task {
  return finished(task, "cancelled", "Cancelled", `cancelled by ${by}`, now);
}

/** A dead one is queued again, with all its retries. */
export function reviveTask(task: Task, now: number): Task {
  return {
    ...task,
    ...UNTRIED,
    notBefore: now,
  };
}

function finished(task: Task, state: TaskState, reason: string, message: string, now: number): Task {
  return { ...task, state, reason, message, finishedAt: now };
}
