/** The jobs of a simulated application: who submits them, and what must hold of them. */
import { findAttempt, findJob } from "../../../../src/jobs/job-store.ts";
import type { VirtualTime } from "../../engine/time.ts";
import type { ApplicationHost } from "../application-host.ts";
import type { InstanceHost } from "../instance-host.ts";
import { JobDesk } from "./desk.ts";
import { JobRules, type JobRulesDeps } from "./rules.ts";
import { JobSafety } from "./safety.ts";

export interface SimulatedJobsDeps {
  readonly time: VirtualTime;
  readonly application: ApplicationHost;
  readonly instances: ReadonlyMap<string, InstanceHost>;
}

export class SimulatedJobs {
  readonly desk: JobDesk;
  readonly rules: JobRules;
  readonly safety: JobSafety;
  readonly #deps: SimulatedJobsDeps;

  constructor(deps: SimulatedJobsDeps) {
    this.#deps = deps;
    const { time, application, instances } = deps;
    const own: JobRulesDeps = {
      now: () => time.now,
      isDeleting: () => application.row()?.deleting !== false,
      most: () => this.most(),
      rows: () => application.life.deployments.all(),
      job: (id) => findJob(application.life.db, id),
      record: (job, attempt) => findAttempt(application.life.db, job, attempt),
      codeOf: (id, generation) => instances.get(id)?.container.codes.get(generation) ?? null,
      isFetched: (id, generation) => instances.get(id)?.container.fetched.has(generation) === true,
    };
    this.rules = new JobRules(own);
    this.desk = new JobDesk(application, this.rules);
    this.safety = new JobSafety({ ...own, rules: this.rules, instances });
  }

  /** Attempts that may be alive at a time. */
  most(): number {
    return this.#deps.application.row()?.spec.jobInstances ?? 0;
  }

  tally(): Record<string, number> {
    const all = [...this.rules.known.values()];
    const sum = (count: (known: (typeof all)[number]) => number) => all.reduce((most, known) => most + count(known), 0);
    return {
      jobs: all.length,
      attempts: sum(({ begun }) => begun),
      succeeded: sum(({ ended }) => ended.succeeded),
      failed: sum(({ ended }) => ended.failed),
      lost: sum(({ ended }) => ended.lost),
      cancelled: sum(({ ended }) => ended.cancelled),
    };
  }
}
