/** What users, schedules and tasks do with the jobs of an application. Synchronous; a pass follows in the same turn. */
import type { Database } from "../database.ts";
import { GantryError } from "../errors.ts";
import { appendEvents } from "../orchestrator/events.ts";
import type { Deployment } from "../orchestrator/plan/deployment.ts";
import type { ApplicationRow } from "../orchestrator/storage/application-row.ts";
import { cancel, newJob, resume, suspend, type NewJob } from "./intents.ts";
import { jobChanged, jobCreated } from "./job-events.ts";
import { stateOf, type Job, type SlotAttempt } from "./job.ts";
import {
  findAttempt,
  findJob,
  findLaunch,
  findOutput,
  insertJob,
  latestAttempts,
  listAttempts,
  listJobs,
  putJob,
  removeJob,
  unfinishedJobs,
  type AttemptRecord,
  type JobFilter,
  type Output,
} from "./job-store.ts";
import { jobConfiguration, type JobLaunch } from "./launch.ts";
import { queueView, type QueueView } from "./queue-view.ts";
import { hasNoShell } from "./shells.ts";
import type { StoredConfiguration } from "../orchestrator/configurations.ts";

export interface JobControlDeps {
  readonly db: Database;
  readonly clock: () => number;
  /** Throws when there is no application, or it is being deleted. */
  readonly row: () => ApplicationRow;
  readonly pass: () => void;
  readonly live: () => readonly Deployment[];
  /** Of a version. */
  readonly configuration: (version: number) => StoredConfiguration;
}

/** A job as it is asked for: the version is the active one. */
export type JobRequest = Omit<NewJob, "version"> & { readonly launch: JobLaunch };

/** An attempt that has not ended, and where it runs. */
export interface LiveAttempt {
  readonly attempt: SlotAttempt;
  readonly deployment: string;
  readonly generation: number;
  readonly phase: Deployment["phase"];
}

export interface JobView {
  readonly job: Job;
  readonly launch: JobLaunch;
  /** What its attempts start with, secrets apart. */
  readonly configuration: StoredConfiguration;
  readonly live: readonly LiveAttempt[];
}

export interface JobPage {
  readonly jobs: readonly JobView[];
  /** Where the next page begins; null: there is none. */
  readonly next: number | null;
}

export interface AttemptPage {
  /** By number: those that are over, and those that are not. */
  readonly attempts: readonly (AttemptRecord | LiveAttempt)[];
  readonly next: number | null;
}

export interface KeptOutput {
  readonly record: AttemptRecord;
  readonly output: Output | null;
  /** There is none. */
  readonly why: string;
}

export class JobControl {
  readonly #deps: JobControlDeps;

  constructor(deps: JobControlDeps) {
    this.#deps = deps;
  }

  /** The same id again is the same job: a request that was cut off is made once. */
  create(request: JobRequest): JobView {
    const { db, clock, row, pass } = this.#deps;
    const { spec, activeVersion, name } = row();
    if (findJob(db, request.id) === undefined) {
      requireAllowed(name, spec.jobInstances ?? 0);
      this.insert(request, activeVersion, clock());
      pass();
    }
    return this.view(request.id);
  }

  /** Only its rows, within a transaction of the caller's: a pass is to follow. */
  insert({ launch, ...request }: JobRequest, version: number, now: number): Job {
    const { db } = this.#deps;
    const isBare = request.isBare === true || hasNoShell(db, version, launch.image);
    const job = newJob({ ...request, isBare, version }, now);
    db.transaction(() => {
      insertJob(db, job, launch);
      appendEvents(db, [jobCreated(job)], now);
    });
    return job;
  }

  /** Throws `JOB_NOT_FOUND`. An id, or the name of the newest that has it. */
  view(key: string): JobView {
    return this.#viewOf(this.must(key));
  }

  must(key: string): Job {
    const { db } = this.#deps;
    const job = findJob(db, key) ?? listJobs(db, { name: key }, null, 1)[0]?.job;
    if (job !== undefined) return job;
    throw new GantryError("JOB_NOT_FOUND", `job ${key} not found: GET …/jobs lists them`, { job: key });
  }

