/**
 * The account's capacity while its object is in memory: answers statements, wakes those who wait when something is freed,
 * and asks lower priorities to make room. What has to outlive the object is in the claims; who asked when, the start rate
 * and which orders were given may be forgotten, since applications that wait ask again.
 */
import { inBatches } from "../../batches.ts";
import type { Database } from "../../database.ts";
import { describeError } from "../../errors.ts";
import { sleep } from "../../sleep.ts";
import { findApplication } from "../applications.ts";
import { applicationOf } from "../../orchestrator/shards/sharding.ts";
import { admit } from "./admit.ts";
import {
  becomeKnown,
  claimsOf,
  enforce,
  inForceSince,
  lift,
  preemptibleClaims,
  removeClaims,
  taken,
  unknownApplications,
  waitingClaims,
} from "./claims.ts";
import { isLimited } from "./load.ts";
import type { CapacityView } from "./pools.ts";
import { evictions } from "./preemption.ts";
import { inOrder, shareOut, type Claim, type Pools } from "./queue.ts";
import { lowered, takeStarts, type StartRate } from "./start-rate.ts";
import type { Answer, Enlisted, EvictionOrder, Statement } from "./statement.ts";

/** The account's view of an application. */
export interface Claimant {
  /** Something that it waits for may be had. */
  capacityFreed(): Promise<void>;
  /** From now on it begins only what is granted. What it holds; null when there is no such application. */
  enlist(): Promise<Enlisted | null>;
  /** Stops what is above the ceiling. How many. */
  makeRoom(order: EvictionOrder): Promise<number>;
  /** Others were stopped for it. */
  roomMade(application: string, location: string, count: number): Promise<void>;
}

const NOTHING_LEFT = { reason: "NoCapacity", shortfall: {}, isImpossible: false } as const;

export interface KeeperDeps {
  readonly db: Database;
  readonly clock: () => number;
  readonly pools: () => Pools;
  readonly claimant: (application: string) => Claimant;
  readonly background: (work: Promise<void>) => void;
}

/** Three of the longest pauses between two looks of one that waits: it does not wait any more. */
export const ASLEEP_AFTER_MS = 90_000;
/** An application that is not there by then will not be made by a write that was granted before. */
const NEVER_MADE_MS = 25_000;
/** Within two minutes; one that cannot be asked by then is asked with the next statement of anyone. */
const ENLIST_AGAIN_MS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000] as const;
/** Stopping takes its time; the same order is not given again before. */
const ORDER_AGAIN_MS = 10_000;

export class CapacityKeeper {
  readonly #deps: KeeperDeps;
  readonly #bornAt: number;
  readonly #numbers = new Map<string, number>();
  readonly #askedAt = new Map<string, number>();
  readonly #orders = new Map<string, { readonly ceiling: number; readonly at: number }>();
  #rate: StartRate | null = null;
  #enlisting: Promise<void> | null = null;

  constructor(deps: KeeperDeps) {
    this.#deps = deps;
    this.#bornAt = deps.clock();
  }

  get isLimited(): boolean {
    const { total, locations } = this.#deps.pools();
    return isLimited(total) || [...locations.values()].some(isLimited);
  }

