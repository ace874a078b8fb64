/** The application's object: the real scheduler, on storage that survives crashes, wired as `ApplicationCore` wires it. */
import { servingIn } from "../../../src/orchestrator/rollouts/begin.ts";
import type { Statement, Answer } from "../../../src/account/capacity/statement.ts";
import type { Claimant } from "../../../src/account/capacity/keeper.ts";
import type { Load } from "../../../src/account/capacity/load.ts";
import type { Size } from "../../../src/account/amounts.ts";
import type { Database } from "../../../src/database.ts";
import { migrate } from "../../../src/migrations.ts";
import { ApplicationCapacity } from "../../../src/orchestrator/capacity/application-capacity.ts";
import { tellRoomMade } from "../../../src/orchestrator/capacity/evict.ts";
import { heldOf } from "../../../src/orchestrator/capacity/grants.ts";
import { Autoscaler, type AutoscalerDeps } from "../../../src/orchestrator/autoscaling/autoscaler.ts";
import { keepQuiet, QUIET_TIMER, quietSince, SCALE_TIMER } from "../../../src/orchestrator/autoscaling/quiet.ts";
import { JobControl } from "../../../src/jobs/job-control.ts";
import { JobSlots } from "../../../src/orchestrator/job-slots.ts";
import { NamedInstances } from "../../../src/orchestrator/named-instances.ts";
import { RolloutControl, type RolloutControlDeps } from "../../../src/orchestrator/rollouts/rollout-control.ts";
import type { Rollout } from "../../../src/orchestrator/rollouts/rollout.ts";
import { Soon } from "../../../src/orchestrator/soon.ts";
import { Specification } from "../../../src/orchestrator/specification.ts";
import { ReadyWaiters } from "../../../src/orchestrator/ready-waiters.ts";
import { onAppended, type EventDraft } from "../../../src/orchestrator/events.ts";
import { toLaunchSpec } from "../../../src/orchestrator/launch-spec.ts";
import { Outbox } from "../../../src/orchestrator/outbox.ts";
import { Places } from "../../../src/orchestrator/placement/places.ts";
import type { Location } from "../../../src/orchestrator/placement/location.ts";
import { PASS_TIMER, Scheduler } from "../../../src/orchestrator/scheduler.ts";
import type { InstanceClient, LaunchOrder, SchedulerDeps } from "../../../src/orchestrator/scheduler-deps.ts";
import {
  getVersion,
  readApplication,
  writeApplication,
  type ApplicationRow,
} from "../../../src/orchestrator/storage/application-row.ts";
import { APPLICATION_MIGRATIONS } from "../../../src/orchestrator/storage/schema.ts";
import { Timers } from "../../../src/timers.ts";
import type { Alarms } from "../engine/alarms.ts";
import type { Network } from "../engine/network.ts";
import { SimulatedStorage, type Lifetime } from "../engine/storage.ts";
import type { VirtualTime } from "../engine/time.ts";
import { WatchedLog } from "./rollouts/watched-log.ts";
import { WatchedStore, type StoreWatch } from "./watched-store.ts";

export const CHECK_EVERY_MS = 60_000;
/** Key of the timer by which a load that has gone lowers the count. */

export interface ApplicationLife extends Lifetime {
  readonly db: Database;
  readonly timers: Timers;
  readonly deployments: WatchedStore;
  readonly scheduler: Scheduler;
  readonly places: Places;
  readonly capacity: ApplicationCapacity;
  readonly named: NamedInstances;
  readonly autoscaler: Autoscaler;
  readonly jobs: JobControl;
  readonly rollouts: WatchedLog;
  readonly control: RolloutControl;
  readonly specification: Specification;
  readonly sizeOf: (version: number) => Size;
  /** Requests to the pool that nobody can serve. */
  poolWaiters: number;
}

export interface ApplicationDeps {
  readonly time: VirtualTime;
  readonly network: Network;
  readonly alarms: Alarms;
  readonly mayCrash: (lifetime: Lifetime, crash: () => void) => void;
  readonly onCrash: () => void;
  readonly onBorn: (life: ApplicationLife) => void;
  readonly onErased: () => void;
  readonly onEvents: (drafts: readonly EventDraft[]) => void;
  readonly watch: StoreWatch;
  readonly onRollout: (rollout: Rollout) => void;
  readonly onPassed: (life: ApplicationLife) => void;
  readonly locations: () => readonly Location[];
  readonly state: (statement: Statement) => Promise<Answer>;
  /** Calls over the network come back to this lifetime only. */
  readonly instances: (lifetime: Lifetime) => InstanceClient;
  readonly prepare: (order: LaunchOrder) => Promise<LaunchOrder>;
  readonly newDeploymentId: () => string;
  /** For tests of the invariants: what is wrong with it. */
  readonly tamper: (deps: SchedulerDeps) => SchedulerDeps;
  readonly tamperAutoscaler: (deps: AutoscalerDeps) => AutoscalerDeps;
  readonly tamperRollouts: (deps: RolloutControlDeps) => RolloutControlDeps;
  readonly tamperControl: (control: RolloutControl, life: () => ApplicationLife) => RolloutControl;
}

