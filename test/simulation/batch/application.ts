/**
 * The application's object: the real schedules, tasks, jobs and scheduler, on storage that survives crashes, wired as
 * `ApplicationCore` and `ApplicationTasks` wire them.
 */
import type { Database } from "../../../src/database.ts";
import { GantryError } from "../../../src/errors.ts";
import { JobControl, type JobControlDeps } from "../../../src/jobs/job-control.ts";
import { CRON_TIMER, ScheduleControl, type ScheduleControlDeps } from "../../../src/jobs/schedules/schedule-control.ts";
import { unwatch } from "../../../src/jobs/schedules/watch.ts";
import type { TaskDraft } from "../../../src/jobs/tasks/task.ts";
import type { Pool } from "../../../src/jobs/tasks/deliver.ts";
import { TaskControl, type TaskControlDeps } from "../../../src/jobs/tasks/task-control.ts";
import { TaskRunner, TASKS_TIMER, type TaskRunnerDeps } from "../../../src/jobs/tasks/task-runner.ts";
import { migrate } from "../../../src/migrations.ts";
import { DeploymentStore } from "../../../src/orchestrator/deployment-store.ts";
import { JobSlots, type JobSlotsDeps } from "../../../src/orchestrator/job-slots.ts";
import { toLaunchSpec } from "../../../src/orchestrator/launch-spec.ts";
import { Outbox } from "../../../src/orchestrator/outbox.ts";
import { ReadyWaiters } from "../../../src/orchestrator/ready-waiters.ts";
import { routingOf, type Routing } from "../../../src/orchestrator/routing.ts";
import { PASS_TIMER, Scheduler } from "../../../src/orchestrator/scheduler.ts";
import type { SchedulerDeps } from "../../../src/orchestrator/scheduler-deps.ts";
import { getVersion, readApplication, type ApplicationRow } from "../../../src/orchestrator/storage/application-row.ts";
import { APPLICATION_MIGRATIONS } from "../../../src/orchestrator/storage/schema.ts";
import { Timers } from "../../../src/timers.ts";
import type { Alarms } from "../engine/alarms.ts";
import { SimulatedStorage, type Lifetime } from "../engine/storage.ts";
import { watchWrites, type Written } from "./ledger.ts";
import type { Platform } from "./platform.ts";

export const CHECK_EVERY_MS = 60_000;
const ENDING_AGAIN_MS = 60_000;
const ERASE_RETRY_MS = 10_000;

export interface BatchLife extends Lifetime {
  readonly db: Database;
  readonly timers: Timers;
  readonly deployments: DeploymentStore;
  readonly scheduler: Scheduler;
  readonly jobs: JobControl;
  readonly schedules: ScheduleControl;
  readonly tasks: TaskControl;
  readonly runner: TaskRunner;
  readonly env: Env;
  readonly onReset: ((error: Error) => void)[];
}

/** For tests of the invariants: what is wrong with the code under test. */
export interface BatchTampering {
  readonly schedules?: (deps: ScheduleControlDeps) => ScheduleControlDeps;
  readonly tasks?: (deps: TaskControlDeps) => TaskControlDeps;
  readonly runner?: (deps: TaskRunnerDeps) => TaskRunnerDeps;
  readonly jobs?: (deps: JobControlDeps) => JobControlDeps;
  readonly slots?: (deps: JobSlotsDeps) => JobSlotsDeps;
  readonly pool?: (pool: Pool) => Pool;
  readonly scheduler?: (deps: SchedulerDeps) => SchedulerDeps;
  /** As it is asked for, by whoever does. */
  readonly draft?: (draft: TaskDraft) => TaskDraft;
  readonly letter?: (letter: object) => object;
  readonly consumer?: (batch: MessageBatch) => MessageBatch;
  /** Whether the watchdog looks. */
  readonly sweeps?: boolean;
}

export interface ApplicationDeps {
  readonly clock: () => number;
  readonly alarms: Alarms;
  readonly platform: Platform;
  readonly mostOpen: number;
  readonly mayCrash: (lifetime: Lifetime, crash: () => void) => void;
  /** The platform forgets that one. */
  readonly isAlarmLost: () => boolean;
  readonly onCrash: () => void;
  readonly onKept: (written: readonly Written[]) => void;
  readonly reserve: (from: Lifetime, isSized: boolean) => Promise<string | null>;
  /** As it is bound to that lifetime. */
  readonly env: (from: Lifetime) => Env;
  readonly newDeploymentId: () => string;
  readonly tampering: BatchTampering;
}

