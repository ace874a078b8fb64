/**
 * What is to be done next about one job. Pure; time is an argument. Planning again over what its actions come to gives
 * nothing. It never lets two attempts of one index live, nor more than `parallelism` at a time.
 */
import { countOf, hasIndex, includesAll, type IndexRange } from "./index-set.ts";
import { NO_PAST, type Attempt, type Job, type Past, type Retry, type StopReason, type Verdict } from "./job.ts";

export type JobAction =
  | { readonly type: "begin"; readonly index: number; readonly past: Past }
  | { readonly type: "stop"; readonly attempt: number; readonly reason: StopReason }
  | { readonly type: "decide"; readonly verdict: Verdict }
  /** With what has decided it, where that is not written yet. */
  | { readonly type: "finish"; readonly verdict: Verdict };

export interface JobPlan {
  readonly actions: readonly JobAction[];
  /** When to look again, or null: nothing but an event changes anything. */
  readonly wakeAt: number | null;
  /** Attempts that would begin if there were room. */
  readonly unbegun: number;
}

export interface JobInput {
  readonly job: Job;
  /** Those that have not ended. */
  readonly live: readonly Attempt[];
  readonly retries: readonly Retry[];
  /** Attempts that may begin now, beside `parallelism`. */
  readonly room: number;
  readonly now: number;
}

const NOTHING: JobPlan = { actions: [], wakeAt: null, unbegun: 0 };

export function planJob(input: JobInput): JobPlan {
  const { job, live } = input;
  if (job.finishedAt !== null) return NOTHING;
  const verdict = job.verdict ?? verdictOf(input);
  if (verdict !== null) {
    if (live.length === 0) return { ...NOTHING, actions: [{ type: "finish", verdict }] };
    const decide: JobAction[] = job.verdict === null ? [{ type: "decide", verdict }] : [];
    return { ...NOTHING, actions: [...decide, ...stopAll(live, stopReasonOf(verdict))] };
  }
  if (job.suspended) return { ...NOTHING, actions: stopAll(live, "Suspended") };
  const timeouts = planTimeouts(input);
  const begins = planBegins(input);
  const deadline = deadlineOf(job);
  return {
    actions: [...timeouts.actions, ...begins.actions],
    wakeAt: earliest([timeouts.wakeAt, begins.wakeAt, deadline]),
    unbegun: begins.unbegun,
  };
}

function stopAll(live: readonly Attempt[], reason: StopReason): JobAction[] {
  return live.flatMap(({ number, stopping }) => (stopping === null ? [{ type: "stop", attempt: number, reason }] : []));
}

function stopReasonOf({ outcome, reason }: Verdict): StopReason {
  if (outcome === "cancelled") return "Cancelled";
  return reason === "DeadlineExceeded" ? "DeadlineExceeded" : "JobDecided";
}

function deadlineOf({ startedAt, spec: { deadlineMs } }: Job): number | null {
  return startedAt === null || deadlineMs === null ? null : startedAt + deadlineMs;
}

