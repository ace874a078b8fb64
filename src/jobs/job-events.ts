/** What an application's events say of its jobs. */
import type { EventDraft } from "../orchestrator/events.ts";
import { formatIndexes } from "./index-set.ts";
import type { Job } from "./job.ts";
import type { AttemptRecord, PlacedAttempt } from "./job-store.ts";
import type { AttemptState } from "./settle.ts";

const ENDS: Readonly<Record<AttemptState, Pick<EventDraft, "type" | "name">>> = {
  succeeded: { type: "Info", name: "AttemptSucceeded" },
  failed: { type: "UserError", name: "AttemptFailed" },
  lost: { type: "SystemError", name: "AttemptLost" },
  cancelled: { type: "Info", name: "AttemptCancelled" },
  ignored: { type: "Warn", name: "AttemptIgnored" },
};

export function attemptEnded(job: Job, record: AttemptRecord, message?: string): EventDraft {
  const { number, index, state, reason, exitCode, deployment, generation } = record;
  const code = exitCode === null ? "no exit code" : `exit code ${exitCode}`;
  return {
    ...ENDS[state],
    message: `attempt ${number} of job ${job.name} (index ${index}) ${state}: ${reason}, ${message ?? code}`,
    deployment,
    generation,
    details: { job: job.id, attempt: number, index, state, reason, exit_code: exitCode },
    statusChange: { health: "stopped", ready: false },
  };
}

/** What the container of an attempt that has ended still says changes nothing, and is shown. */
export function resultRefused(deployment: string, generation: number, attempt: PlacedAttempt | undefined): EventDraft {
  const whose = attempt === undefined ? "" : `, attempt ${attempt.number} of job ${attempt.job},`;
  return {
    type: "Warn",
    name: "ResultRefused",
    message: `a result of placement ${generation}${whose} was refused: it has ended`,
    deployment,
    generation,
    details: attempt === undefined ? {} : { job: attempt.job, attempt: attempt.number },
  };
}

export function jobCreated({ id, name, spec, origin }: Job): EventDraft {
  const what = `${spec.completions} ${spec.completions === 1 ? "completion" : "completions"}, ${spec.parallelism} at a time`;
  const by = origin.kind === "schedule" ? ` by schedule ${origin.schedule}` : "";
  const source = origin.kind === "schedule" ? { schedule: origin.schedule } : {};
  return info("JobCreated", `job ${name} created${by}: ${what}`, { job: id, ...source });
}

export function jobFinished({ id, name, verdict, tally, doneIndexes, failedIndexes }: Job): EventDraft {
  const { outcome = "failed", reason = "", message = "" } = verdict ?? {};
  return {
    type: outcome === "failed" ? "UserError" : "Info",
    name: outcome === "failed" ? "JobFailed" : outcome === "succeeded" ? "JobSucceeded" : "JobCancelled",
    message: `job ${name} ${outcome}: ${reason}, ${message}`,
    details: {
      job: id,
      reason,
      ...tally,
      done_indexes: formatIndexes(doneIndexes),
      failed_indexes: formatIndexes(failedIndexes),
    },
  };
}

export function jobChanged(name: "JobSuspended" | "JobResumed" | "JobCancelling" | "JobDeleted", job: Job): EventDraft {
  const verbs = {
    JobSuspended: "suspended",
    JobResumed: "resumed",
    JobCancelling: "is being cancelled",
    JobDeleted: "deleted",
  };
  return info(name, `job ${job.name} ${verbs[name]}`, { job: job.id });
}

function info(name: string, message: string, details: Record<string, string | number>): EventDraft {
  return { type: "Info", name, message, details };
}
