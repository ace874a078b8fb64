/** What must hold of the containers that really run for jobs, after every step; and of jobs once the faults have stopped. */
import { stateOf } from "../../../../src/jobs/job.ts";
import { runsJobs, type Deployment } from "../../../../src/orchestrator/plan/deployment.ts";
import type { InstanceHost } from "../instance-host.ts";
import type { SimulatedCommand } from "./command.ts";
import type { JobRules, JobRulesDeps } from "./rules.ts";

/** An attempt that its deadline ends has this long to go. */
const GRACE_MS = 10_000;
/** An alarm, a stop that has to be said, and an end that has to be told. */
const SLACK_MS = 30_000;
/** What the faults have left, above all messages that nobody waits for any more. */
const SETTLED_AFTER_MS = 120_000;

export interface JobSafetyDeps extends JobRulesDeps {
  readonly rules: JobRules;
  readonly instances: ReadonlyMap<string, InstanceHost>;
}

export class JobSafety {
  /** When the faults stopped. */
  calmAt: number | null = null;
  #mostEver = 0;
  readonly #deps: JobSafetyDeps;
  /** Commands that came while their attempt was alive. Others are late: nobody's, until that is noticed (S16). */
  readonly #own = new WeakMap<SimulatedCommand, boolean>();

  constructor(deps: JobSafetyDeps) {
    this.#deps = deps;
  }

  violation(rows: readonly Deployment[]): string | null {
    const { rules, isDeleting } = this.#deps;
    if (rules.known.size === 0 || isDeleting()) return null;
    rules.look();
    return rules.violation ?? this.#containers(rows);
  }

  #containers(rows: readonly Deployment[]): string | null {
    const { instances, now, most, job: jobOf } = this.#deps;
    const running = new Map<string, number>();
    for (const { id, container } of instances.values()) {
      const { command } = container;
      if (command === null) continue;
      const row = rows.find((one) => one.id === id);
      const isCurrent = row?.generation === container.generation;
      if (!this.#own.has(command)) {
        const { attempt } = row ?? {};
        this.#own.set(command, isCurrent && attempt?.isOver === false && attempt.number === command.attempt);
      }
      if (this.#own.get(command) !== true) continue;
      const spec = jobOf(command.job)?.spec;
      const { signalledAt } = container;
      if (signalledAt === now() && isCurrent && row.phase !== "stopping") {
        // Its own clock, whatever the scheduler knows.
        const isTimedOut = spec?.timeoutMs != null && now() - container.startedAt >= spec.timeoutMs;
        if (!isTimedOut) return `S7: ${id} is ${row.phase} for ${command.job}, and its container gets a signal`;
      }
      if (command.code !== null) continue;
      for (const key of [`${command.job} ${command.index}`, command.job, ""])
        running.set(key, (running.get(key) ?? 0) + 1);
      if ((running.get(`${command.job} ${command.index}`) ?? 0) > 1) {
        return `S3: two containers run index ${command.index} of ${command.job}`;
      }
      const alive = running.get(command.job) ?? 0;
      if (spec !== undefined && alive > spec.parallelism) return `S1: ${alive} containers run ${command.job}`;
      if (jobOf(command.job)?.finishedAt != null) return `S6: ${command.job} is over, and ${id} runs for it`;
    }
    const all = running.get("") ?? 0;
    // Who may run fewer ends nobody.
    this.#mostEver = Math.max(this.#mostEver, most());
    return all > this.#mostEver ? `S1: ${all} containers run jobs, ${this.#mostEver} may` : null;
  }

  /** L2: its deadline ends a job, whatever its containers do. */
  overdue(): string | null {
    const { rules, now, isDeleting } = this.#deps;
    if (this.calmAt === null || isDeleting()) return null;
    for (const [id, { job, startedAt, isGone }] of rules.known) {
      const deadlineMs = job?.spec.deadlineMs ?? null;
      if (isGone || job === null || job.finishedAt !== null || startedAt === null || deadlineMs === null) continue;
      const latest = Math.max(startedAt + deadlineMs, this.calmAt + SETTLED_AFTER_MS) + GRACE_MS + SLACK_MS;
      if (now() > latest) return `L2: ${id} is ${stateOf(job)} ${now() - startedAt} ms after its start`;
    }
    return null;
  }

  /** Once nothing fails any more: all is over that is not suspended, and nothing is kept beyond its time. */
  open(rows: readonly Deployment[]): string | null {
    const { rules, isDeleting, now, record } = this.#deps;
    if (isDeleting()) return null;
    rules.lookAgain();
    for (const [id, { job, isGone }] of rules.known) {
      if (isGone || job === null) continue;
      const isLive = rows.some(({ attempt }) => attempt?.job === id && !attempt.isOver);
      if (job.finishedAt === null && (!job.suspended || isLive))
        return `L2: ${id} is ${stateOf(job)}, and nothing fails`;
      const { ttlMs } = job.spec;
      const isDue = job.finishedAt !== null && ttlMs !== null && now() > job.finishedAt + ttlMs + SLACK_MS;
      if (isDue) return `L2: ${id} is kept beyond its time`;
      for (let number = 1; number <= job.attempts; number += 1) {
        if (record(id, number) === undefined) return `S4: of attempt ${number} of ${id} nothing is known`;
      }
    }
    const left = rows.find(runsJobs);
    return left === undefined ? rules.violation : `L1: ${left.id} is ${left.phase}, and no job is to run`;
  }
}
