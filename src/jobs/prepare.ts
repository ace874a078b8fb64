/** The order of an attempt: its version's, as its job changes it. */
import type { Database } from "../database.ts";
import { toHex } from "../encoding.ts";
import { GantryError } from "../errors.ts";
import type { Launch } from "../orchestrator/start/launch.ts";
import { open, seal } from "../sealing.ts";
import type { SlotAttempt } from "./job.ts";
import { findJob, findLaunch } from "./job-store.ts";
import { attemptSpec, jobConfiguration } from "./launch.ts";

/** Throws what refuses the launch: a job that is gone, secrets that no key opens. */
export async function attemptLaunch(
  db: Database,
  keys: readonly string[],
  { configuration, order }: Launch,
  attempt: SlotAttempt,
): Promise<Launch> {
  const job = findJob(db, attempt.job);
  const launch = findLaunch(db, attempt.job);
  if (job === undefined || launch === undefined) throw new GantryError("JOB_NOT_FOUND", "the job is gone");
  const secrets = launch.sealed === null ? {} : await openSecrets(keys, order.applicationId, job.id, launch.sealed);
  const own = jobConfiguration(configuration, launch);
  const { spec, isWrapped } = attemptSpec(own, job, attempt, secrets);
  const revision = toHex(
    await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${order.revision} job ${job.id}`)),
  );
  const { number, index } = attempt;
  const { payload } = launch;
  const known = { job: job.id, name: job.name, index, count: job.spec.completions, attempt: number, payload };
  return { configuration: own, order: { ...order, revision, spec, attempt: { ...known, isWrapped } } };
}

/** Bound to application and job, so that none opens in another's place. */
export function sealSecrets(
  keys: readonly string[],
  application: string,
  job: string,
  secrets: Readonly<Record<string, string>>,
): Promise<string> {
  return seal(keys, JSON.stringify(secrets), contextOf(application, job));
}

async function openSecrets(
  keys: readonly string[],
  application: string,
  job: string,
  sealed: string,
): Promise<Record<string, string>> {
  // Sealed by `sealSecrets` only.
  return JSON.parse(await open(keys, sealed, contextOf(application, job))) as Record<string, string>;
}

function contextOf(application: string, job: string): string {
  return `job ${application} ${job}`;
}
