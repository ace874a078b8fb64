/** What of a job may be waited for. */
import { stateOf, type Job } from "./job.ts";

/** `finished` is any end. */
export const JOB_CONDITIONS = ["running", "finished", "succeeded", "failed", "cancelled"] as const;
export type JobCondition = (typeof JOB_CONDITIONS)[number];

export function isAt(condition: JobCondition, job: Job): boolean {
  if (condition === "finished") return job.finishedAt !== null;
  // Who waits for it to run is not to wait for ever when it is over already.
  return stateOf(job) === condition || (condition === "running" && job.attempts > 0);
}
