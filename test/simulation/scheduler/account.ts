/** The account's object and its capacity: the real keeper of claims, on storage that survives crashes. */
import { ACCOUNT_MIGRATIONS } from "../../../src/account/migrations.ts";
import { removeApplication, reserveName } from "../../../src/account/applications.ts";
import { claimsOf, inForceSince, taken, unknownApplications } from "../../../src/account/capacity/claims.ts";
import { CapacityKeeper, type Claimant } from "../../../src/account/capacity/keeper.ts";
import { ANY, type Load } from "../../../src/account/capacity/load.ts";
import type { Answer, Statement } from "../../../src/account/capacity/statement.ts";
import { migrate } from "../../../src/migrations.ts";
import type { Network } from "../engine/network.ts";
import { SimulatedStorage, type Lifetime } from "../engine/storage.ts";
import type { VirtualTime } from "../engine/time.ts";

interface AccountLife extends Lifetime {
  readonly keeper: CapacityKeeper;
}

export class SimulatedAccount {
  /** Most instances at one time; null: any number. */
  limit: number | null;
  readonly #time: VirtualTime;
  readonly #network: Network;
  readonly #storage = new SimulatedStorage(
    () => undefined,
    () => undefined,
  );
  readonly #claimant: Claimant;
  #life: AccountLife | null = null;
  #mostClaimed = 0;
  #wasKnown = false;

  constructor(time: VirtualTime, network: Network, limit: number | null, claimant: Claimant) {
    this.#time = time;
    this.#network = network;
    this.limit = limit;
    this.#claimant = claimant;
  }

  /** Grows with every write. */
  get writes(): number {
    return this.#storage.writes;
  }

  get isLimited(): boolean {
    return this.#now().keeper.isLimited;
  }

  register(id: string, name: string): void {
    reserveName(this.#now().db, name, id, "application", this.#time.now);
    this.#now().keeper.follow();
  }

  state(application: string, statement: Statement): Promise<Answer> {
    return this.#now().keeper.state(application, statement);
  }

  setLimit(limit: number | null): void {
    this.limit = limit;
    void this.#now().keeper.changed();
  }

  remove(application: string): void {
    const { keeper, db } = this.#now();
    removeApplication(db, application);
    keeper.remove(application);
  }

  crash(): void {
    if (this.#life !== null) this.#life.alive = false;
    this.#life = null;
  }

  close(): void {
    this.#storage.close();
  }

  /** What is held is claimed, and claims never grow beyond the limit. */
  violation(application: string, held: ReadonlyMap<string, Load>): string | null {
    const { db } = this.#now();
    const wasKnown = this.#wasKnown;
    this.#wasKnown = false;
    if (inForceSince(db) === null) return null;
    const claimed = taken(db).total.instances;
    const most = Math.max(this.limit ?? Number.POSITIVE_INFINITY, this.#mostClaimed);
    this.#mostClaimed = claimed;
    const isKnown = !unknownApplications(db).some((unknown) => unknown.application === application);
    if (!isKnown) return null;
    this.#wasKnown = true;
    // What lived before there was a limit is a fact.
    if (wasKnown && claimed > most) return `S15: ${claimed} instances are claimed, ${most} may be`;
    const claims = claimsOf(db, application);
    for (const [location, { instances }] of held) {
      const own = claims.find((claim) => claim.location === location)?.load.instances ?? 0;
      if (instances > own) return `S15: ${instances} live in ${location}, ${own} are claimed`;
    }
    return null;
  }

  /** Once everything is at rest, what is claimed is what lives. */
  restViolation(live: number): string | null {
    const { db } = this.#now();
    const claimed = taken(db).total.instances;
    return inForceSince(db) !== null && claimed !== live ? `S15: ${claimed} instances are claimed, ${live} live` : null;
  }

  #now() {
    const life = (this.#life ??= this.#born());
    return { keeper: life.keeper, db: this.#storage.viewOf(life) };
  }

  #born(): AccountLife {
    const lifetime: Lifetime = { alive: true };
    const db = this.#storage.viewOf(lifetime);
    migrate(db, ACCOUNT_MIGRATIONS);
    const send = <T>(what: string, call: () => Promise<T>) => this.#network.send(lifetime, what, call);
    const application = this.#claimant;
    const keeper = new CapacityKeeper({
      db,
      clock: () => this.#time.now,
      pools: () => ({ total: { ...ANY, instances: this.limit }, locations: new Map() }),
      claimant: () => ({
        capacityFreed: () => send("capacityFreed", () => application.capacityFreed()),
        enlist: () => send("enlist", () => application.enlist()),
        makeRoom: (order) => send("makeRoom", () => application.makeRoom(order)),
        roomMade: (id, location, count) => send("roomMade", () => application.roomMade(id, location, count)),
      }),
      background: (work) => void work.catch(() => undefined),
    });
    return Object.assign(lifetime, { keeper });
  }
}