export class ApplicationHost {
  erased = false;
  /** How often the load changed the count. */
  scaled = 0;
  readonly #deps: ApplicationDeps;
  readonly #storage: SimulatedStorage;
  #life: ApplicationLife | null = null;
  #seen: { readonly life: ApplicationLife; readonly writes: number; readonly row: ApplicationRow | undefined } | null =
    null;

  constructor(deps: ApplicationDeps) {
    this.#deps = deps;
    this.#storage = new SimulatedStorage(
      (lifetime) => deps.mayCrash(lifetime, () => this.crash()),
      (at) => deps.alarms.set(this.#storage, at, () => this.#fire()),
    );
  }

  /** Grows with every write. */
  get writes(): number {
    return this.#storage.writes;
  }

  /** Statements that wrote, and rows that were read. */
  costs(): { readonly writes: number; readonly reads: number } {
    const { writes, reads } = this.#storage;
    return { writes, reads };
  }

  get life(): ApplicationLife {
    return (this.#life ??= this.#born());
  }

  /** As it is stored; undefined before it was made and after it was erased. Read anew only after a write. */
  row(): ApplicationRow | undefined {
    if (this.erased) return undefined;
    const { life } = this;
    const { writes } = this.#storage;
    if (this.#seen?.life !== life || this.#seen.writes !== writes)
      this.#seen = { life, writes, row: readApplication(life.db) };
    return this.#seen.row;
  }

  held(): ReadonlyMap<string, Load> {
    const { life } = this;
    return heldOf(life.deployments.all(), life.sizeOf);
  }

  crash(): void {
    const life = this.#life;
    if (life === null) return;
    life.alive = false;
    this.#life = null;
    this.#deps.onCrash();
    this.#deps.alarms.retry(life, this.#storage, () => this.#fire());
  }

  /** What the account calls. */
  claimant(): Claimant {
    return {
      capacityFreed: async () => {
        if (this.erased) return;
        this.life.capacity.poke();
        this.life.scheduler.pass();
      },
      enlist: async () => (this.erased ? null : this.life.capacity.enlist()),
      makeRoom: async (order) => (this.erased ? 0 : this.life.scheduler.makeRoom(order)),
      roomMade: async (application, location, count) => {
        if (!this.erased) tellRoomMade(this.life.db, { application, location, count }, this.#deps.time.now);
      },
    };
  }

  close(): void {
    if (this.#life !== null) this.#life.alive = false;
    this.#storage.close();
  }

  #fire(): void {
    if (this.erased) return;
    const { life } = this;
    this.#deps.alarms.handle(life, () =>
      life.timers.fire(this.#deps.time.now, async (key) => {
        if (!this.#isCurrent(life)) return;
        if (key === PASS_TIMER) life.scheduler.pass();
        if (key === SCALE_TIMER || key === QUIET_TIMER) life.autoscaler.onTimer();
      }),
    );
  }

  #isCurrent(lifetime: Lifetime): boolean {
    return lifetime.alive && !this.erased;
  }

  #erase(): void {
    this.erased = true;
    this.#storage.deleteAll();
    this.crash();
    this.#deps.onErased();
  }

