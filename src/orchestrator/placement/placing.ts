/**
 * Placing of several new slots one after another, each by where the ones before it went; and what is kept of each
 * decision. Pure.
 */
import {
  isConstrained,
  isRegion,
  violated,
  violatedRegion,
  type Constraints,
  type Jurisdiction,
  type Location,
  type Place,
} from "./location.ts";
import { place, type Candidate, type Decision } from "./place.ts";

/** What placing an application's next instances depends on beside what it has. */
export interface Where {
  readonly locations: readonly Location[];
  readonly constraints: Constraints;
  /** Live instances by location of the application to be near; null when it wants to be near none. */
  readonly companions: Readonly<Record<string, number>> | "own" | null;
  /** How many more instances fit, by location; one that is not in it is not limited. */
  readonly free?: ReadonlyMap<string, number>;
  /** Locations where a start failed a moment ago. */
  readonly failing: ReadonlySet<string>;
  /** Slots by location that other objects of the application have. */
  readonly beside?: Readonly<Record<string, number>>;
  /** Of those that they place before this one, so many are not known yet. */
  readonly before?: number;
}

/** Read inside a container, never copied from what was asked for. */
export interface ObservedPlace {
  readonly location: string | null;
  readonly region: string | null;
  readonly country: string | null;
}

/** What is kept of where a deployment was placed, in its row. */
export interface PlacementRecord extends Place {
  readonly decidedAt: number;
  readonly decision: Decision;
  /** Of the container that runs or ran last. Null: it could not be read. */
  readonly observed?: ObservedPlace | null;
  /** How many in a row before it were found in a wrong place. */
  readonly misplaced?: number;
}

export type BlockedReason =
  | "NoLocationAllowed"
  | "NoLocationEnabled"
  | "NoCapacity"
  | "MaxInstances"
  | "StartRate"
  | "LocationUnsatisfied";

/** A container that is found in a wrong place is replaced so often, then no more. */
export const MAX_MISPLACED = 3;

/** One place after another for the new slots of one plan. */
export class Placer {
  readonly #where: Where;
  readonly #used: Map<string, number>;
  readonly #taken = new Map<string, number>();

  constructor(where: Where, used: Map<string, number>) {
    this.#where = where;
    this.#used = used;
    // They go where they would go from here, so that all together are as even as those of one.
    for (let left = unknownOf(where); left > 0; left -= 1) this.next();
    this.#taken.clear();
  }

  next(): Decision {
    const { locations, constraints, companions, free, failing, beside } = this.#where;
    const candidates = locations.map((location): Candidate => {
      const used = (this.#used.get(location.code) ?? 0) + (beside?.[location.code] ?? 0);
      const near = companions === "own" ? used : (companions?.[location.code] ?? 0);
      const room = free?.get(location.code);
      return {
        location,
        used,
        companions: near,
        free: room === undefined ? null : room - (this.#taken.get(location.code) ?? 0),
        justFailed: failing.has(location.code),
      };
    });
    const decision = place({ candidates, constraints, colocate: companions !== null });
    if (decision.location !== null) {
      this.#used.set(decision.location, (this.#used.get(decision.location) ?? 0) + 1);
      this.#taken.set(decision.location, (this.#taken.get(decision.location) ?? 0) + 1);
    }
    return decision;
  }

  /** Of the location that a decision is for. */
  locationOf({ location: code }: Decision): Location | undefined {
    return this.#where.locations.find((location) => location.code === code);
  }
}

/** When all locations are even, as many more as there are leave them so. */
function unknownOf({ before = 0, locations }: Where): number {
  const rounds = UNEVEN_ROUNDS * locations.length;
  return before <= rounds ? before : rounds + ((before - rounds) % Math.max(1, locations.length));
}

const UNEVEN_ROUNDS = 4;

/** Why nothing could be placed: what would have to change first. */
export function blockedBy({ filtered }: Decision): BlockedReason {
  if (filtered.capacity > 0) return "NoCapacity";
  return filtered.disabled > 0 ? "NoLocationEnabled" : "NoLocationAllowed";
}

export function explainBlocked(reason: BlockedReason): string {
  switch (reason) {
    case "NoCapacity": {
      return "there is no room for one more: it is placed when something ends, or when the capacity is raised";
    }
    case "MaxInstances": {
      return "as many instances run as may at one time: it is placed when one ends, or when the maximum is raised";
    }
    case "StartRate": {
      return "the platform takes no more starts per second: it is started when its turn comes";
    }
    case "NoLocationEnabled": {
      return "every location that the constraints allow is disabled: enable one, or change the constraints";
    }
    case "NoLocationAllowed": {
      return "no location of the account meets the constraints: change them, or add a location";
    }
    case "LocationUnsatisfied": {
      return `${MAX_MISPLACED + 1} containers in a row were found outside the constraints: change them, or destroy the instance to try again`;
    }
  }
}

/** Where it was asked to run is not where it may be asked to run now. */
export function isDisallowed(record: PlacementRecord | undefined, constraints: Constraints): boolean {
  if (record === undefined) return isConstrained(constraints);
  return violated(record, constraints) !== null;
}

/** Where it was found is certainly not where it has to be. What could not be read says nothing. */
export function isFoundOutside(record: PlacementRecord | undefined, constraints: Constraints): boolean {
  const region = record?.observed?.region ?? "";
  return isRegion(region) && violatedRegion(region, constraints) !== null;
}

/** Why a container may not take traffic before its place is known; null when it may. */
export function unverified(observed: ObservedPlace | null | undefined, constraints: Constraints): string | null {
  if (observed === undefined) return "its place is being read";
  const region = observed?.region ?? "";
  if (region === "") return "its place could not be read, and its constraints have to be verified";
  if (!isRegion(region)) return `it says that it runs in ${region}, which is no region that its constraints know`;
  const wrong = violatedRegion(region, constraints);
  return wrong === null ? null : `it runs in ${region}, outside its ${wrong}`;
}

/** How long a placement that is blocked waits for the next look: as long as it has waited, within bounds. */
export function blockedRetryMs(since: number, now: number): number {
  return Math.min(BLOCKED_RETRY_MAX_MS, Math.max(BLOCKED_RETRY_FIRST_MS, now - since));
}

const BLOCKED_RETRY_FIRST_MS = 1_000;
/** What is enabled or freed is taken within this time. */
export const BLOCKED_RETRY_MAX_MS = 30_000;

/** The region and jurisdiction that an object is made with. */
export interface ObjectPlace {
  readonly region: Place["region"];
  readonly jurisdiction: Jurisdiction | null;
}
