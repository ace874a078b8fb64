/** Where users submit jobs and change them, and what the attempts of these start with. */
import { attemptSpec, jobConfiguration, type JobLaunch } from "../../../../src/jobs/launch.ts";
import { findJob, findLaunch } from "../../../../src/jobs/job-store.ts";
import { GantryError } from "../../../../src/errors.ts";
import type { LaunchOrder } from "../../../../src/orchestrator/scheduler-deps.ts";
import { getVersion } from "../../../../src/orchestrator/storage/application-row.ts";
import type { ApplicationHost } from "../application-host.ts";
import type { Task } from "./command.ts";
import { specOf, type JobAction, type Submission } from "./deeds.ts";
import type { JobRules } from "./rules.ts";

const COMMAND = { entrypoint: ["/bin/sh", "-c"], command: ["task"] } as const;

export class JobDesk {
  /** How often something was asked for that could be done. */
  done = 0;
  readonly #application: ApplicationHost;
  readonly #rules: JobRules;

  constructor(application: ApplicationHost, rules: JobRules) {
    this.#application = application;
    this.#rules = rules;
  }

  /** Asked for twice, as one does who has not heard. */
  submit(deed: Submission): void {
    if (!this.#isOpen() || this.#rules.knows(deed.job) || (this.#application.row()?.spec.jobInstances ?? 0) === 0)
      return;
    const { fails, hangs, lastMs, hasShell, isDeclared, job: id, fairnessKey, isSuspended: suspended } = deed;
    const task: Task = { fails, hangs, lastMs, hasShell };
    const launch: JobLaunch = {
      entrypoint: isDeclared ? COMMAND.entrypoint : null,
      command: isDeclared ? COMMAND.command : null,
      image: null,
      instanceType: null,
      size: null,
      env: [{ name: "TASK", value: JSON.stringify(task) }],
      secrets: [],
      sealed: null,
      payload: null,
    };
    const spec = specOf(deed);
    const origin = { kind: "user" } as const;
    const request = { id, name: id, spec, suspended, override: null, origin, fairnessKey, launch };
    const { jobs } = this.#application.life;
    this.#rules.submitted(id);
    jobs.create(request);
    jobs.create(request);
    this.done += 1;
  }

  /** What is refused is refused. */
  change(job: string, action: JobAction): void {
    if (!this.#isOpen()) return;
    const { jobs } = this.#application.life;
    this.#rules.asked(job, action);
    try {
      if (action === "cancel" || action === "remove") jobs[action](job, "me");
      else jobs[action](job);
      this.done += 1;
    } catch (error) {
      if (!GantryError.is(error)) throw error;
    }
  }

  /** As the application's object completes it, without digests: those take a real moment. */
  prepare(order: LaunchOrder): LaunchOrder {
    if (this.#application.erased) return order;
    const { db, deployments } = this.#application.life;
    const { attempt } = deployments.get(order.deploymentId) ?? {};
    if (attempt === undefined) return order;
    const job = findJob(db, attempt.job);
    const launch = findLaunch(db, attempt.job);
    const version = getVersion(db, order.version);
    if (job === undefined || launch === undefined || version === undefined) {
      throw new GantryError("JOB_NOT_FOUND", "the job is gone");
    }
    const { spec, isWrapped } = attemptSpec(jobConfiguration(version.configuration, launch), job, attempt, {});
    const { number, index } = attempt;
    const known = { job: job.id, name: job.name, index, count: job.spec.completions, payload: launch.payload };
    const own = { ...known, attempt: number, isWrapped };
    return { ...order, revision: `${order.revision} ${job.id}`, spec, attempt: own };
  }

  #isOpen(): boolean {
    const row = this.#application.row();
    return row !== undefined && !row.deleting;
  }
}
