/**
 * An application of schedules and tasks with all that is around it, in virtual time: users, the queue and its consumer, the
 * watchdog, containers, and a network, clocks and objects that fail.
 */
import { GantryError } from "../../../src/errors.ts";
import { sweep } from "../../../src/jobs/schedules/watch.ts";
import { applyCreate } from "../../../src/orchestrator/commands.ts";
import type { Report } from "../../../src/orchestrator/plan/observe.ts";
import { Alarms } from "../engine/alarms.ts";
import { Network } from "../engine/network.ts";
import type { Trace } from "../engine/simulation.ts";
import type { Lifetime } from "../engine/storage.ts";
import type { VirtualTime } from "../engine/time.ts";
import { Random } from "../random.ts";
import { ACCOUNT, APPLICATION, BatchAccount } from "./account.ts";
import { BatchApplication, CHECK_EVERY_MS, type BatchTampering } from "./application.ts";
import { keptOf } from "./choices.ts";
import { BATCH_FAULTS, type BatchFaults } from "./faults.ts";
import { JobRules } from "./job-rules.ts";
import type { Written } from "./ledger.ts";
import { Platform } from "./platform.ts";
import { SimulatedQueue } from "./queue.ts";
import type { BatchScenario } from "./scenario.ts";
import { ScheduleRules } from "./schedule-rules.ts";
import { TaskRules } from "./task-rules.ts";
import { Users } from "./users.ts";

const SWEEP_MS = 60_000;
/** The longest that the account takes to answer. */
const SLOW_MS = 60_000;

export interface Counts {
  instances: number;
  jobs: number;
  posts: number;
}

export class BatchWorld {
  readonly time: VirtualTime;
  readonly network: Network;
  readonly application: BatchApplication;
  readonly account: BatchAccount;
  readonly platform: Platform;
  readonly queue: SimulatedQueue;
  readonly schedules: ScheduleRules;
  readonly tasks: TaskRules;
  readonly jobs: JobRules;
  readonly users: Users;
  /** How far the application's clock is from the world's. */
  skewMs = 0;
  crashes = 0;
  lostAlarms = 0;
  isDeleting = false;
  violation: string | null = null;
  /** What there is to be, and the most there ever was. */
  counts: Counts;
  readonly #most: Counts;
  readonly #faults: BatchFaults;
  readonly #random: Random;
  readonly #trace: Trace;
  readonly #buried = new Set<string>();
  #ids = 0;

