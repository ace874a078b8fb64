/**
 * Brings a pool to so many instances of one version beside so many of another: which stay, which go, which stand aside for
 * a while, and how many of each are to be placed. Pure. Never more than `surge` above what is wanted are alive, and none
 * that takes traffic goes while fewer than `wanted - unavailable` would be left; what takes none goes at once. In both
 * directions: a rollout that goes back is one that wants none at its target.
 */
import { isAvailable, isFailing, isLive, type Deployment } from "../plan/deployment.ts";

/** `to` and `from`: the two versions. `stray`: neither, or in a wrong place. */
export type Side = "to" | "from" | "stray";

export interface Shift {
  readonly wanted: number;
  /** At the version that the rollout brings, and at the one before; together more than `wanted` where both stand by. */
  readonly fresh: number;
  readonly old: number;
  readonly surge: number;
  readonly unavailable: number;
  readonly sideOf: (deployment: Deployment) => Side;
  /** Requests go to it: nobody misses one of those that none go to. Default: to all that take any. */
  isServing?(deployment: Deployment): boolean;
  /** It has taken traffic for long enough to count as one that does. */
  readonly isRipe?: (deployment: Deployment) => boolean;
  /** It may not go yet, since somebody has only just come to it. */
  readonly isSpared?: (deployment: Deployment) => boolean;
}

export interface Shifted {
  readonly keep: ReadonlySet<Deployment>;
  readonly leave: readonly Deployment[];
  /** Stand aside no more. Among those that are kept. */
  readonly recall: readonly Deployment[];
  readonly place: { readonly fresh: number; readonly old: number };
}

/** `candidates`: those that are not on their way out. What a user holds stopped stays, and brings nobody nearer. */
export function shift(candidates: readonly Deployment[], asked: Shift): Shifted {
  const held = candidates.filter((deployment) => deployment.held).slice(0, asked.wanted);
  const keep = new Set(held);
  const wanted = asked.wanted - held.length;
  const aside = candidates.filter((deployment) => !deployment.held && isParked(deployment));
  const free = candidates.filter((deployment) => !deployment.held && !isParked(deployment));
  const fresh = Math.min(asked.fresh, wanted);
  const at = (side: Side) => free.filter((one) => asked.sideOf(one) === side);
  const sides = {
    stray: { all: at("stray"), wanted: 0 },
    from: { all: at("from"), wanted: asked.old === asked.wanted ? wanted : Math.max(0, wanted - fresh) },
    to: { all: at("to"), wanted: fresh },
  };
  // With nobody to spare, somebody has to go first.
  const least = Math.max(0, wanted - asked.unavailable);
  // Out of traffic by a user's wish: nothing to wait for, as long as it stays. But one that serves is always left.
  const going = new Set(inTurnOf(sides.to.all).slice(0, Math.max(0, sides.to.all.length - sides.to.wanted)));
  const cordoned = sides.to.all.filter((one) => one.cordoned && one.ready && !going.has(one)).length;
  const floor = Math.min(least, Math.max(1, least - cordoned));
  const isServing = (one: Deployment) => isAvailable(one) && (asked.isServing?.(one) ?? true);
  const isRipe = (one: Deployment) => isServing(one) && (asked.isRipe?.(one) ?? true);
  let serving = free.filter(isRipe).length;
  const leave: Deployment[] = candidates.filter((deployment) => deployment.held && !keep.has(deployment));
  for (const side of [sides.stray, sides.from, sides.to]) {
    let surplus = side.all.length - side.wanted;
    for (const deployment of inTurnOf(side.all)) {
      const counts = isRipe(deployment);
      const isNeeded = isServing(deployment) && serving - (counts ? 1 : 0) < floor;
      if (surplus > 0 && !isNeeded && !isSpared(asked, deployment)) {
        surplus -= 1;
        if (counts) serving -= 1;
        leave.push(deployment);
      } else keep.add(deployment);
    }
  }
  // Kept for what serves until others do, fewer are wanted, or may come beyond them, than before: what waits begins no more.
  let excess = keep.size - held.length - wanted - asked.surge;
  for (const deployment of [...free].toSorted((a, b) => worth(a) - worth(b))) {
    if (excess <= 0 || deployment.phase !== "pending") break;
    if (!keep.delete(deployment)) continue;
    excess -= 1;
    leave.push(deployment);
  }
  let room = wanted + asked.surge - (keep.size - held.length);
  const recall: Deployment[] = [];
  const placed = (side: Exclude<Side, "stray">) => {
    const { all, wanted: most } = sides[side];
    let count = Math.max(0, Math.min(most - all.length, room));
    room -= count;
    for (const one of aside) {
      if (count === 0) break;
      if (asked.sideOf(one) !== side || !isLive(one)) continue;
      recall.push(one);
      count -= 1;
    }
    return count;
  };
  const place = { fresh: placed("to"), old: placed("from") };
  for (const one of recall) keep.add(one);
  return { keep, leave, recall, place };
}

function isSpared({ isSpared: isIt }: Shift, deployment: Deployment): boolean {
  return isAvailable(deployment) && (isIt?.(deployment) ?? false);
}

function isParked({ parkedUntil }: Deployment): boolean {
  return parkedUntil !== undefined;
}

/** Who goes first. */
function inTurnOf(deployments: readonly Deployment[]): Deployment[] {
  return deployments.toSorted((a, b) => worth(a) - worth(b) || b.slot - a.slot);
}

/** What its going would cost: a failing one least, one that is busy most. */
function worth(deployment: Deployment): number {
  const { phase, isBusy } = deployment;
  if (phase === "pending") return isFailing(deployment) ? 0 : 1;
  if (phase === "starting") return 2;
  if (isBusy === true) return 5;
  return isAvailable(deployment) ? 4 : 3;
}