  #born(): ApplicationLife {
    const { time, network, watch, onEvents, prepare, newDeploymentId, tamper, tamperAutoscaler } = this.#deps;
    const lifetime: Lifetime & { poolWaiters: number } = { alive: true, poolWaiters: 0 };
    const db = this.#storage.viewOf(lifetime);
    migrate(db, APPLICATION_MIGRATIONS);
    // What a lifetime that is over still does, it does to itself only.
    const alive = <Args extends unknown[]>(call: (...args: Args) => void) => {
      return (...args: Args) => {
        if (this.#isCurrent(lifetime)) call(...args);
      };
    };
    onAppended(db, alive(onEvents));
    const clock = () => time.now;
    const known = new Map<number, ReturnType<SchedulerDeps["version"]>>();
    const version = (number: number) => {
      const entry = known.get(number) ?? versionIn(db, number);
      known.set(number, entry);
      return entry;
    };
    const sizeOf = (number: number) => version(number).spec.size;
    const timers = new Timers(db, this.#storage.clockOf(lifetime));
    const deployments = new WatchedStore(db, {
      onWritten: alive(watch.onWritten),
      onReplaced: alive(watch.onReplaced),
      onPlaced: alive(watch.onPlaced),
      isForced: watch.isForced,
      wanted: watch.wanted,
      rolling: watch.rolling,
    });
    const revisionOf = (number: number) => version(number).version.revision;
    const rollouts = new WatchedLog(db, alive(this.#deps.onRollout));
    const pass = alive(() => scheduler.pass());
    const wakeBy = alive((at: number) => {
      const current = timers.dueAt(PASS_TIMER);
      if (current === null || current > at) timers.set(PASS_TIMER, at);
    });
    const places = new Places({
      clock,
      ask: () =>
        network.send(lifetime, "question for places", async () => ({
          locations: this.#deps.locations(),
          companion: null,
        })),
      count: async () => ({}),
      onKnown: pass,
      onFailed: wakeBy,
    });
    const capacity = new ApplicationCapacity({
      clock,
      row: () => current(),
      save: (row) => writeApplication(db, row),
      deployments: () => deployments.all(),
      sizeOf,
      state: (_row, statement) => network.send(lifetime, "statement", () => this.#deps.state(statement)),
      onAnswer: pass,
      onFailed: wakeBy,
    });
    const outbox = new Outbox({ clock, silentAfterMs: () => 3 * CHECK_EVERY_MS, onSettled: pass });
    const waiters = new ReadyWaiters();
    const current = () => (this.#isCurrent(lifetime) ? readApplication(db) : undefined);
    const autoscaler = new Autoscaler(
      tamperAutoscaler({
        clock,
        row: current,
        waiting: () => lifetime.poolWaiters,
        scale: (count) => {
          const application = current();
          if (application === undefined) return;
          this.scaled += 1;
          specification.scale(application, count, time.now);
        },
        wakeAt: alive((at) => (at === null ? timers.clear(SCALE_TIMER) : timers.set(SCALE_TIMER, at))),
        quietSince: () => quietSince(timers, current()),
        keepQuiet: alive((since) => keepQuiet(timers, current(), since)),
      }),
    );
    const mustRow = () => {
      const application = current();
      if (application === undefined || application.deleting) throw new Error("there is no application any more");
      return application;
    };
    const named = new NamedInstances({
      deployments,
      waiters,
      clock,
      row: mustRow,
      pass,
    });
    const control = this.#deps.tamperControl(
      new RolloutControl(
        this.#deps.tamperRollouts({
          db,
          log: rollouts,
          deployments,
          revisionOf,
          beside: () => [],
          onMoved: () => waiters.wake(),
        }),
      ),
      () => life,
    );
    const soon = new Soon(pass);
    const specification = new Specification({
      db,
      rollouts,
      serving: () => servingIn(deployments.all()),
      onChanged: () => {
        pass();
        alive(() => autoscaler.changed())();
      },
      onUndone: () => known.clear(),
    });
    const scheduler = new Scheduler(
      tamper({
        db,
        timers,
        deployments,
        outbox,
        clock,
        newDeploymentId,
        places: {
          where: (row) => places.where(row.spec, row.blocked ?? null),
          ask: (row) => places.ask(row.spec),
          failed: (location) => places.failed(location),
        },
        capacity,
        jobs: new JobSlots({ db, sizeOf }),
        rollouts: control,
        soon: (at) => soon.by(at),
        onPassed: alive(() => this.#deps.onPassed(life)),
        called: () => named.called(),
        version,
        instances: this.#deps.instances(lifetime),
        prepare,
        onRoutingChanged: () => waiters.wake(),
        onDeleted: () => {
          if (lifetime.alive) this.#erase();
        },
      }),
    );
    const jobs = new JobControl({
      db,
      clock,
      row: mustRow,
      pass,
      live: () => deployments.all(),
      configuration: (number) => version(number).version.configuration,
    });
    const life: ApplicationLife = Object.assign(lifetime, {
      db,
      timers,
      deployments,
      scheduler,
      places,
      capacity,
      named,
      autoscaler,
      jobs,
      rollouts,
      control,
      specification,
      sizeOf,
    });
    timers.rearm();
    this.#deps.onBorn(life);
    return life;
  }
}

function versionIn(db: Database, number: number): ReturnType<SchedulerDeps["version"]> {
  const version = getVersion(db, number);
  if (version === undefined) throw new Error(`no version ${number}`);
  return { version, spec: toLaunchSpec(version.configuration) };
}
