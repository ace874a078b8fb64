/** What the API, schedules and tasks do with the jobs of an application. They live in the first of its objects. */
import { GantryError } from "../errors.ts";
import type { AttemptPage, KeptOutput, JobPage, JobRequest, JobView } from "../jobs/job-control.ts";
import { isAt, type JobCondition } from "../jobs/conditions.ts";
import { latestAttempts, type AttemptRecord, type JobFilter } from "../jobs/job-store.ts";
import { sealSecrets } from "../jobs/prepare.ts";
import type { QueueView } from "../jobs/queue-view.ts";
import { masterKeys } from "../sealing.ts";
import { ApplicationReader } from "./application-reader.ts";
import { reserveJob, settleSizes } from "./start/sizes.ts";
import { waitUntil, type Waited } from "./waits.ts";
import { requireGuard, type WriteGuard } from "./write-guard.ts";

export class ApplicationJobs extends ApplicationReader {
  /** The same id again is the same job. `secrets` are sealed before anything is kept. */
  async createJob(
    request: JobRequest,
    secrets: Readonly<Record<string, string>>,
    guard: WriteGuard | null = null,
  ): Promise<JobView> {
    const row = this.core.mustRow();
    requireGuard(this.core.db, row, guard, Date.now());
    const names = Object.keys(secrets);
    const sealed = names.length === 0 ? null : await sealSecrets(masterKeys(this.env), row.id, request.id, secrets);
    const intent = await reserveJob(this.core, this.env, request);
    const view = this.core.jobs.create({ ...request, launch: { ...request.launch, secrets: names, sealed } });
    if (intent !== null) this.ctx.waitUntil(settleSizes(this.core, this.env, intent));
    return view;
  }

  job(key: string): JobView {
    this.core.mustRow();
    return this.core.jobs.view(key);
  }

  listJobs(filter: JobFilter, before: number | null, limit: number): JobPage {
    this.core.mustRow();
    return this.core.jobs.list(filter, before, limit);
  }

  jobQueue(shown: number): QueueView {
    return this.core.jobs.queue(shown);
  }

  jobAttempts(key: string, after: number, limit: number): AttemptPage {
    return this.core.jobs.attempts(key, after, limit);
  }

  /** A job with its attempts that ended last. */
  jobInDetail(key: string, attempts: number): { readonly view: JobView; readonly latest: readonly AttemptRecord[] } {
    const view = this.job(key);
    return { view, latest: this.core.jobs.latest(view.job.id, attempts) };
  }

  jobOutput(key: string, attempt: number): KeptOutput {
    return this.core.jobs.output(key, attempt);
  }

  async changeJob(
    key: string,
    action: "cancel" | "suspend" | "resume",
    actor: string,
    guard: WriteGuard | null = null,
  ): Promise<JobView> {
    requireGuard(this.core.db, this.core.mustRow(), guard, Date.now());
    const { jobs } = this.core;
    return action === "cancel" ? jobs.cancel(key, actor) : jobs[action](key);
  }

  async deleteJob(
    key: string,
    actor: string,
    guard: WriteGuard | null = null,
  ): Promise<{ readonly id: string; readonly isGone: boolean }> {
    requireGuard(this.core.db, this.core.mustRow(), guard, Date.now());
    return this.core.jobs.remove(key, actor);
  }

  /** With so many of its attempts that ended last. */
  async waitForJob(
    key: string,
    condition: JobCondition,
    attempts: number,
    timeoutMs: number,
  ): Promise<Waited<JobView> & { readonly latest: readonly AttemptRecord[] }> {
    const look = () => {
      try {
        return this.core.jobs.view(key);
      } catch (error) {
        if (GantryError.is(error)) return null;
        throw error;
      }
    };
    const waited = await waitUntil(this.core.changes, look, ({ job }) => isAt(condition, job), timeoutMs);
    return {
      ...waited,
      latest: waited.view === null ? [] : latestAttempts(this.core.db, waited.view.job.id, attempts),
    };
  }
}