export const RESET = new Error("the object was reset");

export class BatchApplication {
  erased = false;
  readonly storage: SimulatedStorage;
  readonly #deps: ApplicationDeps;
  #life: BatchLife | null = null;
  #isAlarmLost = false;

  constructor(deps: ApplicationDeps) {
    this.#deps = deps;
    this.storage = new SimulatedStorage(
      (lifetime) => deps.mayCrash(lifetime, () => this.crash()),
      (at) => {
        // Only what the watchdog finds.
        const isCron = this.#life?.timers.dueAt(CRON_TIMER) === at;
        this.#isAlarmLost = isCron && deps.isAlarmLost();
        this.#setAlarm(at);
      },
    );
  }

  get life(): BatchLife {
    return (this.#life ??= this.#born());
  }

  /** The clock has leapt: what is due by it rings. */
  leapt(): void {
    if (this.storage.alarmAt !== null) this.#setAlarm(this.storage.alarmAt);
  }

  #setAlarm(at: number): void {
    if (!this.#isAlarmLost) this.#deps.alarms.set(this.storage, at, () => this.#fire());
  }

  /** Whoever calls an object that is reset meanwhile is told so. */
  async call<T>(perform: (life: BatchLife) => T | Promise<T>): Promise<T> {
    if (this.erased) throw new GantryError("APPLICATION_NOT_FOUND", "application not found");
    const { life } = this;
    const reset = Promise.withResolvers<never>();
    life.onReset.push(reset.reject);
    reset.promise.catch(() => undefined);
    return await Promise.race([perform(life), reset.promise]);
  }

  crash(): void {
    const life = this.#life;
    if (life === null) return;
    life.alive = false;
    this.#life = null;
    this.#deps.onCrash();
    for (const tell of life.onReset) tell(RESET);
    this.#deps.alarms.retry(life, this.storage, () => this.#fire());
  }

  /** What the watchdog calls: its next run; null: there is none. */
  async pokeCron(): Promise<number | null> {
    const { schedules } = this.life;
    const row = readApplication(this.life.db);
    if (row === undefined) return null;
    if (row.deleting) {
      this.life.scheduler.pass();
      return this.#deps.clock() + ENDING_AGAIN_MS;
    }
    const { nextAt } = schedules;
    if (nextAt !== null && nextAt <= this.#deps.clock()) await this.#ring(this.life);
    schedules.arm();
    return schedules.nextAt;
  }

  close(): void {
    if (this.#life !== null) this.#life.alive = false;
    this.storage.close();
  }

  #fire(): void {
    if (this.erased) return;
    const { life } = this;
    this.#deps.alarms.handle(life, () => this.#ring(life));
  }

  async #ring(life: BatchLife): Promise<void> {
    await life.timers.fire(this.#deps.clock(), async (key) => {
      if (!this.#isCurrent(life)) return;
      if (key === PASS_TIMER) life.scheduler.pass();
      if (key === CRON_TIMER) await life.schedules.run();
      if (key === TASKS_TIMER) life.runner.onTimer();
    });
  }

  #isCurrent(lifetime: Lifetime): boolean {
    return lifetime.alive && !this.erased;
  }