  list(filter: JobFilter, before: number | null, limit: number): JobPage {
    const { db } = this.#deps;
    const found = listJobs(db, filter, before, limit + 1);
    const page = found.slice(0, limit);
    const next = found.length > limit ? (page.at(-1)?.seq ?? null) : null;
    return { jobs: page.map(({ job }) => this.#viewOf(job)), next };
  }

  /** Those that are not over, with so many of them. */
  queue(shown: number): QueueView {
    const { db, row, live } = this.#deps;
    const jobs = unfinishedJobs(db).map(({ job }) => job);
    return queueView(jobs, live(), row().spec.jobInstances ?? 0, shown);
  }

  attempts(key: string, after: number, limit: number): AttemptPage {
    const job = this.must(key);
    const live = this.#liveOf(job).filter(({ attempt }) => attempt.number > after);
    const found = [...listAttempts(this.#deps.db, job.id, after, limit + 1), ...live].toSorted(byNumber);
    const attempts = found.slice(0, limit);
    const last = attempts.at(-1);
    return { attempts, next: found.length > limit && last !== undefined ? numberOf(last) : null };
  }

  /** Those that ended last, by number. */
  latest(key: string, count: number): readonly AttemptRecord[] {
    return latestAttempts(this.#deps.db, this.must(key).id, count);
  }

  /** What an ended attempt printed last; null: nothing was kept, and why. Throws `JOB_ATTEMPT_NOT_FOUND`. */
  output(key: string, number: number): KeptOutput {
    const { db } = this.#deps;
    const job = this.must(key);
    const record = findAttempt(db, job.id, number);
    if (record !== undefined) {
      const hasEntrypoint = (this.#viewOf(job).configuration.entrypoint ?? []).length > 0;
      return { record, output: findOutput(db, job.id, number), why: whyNoOutput(job, record, hasEntrypoint) };
    }
    const isLive = this.#liveOf(job).some(({ attempt }) => attempt.number === number);
    const why = isLive ? `is still running: its output is kept when it ends` : `not found`;
    throw new GantryError("JOB_ATTEMPT_NOT_FOUND", `attempt ${number} of job ${job.name} ${why}`, { attempt: number });
  }

  cancel(key: string, actor: string): JobView {
    return this.#change(key, "JobCancelling", (job) => cancel(job, actor, this.#deps.clock()));
  }

  suspend(key: string): JobView {
    return this.#change(key, "JobSuspended", (job) => (job.suspended && job.verdict === null ? job : suspend(job)));
  }

  resume(key: string): JobView {
    return this.#change(key, "JobResumed", (job) => (job.suspended || job.verdict !== null ? resume(job) : job));
  }

  /** With all that is kept of it. One that is not over is cancelled, and goes when nothing of it is alive any more. */
  remove(key: string, actor: string): { readonly id: string; readonly isGone: boolean } {
    const { db, clock } = this.#deps;
    const job = this.must(key);
    if (job.finishedAt === null && job.verdict === null) this.cancel(job.id, actor);
    const current = findJob(db, job.id);
    if (current === undefined) return { id: job.id, isGone: true };
    db.transaction(() => {
      if (current.finishedAt === null) putJob(db, { ...current, spec: { ...current.spec, ttlMs: 0 } });
      else removeJob(db, job.id);
      appendEvents(db, [jobChanged("JobDeleted", job)], clock());
    });
    return { id: job.id, isGone: current.finishedAt !== null };
  }

  #change(
    key: string,
    event: "JobCancelling" | "JobSuspended" | "JobResumed",
    decide: (job: Job) => Job | undefined,
  ): JobView {
    const { db, clock, pass } = this.#deps;
    const job = this.must(key);
    const next = decide(job);
    if (next === undefined) {
      // Cancelled already is as wished.
      if (event === "JobCancelling" && job.verdict?.outcome === "cancelled") return this.#viewOf(job);
      const message = `job ${job.name} is ${stateOf(job)} (${job.verdict?.reason ?? ""}): nothing is left to change`;
      throw new GantryError("JOB_FINISHED", message, { state: stateOf(job) });
    }
    if (next !== job) {
      db.transaction(() => {
        putJob(db, next);
        appendEvents(db, [jobChanged(event, next)], clock());
      });
      pass();
    }
    return this.view(job.id);
  }

  #viewOf(job: Job): JobView {
    const launch = findLaunch(this.#deps.db, job.id);
    if (launch === undefined) throw new GantryError("JOB_NOT_FOUND", `job ${job.name} is being removed`, {});
    const configuration = jobConfiguration(this.#deps.configuration(job.version), launch);
    return { job, launch, configuration, live: this.#liveOf(job) };
  }

  #liveOf({ id }: Job): LiveAttempt[] {
    return this.#deps.live().flatMap(({ id: deployment, generation, phase, attempt }) => {
      return attempt?.job === id && !attempt.isOver ? [{ attempt, deployment, generation, phase }] : [];
    });
  }
}

function numberOf(one: AttemptRecord | LiveAttempt): number {
  return "attempt" in one ? one.attempt.number : one.number;
}

function byNumber(a: AttemptRecord | LiveAttempt, b: AttemptRecord | LiveAttempt): number {
  return numberOf(a) - numberOf(b);
}

function requireAllowed(application: string, most: number): void {
  if (most > 0) return;
  const message = `application ${application} runs no jobs: set jobs: true, or job_instances to how many may run at a time`;
  throw new GantryError("JOB_CREATE_NOT_ALLOWED", message, { job_instances: 0 });
}

function whyNoOutput({ isBare }: Job, { state, startedAt }: AttemptRecord, hasEntrypoint: boolean): string {
  if (isBare) {
    return "its image has no shell to keep it, or the job said shell: false. COPY --from=busybox:musl /bin/ /bin/ adds one; or its program sends lines to the bridge";
  }
  if (!hasEntrypoint) {
    return "no entrypoint is known, so that no shell of the image can run it: give the job its entrypoint";
  }
  if (startedAt === null) return "nothing of it was seen to run";
  return state === "lost" ? "it went with its container" : "its container was gone before it could be read";
}
