/** One instance: its container, its storage, and the object that comes and goes over them. */
import { Lifecycle, type LifecycleDeps } from "../../../src/containers/lifecycle.ts";
import type { ContainerPort, StartOptions } from "../../../src/containers/port.ts";
import { INSTANCE_MIGRATIONS, type RunRecord } from "../../../src/containers/run-record.ts";
import { migrate } from "../../../src/migrations.ts";
import type { Report } from "../../../src/orchestrator/plan/observe.ts";
import type { ReportReply } from "../../../src/orchestrator/scheduler-deps.ts";
import { Timers } from "../../../src/timers.ts";
import type { Alarms } from "../engine/alarms.ts";
import type { Network } from "../engine/network.ts";
import { SimulatedStorage, type Lifetime } from "../engine/storage.ts";
import type { VirtualTime } from "../engine/time.ts";
import type { SimulatedContainer } from "./platform.ts";

interface InstanceLife extends Lifetime {
  readonly timers: Timers;
  readonly lifecycle: Lifecycle;
  readonly ready: Promise<void>;
  readonly onReset: (() => void)[];
}

export interface InstanceDeps {
  readonly time: VirtualTime;
  readonly network: Network;
  readonly alarms: Alarms;
  /** A chance to be reset after a write. */
  readonly mayCrash: (lifetime: Lifetime, crash: () => void) => void;
  readonly onCrash: () => void;
  readonly report: (record: RunRecord, report: Report) => Promise<ReportReply>;
  /** For tests of the invariants: what is wrong with it. */
  readonly tamper: (deps: LifecycleDeps) => LifecycleDeps;
}

const RESET = new Error("the object was reset");

export class InstanceHost {
  readonly id: string;
  readonly container: SimulatedContainer;
  readonly #deps: InstanceDeps;
  readonly #storage: SimulatedStorage;
  #life: InstanceLife | null = null;

  constructor(id: string, container: SimulatedContainer, deps: InstanceDeps) {
    this.id = id;
    this.container = container;
    this.#deps = deps;
    this.#storage = new SimulatedStorage(
      (lifetime) => deps.mayCrash(lifetime, () => this.crash()),
      (at) => deps.alarms.set(this.#storage, at, () => this.#fire()),
    );
  }

  async call<T>(perform: (lifecycle: Lifecycle) => Promise<T>): Promise<T> {
    const life = (this.#life ??= this.#born());
    await life.ready;
    if (!life.alive) throw RESET;
    // Whoever calls an object that is reset meanwhile is told so.
    const reset = Promise.withResolvers<never>();
    life.onReset.push(() => reset.reject(RESET));
    return await Promise.race([perform(life.lifecycle), reset.promise]);
  }

  crash(): void {
    const life = this.#life;
    if (life === null) return;
    life.alive = false;
    this.#life = null;
    this.#deps.onCrash();
    for (const tell of life.onReset) tell();
    this.#deps.alarms.retry(life, this.#storage, () => this.#fire());
  }

  /** As the object does when its slot is gone. */
  async release(): Promise<void> {
    if (this.container.running) await this.container.destroy();
    this.#storage.deleteAll();
    if (this.#life !== null) this.#life.alive = false;
    this.#life = null;
  }

  close(): void {
    if (this.#life !== null) this.#life.alive = false;
    this.#storage.close();
  }

  #fire(): void {
    const life = (this.#life ??= this.#born());
    this.#deps.alarms.handle(life, async () => {
      await life.ready;
      await life.timers.fire(this.#deps.time.now, (key) => life.lifecycle.onTimer(key));
    });
  }

  #born(): InstanceLife {
    const { time, network, report, tamper } = this.#deps;
    const lifetime: Lifetime = { alive: true };
    const db = this.#storage.viewOf(lifetime);
    migrate(db, INSTANCE_MIGRATIONS);
    const timers = new Timers(db, this.#storage.clockOf(lifetime));
    const lifecycle = new Lifecycle(
      tamper({
        db,
        timers,
        port: new LivePort(this.container, lifetime),
        clock: () => time.now,
        report: (record, said) =>
          network.send(lifetime, `report of ${this.id}/${record.generation}: ${said.state}`, () =>
            report(record, said),
          ),
        reset: () => {
          if (lifetime.alive) time.after(0, () => lifetime.alive && this.crash());
        },
        background: (work) => void work.catch(() => undefined),
      }),
    );
    const life: InstanceLife = Object.assign(lifetime, { timers, lifecycle, ready: lifecycle.resume(), onReset: [] });
    // A constructor that fails resets its object.
    life.ready.catch(() => time.after(0, () => life.alive && this.crash()));
    timers.rearm();
    return life;
  }
}

/**
 * What one lifetime sees of the container. One that is over touches nothing; one whose start or watch failed for a reason
 * of the platform's own takes the container for gone, which only the next lifetime can find to be wrong.
 */
class LivePort implements ContainerPort {
  readonly #container: SimulatedContainer;
  readonly #lifetime: Lifetime;
  #isCutOff = false;

  constructor(container: SimulatedContainer, lifetime: Lifetime) {
    this.#container = container;
    this.#lifetime = lifetime;
  }

  get running() {
    return !this.#isCutOff && this.#container.running;
  }

  get images() {
    return this.#container.images;
  }

  run(command: readonly string[], onBegun?: () => void) {
    return this.#within(async () => {
      const { generation } = this.#container;
      const printed = await this.#container.run(command, onBegun);
      const isHeard = this.#lifetime.alive && this.running && this.#container.generation === generation;
      if (isHeard && command.at(-1) !== "kill") this.#container.fetched.add(generation);
      return printed;
    });
  }

  intercept() {
    return this.#within(() => this.#container.intercept());
  }

  start(options: StartOptions): void {
    if (!this.#lifetime.alive) return;
    this.#isCutOff = true;
    this.#container.start(options);
    this.#isCutOff = false;
  }

  signal(): void {
    if (!this.#lifetime.alive) return;
    if (!this.running) throw new Error("signal() of a container that is not running");
    this.#container.signal();
  }

  monitor() {
    const { starts } = this.#container;
    return this.#within(() =>
      this.#container.monitor().catch((error: unknown) => {
        if (this.#container.starts === starts) this.#isCutOff = true;
        throw error;
      }),
    );
  }

  destroy() {
    return this.#within(async () => {
      if (this.running) await this.#container.destroy();
    });
  }

  inspect() {
    return this.#within(async () => (this.running ? await this.#container.inspect() : null));
  }

  setInactivityTimeout() {
    return this.#within(() => this.#container.setInactivityTimeout());
  }

  fetch(port: number, request: Request) {
    return this.#within(() => this.#container.fetch(port, request));
  }

  accepts() {
    return this.#within(() => this.#container.accepts());
  }

  exec() {
    return this.#within(() => this.#container.exec());
  }

  #within<T>(call: () => Promise<T>): Promise<T> {
    return this.#lifetime.alive ? call() : new Promise(() => undefined);
  }
}
