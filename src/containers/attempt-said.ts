/** What the attempt of a job says over the bridge, as far as it is a part of that attempt. Pure. */
import { invalid } from "../api/body.ts";
import { bytesOf, type JobOfAttempt } from "../bridge/messages.ts";
import type { Output } from "../jobs/job-store.ts";
import { ATTEMPT_RESULT_BYTES } from "../jobs/told.ts";
import type { Report } from "../orchestrator/plan/observe.ts";
import type { RunRecord } from "./run-record.ts";
import type { Said } from "./said.ts";

/** What it may know of itself; undefined of what is no attempt. */
export function jobOf({ attempt }: RunRecord): JobOfAttempt | undefined {
  if (attempt === undefined) return undefined;
  const { isWrapped: _, ...known } = attempt;
  return known;
}

/** A result is kept with its attempt, as long as the job. */
export function requireSmall({ attempt }: RunRecord, result: string): void {
  if (attempt === undefined || bytesOf(result) <= ATTEMPT_RESULT_BYTES) return;
  const why = `must be at most ${ATTEMPT_RESULT_BYTES} bytes for the attempt of a job: keep more elsewhere, and say where`;
  throw invalid({ result: why });
}

/** The report with what was said: progress and result, and lines in the place of output that nobody kept. */
export function withSaid(record: RunRecord, said: Said | null, report: Report): Report {
  const { attempt, generation } = record;
  if (attempt === undefined || said?.generation !== generation) return report;
  if (report.state !== "running" && report.state !== "ended") return report;
  const { progress, result } = said;
  const told = progress === null && result === null ? {} : { told: { progress, result } };
  if (report.state === "running") return { ...report, ...told };
  const output = report.output ?? linesOf(said);
  return { ...report, ...told, ...(output === null ? {} : { output }) };
}

function linesOf({ lines }: Said): Output | null {
  if (lines.length === 0) return null;
  const text = (isError: boolean) =>
    lines
      .filter(({ level }) => (level === "error" || level === "warn") === isError)
      .map(({ message }) => `${message}\n`)
      .join("");
  return { stdout: text(false), stderr: text(true) };
}
