/**
 * An account and its applications over a network that loses, delays and repeats messages, with objects that are reset at
 * any moment: the real claims and the real grants, in virtual time. What lives is always claimed and never more than the
 * capacity; once the faults have stopped, everything that fits is placed, the highest priorities first.
 */
import { describe, it } from "vitest";
import { ACCOUNT_MIGRATIONS } from "../../src/account/migrations.ts";
import { CapacityKeeper, type Claimant } from "../../src/account/capacity/keeper.ts";
import { claimsOf, taken } from "../../src/account/capacity/claims.ts";
import { ANY, loadOf, type Capacity } from "../../src/account/capacity/load.ts";
import { reserveName } from "../../src/account/applications.ts";
import type { Database } from "../../src/database.ts";
import { migrate } from "../../src/migrations.ts";
import { Allowed } from "../../src/orchestrator/capacity/allowance.ts";
import { Grants, heldOf, wantsOf } from "../../src/orchestrator/capacity/grants.ts";
import type { Deployment } from "../../src/orchestrator/plan/deployment.ts";
import { memoryDatabase } from "../unit/sqlite-storage.ts";
import { Random } from "./random.ts";

/** 90 ms each; `CAPACITY_SEEDS` and `CAPACITY_FROM` run others. */
const SEEDS = 60;
const CHAOS_MS = 120_000;
/** Four of the longest pauses, and what a row of preemptions takes. */
const CALM_MS = 240_000;
const PLACES = ["weur", "enam"] as const;

interface Task {
  readonly at: number;
  readonly run: () => void;
}

class World {
  now = 1_000_000;
  readonly random: Random;
  readonly db: Database = memoryDatabase();
  readonly apps = new Map<string, App>();
  capacity: Capacity;
  faults = 0.2;
  violation: string | null = null;
  messages = 0;
  keeper: CapacityKeeper;
  #keeperLife = { alive: true };
  #tasks: Task[] = [];

  constructor(seed: number) {
    this.random = new Random(seed);
    migrate(this.db, ACCOUNT_MIGRATIONS);
    this.capacity = { ...ANY, instances: this.random.between(2, 12), vcpu: this.random.chance(0.5) ? 8 : null };
    this.keeper = this.#bornKeeper();
  }

  after(ms: number, run: () => void): void {
    this.#tasks.push({ at: this.now + ms, run });
  }

  async run(until: number): Promise<void> {
    for (;;) {
      const next = this.#tasks.reduce<Task | null>((a, b) => (a === null || b.at < a.at ? b : a), null);
      if (next === null || next.at > until || this.violation !== null) break;
      this.#tasks = this.#tasks.filter((task) => task !== next);
      this.now = Math.max(this.now, next.at);
      next.run();
      for (let tick = 0; tick < 30; tick += 1) await Promise.resolve();
      this.violation ??= this.#unsafe();
    }
    this.now = Math.max(this.now, until);
  }

  resetAccount(): void {
    this.#keeperLife.alive = false;
    this.keeper = this.#bornKeeper();
  }

  /** Late, lost on the way there or back, or made twice. */
  send<T>(from: { alive: boolean }, call: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.messages += 1;
    const { random } = this;
    const lost = new Error("lost");
    const back = (settle: () => void) => this.after(random.between(1, 20), () => void (from.alive && settle()));
    if (random.chance(this.faults)) {
      back(() => reject(lost));
      return promise;
    }
    const deliver = () =>
      call().then(
        (value) => back(() => (random.chance(this.faults) ? reject(lost) : resolve(value))),
        (error: unknown) => back(() => reject(error)),
      );
    this.after(random.between(1, 20), () => void deliver());
    if (random.chance(this.faults / 4)) this.after(random.between(20, 20_000), () => void deliver());
    return promise;
  }

