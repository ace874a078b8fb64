/**
 * Which deployments of an application stay, which go, and how many are missing. Pure.
 *
 * Replacing what is outdated costs no availability: one new placement more than wanted is allowed, and an old one that
 * takes traffic goes only while more than needed take traffic. Old ones that take none go at once.
 */
import { assertNever } from "../../assert-never.ts";
import { selectRolling, standingAside, type DesiredRollout } from "./rolling.ts";
import { isAvailable, isFailing, isLeaving, isLive, STOP, type Deployment } from "./deployment.ts";

/** New placements allowed above the count while outdated ones live. */
export const MAX_SURGE = 1;

export interface Desired {
  /** Containers wanted. 0 while `deleting`. */
  readonly instances: number;
  /** How many that are called by name may be awake. Default: none. */
  readonly namedInstances?: number;
  /** The version whose configuration new placements get. */
  readonly version: number;
  /** A placement of that version starts something else than the wanted version does. */
  readonly isOutdated: (version: number) => boolean;
  /** Where it was asked to run, it may not run any more. Absent: there are no constraints. */
  isMisplaced?: (deployment: Deployment) => boolean;
  /** It was found to run where it may not, and that counts. Absent: no place is verified. */
  isFoundOutside?: (deployment: Deployment) => boolean;
  /** `rolling`: a new slot before an old one goes. `in-place`: the same deployment, stopped and started again. */
  readonly strategy: "rolling" | "in-place";
  readonly deleting: boolean;
  /** False: others may have the one instance more at present, so that nothing is placed above the count. */
  readonly maySurge?: boolean;
  /** Under way. Absent: what is outdated is replaced, one after another. */
  readonly rollout?: DesiredRollout;
  /** The version that a name starts in, where that is not `version`. */
  readonly versionOfName?: (name: string) => number;
}

export interface Selection {
  readonly keep: readonly Deployment[];
  /** To be brought to their end, with the reason for those that still live. */
  readonly leave: readonly { readonly deployment: Deployment; readonly reason: string }[];
  /** New slots to place. */
  readonly missing: number;
  /** Of those, at the version that a rollout goes away from. Absent: none. */
  readonly missingOld?: number;
  /** Why they are placed. */
  readonly reason: string;
  /** To stand aside from now on, and no more. Both are among those that stay. */
  readonly park?: readonly { readonly deployment: Deployment; readonly until: number }[];
  readonly recall?: readonly Deployment[];
  /** When time alone may change it; null, or absent: it cannot. What runs reports now and then, so that it is no alarm. */
  readonly lookAt?: number | null;
}

export function select(deployments: readonly Deployment[], desired: Desired, now = 0): Selection {
  const wanted = desired.deleting ? 0 : desired.instances;
  const { rollout } = desired;
  if (rollout !== undefined && !desired.deleting) return selectRolling(deployments, wanted, desired, rollout, now);
  if (!deployments.some(isParked)) return selectPlain(deployments, wanted, desired);
  const looks: number[] = [];
  const aside = standingAside(
    deployments.filter((deployment) => !isLeaving(deployment)),
    wanted,
    now,
    looks,
  );
  const apart = new Set([...aside.kept, ...aside.over]);
  const selection = selectPlain(
    deployments.filter((deployment) => !apart.has(deployment)),
    wanted,
    desired,
  );
  const reason = desired.deleting ? STOP.deleted : STOP.outdated;
  return {
    ...selection,
    keep: [...selection.keep, ...aside.kept],
    leave: [...selection.leave, ...aside.over.map((deployment) => ({ deployment, reason }))],
    lookAt: looks.length === 0 ? null : Math.min(...looks),
  };
}

function isParked({ parkedUntil }: Deployment): boolean {
  return parkedUntil !== undefined;
}