  async #erase(life: Pick<BatchLife, "timers" | "env"> & Lifetime): Promise<void> {
    life.timers.set(PASS_TIMER, this.#deps.clock() + ERASE_RETRY_MS);
    await unwatch(life.env, "app");
    if (!this.#isCurrent(life)) return;
    this.erased = true;
    this.storage.deleteAll();
    this.crash();
  }

  #born(): BatchLife {
    const { clock, onKept, reserve, newDeploymentId, platform, mostOpen, tampering } = this.#deps;
    const lifetime: Lifetime = { alive: true };
    const db = this.storage.viewOf(lifetime);
    migrate(db, APPLICATION_MIGRATIONS);
    watchWrites(db, lifetime, onKept);
    const env = this.#deps.env(lifetime);
    const timers = new Timers(db, this.storage.clockOf(lifetime));
    const deployments = new DeploymentStore(db);
    // What a lifetime that is over still does, it does to itself only.
    const row = () => (this.#isCurrent(lifetime) ? readApplication(db) : undefined);
    const mustRow = (): ApplicationRow => {
      const application = row();
      if (application === undefined || application.deleting) {
        throw new GantryError("APPLICATION_NOT_FOUND", "application not found");
      }
      return application;
    };
    const pass = () => {
      if (this.#isCurrent(lifetime)) scheduler.pass();
    };
    const known = new Map<number, ReturnType<SchedulerDeps["version"]>>();
    const version = (number: number) => {
      const entry = known.get(number) ?? versionIn(db, number);
      known.set(number, entry);
      return entry;
    };
    const configuration = (number: number) => version(number).version.configuration;
    const waiters = new ReadyWaiters();
    const slots: JobSlotsDeps = {
      db,
      sizeOf: (number) => version(number).spec.size,
      onFinished: (job) => {
        schedules.finished(job);
        runner.jobFinished(job);
      },
    };
    const own: SchedulerDeps = {
      db,
      timers,
      deployments,
      outbox: new Outbox({ clock, silentAfterMs: () => 3 * CHECK_EVERY_MS, onSettled: pass }),
      clock,
      newDeploymentId,
      jobs: new JobSlots(tampering.slots?.(slots) ?? slots),
      version,
      instances: platform.client(lifetime, (id) => deployments.get(id)?.attempt),
      onPassed: () => runner.poke(),
      onRoutingChanged: () => waiters.wake(),
      onDeleted: () => {
        if (this.#isCurrent(lifetime)) void this.#erase(life).catch(() => undefined);
      },
    };
    const scheduler = new Scheduler(tampering.scheduler?.(own) ?? own);
    const ofJobs: JobControlDeps = { db, clock, row: mustRow, pass, live: () => deployments.all(), configuration };
    const jobs = new JobControl(tampering.jobs?.(ofJobs) ?? ofJobs);
    const ofSchedules: ScheduleControlDeps = {
      db,
      timers,
      clock,
      row,
      mustRow,
      jobs,
      configuration,
      reserve: ({ override }) => reserve(lifetime, override?.size !== undefined),
      settle: () => undefined,
      pass,
    };
    const schedules = new ScheduleControl(tampering.schedules?.(ofSchedules) ?? ofSchedules);
    const ofRunner: TaskRunnerDeps = { db, timers, clock, row, jobs, pass, look: () => undefined, background };
    const runner = new TaskRunner(tampering.runner?.(ofRunner) ?? ofRunner);
    const ofTasks: TaskControlDeps = { db, clock, row: mustRow, jobs, runner, mostOpen };
    const tasks = new TaskControl(tampering.tasks?.(ofTasks) ?? ofTasks);
    const controls = { db, timers, deployments, scheduler, jobs, schedules, tasks, runner, env };
    const life: BatchLife = Object.assign(lifetime, { ...controls, onReset: [] });
    timers.rearm();
    const pool: Pool = {
      routing: (waitMs) => this.#routing({ row, version, deployments, waiters }, waitMs),
      send: (member, request) => platform.post(member, request),
    };
    runner.attach(tampering.pool?.(pool) ?? pool);
    return life;
  }

  /** As `ApplicationReader.routing`, of an application of one shard. */
  async #routing({ row, version, deployments, waiters }: RoutingDeps, waitMs: number): Promise<Routing | null> {
    const deadline = this.#deps.clock() + waitMs;
    for (;;) {
      const application = row();
      if (application === undefined || application.deleting) return null;
      const seen = waiters.wakes;
      const routing = routingOf(application, version(application.activeVersion).spec, deployments.all(), (id) => id);
      const leftMs = deadline - this.#deps.clock();
      if (routing.members.length > 0 || routing.desired === 0 || leftMs <= 0) return routing;
      await waiters.wait(leftMs, seen);
    }
  }
}

function background(work: Promise<void>): void {
  work.catch(() => undefined);
}

interface RoutingDeps {
  readonly row: () => ApplicationRow | undefined;
  readonly version: SchedulerDeps["version"];
  readonly deployments: DeploymentStore;
  readonly waiters: ReadyWaiters;
}

function versionIn(db: Database, number: number): ReturnType<SchedulerDeps["version"]> {
  const version = getVersion(db, number);
  if (version === undefined) throw new Error(`no version ${number}`);
  return { version, spec: toLaunchSpec(version.configuration) };
}
