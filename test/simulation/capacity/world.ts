/**
 * An account and its applications over a network that loses, delays and repeats messages, with objects that are reset at
 * any moment: the real claims and the real grants, in virtual time.
 */
import { ACCOUNT_MIGRATIONS } from "../../../src/account/migrations.ts";
import { reserveName } from "../../../src/account/applications.ts";
import { CapacityKeeper, type Claimant } from "../../../src/account/capacity/keeper.ts";
import { claimsOf, taken } from "../../../src/account/capacity/claims.ts";
import { ANY, loadOf, type Capacity } from "../../../src/account/capacity/load.ts";
import type { Answer, Statement } from "../../../src/account/capacity/statement.ts";
import { migrate } from "../../../src/migrations.ts";
import { Network } from "../engine/network.ts";
import type { Trace } from "../engine/simulation.ts";
import { SimulatedStorage, type Lifetime } from "../engine/storage.ts";
import type { VirtualTime } from "../engine/time.ts";
import { Random } from "../random.ts";
import { CapacityApplication } from "./application.ts";
import type { CapacityDeed, CapacityScenario } from "./scenario.ts";

/** For tests of the invariants: what is wrong with the code under test. */
export interface CapacityTampering {
  readonly claimant?: (claimant: Claimant) => Claimant;
  /** What an application hears. */
  readonly answer?: (answer: Answer) => Answer;
}

interface AccountLife extends Lifetime {
  readonly keeper: CapacityKeeper;
}