function selectPlain(deployments: readonly Deployment[], wanted: number, desired: Desired): Selection {
  const candidates = deployments.filter((deployment) => !isLeaving(deployment) && !isStranded(deployment, desired));
  const isOutdated = outdatedOf(desired);
  const isAtRest =
    candidates.length === wanted && deployments.length === wanted && !deployments.some((d) => isOutdated(d));
  if (isAtRest) return { keep: deployments, leave: [], missing: 0, reason: "BelowDesiredCount" };
  const isRolling = desired.strategy === "rolling" && wanted > 0;
  // What runs or comes in the wanted version has its place before what a user holds.
  const current = candidates.filter((deployment) => !deployment.held && !isOutdated(deployment)).length;
  const heldCount = Math.min(candidates.filter(isHeld).length, Math.max(0, wanted - current));
  const replaced = new Set(
    isRolling ? replaceable(candidates, wanted - heldCount, isOutdated, servingOf(desired)) : [],
  );
  const rest = candidates.filter((deployment) => !replaced.has(deployment));
  const keep = new Set<Deployment>();
  let room = wanted;
  if (isRolling && rest.some(isOutdated)) {
    // What a user holds brings nobody nearer to the new version, so the surge comes on top of it.
    const most = Math.max(1, wanted - heldCount) + MAX_SURGE;
    room = heldCount + most;
    for (const held of best(rest.filter(isHeld), heldCount, isOutdated)) keep.add(held);
    for (const free of best(rest.filter(isFree), most, isOutdated)) keep.add(free);
  } else {
    for (const deployment of best(rest, wanted, isOutdated)) keep.add(deployment);
  }
  const mostPlaced = desired.maySurge === false ? Math.min(room, wanted) : room;
  const reasonOf = (deployment: Deployment) => {
    if (desired.deleting) return STOP.deleted;
    return replaced.has(deployment) ? STOP.outdated : STOP.scaledDown;
  };
  return {
    keep: deployments.filter((deployment) => keep.has(deployment)),
    leave: deployments
      .filter((deployment) => !keep.has(deployment))
      .map((deployment) => ({ deployment, reason: reasonOf(deployment) })),
    missing: Math.max(0, mostPlaced - keep.size),
    reason: room > wanted && keep.size >= wanted ? "Surge" : "BelowDesiredCount",
  };
}

/** It waits for a start that would be where it may not be: its slot goes to another place. */
function isStranded(deployment: Deployment, desired: Desired): boolean {
  const isWaiting = desired.strategy === "rolling" && deployment.phase === "pending" && !deployment.held;
  return isWaiting && desired.isMisplaced?.(deployment) === true;
}

/** Outdated ones that may go now: all that take no traffic, and as many others as are not needed. */
function replaceable(
  candidates: readonly Deployment[],
  wantedFree: number,
  isOutdated: (deployment: Deployment) => boolean,
  isServing: (deployment: Deployment) => boolean,
): Deployment[] {
  const outdated = candidates.filter(isOutdated);
  const serving = outdated.filter(isServing);
  // Out of traffic by a user's wish: nothing to wait for. But one that serves is always left.
  const cordoned = candidates.filter((d) => d.cordoned && d.ready && !isOutdated(d)).length;
  const needed = Math.max(1, wantedFree - cordoned);
  const spare = Math.max(0, candidates.filter(isServing).length - needed);
  const first = serving.toSorted((a, b) => busyness(a) - busyness(b) || b.slot - a.slot).slice(0, spare);
  return [...outdated.filter((deployment) => !isServing(deployment)), ...first];
}

/** What was found where it may not be takes traffic only until this plan is carried out. */
function servingOf(desired: Desired): (deployment: Deployment) => boolean {
  return (deployment) => isAvailable(deployment) && desired.isFoundOutside?.(deployment) !== true;
}

/** Asks once per version: there are few of those and many deployments. One in a wrong place is replaced likewise. */
export function outdatedOf(desired: Desired): (deployment: Deployment) => boolean {
  const known = new Map<number, boolean>();
  return (deployment) => {
    if (!isLive(deployment)) return false;
    const { version } = deployment;
    const isOutdated = known.get(version) ?? desired.isOutdated(version);
    known.set(version, isOutdated);
    return isOutdated || (desired.strategy === "rolling" && desired.isMisplaced?.(deployment) === true);
  };
}

function isHeld(deployment: Deployment): boolean {
  return deployment.held;
}

function isFree(deployment: Deployment): boolean {
  return !deployment.held;
}

function best(
  candidates: readonly Deployment[],
  count: number,
  isOutdated: (deployment: Deployment) => boolean,
): readonly Deployment[] {
  if (candidates.length <= count) return candidates;
  const age = (deployment: Deployment) => (isOutdated(deployment) ? 1 : 0);
  return candidates.toSorted((a, b) => worth(b) - worth(a) || age(a) - age(b) || a.slot - b.slot).slice(0, count);
}

function busyness({ isBusy }: Deployment): number {
  return isBusy === true ? 1 : 0;
}

/** What scaling down would lose: a busy one most, then one that takes traffic, a failing one least. */
function worth(deployment: Deployment): number {
  switch (deployment.phase) {
    case "running": {
      if (deployment.isBusy === true) return 5;
      return isAvailable(deployment) ? 4 : 3;
    }
    case "starting": {
      return 2;
    }
    case "pending": {
      return isFailing(deployment) ? 0 : 1;
    }
    case "stopping": {
      return -1;
    }
    default: {
      return assertNever(deployment.phase);
    }
  }
}
