/** As much of an application as has to do with capacity: what it wants, has and may have, with the real grants. */
import type { Statement } from "../../../src/account/capacity/statement.ts";
import type { EvictionOrder } from "../../../src/account/capacity/statement.ts";
import type { Claimant } from "../../../src/account/capacity/keeper.ts";
import { add, NO_LOAD, type Load } from "../../../src/account/capacity/load.ts";
import { Allowed } from "../../../src/orchestrator/capacity/allowance.ts";
import { Grants, heldOf, wantsOf } from "../../../src/orchestrator/capacity/grants.ts";
import type { Deployment } from "../../../src/orchestrator/plan/deployment.ts";
import type { Override } from "../../../src/orchestrator/start/choice.ts";
import type { Random } from "../random.ts";
import type { Lifetime } from "../engine/storage.ts";
import type { CapacityWorld } from "./world.ts";

const PLACES = ["weur", "enam"] as const;

export interface Kind {
  readonly priority: number;
  readonly vcpu: number;
}

export class CapacityApplication {
  readonly id: string;
  readonly #world: CapacityWorld;
  readonly #random: Random;
  readonly priority: number;
  readonly vcpu: number;
  wanted = 0;
  /** Somebody waits for one of a size of its own. */
  isCalled = false;
  deployments: Deployment[] = [];
  #grants: Grants;
  #life: Lifetime = { alive: true };
  #dueAt: number | null = null;
  #blockedSince: number | null = null;
  #slots = 0;

  constructor(world: CapacityWorld, id: string, random: Random, { priority, vcpu }: Kind) {
    this.#world = world;
    this.#random = random;
    this.id = id;
    this.priority = priority;
    this.vcpu = vcpu;
    this.#grants = this.#born();
    world.time.after(0, () => this.pass());
  }

  get size() {
    return { vcpu: this.vcpu, memoryMib: 256, diskMb: 2_000 };
  }

  /** Twice as large as the others. */
  get ownSize() {
    return { ...this.size, vcpu: 2 * this.vcpu };
  }

  /** Those of the usual size that live. */
  get pooled(): number {
    return this.deployments.filter(({ phase, override }) => phase !== "pending" && override === undefined).length;
  }

  /** Counted here, by what each was started in. */
  get takenVcpu(): number {
    const living = this.deployments.filter(({ phase }) => phase !== "pending");
    return living.reduce((sum, { override }) => sum + (override === undefined ? 1 : 2) * this.vcpu, 0);
  }

  get load(): Load {
    return [...this.held().values()].reduce(add, NO_LOAD);
  }

  startOwn(starts: boolean): void {
    this.isCalled = starts;
    if (starts) return;
    const own = this.deployments.filter(({ phase, override }) => phase === "running" && override !== undefined);
    for (const deployment of own) this.#stop(deployment, false);
  }

  get live(): number {
    return this.deployments.filter(({ phase }) => phase !== "pending").length;
  }

  held() {
    return heldOf(this.deployments, () => this.size);
  }

