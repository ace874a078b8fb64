/** What a shard's instances come to, and what all shards together come to. Pure. */
import type { StoredEvent } from "../events.ts";
import type { HealthCounts } from "../health.ts";
import type { BlockedReason } from "../placement/placing.ts";
import type { Deployment } from "../plan/deployment.ts";
import type { ObservedShare } from "../rollouts/observed.ts";
import type { Failing } from "../views.ts";
import type { Blocked } from "../storage/application-row.ts";

export interface Summary {
  /** Grows with each summary of a shard: a late one is not taken for news. */
  readonly stamp: number;
  /** The change of the specification that it follows. */
  readonly generation: number;
  readonly turn: number;
  readonly health: HealthCounts;
  readonly failing: readonly Failing[];
  /** Live instances, and those of the pool that take traffic, by version. */
  readonly live: Readonly<Record<number, number>>;
  readonly ready: Readonly<Record<number, number>>;
  /** Live ones of the pool, by version. */
  readonly pool: Readonly<Record<number, number>>;
  /** Live instances, by location. */
  readonly locations: Readonly<Record<string, number>>;
  /** Slots that stay, by location, whether anything runs in them or not. */
  readonly placed: Readonly<Record<string, number>>;
  /** Where starts failed, and when. */
  readonly failures: Readonly<Record<string, number>>;
  readonly isSettled: boolean;
  /** Something that runs is to be replaced. */
  readonly isOutdated: boolean;
  readonly blocked: Blocked | null;
  /** When what is blocked is tried again. */
  readonly retryAt: number | null;
  /** What it has of the rollout that is under way. */
  readonly rollout?: ObservedShare | null;
}

export type Whole = Pick<
  Summary,
  "health" | "failing" | "live" | "ready" | "pool" | "locations" | "blocked" | "retryAt"
>;

/** Instances, counted by something of theirs. */
export function countBy<Key extends string | number>(
  deployments: readonly Deployment[],
  keyOf: (deployment: Deployment) => Key | undefined,
): Record<Key, number> {
  const counts = {} as Record<Key, number>;
  for (const deployment of deployments) {
    const key = keyOf(deployment);
    if (key !== undefined) counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

/** Of a shard that has not been heard of: nothing of its share is there. */
export function unheard(share: number): Summary {
  return {
    stamp: 0,
    generation: 0,
    turn: -1,
    health: { active: 0, healthy: 0, failed: 0, starting: 0, scheduling: share },
    failing: [],
    live: {},
    pool: {},
    ready: {},
    locations: {},
    placed: {},
    failures: {},
    isSettled: false,
    isOutdated: false,
    blocked: null,
    retryAt: null,
  };
}

/** `failing`: so many are told of. */
export function merged(summaries: readonly Summary[], mostFailing: number): Whole {
  const first = firstBlocked(summaries);
  const total = (key: keyof HealthCounts) => summaries.reduce((sum, { health }) => sum + health[key], 0);
  return {
    health: {
      active: total("active"),
      healthy: total("healthy"),
      failed: total("failed"),
      starting: total("starting"),
      scheduling: total("scheduling"),
    },
    failing: summaries.flatMap(({ failing }) => failing).slice(0, mostFailing),
    live: summed(summaries.map(({ live }) => live)),
    pool: summed(summaries.map(({ pool }) => pool)),
    ready: summed(summaries.map(({ ready }) => ready)),
    locations: summed(summaries.map(({ locations }) => locations)),
    blocked: first?.blocked ?? null,
    retryAt: first?.retryAt ?? null,
  };
}

/** Who has been blocked for longest speaks for all. */
function firstBlocked(summaries: readonly Summary[]): Summary | undefined {
  return summaries
    .filter(({ blocked }) => blocked !== null)
    .toSorted((a, b) => (a.blocked?.since ?? 0) - (b.blocked?.since ?? 0))[0];
}

export function summed(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const one of counts) for (const [key, count] of Object.entries(one)) sums[key] = (sums[key] ?? 0) + count;
  return sums;
}

/** Without what was told already: that placements are blocked is told once, however many shards it stops. */
export function toldAnew(events: readonly StoredEvent[], elsewhere: readonly BlockedReason[]): StoredEvent[] {
  return events.filter(({ name, details }) => {
    if (name === "PlacementUnblocked") return elsewhere.length === 0;
    return name !== "PlacementBlocked" || !elsewhere.some((reason) => reason === details?.["reason"]);
  });
}

/** They say the same, whenever they were made. */
export function sameSummary(a: Summary | null, b: Summary | null): boolean {
  return JSON.stringify({ ...a, stamp: 0 }) === JSON.stringify({ ...b, stamp: 0 });
}