  #bornKeeper(): CapacityKeeper {
    const life = { alive: true };
    this.#keeperLife = life;
    const claimant = (id: string): Claimant => {
      const app = this.apps.get(id);
      const call = <T>(perform: (to: App) => T) => this.send(life, async () => perform(app ?? unreachable(id)));
      return {
        capacityFreed: () => call((to) => to.poke()),
        enlist: () => call((to) => to.enlist()),
        makeRoom: (order) => call((to) => to.makeRoom(order.location, order.ceiling)),
        roomMade: () => call(() => undefined),
      };
    };
    return new CapacityKeeper({
      db: this.db,
      clock: () => this.now,
      pools: () => ({ total: this.capacity, locations: new Map() }),
      claimant,
      background: (work) => void work,
    });
  }

  #unsafe(): string | null {
    const all = taken(this.db).total;
    for (const key of ["instances", "vcpu"] as const) {
      const most = this.capacity[key];
      if (most !== null && all[key] > most + 1e-6) return `S15: ${all[key]} ${key} are claimed, ${most} may be`;
    }
    for (const app of this.apps.values()) {
      const claims = claimsOf(this.db, app.id);
      for (const [location, held] of app.held()) {
        const claimed = claims.find((claim) => claim.location === location)?.load.instances ?? 0;
        if (held.instances > claimed) return `S15: ${app.id} runs ${held.instances}, ${claimed} are claimed`;
      }
    }
    return null;
  }
}

function unreachable(id: string): never {
  throw new Error(`${id} is not there`);
}

/** As much of an application as has to do with capacity. */
class App {
  readonly id: string;
  readonly #world: World;
  readonly priority: number;
  readonly vcpu: number;
  wanted = 0;
  deployments: Deployment[] = [];
  #grants: Grants;
  #life = { alive: true };
  #dueAt: number | null = null;
  #blockedSince: number | null = null;
  #slots = 0;

  constructor(world: World, id: string) {
    this.#world = world;
    this.id = id;
    this.priority = world.random.between(-1, 1);
    this.vcpu = world.random.pick([0.5, 1, 2]);
    reserveName(world.db, id, id, "application", world.now);
    this.#grants = this.#born();
    world.after(0, () => this.pass());
  }

