/**
 * One application, its instances and the platform under them, in virtual time: the real scheduler and the real life of a
 * container, on storage that survives crashes, over a network that loses and repeats messages.
 */
import type { Configuration } from "../../src/api/schemas/configuration.ts";
import { INSTANCE_MIGRATIONS, type RunRecord } from "../../src/containers/run-record.ts";
import { Lifecycle } from "../../src/containers/lifecycle.ts";
import type { Database } from "../../src/database.ts";
import { migrate } from "../../src/migrations.ts";
import { GantryError } from "../../src/errors.ts";
import { applyChange } from "../../src/orchestrator/change.ts";
import { applyCreate, applyDelete, planActivate, planPatch } from "../../src/orchestrator/commands.ts";
import { decideAction, type InstanceAction } from "../../src/orchestrator/instance-actions.ts";
import { toLaunchSpec } from "../../src/orchestrator/launch-spec.ts";
import { Outbox } from "../../src/orchestrator/outbox.ts";
import { Places } from "../../src/orchestrator/placement/places.ts";
import { isDisallowed } from "../../src/orchestrator/placement/placing.ts";
import {
  PASS_TIMER,
  Scheduler,
  type InstanceAnswer,
  type LaunchOrder,
  type ReportReply,
} from "../../src/orchestrator/scheduler.ts";
import {
  getVersion,
  insertVersion,
  readApplication,
  type ApplicationKind,
  type ApplicationRow,
  type PlacementConstraints,
} from "../../src/orchestrator/storage/application-row.ts";
import { APPLICATION_MIGRATIONS } from "../../src/orchestrator/storage/schema.ts";
import type { Report } from "../../src/orchestrator/plan/observe.ts";
import type { Deployment } from "../../src/orchestrator/plan/deployment.ts";
import { Timers } from "../../src/timers.ts";
import { AccountPlaces } from "./account-places.ts";
import { SimulatedContainer, type Faults } from "./platform.ts";
import type { Random } from "./random.ts";
import { SimulatedStorage, type Lifetime } from "./storage.ts";
import type { VirtualTime } from "./time.ts";
import { WatchedStore } from "./watched-store.ts";

const CHECK_EVERY_MS = 60_000;
const ALARM_RETRY_MS = 2_000;
/** Messages to one instance within a second: a start, a stop, a crash of the scheduler between them and some more. */
const STORM = 12;
/** One that leaves it to be found out where it listens, one that says so, and one with checks of every kind. */
const CONFIGURATIONS = [
  { image: "app" },
  {
    image: "app",
    ports: [{ name: "http", port: 8080 }],
    checks: [
      {
        type: "http" as const,
        kind: "ready" as const,
        port: "http",
        http: { method: "GET" as const, path: "/" },
        timeout: "1s",
      },
    ],
  },
  {
    image: "app",
    ports: [{ name: "http", port: 8080 }],
    startup_deadline: "60s",
    checks: (["startup", "ready", "health"] as const).map((kind) => ({
      type: "http" as const,
      kind,
      port: "http",
      http: { method: "GET" as const, path: "/" },
      timeout: "1s",
    })),
  },
] as const;
/** Listens nowhere, and its check says so. */
const BROKEN = { ...CONFIGURATIONS[1], image: "broken" } as const;
/** Versions 1 and 3, 2 and 5 start the same thing; 4 never works. */
const REVISIONS = ["one", "two", "one", "broken", "two"] as const;
export const VERSIONS = REVISIONS.length;
export const BROKEN_VERSION = 4;

interface ApplicationLife extends Lifetime {
  readonly timers: Timers;
  readonly deployments: WatchedStore;
  readonly scheduler: Scheduler;
  readonly places: Places;
}

interface InstanceLife extends Lifetime {
  readonly timers: Timers;
  readonly lifecycle: Lifecycle;
  readonly ready: Promise<void>;
  readonly onReset: (() => void)[];
}