  /** An application says what it has and wants, and hears what it may begin. */
  async state(application: string, statement: Statement): Promise<Answer> {
    const { clock } = this.#deps;
    this.follow();
    const starts = this.#starts(statement);
    const free = { isLimited: false, granted: {}, free: {}, shortage: null };
    if (!this.isLimited) return { outcome: "granted", ...free, ...starts };
    // What was not asked before is told, and states again: until then it may begin what is not granted.
    if (!statement.isBound) return { outcome: "granted", ...free, isLimited: true, ...starts };
    if (!this.#isKnown(application)) {
      return { outcome: "granted", ...free, isLimited: true, shortage: NOTHING_LEFT, ...starts };
    }
    const known = this.#numberOf(application);
    if (statement.number <= known) return { outcome: "stale", number: known };
    this.#numbers.set(application, statement.number);
    this.#askedAt.set(application, clock());
    // Of one that is spread over several objects, all are asked.
    if (statement.isPart !== true) becomeKnownOnce(this.#deps.db, application);
    await this.#enlist();
    return this.#admit(application, statement, starts);
  }

  #admit(application: string, statement: Statement, starts: Pick<Granted, "starts" | "startAfter">): Answer {
    const { db, pools } = this.#deps;
    // A later one came while the others were asked.
    const known = this.#numberOf(application);
    if (statement.number < known) return { outcome: "stale", number: known };
    if (!this.isLimited) {
      return { outcome: "granted", isLimited: false, granted: {}, free: {}, shortage: null, ...starts };
    }
    const isOpen = unknownApplications(db).length === 0;
    const { isFreed, ...admission } = db.transaction(() =>
      admit(db, pools(), application, statement, (id) => this.#isAwake(id), isOpen),
    );
    if (isFreed) this.wake(application);
    if (isOpen) this.#evict();
    return { outcome: "granted", isLimited: true, ...admission, ...starts };
  }

  /** Brings what is in force in line with what is set. */
  follow(): void {
    const { db, clock } = this.#deps;
    const isInForce = inForceSince(db) !== null;
    if (this.isLimited === isInForce) return;
    db.transaction(() => (isInForce ? lift(db) : enforce(db, clock())));
    this.#numbers.clear();
  }

  /** The capacity was changed: whoever runs says so, and whoever waits looks again. */
  async changed(): Promise<void> {
    const waiting = inOrder(this.#waiting());
    this.follow();
    if (!this.isLimited) {
      this.#tell(waiting);
      return;
    }
    await this.#enlist();
    if (unknownApplications(this.#deps.db).length > 0) this.#deps.background(this.#enlistLater());
    this.wake(null);
    this.#evict();
  }

  /** Who could not be asked and has nothing to say of itself would run unclaimed. */
  async #enlistLater(): Promise<void> {
    for (const pauseMs of ENLIST_AGAIN_MS) {
      await sleep(pauseMs);
      await this.#enlist();
      if (unknownApplications(this.#deps.db).length === 0) return;
    }
  }

  view(): CapacityView {
    const { db, pools } = this.#deps;
    const waiting = waitingClaims(db);
    const more = (at: string | null) =>
      waiting.filter(({ location }) => at === null || location === at).reduce((sum, claim) => sum + claim.more, 0);
    const { total, locations } = taken(db);
    return {
      total: pools().total,
      granted: { ...total, waiting: more(null) },
      grantedAt: [...locations].map(([location, load]) => ({ location, ...load, waiting: more(location) })),
    };
  }

  /** Everything that the application ran is gone. */
  remove(application: string): void {
    const { db } = this.#deps;
    this.#numbers.delete(application);
    this.#askedAt.delete(application);
    if (inForceSince(db) === null) return;
    db.transaction(() => removeClaims(db, application));
    this.wake(null);
  }

  /** Tells those that may begin something, in their order. */
  wake(except: string | null): void {
    const { db, pools } = this.#deps;
    const shares = shareOut(pools(), taken(db), this.#waiting());
    const woken = shares.filter(({ claim, granted }) => granted > 0 && claim.application !== except);
    this.#tell(woken.map(({ claim }) => claim));
  }

  #tell(claims: readonly Claim[]): void {
    const { background, claimant } = this.#deps;
    const applications = [...new Set(claims.map(({ application }) => application))];
    if (applications.length === 0) return;
    background(
      inBatches(applications, async (id) => await told(id, claimant(id).capacityFreed())).then(() => undefined),
    );
  }

  /** A late word of one that is gone makes no claim that nobody would ever give back. */
  #isKnown(application: string): boolean {
    const { db } = this.#deps;
    return findApplication(db, applicationOf(application)) !== null || claimsOf(db, application).length > 0;
  }

  #waiting(): Claim[] {
    return waitingClaims(this.#deps.db).filter(({ application }) => this.#isAwake(application));
  }

  #isAwake(application: string): boolean {
    return this.#deps.clock() - (this.#askedAt.get(application) ?? this.#bornAt) <= ASLEEP_AFTER_MS;
  }

  #numberOf(application: string): number {
    const { db } = this.#deps;
    // What was said before the capacity was limited is not what is held since.
    const since = inForceSince(db) ?? 0;
    const inMemory = this.#numbers.get(application);
    if (inMemory !== undefined) return Math.max(since, inMemory);
    // What was said to an earlier lifetime of this object may have been overtaken without having been stored.
    return Math.max(since, this.#bornAt, ...claimsOf(db, application).map(({ number }) => number));
  }

  #starts(statement: Statement): Pick<Granted, "starts" | "startAfter"> {
    const now = this.#deps.clock();
    if (statement.isRateLimited) this.#rate = lowered(this.#rate, now);
    const { rate, allowed, startAfter } = takeStarts(this.#rate, statement.starts, now);
    this.#rate = rate;
    return { starts: rate === null ? null : allowed, startAfter };
  }

  /** Asks all that may run what no claim covers. Those that do not answer keep everybody from growing. */
  async #enlist(): Promise<void> {
    if (unknownApplications(this.#deps.db).length === 0) return;
    this.#enlisting ??= this.#enlistAll().finally(() => {
      this.#enlisting = null;
    });
    await this.#enlisting;
  }

  async #enlistAll(): Promise<void> {
    const { db, clock, claimant } = this.#deps;
    await inBatches(unknownApplications(db), async ({ application, since }) => {
      try {
        const enlisted = await claimant(application).enlist();
        // It was removed meanwhile, or has spoken for itself: a claim of what it held then would be nobody's. Nor is an
        // answer believed that was asked for before the capacity was without a limit for a while.
        if (!isUnknown(db, application, since)) return;
        if (enlisted === null) {
          if (clock() - since > NEVER_MADE_MS) becomeKnown(db, application);
          return;
        }
        for (const { claimant: name, held } of [
          { claimant: application, held: enlisted },
          ...(enlisted.shards ?? []),
        ]) {
          if (held.number > (this.#numbers.get(name) ?? 0)) this.#takeAsFact(name, held);
        }
        becomeKnown(db, application);
      } catch (error) {
        console.warn({ message: "capacity.enlist.failed", application, error: describeError(error) });
      }
    });
  }

  #takeAsFact(application: string, held: Statement): void {
    const { db, pools } = this.#deps;
    this.#numbers.set(application, held.number);
    db.transaction(() => admit(db, pools(), application, held, () => false, false));
  }

  /** Those of lower priorities that have to go for those who wait. */
  #evict(): void {
    const { db, pools, background } = this.#deps;
    const waiting = this.#waiting();
    if (waiting.length === 0) return;
    const highest = waiting.reduce((most, { priority }) => Math.max(most, priority), Number.NEGATIVE_INFINITY);
    const running = preemptibleClaims(db, highest);
    if (running.length === 0) return;
    const now = this.#deps.clock();
    for (const { application, ...order } of evictions(pools(), taken(db), waiting, running)) {
      const key = `${application} ${order.location}`;
      const last = this.#orders.get(key);
      if (last?.ceiling === order.ceiling && now - last.at < ORDER_AGAIN_MS) continue;
      this.#orders.set(key, { ceiling: order.ceiling, at: now });
      background(this.#order(application, order));
    }
  }

  async #order(application: string, order: EvictionOrder): Promise<void> {
    const { claimant } = this.#deps;
    try {
      const stopped = await claimant(application).makeRoom({ ...order, by: order.by.map(applicationOf) });
      const by = order.by.slice(Math.max(0, order.by.length - stopped));
      for (const id of new Set(by)) {
        const count = by.filter((other) => other === id).length;
        await told(id, claimant(id).roomMade(applicationOf(application), order.location, count));
      }
    } catch (error) {
      this.#orders.delete(`${application} ${order.location}`);
      console.warn({ message: "capacity.order.failed", application, error: describeError(error) });
    }
  }
}

type Granted = Extract<Answer, { outcome: "granted" }>;

/** A row is deleted only where there is one. */
function becomeKnownOnce(db: Database, application: string): void {
  if (isUnknown(db, application)) becomeKnown(db, application);
}

/** `from`: since then, and not anew. */
function isUnknown(db: Database, id: string, from?: number): boolean {
  return unknownApplications(db).some(({ application, since }) => application === id && (from ?? since) === since);
}

/** One that is not reached finds out by itself. */
async function told(application: string, telling: Promise<void>): Promise<void> {
  try {
    await telling;
  } catch (error) {
    console.warn({ message: "capacity.tell.failed", application, error: describeError(error) });
  }
}
