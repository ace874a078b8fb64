/**
 * What a statement of an application comes to: its claims, and what it may begin. Check and write are in one turn of the
 * account's object, so that all claims together never grow beyond the capacity. What lives is a fact and never refused: a
 * claim is at least what is held, and only growth has to fit.
 */
import type { Database } from "../../database.ts";
import { claimsOf, lastArrival, putClaim, taken, waitingClaims } from "./claims.ts";
import { add, fits, loadOf, NO_LOAD, scaled, subtract, type Load } from "./load.ts";
import { Remainder, shareOut, shortfallOf, type Claim, type Pools, type Share, type Taken } from "./queue.ts";
import type { Shortage, Statement, Want } from "./statement.ts";

export interface Admission {
  readonly granted: Readonly<Record<string, Load>>;
  readonly free: Readonly<Record<string, number>>;
  readonly shortage: Shortage | null;
  readonly shortages: Readonly<Record<string, Shortage>>;
  /** Others may begin something now. */
  readonly isFreed: boolean;
}

/** `isAwake`: those who wait and have not asked for long hold nobody up. `isOpen`: false: nothing may grow now. */
export function admit(
  db: Database,
  pools: Pools,
  application: string,
  statement: Statement,
  isAwake: (application: string) => boolean,
  isOpen: boolean,
): Admission {
  const before = claimsOf(db, application);
  const stated = claimsIn(application, statement, before);
  const others = waitingClaims(db).filter((claim) => claim.application !== application && isAwake(claim.application));
  const used = withClaims(taken(db), before, stated);
  const shares = isOpen ? shareOut(pools, used, [...others, ...stated]) : [];
  const own = new Map(
    shares.filter(({ claim }) => claim.application === application).map((s) => [s.claim.location, s]),
  );
  let arrival = lastArrival(db);
  let isFreed = false;
  const granted: Record<string, Load> = {};
  for (const claim of stated) {
    const count = own.get(claim.location)?.granted ?? 0;
    const load = add(claim.load, scaled(claim.size, count));
    const more = claim.more - count;
    const known = before.find(({ location }) => location === claim.location);
    if (more > 0 && claim.arrival === null) arrival += 1;
    const next: Claim = { ...claim, load, more, arrival: more === 0 ? null : (claim.arrival ?? arrival) };
    putClaim(db, known, next, statement.number);
    granted[claim.location] = load;
    // Also one that waits for less than before leaves more to those behind it.
    isFreed ||= known !== undefined && (known.load.instances > load.instances || known.more > more);
  }
  const waiting = stated.filter(({ more }) => more > 0);
  const shortages = isOpen ? shortagesOf(pools, waiting, own) : {};
  return {
    granted,
    free: freeIn(pools, used, shares, application, statement),
    shortage: isOpen ? (Object.values(shortages)[0] ?? null) : shut(waiting),
    shortages,
    isFreed,
  };
}

/** What was claimed and is not named any more is stated as nothing. */
function claimsIn(application: string, statement: Statement, before: readonly Claim[]): Claim[] {
  const { wants, priority, isPreemptible } = statement;
  const size = loadOf(statement.size, 1);
  const named = new Set(wants.map(({ location }) => location));
  const arrivals = new Map(before.map(({ location, arrival }) => [location, arrival]));
  // It waits since it first waited anywhere: where it would be placed may change meanwhile.
  const waits = [...arrivals.values()].filter((arrival) => arrival !== null);
  const earliest = waits.length === 0 ? null : Math.min(...waits);
  const gone = before.filter(({ location }) => !named.has(location)).map(({ location }) => location);
  const all: Want[] = [...wants, ...gone.map((location) => ({ location, held: NO_LOAD, more: 0 }))];
  return all.map(({ location, held, more, size: own }) => {
    const arrival = more === 0 ? null : (arrivals.get(location) ?? earliest);
    const each = own === undefined ? size : loadOf(own, 1);
    return { application, location, load: held, more, size: each, priority, arrival, isPreemptible };
  });
}

function withClaims(all: Taken, before: readonly Claim[], stated: readonly Claim[]): Taken {
  const locations = new Map(all.locations);
  let { total } = all;
  for (const [claims, change] of [
    [before, subtract],
    [stated, add],
  ] as const) {
    for (const { location, load } of claims) {
      total = change(total, load);
      locations.set(location, change(locations.get(location) ?? NO_LOAD, load));
    }
  }
  return { total, locations };
}

/** Into each limited location, what is granted taken. */
function freeIn(
  pools: Pools,
  used: Taken,
  shares: readonly Share[],
  application: string,
  statement: Statement,
): Record<string, number> {
  const remainder = new Remainder(pools, used);
  for (const { claim, granted } of shares) {
    remainder.take(claim.location, scaled(claim.size, granted));
    if (granted < claim.more && claim.application !== application) remainder.hold(claim.location, claim.size);
  }
  const size = loadOf(statement.size, 1);
  return Object.fromEntries([...pools.locations.keys()].map((code) => [code, fits(remainder.at(code), size)]));
}

/** By location, in the order of the claims. */
function shortagesOf(
  pools: Pools,
  waiting: readonly Claim[],
  own: ReadonlyMap<string, Share>,
): Record<string, Shortage> {
  const shortages: Record<string, Shortage> = {};
  for (const claim of waiting) {
    const share = own.get(claim.location);
    if (share === undefined || share.granted === claim.more) continue;
    const left = subtract(share.left, scaled(claim.size, share.granted));
    const shortfall = shortfallOf(left, claim.size);
    const isImpossible = !new Remainder(pools, { total: NO_LOAD, locations: new Map() }).isPossible(
      claim.location,
      claim.size,
    );
    const reason = Object.keys(shortfall).includes("instances") ? "MaxInstances" : "NoCapacity";
    shortages[claim.location] = { reason, shortfall, isImpossible };
  }
  return shortages;
}

function shut(waiting: readonly Claim[]): Shortage | null {
  return waiting.length === 0 ? null : { reason: "NoCapacity", shortfall: {}, isImpossible: false };
}