  reset(): void {
    this.#life.alive = false;
    this.#grants = this.#born();
    if (this.#dueAt !== null) this.#wakeAt(this.#dueAt);
  }

  poke(): void {
    this.#grants.poke();
    this.pass();
  }

  enlist(): Statement {
    const wants = wantsOf(this.held(), new Map());
    const number = this.#grants.forget();
    const { size, priority } = this;
    return { number, size, priority, isPreemptible: true, isBound: true, wants, starts: 0, isRateLimited: false };
  }

  makeRoom({ location, ceiling }: EvictionOrder): number {
    const live = this.deployments.filter((d) => d.location === location && d.phase === "running");
    const victims = live.slice(ceiling);
    if (victims.length > 0) this.#grants.yield(location);
    // What is called by name sleeps, and does not come back by itself.
    for (const victim of victims) this.#stop(victim, victim.override === undefined);
    this.pass();
    return victims.length;
  }

  claimant(): Claimant {
    return {
      capacityFreed: async () => this.poke(),
      enlist: async () => this.enlist(),
      makeRoom: async (order) => this.makeRoom(order),
      roomMade: async () => undefined,
    };
  }

  pass(): void {
    const world = this.#world;
    const allowed = new Allowed(this.#grants.allowance(() => this.held(), this.size, true));
    if (this.isCalled && allowed.begin(PLACES[0], this.ownSize)) {
      this.isCalled = false;
      const own: Override = { id: "own", fields: ["instance_type"], size: this.ownSize };
      this.deployments.push({ ...deploymentIn(PLACES[0], (this.#slots += 1)), override: own });
    }
    const running = this.deployments.filter(({ phase, override }) => phase === "running" && override === undefined);
    const waiting = this.deployments.filter(({ phase, stopReason }) => phase === "pending" && stopReason === null);
    for (const surplus of running.slice(this.wanted)) this.#stop(surplus, false);
    const coming = this.deployments.filter(({ phase, stopReason }) => phase === "stopping" && stopReason === "keeps");
    const missing = this.wanted - running.length - coming.length;
    for (let slot = 0; slot < missing; slot += 1) {
      const again = waiting[slot];
      const location = again?.location ?? PLACES[this.#slots % PLACES.length] ?? "weur";
      if (!allowed.begin(location)) continue;
      this.deployments = this.deployments.filter((deployment) => deployment !== again);
      this.deployments.push(deploymentIn(location, (this.#slots += 1)));
    }
    const { shortage } = allowed;
    this.#blockedSince = shortage === null ? null : (this.#blockedSince ?? world.time.now);
    this.#dueAt = this.#grants.passed({
      deployments: () => this.deployments,
      sizeOf: () => this.size,
      size: this.size,
      priority: this.priority,
      isPreemptible: true,
      unbegun: allowed.unbegun,
      unbegunOwn: allowed.unbegunOwn,
      isLimited: true,
      blockedSince: this.#blockedSince,
    });
    if (this.#dueAt !== null) this.#wakeAt(this.#dueAt);
    // Whoever is refused goes, and takes his wish along.
    if (this.isCalled && this.#grants.refusalOf(this.ownSize) !== null) {
      this.isCalled = false;
      this.pass();
    }
  }

  #stop(deployment: Deployment, keeps: boolean): void {
    const stopping: Deployment = { ...deployment, phase: "stopping", stopReason: keeps ? "keeps" : "goes" };
    this.deployments = this.deployments.map((other) => (other === deployment ? stopping : other));
    this.#world.time.after(this.#random.between(10, 3_000), () => {
      this.deployments = this.deployments.filter((other) => other.id !== deployment.id);
      if (keeps) this.deployments.push({ ...deployment, phase: "pending", stopReason: null });
      this.pass();
    });
  }

  /** The timer is durable: it fires in whatever lifetime there is. */
  #wakeAt(at: number): void {
    const life = this.#life;
    this.#world.time.after(Math.max(0, at - this.#world.time.now), () => {
      if (life.alive && this.#dueAt === at) this.pass();
    });
  }

  #born(): Grants {
    const life: Lifetime = { alive: true };
    this.#life = life;
    const world = this.#world;
    return new Grants({
      clock: () => world.time.now,
      state: (statement) => world.network.send(life, `statement of ${this.id}`, () => world.state(this.id, statement)),
      onAnswer: () => this.pass(),
      onFailed: (retryAt) => {
        if (this.#dueAt !== null && this.#dueAt <= retryAt) return;
        this.#dueAt = retryAt;
        this.#wakeAt(retryAt);
      },
    });
  }
}

function deploymentIn(location: string, slot: number): Deployment {
  return {
    id: `d${slot}`,
    slot,
    location,
    createdAt: 0,
    phase: "running",
    ready: true,
    generation: 1,
    version: 1,
    since: 0,
    readyAt: 0,
    failures: 0,
    losses: 0,
    nextStartAt: 0,
    stopReason: null,
    last: null,
    held: false,
    cordoned: false,
  };
}