/** What has decided the job, if anything has: success first, since it cannot be taken back; then the deadline. */
function verdictOf({ job, live, retries, now }: JobInput): Verdict | null {
  const { spec, doneIndexes, failedIndexes, tally } = job;
  const done = countOf(doneIndexes);
  const decided = (outcome: Verdict["outcome"], reason: Verdict["reason"], message: string): Verdict => {
    return { outcome, reason, message, at: now };
  };
  if (done >= spec.completions) {
    return decided("succeeded", "CompletionsReached", `${done} of ${spec.completions} completions`);
  }
  const rule = spec.successPolicy.findIndex(({ indexes, count }) => {
    if (indexes === null) return count !== null && done >= count;
    if (count === null) return includesAll(doneIndexes, indexes);
    return indexes.reduce((sum, range) => sum + doneWithin(job, range), 0) >= count;
  });
  if (rule >= 0) return decided("succeeded", "SuccessPolicy", `success_policy[${rule}] is met by ${done} completions`);
  const deadline = deadlineOf(job);
  if (deadline !== null && now >= deadline) {
    return decided("failed", "DeadlineExceeded", `not done ${(spec.deadlineMs ?? 0) / 1_000} s after its start`);
  }
  const failed = countOf(failedIndexes);
  if (spec.retries !== null && tally.failed > spec.retries) {
    return decided("failed", "BackoffLimitExceeded", `${attempts(tally.failed)} failed, ${mayBe(spec.retries)}`);
  }
  const lost = tally.lost - (job.lostToBoots ?? 0);
  if (lost > spec.lossRetries) {
    return decided("failed", "LossLimitExceeded", `the platform lost ${attempts(lost)}, ${mayBe(spec.lossRetries)}`);
  }
  if (spec.maxFailedIndexes !== null && failed > spec.maxFailedIndexes) {
    return decided(
      "failed",
      "MaxFailedIndexesExceeded",
      `${failed} ${failed === 1 ? "index" : "indexes"} failed, ${spec.maxFailedIndexes} may`,
    );
  }
  const isOver = job.nextIndex >= spec.completions && live.length === 0 && retries.length === 0;
  if (isOver) return decided("failed", "FailedIndexes", `${failed} of ${spec.completions} indexes failed`);
  return null;
}

function attempts(count: number): string {
  return `${count} ${count === 1 ? "attempt" : "attempts"}`;
}

function mayBe(count: number): string {
  return count === 0 ? "of which none is to be tried again" : `of which ${count} may be tried again`;
}

function doneWithin({ doneIndexes }: Job, { first, last }: IndexRange): number {
  return doneIndexes.reduce((sum, done) => {
    return sum + Math.max(0, Math.min(done.last, last) - Math.max(done.first, first) + 1);
  }, 0);
}

/** The container has its own clock for this; here is the one that does not depend on it. */
function planTimeouts({ job: { spec }, live, now }: JobInput): Pick<JobPlan, "actions" | "wakeAt"> {
  if (spec.timeoutMs === null) return NOTHING;
  const actions: JobAction[] = [];
  const wakeups: number[] = [];
  for (const { number, startedAt, stopping } of live) {
    if (startedAt === null || stopping !== null) continue;
    if (now >= startedAt + spec.timeoutMs) actions.push({ type: "stop", attempt: number, reason: "TimedOut" });
    else wakeups.push(startedAt + spec.timeoutMs);
  }
  return { actions, wakeAt: earliest(wakeups) };
}

/** Those that are to be tried again go first, the longest due before others; then indexes that are new. */
function planBegins({ job, live, retries, room, now }: JobInput): JobPlan {
  const { spec, nextIndex, doneIndexes, failedIndexes } = job;
  const taken = new Set(live.map(({ index }) => index));
  const isOpen = (index: number) =>
    !taken.has(index) && !hasIndex(doneIndexes, index) && !hasIndex(failedIndexes, index);
  const waiting = retries.filter(({ index }) => isOpen(index));
  const due = waiting.filter(({ notBefore }) => notBefore <= now).toSorted(byTurn);
  const wanted = Math.max(0, spec.parallelism - live.length);
  const begins: { index: number; past: Past }[] = due.slice(0, wanted).map(({ index, past }) => ({ index, past }));
  for (let index = nextIndex; index < spec.completions && begins.length < wanted; index += 1) {
    begins.push({ index, past: NO_PAST });
  }
  const begun = begins.slice(0, Math.max(0, room));
  const later = waiting.filter(({ notBefore }) => notBefore > now).map(({ notBefore }) => notBefore);
  return {
    actions: begun.map(({ index, past }) => ({ type: "begin", index, past })),
    wakeAt: begins.length < wanted ? earliest(later) : null,
    unbegun: begins.length - begun.length,
  };
}

function byTurn(a: Retry, b: Retry): number {
  return a.notBefore - b.notBefore || a.index - b.index;
}

function earliest(times: readonly (number | null)[]): number | null {
  return times.reduce<number | null>(
    (first, at) => (at === null || (first !== null && first <= at) ? first : at),
    null,
  );
}
