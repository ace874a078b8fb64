/**
 * Who may begin how many more. Pure.
 *
 * Those that wait are served by priority, then in the order in which they came, each with as many as fit. The first one of
 * a location that has to wait gets what is left for its next instance set aside, in its location and of the account, so
 * that smaller ones behind it pass only if that delays it by nothing. What could not even run alone waits without holding
 * anybody up.
 */
import { fits, isLess, leftOf, LOADS, NO_LOAD, setAside, subtract, scaled, type Capacity, type Load } from "./load.ts";

/** What one application has and wants in one location. */
export interface Claim {
  readonly application: string;
  readonly location: string;
  /** Granted: what runs, and what may begin any moment. */
  readonly load: Load;
  /** Instances that are wanted beyond that. */
  readonly more: number;
  /** Of one more. */
  readonly size: Load;
  readonly priority: number;
  /** Lower came earlier; null: it does not wait yet. */
  readonly arrival: number | null;
  /** May be stopped for a higher priority. */
  readonly isPreemptible: boolean;
}

export interface Pools {
  readonly total: Capacity;
  /** Those that are limited; the others are not. */
  readonly locations: ReadonlyMap<string, Capacity>;
}

/** What of the pools is taken. */
export interface Taken {
  readonly total: Load;
  readonly locations: ReadonlyMap<string, Load>;
}

export interface Share {
  readonly claim: Claim;
  /** How many more it may begin. */
  readonly granted: number;
  /** What was left for it, those before it served. */
  readonly left: Load;
}

/** What is left of the pools while those that wait are served one after another. */
export class Remainder {
  readonly #pools: Pools;
  readonly #locations = new Map<string, Load>();
  readonly #isHeld = new Set<string>();
  #total: Load;

  constructor(pools: Pools, taken: Taken) {
    this.#pools = pools;
    this.#total = leftOf(pools.total, taken.total);
    for (const [location, capacity] of pools.locations) {
      this.#locations.set(location, leftOf(capacity, taken.locations.get(location) ?? NO_LOAD));
    }
  }

  /** In a location: of the account, or of the location where that is less. */
  at(location: string): Load {
    return least(this.#total, this.#locations.get(location));
  }

  take(location: string, load: Load): void {
    this.#total = subtract(this.#total, load);
    const there = this.#locations.get(location);
    if (there !== undefined) this.#locations.set(location, subtract(there, load));
  }

  give(location: string, load: Load): void {
    this.take(location, scaled(load, -1));
  }

  /** The first that has to wait in a location is not overtaken by what it waits for. */
  hold(location: string, size: Load): void {
    if (this.#isHeld.has(location) || !this.isPossible(location, size)) return;
    this.#isHeld.add(location);
    this.#total = setAside(this.#total, size);
    const there = this.#locations.get(location);
    if (there !== undefined) this.#locations.set(location, setAside(there, size));
  }

  /** It would fit if nothing else ran. */
  isPossible(location: string, size: Load): boolean {
    const { total, locations } = this.#pools;
    return [total, locations.get(location)].every((capacity) =>
      capacity === undefined ? true : fits(leftOf(capacity, NO_LOAD), size) > 0,
    );
  }
}

/** Of each that waits, in the order in which they are served. */
export function shareOut(pools: Pools, taken: Taken, waiting: readonly Claim[]): Share[] {
  const remainder = new Remainder(pools, taken);
  return inOrder(waiting).map((claim) => {
    const left = remainder.at(claim.location);
    const granted = Math.min(claim.more, fits(left, claim.size));
    remainder.take(claim.location, scaled(claim.size, granted));
    if (granted < claim.more) remainder.hold(claim.location, claim.size);
    return { claim, granted, left };
  });
}

export function inOrder(waiting: readonly Claim[]): Claim[] {
  const last = Number.POSITIVE_INFINITY;
  return waiting.toSorted(
    (a, b) =>
      b.priority - a.priority ||
      compare(a.arrival ?? last, b.arrival ?? last) ||
      compare(a.application, b.application) ||
      compare(a.location, b.location),
  );
}

/** What one more would need beyond what is left, by resource. */
export function shortfallOf(left: Load, size: Load): Partial<Load> {
  const short = LOADS.filter((key) => size[key] > left[key]);
  const rest = subtract(size, left);
  return Object.fromEntries(short.map((key) => [key, rest[key]]));
}

function least(a: Load, b: Load | undefined): Load {
  if (b === undefined || !isLess(b, a)) return a;
  const at = (key: keyof Load) => Math.min(a[key], b[key]);
  return { instances: at("instances"), vcpu: at("vcpu"), memoryMib: at("memoryMib"), diskMb: at("diskMb") };
}

function compare<T extends string | number>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
