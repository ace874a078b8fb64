/**
 * An application of schedules and tasks with all that is around it, in virtual time: users, the queue and its consumer, the
 * watchdog, containers, and a network, clocks and objects that fail.
 */
import type { TaskRequest } from "../../../src/api/schemas/task.ts";
import { GantryError } from "../../../src/errors.ts";
import { sweep, watch, unwatch } from "../../../src/jobs/schedules/watch.ts";
import { newSchedule, suspendSchedule } from "../../../src/jobs/schedules/schedule.ts";
import { taskDraft } from "../../../src/jobs/tasks/draft.ts";
import { applyChange } from "../../../src/orchestrator/change.ts";
import { applyCreate, applyDelete, planPatch } from "../../../src/orchestrator/commands.ts";
import type { Report } from "../../../src/orchestrator/plan/observe.ts";
import { readApplication } from "../../../src/orchestrator/storage/application-row.ts";
import { Alarms } from "../engine/alarms.ts";
import { Network } from "../engine/network.ts";
import type { Trace } from "../engine/simulation.ts";
import type { Lifetime } from "../engine/storage.ts";
import type { VirtualTime } from "../engine/time.ts";
import { Random } from "../random.ts";
import { ACCOUNT, APPLICATION, BatchAccount } from "./account.ts";
import { BatchApplication, CHECK_EVERY_MS, RESET, type BatchLife, type BatchTampering } from "./application.ts";
import { messageOf, newScheduleOf, nameOf, requestOf, textOf } from "./choices.ts";
import { uuidOf } from "./entropy.ts";
import { BATCH_FAULTS, type BatchFaults } from "./faults.ts";
import { JobRules } from "./job-rules.ts";
import type { Written } from "./ledger.ts";
import { Platform } from "./platform.ts";
import { SimulatedQueue, type QueuedMessage } from "./queue.ts";
import type { BatchDeed, BatchScenario, MessageChoice } from "./scenario.ts";
import { ScheduleRules } from "./schedule-rules.ts";
import { TaskRules } from "./task-rules.ts";

const SWEEP_MS = 60_000;
/** The longest that the account takes to answer. */
const SLOW_MS = 60_000;
const USER = "ann";

