/** An account's capacity with applications that do as a test says, and a clock in the test's hand. */
import { reserveName } from "../../src/account/applications.ts";
import { claimsOf } from "../../src/account/capacity/claims.ts";
import { CapacityKeeper, type Claimant } from "../../src/account/capacity/keeper.ts";
import { ANY, loadOf, type Capacity } from "../../src/account/capacity/load.ts";
import type { Answer, EvictionOrder, Statement } from "../../src/account/capacity/statement.ts";
import { ACCOUNT_MIGRATIONS } from "../../src/account/migrations.ts";
import type { Database } from "../../src/database.ts";
import { migrate } from "../../src/migrations.ts";
import { memoryDatabase } from "./sqlite-storage.ts";

export const NOW = 1_000_000;
export const SIZE = { vcpu: 1, memoryMib: 256, diskMb: 2_000 };

type Granted = Extract<Answer, { outcome: "granted" }>;

export interface Stated extends Partial<Omit<Statement, "wants">> {
  readonly held?: number;
  readonly more?: number;
  readonly location?: string;
  readonly wants?: Statement["wants"];
}

export function stating(number: number, stated: Stated = {}): Statement {
  const { held = 0, more = 0, location = "weur", ...rest } = stated;
  const size = rest.size ?? SIZE;
  return {
    number,
    size,
    priority: 0,
    isPreemptible: true,
    isBound: true,
    wants: [{ location, held: loadOf(size, held), more }],
    starts: 0,
    isRateLimited: false,
    ...rest,
  };
}

/** What was said to the applications, in order. */
export type Told =
  | readonly ["freed", string]
  | readonly ["asked", string]
  | readonly ["room", string, EvictionOrder]
  | readonly ["made", string, string, string, number];

export function capacityAccount(
  applications: readonly string[],
  claimants: Partial<Record<string, Partial<Claimant>>>,
) {
  const db = memoryDatabase();
  migrate(db, ACCOUNT_MIGRATIONS);
  for (const id of applications) reserveName(db, `name-of-${id}`, id, "application", NOW);
  return { db, ...account(db, claimants) };
}

/** Also a later lifetime of the object: over the same database. */
export function account(db: Database, claimants: Partial<Record<string, Partial<Claimant>>>, bornAt = NOW) {
  const at = { now: bornAt };
  const pools = { total: ANY, locations: new Map<string, Capacity>() };
  const told: Told[] = [];
  const works: Promise<void>[] = [];
  const keeper = new CapacityKeeper({
    db,
    clock: () => at.now,
    pools: () => pools,
    claimant: (id) => ({
      capacityFreed: async () => {
        told.push(["freed", id]);
        await claimants[id]?.capacityFreed?.();
      },
      enlist: async () => {
        told.push(["asked", id]);
        const { enlist = async () => stating(NOW + 1) } = claimants[id] ?? {};
        return await enlist();
      },
      makeRoom: async (order) => {
        told.push(["room", id, order]);
        return (await claimants[id]?.makeRoom?.(order)) ?? 0;
      },
      roomMade: async (application, location, count) => {
        told.push(["made", id, application, location, count]);
        await claimants[id]?.roomMade?.(application, location, count);
      },
    }),
    background: (work) => void works.push(work),
  });
  let number = bornAt + 10;
  return {
    keeper,
    at,
    pools,
    works,
    /** What was told since it was last looked at, once all of it is done. */
    news: async () => {
      await Promise.all(works.splice(0));
      return told.splice(0);
    },
    limit: async (total: Partial<Capacity>, locations: Readonly<Record<string, Partial<Capacity>>> = {}) => {
      pools.total = { ...ANY, ...total };
      pools.locations = new Map(Object.entries(locations).map(([code, own]) => [code, { ...ANY, ...own }]));
      await keeper.changed();
    },
    /** Says what it has and wants, with a number of its own. */
    state: async (id: string, stated: Stated = {}): Promise<Granted> => {
      number += 1;
      const answer = await keeper.state(id, stating(number, stated));
      if (answer.outcome === "stale") throw new Error(`stale: ${answer.number}`);
      return answer;
    },
    /** How many instances it has been granted. */
    claimed: (id: string) => claimsOf(db, id).reduce((sum, { load }) => sum + load.instances, 0),
    waiting: (id: string) => claimsOf(db, id).reduce((sum, { more }) => sum + more, 0),
  };
}