  constructor(time: VirtualTime, scenario: BatchScenario, trace: Trace, tampering: BatchTampering = {}) {
    this.time = time;
    this.#faults = { ...scenario.faults };
    this.#trace = trace;
    const { instances, jobs, posts, mostOpen, seed } = scenario;
    this.counts = { instances, jobs, posts };
    this.#most = { instances, jobs, posts };
    const random = new Random(seed);
    this.#random = random.stream("world");
    const faults = this.#faults;
    const tell = (line: string) => this.tell(line);
    this.network = new Network(time, random.stream("network"), faults, (line) => tell(`message: ${line}`));
    const clock = () => this.clock();
    this.tasks = new TaskRules({
      now: clock,
      mostJobs: () => this.#most.jobs,
      mostPosts: () => this.#most.posts,
      mostOpen,
      job: (id) => this.jobs.known.get(id)?.job,
      isResting: (id) => this.jobs.isResting(id),
    });
    this.jobs = new JobRules({
      most: () => this.#most.jobs,
      schedule: (name) => this.schedules.known.get(name)?.written,
    });
    this.schedules = new ScheduleRules({
      start: Date.parse(scenario.start),
      now: clock,
      mayRunJobs: () => this.counts.jobs > 0,
      isDeleting: () => this.isDeleting,
      jobs: this.jobs,
    });
    this.platform = new Platform({
      time,
      network: this.network,
      random: random.stream("platform"),
      faults,
      trace: tell,
      report: (id, generation, report) => this.#report(id, generation, report),
      begun: (container) => {
        const row = this.application.erased ? undefined : this.application.life.deployments.get(container.id);
        const isCurrent = row?.generation === container.generation && row.attempt?.isOver === false;
        this.jobs.begun(container, isCurrent && row.attempt?.number === container.attempt?.number);
      },
      posted: (id, number) => this.tasks.posted(id, number),
      answered: (id, number) => this.tasks.answered(id, number),
    });
    const mayCrash = (lifetime: Lifetime, crash: () => void) => this.#mayCrash(lifetime, crash);
    this.account = new BatchAccount({
      clock,
      network: this.network,
      random: random.stream("account"),
      faults,
      application: () => this.application,
      mayCrash,
      bury: (letter) => this.#bury(tampering.letter?.(letter as object) ?? letter),
      draft: (draft) => tampering.draft?.(draft) ?? draft,
    });
    const own = {
      get now() {
        return clock();
      },
      after: (ms: number, run: () => void) => time.after(ms, run),
    };
    this.application = new BatchApplication({
      clock,
      alarms: new Alarms(own, random.stream("alarms"), faults),
      platform: this.platform,
      mostOpen,
      mayCrash,
      isAlarmLost: () => this.#isAlarmLost(),
      onCrash: () => {
        this.crashes += 1;
        tell("the application is reset");
      },
      onKept: (written) => this.#kept(written),
      reserve: (from, isSized) => this.#reserve(from, isSized),
      env: (from) => this.account.env(from),
      newDeploymentId: () => `d${(this.#ids += 1)}`,
      tampering,
    });
    this.queue = new SimulatedQueue({
      time,
      random: random.stream("queue"),
      faults,
      env: (from) => this.account.env(from),
      trace: tell,
      onAcknowledged: ({ id }) => {
        const choice = this.users.messages.get(id);
        if (choice !== undefined)
          this.tasks.acknowledged({ ...keptOf(choice, id), isBuried: this.#buried.has(id), id });
      },
      tamper: (batch) => tampering.consumer?.(batch) ?? batch,
    });
    this.users = new Users(this, random.stream("users"));
    if (tampering.sweeps !== false) this.#sweepLater();
  }

  clock(): number {
    return this.time.now + this.skewMs;
  }

  create(): void {
    const { db, scheduler } = this.application.life;
    const { instances, jobs, posts } = this.counts;
    const spec = {
      instances,
      maxInstances: null,
      ingress: "private",
      checkEveryMs: CHECK_EVERY_MS,
      jobInstances: jobs,
      maxParallelTasks: posts,
    } as const;
    const version = { configuration: { image: "app" }, revision: "one" };
    applyCreate(db, { id: APPLICATION, accountId: ACCOUNT, name: APPLICATION, spec, ...version }, "", this.clock());
    scheduler.pass();
  }

  /** Nothing fails any more, what hangs ends, and whoever holds something back lets it go. */
  calm(): void {
    for (const name of BATCH_FAULTS) this.#faults[name] = 0;
    this.platform.calm();
    if (this.isDeleting) return;
    const { instances, posts } = this.counts;
    this.users.scale({ instances: Math.max(1, instances), jobs: 4, posts: Math.max(1, posts) });
    this.users.resume();
  }

  /** So many there are to be from now on. */
  counted(counts: Counts): void {
    this.counts = counts;
    for (const name of ["instances", "jobs", "posts"] as const)
      this.#most[name] = Math.max(this.#most[name], counts[name]);
  }

  close(): void {
    this.application.close();
    this.account.close();
  }

  #kept(written: readonly Written[]): void {
    const before = this.jobs.active();
    this.jobs.kept(written);
    this.schedules.kept(written, before);
    this.jobs.bounded(written);
    this.tasks.kept(written);
    for (const one of written) if (one.table === "events") this.tell(`event ${one.event.name}: ${one.event.message}`);
  }

  #bury(letter: unknown): void {
    const { id, reason } = letter as { id: string; reason: { code?: string; message?: string } };
    if ((reason.code ?? "") === "" || (reason.message ?? "") === "")
      this.violation ??= `L4: ${id} is dead without a reason`;
    this.#buried.add(id);
    this.tell(`dead letter ${id}: ${reason.code}`);
  }

  #report(id: string, generation: number, report: Report): boolean {
    if (this.application.erased) return false;
    return this.application.life.scheduler.observe(id, generation, report);
  }

  async #reserve(from: Lifetime, isSized: boolean): Promise<string | null> {
    if (!isSized) return null;
    return await this.network.send(from, "reserve", async () => {
      if (this.#random.chance(this.#faults.roomSlow))
        await new Promise<void>((resolve) => this.time.after(this.#random.between(0, SLOW_MS), resolve));
      if (this.#random.chance(this.#faults.noRoom)) throw new GantryError("INSTANCE_LIMIT_REACHED", "no room");
      return "intent";
    });
  }

  #isAlarmLost(): boolean {
    const isLost = this.#random.chance(this.#faults.alarmLost);
    if (isLost) {
      this.lostAlarms += 1;
      this.tell("an alarm is lost");
    }
    return isLost;
  }

  #sweepLater(): void {
    this.time.after(SWEEP_MS, () => {
      void sweep(this.account.env({ alive: true })).catch(() => undefined);
      this.#sweepLater();
    });
  }

  tell(line: string): void {
    this.#trace(this.time.now, line);
  }

  /** Between two stretches of writes: the microtask runs when the code that writes now has come to an await. */
  #mayCrash(lifetime: Lifetime, crash: () => void): void {
    if (!this.#random.chance(this.#faults.crash)) return;
    queueMicrotask(() => {
      if (lifetime.alive) crash();
    });
  }
}