interface Counts {
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
  readonly #messages = new Map<string, MessageChoice>();
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
    const tell = (line: string) => this.#tell(line);
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
      onAcknowledged: (message) => this.#acknowledged(message),
      tamper: (batch) => tampering.consumer?.(batch) ?? batch,
    });
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

  perform(deed: BatchDeed): void {
    switch (deed.do) {
      case "schedule": {
        const id = uuidOf(this.#random);
        const given = newScheduleOf(id, deed);
        const guard = this.#guard(id);
        return this.#ask(async ({ env, schedules }) => {
          await watch(env, APPLICATION, newSchedule(given, this.clock()).state.wakeAt);
          await schedules.put(given, guard, USER);
        });
      }
      case "suspend": {
        const guard = this.#guard("");
        return this.#ask(async ({ env, schedules }) => {
          const { schedule } = schedules.view(nameOf(deed.nth));
          await watch(env, APPLICATION, suspendSchedule(schedule, deed.suspended, this.clock()).state.wakeAt);
          await schedules.suspend(schedule.name, deed.suspended, guard, USER);
        });
      }
      case "run-now": {
        const id = uuidOf(this.#random);
        return this.#ask(({ schedules }) => schedules.runNow(nameOf(deed.nth), id, this.#guard(id), USER));
      }
      case "unschedule": {
        return this.#ask(async ({ env, schedules }) => {
          schedules.remove(nameOf(deed.nth), this.#guard(""), USER);
          if (schedules.isEmpty) await unwatch(env, APPLICATION);
        });
      }
      case "send": {
        for (const choice of deed.messages) this.#send(choice);
        return undefined;
      }
      case "post": {
        const requests = deed.messages.map((choice) => requestOf(choice, `post ${(this.#ids += 1)}`));
        return this.#post(requests);
      }
      case "task": {
        const all = [...this.tasks.known.keys()];
        const id = all[deed.nth % all.length];
        if (id === undefined) return undefined;
        return this.#ask(({ tasks }) => this.#onTask(tasks, id, deed.action));
      }
      case "job": {
        const all = this.jobs.unfinished();
        const job = all[deed.nth % all.length];
        if (job === undefined) return undefined;
        return this.#ask(
          ({ jobs }) => void (deed.action === "cancel" ? jobs.cancel(job.id, USER) : jobs[deed.action](job.id)),
        );
      }
      case "scale": {
        return this.scale(deed);
      }
      case "clock": {
        this.skewMs += deed.byMs;
        return this.application.leapt();
      }
      case "vanish": {
        const all = this.platform.alive();
        const container = all[deed.nth % all.length];
        return container === undefined ? undefined : this.platform.vanish(container);
      }
      case "crash": {
        return this.application.crash();
      }
      case "delete": {
        return this.#ask(({ db, scheduler }) => {
          const row = readApplication(db);
          if (row === undefined || row.deleting) return;
          this.isDeleting = true;
          applyDelete(db, row, this.clock());
          scheduler.pass();
        });
      }
    }
  }

  scale(counts: Counts): void {
    this.#ask(({ db, scheduler }) => {
      const row = readApplication(db);
      if (row === undefined || row.deleting) return;
      const { instances, jobs, posts } = counts;
      const patch = { instances, jobInstances: jobs, maxParallelTasks: posts };
      this.counts = { instances, jobs, posts };
      for (const name of ["instances", "jobs", "posts"] as const)
        this.#most[name] = Math.max(this.#most[name], counts[name]);
      applyChange(db, row, planPatch(db, row, patch), this.clock());
      scheduler.pass();
    });
  }

  /** Nothing fails any more, what hangs ends, and whoever holds something back lets it go. */
  calm(): void {
    for (const name of BATCH_FAULTS) this.#faults[name] = 0;
    this.platform.calm();
    if (this.isDeleting) return;
    this.scale({ instances: Math.max(1, this.counts.instances), jobs: 4, posts: Math.max(1, this.counts.posts) });
    for (const { id, suspended } of this.jobs.unfinished())
      if (suspended) this.#ask(({ jobs }) => void jobs.resume(id));
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
    for (const one of written) if (one.table === "events") this.#tell(`event ${one.event.name}: ${one.event.message}`);
  }

  /** What is refused is refused; whoever is told that it was lost asks no more. */
  #ask(perform: (life: BatchLife) => unknown): void {
    if (this.application.erased) return;
    this.application
      .call(async (life) => {
        await perform(life);
      })
      .catch((error: unknown) => {
        this.#tell(`refused: ${String(error)}`);
        const isKnown = GantryError.is(error) || error === RESET || String(error).includes("Network connection lost");
        if (!isKnown) this.violation ??= `E: ${String(error)}`;
      });
  }

  #onTask(tasks: BatchLife["tasks"], id: string, action: "cancel" | "retry" | "remove"): void {
    if (action === "cancel") tasks.cancel([id], USER);
    if (action === "remove") tasks.remove([id], USER);
    if (action !== "retry") return;
    this.tasks.retrying = id;
    try {
      tasks.retry([id]);
    } finally {
      this.tasks.retrying = null;
    }
  }

  #send(choice: MessageChoice): void {
    const id = `m${(this.#ids += 1)}`;
    this.#messages.set(id, choice);
    this.queue.send(id, messageOf(choice, id));
  }

  #post(requests: readonly TaskRequest[]): void {
    const origins = requests.map((request) => ({ request, id: `r${(this.#ids += 1)}` }));
    void Promise.all(origins.map(({ request, id }) => taskDraft(APPLICATION, request, { kind: "request", id }))).then(
      (drafts) => this.#ask(({ tasks }) => tasks.create(drafts)),
    );
  }

  #acknowledged({ id }: QueuedMessage): void {
    const choice = this.#messages.get(id);
    if (choice === undefined) return;
    const isTask = choice.kind === "task";
    const key = isTask && choice.key !== null ? `k${choice.key}` : null;
    this.tasks.acknowledged(isTask ? textOf(choice, id) : null, key, this.#buried.has(id), id);
  }

  #bury(letter: unknown): void {
    const { id, reason } = letter as { id: string; reason: { code?: string; message?: string } };
    if ((reason.code ?? "") === "" || (reason.message ?? "") === "")
      this.violation ??= `L4: ${id} is dead without a reason`;
    this.#buried.add(id);
    this.#tell(`dead letter ${id}: ${reason.code}`);
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
      this.#tell("an alarm is lost");
    }
    return isLost;
  }

  #sweepLater(): void {
    this.time.after(SWEEP_MS, () => {
      void sweep(this.account.env({ alive: true })).catch(() => undefined);
      this.#sweepLater();
    });
  }

  #guard(seed: string) {
    return { ifMatch: null, lease: null, seed, isRetry: false };
  }

  #tell(line: string): void {
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