export class CapacityWorld {
  readonly time: VirtualTime;
  readonly network: Network;
  readonly applications = new Map<string, CapacityApplication>();
  readonly capacity: Capacity;
  crashes = 0;
  readonly #faults: CapacityScenario["faults"];
  readonly #storage = new SimulatedStorage(
    () => undefined,
    () => undefined,
  );
  readonly #tampering: CapacityTampering;
  #life: AccountLife | null = null;

  constructor(time: VirtualTime, scenario: CapacityScenario, trace: Trace, tampering: CapacityTampering = {}) {
    this.time = time;
    this.#tampering = tampering;
    this.capacity = { ...ANY, ...scenario.limits };
    this.#faults = { ...scenario.faults };
    const random = new Random(scenario.seed);
    this.network = new Network(time, random.stream("network"), this.#faults, (line) => trace(time.now, line));
    for (const [index, kind] of scenario.applications.entries()) {
      const id = `app${index}`;
      reserveName(this.db, id, id, "application", time.now);
      this.applications.set(id, new CapacityApplication(this, id, random.stream(id), kind));
    }
  }

  /** An application says what it holds and wants. */
  async state(application: string, statement: Statement): Promise<Answer> {
    const answer = await this.#now().keeper.state(application, statement);
    return this.#tampering.answer?.(answer) ?? answer;
  }

  get db() {
    return this.#storage.viewOf(this.#now());
  }

  all(): CapacityApplication[] {
    return [...this.applications.values()];
  }

  perform(deed: CapacityDeed): void {
    if (deed.do === "reset-account") {
      this.crashes += 1;
      this.#now().alive = false;
      this.#life = null;
      return;
    }
    const all = this.all();
    const application = all[deed.nth % all.length];
    if (application === undefined) return;
    if (deed.do === "reset") {
      this.crashes += 1;
      application.reset();
      return;
    }
    if (deed.do === "own") application.startOwn(deed.starts);
    else application.wanted = deed.instances;
    application.pass();
  }

  calm(): void {
    for (const name of Object.keys(this.#faults) as (keyof CapacityScenario["faults"])[]) this.#faults[name] = 0;
  }

  close(): void {
    this.#storage.close();
  }

  /** What lives is always claimed, and never more than the capacity. */
  unsafe(): string | null {
    const { db } = this;
    const all = taken(db).total;
    for (const key of ["instances", "vcpu"] as const) {
      const most = this.capacity[key];
      if (most !== null && all[key] > most + 1e-6) return `S15: ${all[key]} ${key} are claimed, ${most} may be`;
    }
    const vcpu = this.all().reduce((sum, app) => sum + app.takenVcpu, 0);
    if (this.capacity.vcpu !== null && vcpu > this.capacity.vcpu + 1e-6) {
      return `S15: ${vcpu} vCPU run, ${this.capacity.vcpu} may`;
    }
    for (const app of this.all()) {
      const claims = claimsOf(db, app.id);
      for (const [location, held] of app.held()) {
        const claimed = claims.find((claim) => claim.location === location)?.load.instances ?? 0;
        if (held.instances > claimed) return `S15: ${app.id} runs ${held.instances}, ${claimed} are claimed`;
      }
    }
    return null;
  }

  /** Everything that fits runs, and nothing runs that a higher priority waits for. */
  unserved(): string | null {
    const used = taken(this.db).total;
    const apps = this.all();
    const live = apps.reduce((sum, app) => sum + app.live, 0);
    if (used.instances !== live) return `S15: ${used.instances} instances are claimed, ${live} run`;
    for (const app of apps) {
      const why = this.#unserved(app, apps, used);
      if (why !== null) return why;
    }
    return null;
  }

  #unserved(app: CapacityApplication, apps: readonly CapacityApplication[], used: { instances: number; vcpu: number }) {
    if (app.isCalled) return `L1: somebody still waits for one of ${app.id} in its own size`;
    if (app.pooled > app.wanted) return `L1: ${app.id} runs ${app.pooled} of ${app.wanted}`;
    if (app.pooled === app.wanted) return null;
    const size = loadOf(app.size, 1);
    const isImpossible = this.capacity.vcpu !== null && size.vcpu > this.capacity.vcpu;
    const others = apps.filter((other) => other.priority < app.priority && other.live > 0);
    // An order to make room ends what has a size of its own too.
    const lower = others.reduce((sum, other) => sum + other.load.vcpu, 0);
    const count = others.reduce((sum, other) => sum + other.live, 0);
    const instances = (this.capacity.instances ?? 0) - used.instances + count;
    const vcpu = (this.capacity.vcpu ?? Number.POSITIVE_INFINITY) - used.vcpu + lower;
    // Somebody of the same or a higher priority may have what is free set aside.
    const ahead = apps.some((other) => other !== app && other.priority >= app.priority && other.pooled < other.wanted);
    if (isImpossible || ahead || instances < 1 || vcpu < size.vcpu) return null;
    return `L5: ${app.id} runs ${app.pooled} of ${app.wanted}; ${instances} and ${vcpu} vCPU could be had`;
  }

  #now(): AccountLife {
    return (this.#life ??= this.#born());
  }

  #born(): AccountLife {
    const lifetime: Lifetime = { alive: true };
    const db = this.#storage.viewOf(lifetime);
    migrate(db, ACCOUNT_MIGRATIONS);
    const keeper = new CapacityKeeper({
      db,
      clock: () => this.time.now,
      pools: () => ({ total: this.capacity, locations: new Map() }),
      claimant: (id) => this.#claimant(id, lifetime),
      background: (work) => void work.catch(() => undefined),
    });
    return Object.assign(lifetime, { keeper });
  }

  #claimant(id: string, lifetime: Lifetime): Claimant {
    const application = this.applications.get(id);
    if (application === undefined) throw new Error(`${id} is not there`);
    const to = this.#tampering.claimant?.(application.claimant()) ?? application.claimant();
    const send = <T>(what: string, call: () => Promise<T>) => this.network.send(lifetime, `${what} of ${id}`, call);
    return {
      capacityFreed: () => send("capacityFreed", () => to.capacityFreed()),
      enlist: () => send("enlist", () => to.enlist()),
      makeRoom: (order) => send("makeRoom", () => to.makeRoom(order)),
      roomMade: (other, location, count) => send("roomMade", () => to.roomMade(other, location, count)),
    };
  }
}