  get size() {
    return { vcpu: this.vcpu, memoryMib: 256, diskMb: 2_000 };
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

  enlist() {
    const wants = wantsOf(this.held(), new Map());
    const number = this.#grants.forget();
    const { size, priority } = this;
    return { number, size, priority, isPreemptible: true, isBound: true, wants, starts: 0, isRateLimited: false };
  }

  makeRoom(location: string, ceiling: number): number {
    const live = this.deployments.filter((d) => d.location === location && d.phase === "running");
    const victims = live.slice(ceiling);
    if (victims.length > 0) this.#grants.yield(location);
    for (const victim of victims) this.#stop(victim, true);
    this.pass();
    return victims.length;
  }

  pass(): void {
    const world = this.#world;
    const allowed = new Allowed(this.#grants.allowance(() => this.held(), this.size, true));
    const running = this.deployments.filter(({ phase }) => phase === "running");
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
    this.#blockedSince = shortage === null ? null : (this.#blockedSince ?? world.now);
    this.#dueAt = this.#grants.passed({
      deployments: () => this.deployments,
      sizeOf: () => this.size,
      size: this.size,
      priority: this.priority,
      isPreemptible: true,
      unbegun: allowed.unbegun,
      isLimited: true,
      blockedSince: this.#blockedSince,
    });
    if (this.#dueAt !== null) this.#wakeAt(this.#dueAt);
  }

  #stop(deployment: Deployment, keeps: boolean): void {
    const stopping: Deployment = { ...deployment, phase: "stopping", stopReason: keeps ? "keeps" : "goes" };
    this.deployments = this.deployments.map((other) => (other === deployment ? stopping : other));
    this.#world.after(this.#world.random.between(10, 3_000), () => {
      this.deployments = this.deployments.filter((other) => other.id !== deployment.id);
      if (keeps) this.deployments.push({ ...deployment, phase: "pending", stopReason: null });
      this.pass();
    });
  }

  /** The timer is durable: it fires in whatever lifetime there is. */
  #wakeAt(at: number): void {
    const life = this.#life;
    this.#world.after(Math.max(0, at - this.#world.now), () => {
      if (life.alive && this.#dueAt === at) this.pass();
    });
  }

  #born(): Grants {
    const life = { alive: true };
    this.#life = life;
    const world = this.#world;
    return new Grants({
      clock: () => world.now,
      state: (statement) => world.send(life, () => world.keeper.state(this.id, statement)),
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

function one(random: Random, apps: readonly App[]): App {
  return apps[random.between(0, apps.length - 1)] ?? unreachable("one");
}

async function simulate(seed: number): Promise<string | null> {
  const world = new World(seed);
  const { random } = world;
  const apps = Array.from({ length: random.between(2, 7) }, (_, index) => new App(world, `app${index}`));
  for (const app of apps) world.apps.set(app.id, app);
  const end = world.now + CHAOS_MS;
  for (let change = random.between(5, 30); change > 0; change -= 1) {
    world.after(random.between(0, CHAOS_MS), () => {
      const app = one(random, apps);
      app.wanted = random.between(0, 6);
      app.pass();
    });
  }
  for (let crash = random.between(0, 10); crash > 0; crash -= 1) {
    world.after(random.between(0, CHAOS_MS), () => {
      if (random.chance(0.4)) world.resetAccount();
      else one(random, apps).reset();
    });
  }
  await world.run(end);
  world.faults = 0;
  await world.run(end + CALM_MS);
  world.violation ??= unserved(world, apps);
  const { messages } = world;
  if (apps.every(({ live, wanted }) => live === wanted)) {
    await world.run(end + CALM_MS + 120_000);
    if (world.messages !== messages) world.violation ??= `L6: ${world.messages - messages} messages at rest`;
  }
  return world.violation;
}

/** Everything that fits runs, and nothing runs that a higher priority waits for. */
function unserved(world: World, apps: readonly App[]): string | null {
  const used = taken(world.db).total;
  const live = apps.reduce((sum, app) => sum + app.live, 0);
  if (used.instances !== live) return `S15: ${used.instances} instances are claimed, ${live} run`;
  for (const app of apps) {
    if (app.live > app.wanted) return `L1: ${app.id} runs ${app.live} of ${app.wanted}`;
    if (app.live === app.wanted) continue;
    const size = loadOf(app.size, 1);
    const isImpossible = world.capacity.vcpu !== null && size.vcpu > world.capacity.vcpu;
    const others = apps.filter((other) => other.priority < app.priority && other.live > 0);
    const lower = others.reduce((sum, other) => sum + other.live * other.vcpu, 0);
    const count = others.reduce((sum, other) => sum + other.live, 0);
    const instances = (world.capacity.instances ?? 0) - used.instances + count;
    const vcpu = (world.capacity.vcpu ?? Number.POSITIVE_INFINITY) - used.vcpu + lower;
    // Somebody of the same or a higher priority may have what is free set aside.
    const ahead = apps.some((other) => other !== app && other.priority >= app.priority && other.live < other.wanted);
    if (!isImpossible && !ahead && instances >= 1 && vcpu >= size.vcpu) {
      return `L5: ${app.id} runs ${app.live} of ${app.wanted}; ${instances} and ${vcpu} vCPU could be had`;
    }
  }
  return null;
}

describe("capacity under faults", () => {
  it(`holds for ${SEEDS} seeds`, { timeout: 600_000 }, async ({ expect }) => {
    const quiet = console.warn;
    console.warn = () => undefined;
    try {
      const first = Number(process.env["CAPACITY_FROM"] ?? 0);
      const seeds = Number(process.env["CAPACITY_SEEDS"] ?? SEEDS);
      for (let seed = first; seed < first + seeds; seed += 1) {
        const violation = await simulate(seed);
        expect(violation === null ? null : `seed ${seed}: ${violation}`).toBeNull();
      }
    } finally {
      console.warn = quiet;
    }
  });
});
