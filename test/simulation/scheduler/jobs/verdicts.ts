/** Whether a job was decided rightly, by what was asked for and what was seen of its attempts. */
import { countOf, hasIndex } from "../../../../src/jobs/index-set.ts";
import type { Job, Verdict } from "../../../../src/jobs/job.ts";
import type { KnownJob } from "./rules.ts";

/** What is wrong with it; null: nothing. */
export function verdictViolation(known: KnownJob, job: Job, { outcome, reason, at }: Verdict): string | null {
  const { spec } = job;
  const { ended, done, failed, startedAt } = known;
  const isMet: Readonly<Record<Verdict["reason"], boolean>> = {
    CompletionsReached: countOf(done) >= spec.completions,
    SuccessPolicy: spec.successPolicy.some(({ indexes, count }) => {
      const all = Array.from({ length: spec.completions }, (_, index) => index);
      const named = indexes === null ? all : all.filter((index) => hasIndex(indexes, index));
      const within = named.filter((index) => hasIndex(done, index)).length;
      return within >= (count ?? named.length);
    }),
    BackoffLimitExceeded: spec.retries !== null && ended.failed > spec.retries,
    LossLimitExceeded: ended.lost > spec.lossRetries,
    DeadlineExceeded: startedAt !== null && at >= startedAt + (spec.deadlineMs ?? Number.POSITIVE_INFINITY),
    FailurePolicy: spec.failurePolicy.some(({ action, exitCodes: { operator, values } }) => {
      return action === "fail_job" && [...known.codes].some((code) => values.includes(code) === (operator === "in"));
    }),
    FailedIndexes: countOf(done) + countOf(failed) >= spec.completions && countOf(failed) > 0,
    MaxFailedIndexesExceeded: spec.maxFailedIndexes !== null && countOf(failed) > spec.maxFailedIndexes,
    StartRefused: known.wasRefused,
    Cancelled: known.isCancelled,
  };
  const isSuccess = reason === "CompletionsReached" || reason === "SuccessPolicy";
  const expected = isSuccess ? "succeeded" : reason === "Cancelled" ? "cancelled" : "failed";
  if (isMet[reason] && outcome === expected) return null;
  return `${job.id} is decided as ${outcome} (${reason}) with ${JSON.stringify(ended)}`;
}
