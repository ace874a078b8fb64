/**
 * What must hold of the jobs of schedules and tasks, by what was written and by the containers that really run. More of it
 * is asked in the simulation of the scheduler.
 */
import type { Job } from "../../../src/jobs/job.ts";
import type { Schedule } from "../../../src/jobs/schedules/schedule.ts";
import type { Container } from "./platform.ts";
import type { Written } from "./ledger.ts";

export interface KnownJob {
  /** As it was made, and as it is. */
  readonly first: Job;
  job: Job;
  /** Id of the schedule that made it: there may be another of that name by now. */
  readonly schedule: string | null;
  /** By number, those that are over. */
  readonly attempts: Set<number>;
}

export interface JobRulesDeps {
  /** Attempts that may be alive at a time; the most there ever were to be. */
  readonly most: () => number;
  /** The schedule of that name as it stands. */
  readonly schedule: (name: string) => Pick<Schedule, "id" | "spec"> | undefined;
}

export class JobRules {
  violation: string | null = null;
  made = 0;
  readonly known = new Map<string, KnownJob>();
  /** Not over, of schedules. */
  readonly #active = new Map<string, Job>();
  readonly #deps: JobRulesDeps;
  /** Containers that came while their attempt was alive. */
  readonly #own = new Set<string>();

  constructor(deps: JobRulesDeps) {
    this.#deps = deps;
  }

  /** Of schedules, by name. */
  active(): ReadonlyMap<string, readonly Job[]> {
    return Map.groupBy(this.#active.values(), ({ origin }) => (origin.kind === "schedule" ? origin.schedule : ""));
  }

  /** Made by that transaction. */
  isNew(id: string, written: readonly Written[]): boolean {
    const known = this.known.get(id);
    return known !== undefined && written.some((one) => one.table === "jobs" && one.job === known.first);
  }

  kept(written: readonly Written[]): void {
    const touched = new Set<string>();
    for (const one of written) {
      if (one.table === "jobs") {
        this.#put(one.job);
        touched.add(one.job.id);
      }
      if (one.table === "attempts") {
        const known = this.known.get(one.job);
        if (known === undefined || known.attempts.has(one.attempt.number))
          this.#break("S4", `attempt ${one.attempt.number} of ${one.job} is over again`);
        known?.attempts.add(one.attempt.number);
        touched.add(one.job);
      }
      if (one.table === "gone" && one.from === "jobs") {
        this.known.delete(one.id);
        this.#active.delete(one.id);
        touched.delete(one.id);
      }
    }
    for (const id of touched) {
      const known = this.known.get(id);
      if (known === undefined) continue;
      const { tally } = known.job;
      const counted = tally.succeeded + tally.failed + tally.lost + tally.cancelled + tally.ignored;
      if (counted !== known.attempts.size)
        this.#break("S4", `${known.attempts.size} attempts of ${known.job.name} are over, ${counted} are counted`);
    }
  }

  /** No more finished jobs of a schedule are kept than it says: of those that this transaction was about. */
  bounded(written: readonly Written[]): void {
    const names = new Set<string>();
    for (const one of written) {
      if (one.table === "schedules") names.add(one.schedule.name);
      if (one.table === "jobs" && one.job.finishedAt !== null && one.job.origin.kind === "schedule")
        names.add(one.job.origin.schedule);
    }
    for (const name of names) this.#bounded(name);
  }

  #put(job: Job): void {
    const known = this.known.get(job.id);
    if (known === undefined) {
      this.made += 1;
      const { origin } = job;
      const schedule = origin.kind === "schedule" ? (this.#deps.schedule(origin.schedule)?.id ?? null) : null;
      this.known.set(job.id, { first: job, job, schedule, attempts: new Set() });
    } else {
      const { finishedAt, verdict } = known.job;
      if (finishedAt !== null && job.finishedAt !== finishedAt) this.#break("S6", `${job.name} was over, and is not`);
      if (verdict !== null && (job.verdict?.outcome !== verdict.outcome || job.verdict.reason !== verdict.reason))
        this.#break("S6", `${job.name} was ${verdict.outcome}, and is not`);
      known.job = job;
    }
    if (job.finishedAt !== null) this.#active.delete(job.id);
    else if (job.origin.kind === "schedule") this.#active.set(job.id, job);
  }

  #bounded(name: string): void {
    const owner = this.#deps.schedule(name);
    if (owner === undefined) return;
    let [succeeded, failed] = [0, 0];
    for (const { job, schedule } of this.known.values()) {
      if (schedule !== owner.id || job.finishedAt === null) continue;
      if (job.verdict?.outcome === "succeeded") succeeded += 1;
      else failed += 1;
    }
    const { history } = owner.spec;
    if (succeeded > history.succeeded || failed > history.failed) {
      this.#break("B", `${succeeded} and ${failed} finished jobs of ${name} are kept`);
    }
  }

  /** Its container runs; `isCurrent`: for an attempt that is alive. One that comes late is nobody's, until that is noticed. */
  begun({ id, generation, attempt }: Container, isCurrent: boolean): void {
    if (attempt !== null && isCurrent) this.#own.add(`${id}/${generation}`);
  }

  running(containers: readonly Container[]): void {
    const alive = new Set<string>();
    let count = 0;
    for (const { id, generation, attempt, state } of containers) {
      if (attempt === null || state !== "running" || !this.#own.has(`${id}/${generation}`)) continue;
      const index = `${attempt.job} ${attempt.index}`;
      if (alive.has(index)) this.#break("S3", `two containers run index ${attempt.index} of ${attempt.name}`);
      alive.add(index);
      count += 1;
      if (this.known.get(attempt.job)?.job.finishedAt != null)
        this.#break("S6", `${attempt.name} is over, and ${id} runs`);
    }
    if (count > this.#deps.most()) this.#break("S1", `${count} containers run jobs, ${this.#deps.most()} may`);
  }

  /** Once nothing fails, and nobody holds anything back: those that were made before `before` are over. */
  open(before: number): string | null {
    for (const { job } of this.known.values()) {
      if (job.finishedAt === null && !job.suspended && job.createdAt < before) return `L2: ${job.name} is not over`;
    }
    return this.violation;
  }

  /** All that was begun of it is over, and it is to be tried again. */
  isResting(id: string): boolean {
    const known = this.known.get(id);
    if (known === undefined) return false;
    const { attempts, verdict, suspended } = known.job;
    return verdict === null && !suspended && attempts > 0 && attempts === known.attempts.size;
  }

  unfinished(): Job[] {
    return [...this.known.values()].flatMap(({ job }) => (job.finishedAt === null ? [job] : []));
  }

  #break(invariant: string, how: string): void {
    this.violation ??= `${invariant}: ${how}`;
  }
}
