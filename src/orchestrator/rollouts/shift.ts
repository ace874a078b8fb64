/**
 * Brings a pool to `target` instances of one version beside the others of another: which stay, which go, and how many of
 * each are to be placed. Pure. Never more than `surge` above what is wanted are alive, and none that takes traffic goes
 * while fewer than `wanted - unavailable` would be left; what takes none goes at once. In both directions: a rollout
 * that goes back is one whose target is 0.
 */
import { isAvailable, isFailing, type Deployment } from "../plan/deployment.ts";

export interface Shift {
  readonly wanted: number;
  /** At the version that the rollout brings. */
  readonly target: number;
  readonly surge: number;
  readonly unavailable: number;
  isNew(deployment: Deployment): boolean;
}

export interface Shifted {
  readonly keep: ReadonlySet<Deployment>;
  readonly leave: readonly Deployment[];
  readonly place: { readonly fresh: number; readonly old: number };
}

/** `candidates`: those that are not on their way out. What a user holds stopped stays, and brings nobody nearer. */
export function shift(candidates: readonly Deployment[], asked: Shift): Shifted {
  const held = candidates.filter((deployment) => deployment.held).slice(0, asked.wanted);
  const keep = new Set(held);
  const wanted = asked.wanted - held.length;
  const target = Math.min(asked.target, wanted);
  const free = candidates.filter((deployment) => !deployment.held);
  const sides = {
    fresh: { all: free.filter((one) => asked.isNew(one)), wanted: target },
    old: { all: free.filter((one) => !asked.isNew(one)), wanted: wanted - target },
  };
  // With nobody to spare, somebody has to go first.
  const floor = Math.max(0, wanted - asked.unavailable);
  let serving = free.filter(isAvailable).length;
  const leave: Deployment[] = candidates.filter((deployment) => deployment.held && !keep.has(deployment));
  for (const side of [sides.old, sides.fresh]) {
    const inTurn = side.all.toSorted((a, b) => worth(a) - worth(b) || b.slot - a.slot);
    let surplus = side.all.length - side.wanted;
    for (const deployment of inTurn) {
      const isServing = isAvailable(deployment);
      if (surplus > 0 && (!isServing || serving > floor)) {
        surplus -= 1;
        if (isServing) serving -= 1;
        leave.push(deployment);
      } else keep.add(deployment);
    }
  }
  let room = wanted + asked.surge - (keep.size - held.length);
  const placed = (side: { readonly all: readonly Deployment[]; readonly wanted: number }) => {
    const count = Math.max(0, Math.min(side.wanted - side.all.length, room));
    room -= count;
    return count;
  };
  const fresh = placed(sides.fresh);
  return { keep, leave, place: { fresh, old: placed(sides.old) } };
}

/** What its going would cost: a failing one least, one that is busy most. */
function worth(deployment: Deployment): number {
  const { phase, isBusy } = deployment;
  if (phase === "pending") return isFailing(deployment) ? 0 : 1;
  if (phase === "starting") return 2;
  if (isBusy === true) return 5;
  return isAvailable(deployment) ? 4 : 3;
}