export interface InstanceHost {
  readonly id: string;
  readonly storage: SimulatedStorage;
  readonly container: SimulatedContainer;
  life: InstanceLife | null;
}

export class World {
  readonly places = new AccountPlaces();
  readonly instances = new Map<string, InstanceHost>();
  crashes = 0;
  /** Set when the scheduler asked one instance more often than it can have a reason to. */
  storm: string | null = null;
  /** Set when a new version took away what it may not. */
  takenAway: string | null = null;
  /** How often an old placement that took traffic was stopped for a new version, and a user's action changed something. */
  replaced = 0;
  acted = 0;
  /** The id of the one deployment of a standalone one. */
  standalone: string | null = null;
  readonly #asked = new Map<string, number[]>();
  /** Sent over the network so far. */
  messages = 0;
  erased = false;
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #faults: Faults;
  readonly #storage: SimulatedStorage;
  #life: ApplicationLife | null = null;
  #ids = 0;

  constructor(time: VirtualTime, random: Random, faults: Faults) {
    this.#time = time;
    this.#random = random;
    this.#faults = faults;
    this.#storage = new SimulatedStorage(
      (lifetime) => this.#mayCrash(lifetime, () => this.crashApplication()),
      (at) => this.#ring(this.#storage, at, () => this.#fireApplication()),
    );
  }

  /** With all of its versions; the first is active. */
  create(kind: ApplicationKind, instances: number): void {
    const { db, life } = this.#application();
    const now = this.#time.now;
    const versions = REVISIONS.map((revision) => ({
      configuration: structuredClone(
        revision === "broken" ? BROKEN : this.#random.pick(CONFIGURATIONS),
      ) as Configuration,
      revision,
    }));
    const spec = { instances, maxInstances: null, ingress: "public" as const, checkEveryMs: CHECK_EVERY_MS };
    const [first] = versions;
    if (first === undefined) throw new Error("no version");
    applyCreate(db, { id: "a", accountId: "acc", name: "app", kind, spec, ...first }, "", now);
    for (const [index, version] of versions.slice(1).entries()) {
      insertVersion(db, { version: index + 2, ...version, createdAt: now });
    }
    life.places.learn(this.places.locations);
    life.scheduler.pass();
    if (kind === "deployment") this.standalone = this.deployments()[0]?.id ?? null;
  }

  scale(instances: number): void {
    this.#change((db, row) => applyChange(db, row, planPatch(db, row, { instances }), this.#time.now));
  }

  activate(version: number): void {
    this.#change((db, row) => applyChange(db, row, planActivate(db, row, version), this.#time.now));
  }

  /** Where its instances may run from now on. */
  constrain(constraints: PlacementConstraints | null): void {
    if (this.standalone !== null) return;
    this.#change((db, row) => applyChange(db, row, planPatch(db, row, { constraints }), this.#time.now));
  }

  delete(): void {
    this.#change((db, row) => applyDelete(db, row, this.#time.now));
  }

  /** A user acts on one instance; what is refused is refused. */
  act(id: string, action: InstanceAction): void {
    if (this.erased) return;
    const { db, life } = this.#application();
    const row = readApplication(db);
    const deployment = life.deployments.get(id);
    if (row === undefined || row.deleting || deployment === undefined) return;
    const decision = decideAction(deployment, action, { actor: "me", name: id, kind: row.kind }, this.#time.now);
    if (decision.type === "refused") return;
    if (decision.type === "changed") this.acted += 1;
    life.scheduler.act(deployment, decision);
  }

  #change(apply: (db: Database, row: ApplicationRow) => void): void {
    if (this.erased) return;
    const { db, life } = this.#application();
    const row = readApplication(db);
    if (row === undefined || row.deleting) return;
    apply(db, row);
    if (this.#random.chance(0.7)) life.places.learn(this.places.locations);
    else life.places.expire();
    life.scheduler.pass();
  }

  /** Rows as a client would read them. */
  deployments() {
    return this.erased ? [] : this.#application().life.deployments.all();
  }

  /** Runs something else than the active version does. */
  isOutdated(deployment: Deployment): boolean {
    const { isVerified: _, ...constraints } = this.constraints() ?? {};
    return (
      this.#isOtherRevision(deployment) || (this.standalone === null && isDisallowed(deployment.placement, constraints))
    );
  }

  #isOtherRevision({ version }: Deployment): boolean {
    return REVISIONS[version - 1] !== REVISIONS[this.activeVersion() - 1];
  }

  constraints(): PlacementConstraints | null {
    return (this.erased ? undefined : readApplication(this.#application().db)?.spec.constraints) ?? null;
  }

  activeVersion(): number {
    return (this.erased ? undefined : readApplication(this.#application().db)?.activeVersion) ?? 0;
  }

  desired(): number {
    const row = this.erased ? undefined : readApplication(this.#application().db);
    return row === undefined || row.deleting ? 0 : row.spec.instances;
  }

  crashApplication(): void {
    const life = this.#life;
    if (life === null) return;
    life.alive = false;
    this.#life = null;
    this.crashes += 1;
    this.#retryAlarm(life, this.#storage, () => this.#fireApplication());
  }

  crashInstance(host: InstanceHost): void {
    const { life } = host;
    if (life === null) return;
    life.alive = false;
    host.life = null;
    this.crashes += 1;
    for (const tell of life.onReset) tell();
    this.#retryAlarm(life, host.storage, () => this.#fireInstance(host));
  }

  #application(): { db: ReturnType<SimulatedStorage["viewOf"]>; life: ApplicationLife } {
    const life = (this.#life ??= this.#bornApplication());
    return { db: this.#storage.viewOf(life), life };
  }

  #bornApplication(): ApplicationLife {
    const lifetime: Lifetime = { alive: true };
    const db = this.#storage.viewOf(lifetime);
    migrate(db, APPLICATION_MIGRATIONS);
    const timers = new Timers(db, this.#storage.clockOf(lifetime));
    // What a lifetime that is over still does, it does to itself only.
    const alive = <Args extends unknown[]>(judge: (...args: Args) => void) => {
      return (...args: Args) => {
        if (lifetime.alive && !this.erased) judge(...args);
      };
    };
    const deployments = new WatchedStore(
      db,
      alive((serving, all) => this.#judge(serving, all)),
      {
        onPlaced: alive((placed, before) => {
          const { isVerified: _, ...constraints } = this.constraints() ?? {};
          this.places.judgePlaced(placed, before, constraints, this.#time.now);
        }),
        onStopped: alive((before, reason) => {
          this.places.judgeMoved(before, reason, this.#isOtherRevision(before), this.constraints());
        }),
      },
    );
    const life: ApplicationLife = Object.assign(lifetime, {
      timers,
      deployments,
      scheduler: undefined as never,
      places: undefined as never,
    });
    const pass = () => {
      if (lifetime.alive && !this.erased) life.scheduler.pass();
    };
    const clock = () => this.#time.now;
    const places = new Places({
      clock,
      ask: () => this.#send(lifetime, async () => ({ locations: this.places.locations, companion: null })),
      count: async () => ({}),
      onKnown: pass,
      onFailed: (retryAt) => {
        const current = timers.dueAt(PASS_TIMER);
        if (!this.erased && (current === null || current > retryAt)) timers.set(PASS_TIMER, retryAt);
      },
    });
    const outbox = new Outbox({ clock, silentAfterMs: () => 3 * CHECK_EVERY_MS, onSettled: pass });
    const ask = (id: string, call: (life: InstanceLife) => Promise<InstanceAnswer>) => {
      if (lifetime.alive) this.#countAsk(id);
      return this.#send(lifetime, () => this.#toInstance(this.#host(id), call));
    };
    const scheduler = new Scheduler({
      db,
      timers,
      deployments,
      outbox,
      clock,
      newDeploymentId: () => `d${(this.#ids += 1)}`,
      places: {
        where: (row) => places.where(row.spec, row.blocked ?? null),
        ask: (row) => places.ask(row.spec),
        failed: (location) => places.failed(location),
      },
      version: (number) => {
        const version = getVersion(db, number);
        if (version === undefined) throw new Error(`no version ${number}`);
        return { version, spec: toLaunchSpec(version.configuration) };
      },
      instances: {
        launch: (order) => ask(order.deploymentId, ({ lifecycle }) => lifecycle.launch(order)),
        stop: (id, generation, reason) => ask(id, ({ lifecycle }) => lifecycle.retire(id, generation, reason)),
        check: (id, generation) => ask(id, ({ lifecycle }) => lifecycle.check(id, generation)),
        release: async (id) => {
          await this.#send(lifetime, async () => this.#release(this.#host(id)));
        },
      },
      prepare: (order) => this.#prepare(order),
      onRoutingChanged: () => undefined,
      onDeleted: () => {
        if (lifetime.alive) this.#erase();
      },
    });
    Object.assign(life, { scheduler, places });
    timers.rearm();
    return life;
  }

  /** What is looked up at a launch takes a moment, and may not be there. */
  async #prepare(order: LaunchOrder): Promise<LaunchOrder> {
    await new Promise<void>((resolve) => this.#time.after(this.#random.between(0, 50), resolve));
    if (this.#random.chance(this.#faults.prepareRefused)) throw new GantryError("VALIDATE_INPUT", "no such secret");
    return order;
  }

  /** S2: a new version leaves as many in traffic as are wanted, but for those that users took out of it. */
  #judge(serving: number, all: readonly Deployment[]): void {
    this.replaced += 1;
    const out = all.filter(({ held, cordoned, ready }) => held || (cordoned && ready)).length;
    const least = Math.max(1, this.desired() - out);
    if (serving < least) this.takenAway ??= `S2: ${serving} serve after one was replaced, ${least} have to`;
  }

  #countAsk(id: string): void {
    const recent = (this.#asked.get(id) ?? []).filter((at) => this.#time.now - at < 1_000);
    recent.push(this.#time.now);
    this.#asked.set(id, recent);
    if (recent.length > STORM) this.storm ??= `L6: ${id} was asked ${recent.length} times within a second`;
  }

  #host(id: string): InstanceHost {
    const known = this.instances.get(id);
    if (known !== undefined) return known;
    const host: InstanceHost = {
      id,
      storage: new SimulatedStorage(
        (lifetime) => this.#mayCrash(lifetime, () => this.crashInstance(host)),
        (at) => this.#ring(host.storage, at, () => this.#fireInstance(host)),
      ),
      container: new SimulatedContainer(this.#time, this.#random, this.#faults),
      life: null,
    };
    this.instances.set(id, host);
    return host;
  }

  #bornInstance(host: InstanceHost): InstanceLife {
    const lifetime: Lifetime = { alive: true };
    const db = host.storage.viewOf(lifetime);
    migrate(db, INSTANCE_MIGRATIONS);
    const timers = new Timers(db, host.storage.clockOf(lifetime));
    const lifecycle = new Lifecycle({
      db,
      timers,
      port: this.#portOf(host, lifetime),
      clock: () => this.#time.now,
      report: (record, report) => this.#send(lifetime, () => this.#toApplication(record, report)),
      reset: () => {
        if (lifetime.alive) this.#time.after(0, () => lifetime.alive && this.crashInstance(host));
      },
      background: (work) => void work.catch(() => undefined),
    });
    const life: InstanceLife = Object.assign(lifetime, { timers, lifecycle, ready: lifecycle.resume(), onReset: [] });
    timers.rearm();
    return life;
  }

  /** A lifetime that is over touches no container. */
  #portOf(host: InstanceHost, lifetime: Lifetime): SimulatedContainer {
    return new Proxy(host.container, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== "function") return value;
        return (...args: unknown[]): unknown => {
          if (!lifetime.alive) return new Promise(() => undefined);
          return Reflect.apply(value, target, args);
        };
      },
    });
  }

  async #toInstance<T>(host: InstanceHost, call: (life: InstanceLife) => Promise<T>): Promise<T> {
    const life = (host.life ??= this.#bornInstance(host));
    await life.ready;
    if (!life.alive) throw new Error("the object was reset");
    // Whoever calls an object that is reset meanwhile is told so.
    const reset = Promise.withResolvers<never>();
    life.onReset.push(() => reset.reject(new Error("the object was reset")));
    return await Promise.race([call(life), reset.promise]);
  }

  async #toApplication(record: RunRecord, report: Report): Promise<ReportReply> {
    if (this.erased) return { owned: false, checkEveryMs: CHECK_EVERY_MS };
    const owned = this.#application().life.scheduler.observe(record.deploymentId, record.generation, report);
    return { owned, checkEveryMs: CHECK_EVERY_MS };
  }

  async #release(host: InstanceHost): Promise<void> {
    if (host.container.running) await host.container.destroy();
    host.storage.deleteAll();
    if (host.life !== null) host.life.alive = false;
    host.life = null;
  }

  #erase(): void {
    this.erased = true;
    this.#storage.deleteAll();
    this.crashApplication();
  }

  /** A call over the network: late, lost on the way there or back, or made twice. */
  #send<T>(from: Lifetime, call: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    if (!from.alive) return promise;
    this.messages += 1;
    const random = this.#random;
    const back = (settleIt: () => void) =>
      this.#time.after(random.between(0, 30), () => {
        if (from.alive) settleIt();
      });
    const lost = new Error("Network connection lost.");
    if (random.chance(this.#faults.messageLost)) {
      back(() => reject(lost));
      return promise;
    }
    const deliver = () =>
      call().then(
        (value) => back(() => (random.chance(this.#faults.answerLost) ? reject(lost) : resolve(value))),
        (error: unknown) => back(() => reject(error)),
      );
    this.#time.after(random.between(0, 30), () => void deliver());
    if (random.chance(this.#faults.messageTwice)) this.#time.after(random.between(0, 60_000), () => void deliver());
    return promise;
  }

  #ring(storage: SimulatedStorage, at: number, fire: () => void): void {
    const lateMs = this.#random.chance(0.1) ? this.#random.between(0, 2_000) : 0;
    this.#time.after(at - this.#time.now + lateMs, () => {
      if (storage.alarmAt !== at) return;
      storage.alarmAt = null;
      fire();
    });
  }

  #fireApplication(): void {
    if (this.erased) return;
    const { life } = this.#application();
    this.#handleAlarm(life, () =>
      life.timers.fire(this.#time.now, async (key) => {
        if (key === PASS_TIMER && life.alive && !this.erased) life.scheduler.pass();
      }),
    );
  }

  #fireInstance(host: InstanceHost): void {
    const life = (host.life ??= this.#bornInstance(host));
    this.#handleAlarm(life, async () => {
      await life.ready;
      await life.timers.fire(this.#time.now, (key) => life.lifecycle.onTimer(key));
    });
  }

  #handleAlarm(lifetime: Lifetime, handle: () => Promise<void>): void {
    lifetime.isInAlarm = true;
    void handle().then(
      () => (lifetime.isInAlarm = false),
      () => undefined,
    );
  }

  /** The platform rings again when the object was reset before its alarm's handler came to an end. */
  #retryAlarm(lifetime: Lifetime, storage: SimulatedStorage, fire: () => void): void {
    if (lifetime.isInAlarm !== true) return;
    this.#time.after(ALARM_RETRY_MS, () => {
      if (storage.alarmAt === null) fire();
    });
  }

  /** Between two stretches of writes: the microtask runs when the code that writes now has come to an await. */
  #mayCrash(lifetime: Lifetime, crash: () => void): void {
    if (!this.#random.chance(this.#faults.crash)) return;
    queueMicrotask(() => {
      if (lifetime.alive) crash();
    });
  }
}
