/** The account's locations as a simulated operator switches them, and what must hold of every placement by them. */
import {
  violated,
  type Constraints,
  type Location,
  type Region,
} from "../../../src/orchestrator/placement/location.ts";
import { isDisallowed, isFoundOutside } from "../../../src/orchestrator/placement/placing.ts";
import type { Deployment } from "../../../src/orchestrator/plan/deployment.ts";
import type { PlacementConstraints } from "../../../src/orchestrator/storage/application-row.ts";
import type { Random } from "../random.ts";

/** How old a copy of the locations may be that is placed by; said here again, so that it cannot move unnoticed. */
const MOST_STALE_MS = 5_000;
export const SOME_REGIONS = ["WEUR", "ENAM", "APAC", "OC"] as const satisfies readonly Region[];

export function someConstraints(random: Random, mayBeVerified: boolean): SomeConstraints | null {
  if (random.chance(0.3)) return null;
  const regions = SOME_REGIONS.filter(() => random.chance(0.5));
  const isVerified = mayBeVerified && random.chance(0.5);
  return { regions: regions.length === 0 ? ["WEUR"] : regions, ...(isVerified ? { isVerified } : {}) };
}

interface SomeConstraints {
  regions: Region[];
  isVerified?: boolean;
}

export class AccountPlaces {
  violation: string | null = null;
  /** Placements that were judged; a world without any would keep every rule. */
  placed = 0;
  moved = 0;
  #locations: readonly Location[] = SOME_REGIONS.map((region) => {
    return { code: region.toLowerCase(), name: region, region, city: null, pop: null, weight: 1, enabled: true };
  });
  readonly #disabledAt = new Map<string, number>();

  get locations(): readonly Location[] {
    return this.#locations;
  }

  switch(code: string, enabled: boolean, now: number): void {
    this.#locations = this.#locations.map((location) => (location.code === code ? { ...location, enabled } : location));
    if (enabled) this.#disabledAt.delete(code);
    else if (!this.#disabledAt.has(code)) this.#disabledAt.set(code, now);
  }

  enableAll(now: number): void {
    for (const { code } of this.#locations) this.switch(code, true, now);
  }

  /** Those that one turn has placed, in an application that had `before`, under these constraints. */
  judgePlaced(
    placed: readonly Deployment[],
    before: number,
    constraints: Constraints,
    isLimited: boolean,
    now: number,
  ): void {
    this.placed += placed.length;
    for (const { id, location, placement } of placed) {
      if (location === undefined || placement === undefined) return this.#break(`${id} was placed nowhere`);
      const wrong = violated(placement, constraints);
      if (wrong !== null) return this.#break(`${id} was placed in ${location}, outside its ${wrong}`);
      const disabledAt = this.#disabledAt.get(location) ?? Number.POSITIVE_INFINITY;
      if (now - disabledAt > MOST_STALE_MS) return this.#break(`${id} was placed in ${location}, which is disabled`);
    }
    // What is limited begins where it was granted.
    if (before > 0 || isLimited) return;
    const open = placed[0]?.placement?.decision.table.map(({ location }) => location) ?? [];
    const counts = open.map((code) => placed.filter(({ location }) => location === code).length);
    if (Math.max(0, ...counts) - Math.min(...counts) > 1)
      this.#break(`${placed.length} were spread as ${counts.join("/")}`);
  }

  /** Whatever an operator switches: what runs is moved for its version or for its application's constraints only. */
  judgeMoved(
    before: Deployment,
    reason: string | null,
    isOutdated: boolean,
    wanted: PlacementConstraints | null,
  ): void {
    const { isVerified = false, ...constraints } = wanted ?? {};
    if (reason === "Outdated" && !isOutdated) {
      this.moved += 1;
      if (!isDisallowed(before.placement, constraints)) this.#break(`${before.id} was moved from an allowed place`);
    }
    if (reason === "Misplaced" || reason === "LocationUnsatisfied") {
      this.moved += 1;
      if (!isVerified || !isFoundOutside(before.placement, constraints)) {
        this.#break(`${before.id} was called misplaced in ${JSON.stringify(before.placement?.observed)}`);
      }
      if ((before.placement?.misplaced ?? 0) > 3) this.#break(`${before.id} was one more than may be misplaced`);
    }
  }

  #break(why: string): void {
    this.violation ??= `P: ${why}`;
  }
}

/** Constraints without how they are taken. */
export function within(constraints: PlacementConstraints | null) {
  const { isVerified: _, ...places } = constraints ?? {};
  return places;
}
