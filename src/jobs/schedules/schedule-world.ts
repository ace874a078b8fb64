/** For tests: an application of schedules in virtual time, on SQLite, whose jobs end when a test says so. */
import { memoryDatabase } from "../../../test/unit/sqlite-storage.ts";
import { migrate } from "../../migrations.ts";
import { listEvents, type StoredEvent } from "../../orchestrator/events.ts";
import { APPLICATION_MIGRATIONS } from "../../orchestrator/storage/schema.ts";
import { readApplication, writeApplication } from "../../orchestrator/storage/application-row.ts";
import type { WriteGuard } from "../../orchestrator/write-guard.ts";
import { Timers } from "../../timers.ts";
import { JobControl } from "../job-control.ts";
import { decide, finish } from "../intents.ts";
import { SPEC } from "../job-world.ts";
import { findJob, listJobs, putJob } from "../job-store.ts";
import type { Job, Verdict } from "../job.ts";
import type { JobLaunch } from "../launch.ts";
import { CRON_TIMER, ScheduleControl } from "./schedule-control.ts";
import type { ScheduleSpec } from "./schedule.ts";

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const NOON = Date.UTC(2026, 5, 1, 12);
export const ID = "0a1b2c3d-4e5f-4061-8293-a4b5c6d7e8f9";
export const GUARD: WriteGuard = { ifMatch: null, lease: null, seed: ID, isRetry: false };

const configuration = () => ({ image: "hello-world" });
const pass = () => undefined;

const LAUNCH: JobLaunch = {
  entrypoint: null,
  command: null,
  image: null,
  instanceType: null,
  size: null,
  env: [],
  secrets: [],
  sealed: null,
  payload: null,
};

export function specOf(changes: Partial<ScheduleSpec> & { sized?: boolean } = {}): ScheduleSpec {
  const { sized = false, ...rest } = changes;
  const launch = sized ? { ...LAUNCH, size: { vcpu: 4 } } : LAUNCH;
  return {
    cron: "0 * * * *",
    timeZone: "UTC",
    gap: "run_after",
    overlap: "first",
    concurrency: "allow",
    misfire: { policy: "one" },
    runsAfterSuspension: false,
    startingDeadlineMs: null,
    jitterMs: 0,
    history: { succeeded: 3, failed: 1 },
    job: { spec: SPEC, launch, fairnessKey: "", isBare: false },
    template: "{}",
    ...rest,
  };
}

export class ScheduleWorld {
  now: number;
  readonly db = memoryDatabase();
  alarmAt: number | null = null;
  /** Thrown by whoever is asked for room. */
  refusal: Error | null = null;
  /** Happens until that has answered. */
  meanwhile: () => void = () => undefined;
  settled = 0;
  readonly timers: Timers;
  control: ScheduleControl;

  constructor(now = NOON - 30 * MINUTE_MS) {
    this.now = now;
    migrate(this.db, APPLICATION_MIGRATIONS);
    const spec = {
      instances: 0,
      maxInstances: null,
      ingress: "private",
      checkEveryMs: 60_000,
      jobInstances: 10,
    } as const;
    const times = { createdAt: now, updatedAt: now, generation: 1, observedGeneration: 1, activeVersion: 1 };
    writeApplication(this.db, {
      ...times,
      id: "a",
      accountId: "c",
      name: "web",
      kind: "application",
      spec,
      deleting: false,
      session: "",
    });
    this.timers = this.#timers();
    this.control = this.#control();
  }

  /** The object comes into memory anew. */
  restart(): void {
    this.db.memory.clear();
    this.control = this.#control();
  }

  #timers(): Timers {
    return new Timers(this.db, {
      setAlarm: (at) => void (this.alarmAt = at),
      deleteAlarm: () => void (this.alarmAt = null),
    });
  }

  #control(): ScheduleControl {
    const { db, timers } = this;
    const clock = () => this.now;
    const mustRow = () => {
      const row = readApplication(db);
      if (row === undefined) throw new Error("there is no application");
      return row;
    };
    const jobs = new JobControl({ db, clock, row: mustRow, pass, live: () => [], configuration });
    return new ScheduleControl({
      db,
      timers,
      clock,
      row: () => readApplication(db),
      mustRow,
      jobs,
      configuration,
      reserve: async ({ override }) => {
        if (override?.size === undefined) return null;
        await Promise.resolve();
        this.meanwhile();
        if (this.refusal !== null) throw this.refusal;
        return "intent";
      },
      settle: () => void (this.settled += 1),
      pass,
    });
  }

  create(changes: Partial<ScheduleSpec> & { sized?: boolean } = {}, name = "nightly", id = ID): void {
    this.control.create({ id, name, suspended: false, spec: specOf(changes) }, GUARD, "ann");
  }

  async edit(changes: Partial<ScheduleSpec>, name = "nightly"): Promise<void> {
    await this.control.put({ id: crypto.randomUUID(), name, suspended: false, spec: specOf(changes) }, GUARD, "ann");
  }

  async suspend(isSuspended: boolean, name = "nightly"): Promise<void> {
    await this.control.suspend(name, isSuspended, GUARD, "ann");
  }

  /** The alarm, whether it is time for it or not. */
  async ring(): Promise<void> {
    this.alarmAt = null;
    await this.timers.fire(this.now, async (key) => {
      if (key === CRON_TIMER) await this.control.run();
    });
  }

  async ringAt(at: number): Promise<void> {
    this.now = at;
    await this.ring();
  }

  /** From alarm to alarm until then, each on time. */
  async runUntil(until: number): Promise<void> {
    while (this.alarmAt !== null && this.alarmAt <= until) await this.ringAt(Math.max(this.now, this.alarmAt));
    this.now = until;
  }

  /** All jobs there are, oldest first. */
  get jobs(): readonly Job[] {
    return listJobs(this.db, {}, null, 1_000)
      .map(({ job }) => job)
      .toReversed();
  }

  /** Times that they were made for. */
  get slots(): readonly number[] {
    return this.jobs.flatMap(({ origin }) => (origin.kind === "schedule" ? [origin.at] : []));
  }

  end(id: string, outcome: Verdict["outcome"] = "succeeded"): void {
    const job = findJob(this.db, id);
    if (job === undefined) throw new Error(`there is no job ${id}`);
    const verdict: Verdict = { outcome, reason: "CompletionsReached", message: "", at: this.now };
    this.db.transaction(() => {
      const over = finish(decide(job, verdict), this.now);
      putJob(this.db, over);
      this.control.finished(over);
    });
  }

  endAll(outcome: Verdict["outcome"] = "succeeded"): void {
    for (const { id, finishedAt } of this.jobs) if (finishedAt === null) this.end(id, outcome);
  }

  get events(): readonly StoredEvent[] {
    return listEvents(this.db, 0, 1_000).events;
  }

  /** Names and reasons of what is told of slots that did not run. */
  get untold(): readonly string[] {
    const told = this.events.filter(({ name }) => name === "ScheduleSkipped" || name === "ScheduleMissed");
    return told.map(({ name, details }) => `${name} ${String(details?.["reason"])} ${String(details?.["slots"])}`);
  }
}
