/**
 * What of a pool stays, goes, stands aside and is missing while a rollout brings it to another version. Pure: the counts
 * are `shift`'s, and this says it in the planner's words.
 */
import { shift, type Side } from "../rollouts/shift.ts";
import { isAvailable, isLeaving, isLive, STOP, type Deployment } from "./deployment.ts";
import type { Desired, Selection } from "./selection.ts";

/** A rollout that is under way, as far as this scheduler's share of the instances is concerned. */
export interface DesiredRollout {
  readonly toVersion: number;
  readonly fromVersion: number;
  /** Wanted at each. */
  readonly fresh: number;
  readonly old: number;
  readonly surge: number;
  readonly unavailable: number;
  readonly minHealthyMs: number;
  readonly scaleDownDelayMs: number;
  /** Whoever takes traffic for less than this is not replaced yet. */
  readonly graceMs: number;
  readonly sideOf: (version: number) => Side;
  /** Requests to the pool go to that side. */
  readonly isOpen: (side: Side) => boolean;
}

export function selectRolling(
  deployments: readonly Deployment[],
  wanted: number,
  desired: Desired,
  rollout: DesiredRollout,
  now: number,
): Selection {
  const looks: number[] = [];
  const candidates = deployments.filter((deployment) => !isLeaving(deployment));
  const sideOf = (deployment: Deployment) => {
    return desired.isMisplaced?.(deployment) === true ? "stray" : rollout.sideOf(deployment.version);
  };
  const since = ({ readyAt }: Deployment) => readyAt ?? now;
  const within = (deployment: Deployment, ms: number) => {
    const until = since(deployment) + ms;
    if (until > now) looks.push(until);
    return until > now;
  };
  const shifted = shift(candidates, {
    wanted,
    fresh: rollout.fresh,
    old: rollout.old,
    surge: rollout.surge,
    unavailable: rollout.unavailable,
    sideOf,
    // What was found where it may not be takes traffic only until this plan is carried out.
    isServing: (deployment) => {
      return rollout.isOpen(rollout.sideOf(deployment.version)) && desired.isFoundOutside?.(deployment) !== true;
    },
    isRipe: (deployment) => sideOf(deployment) !== "to" || !within(deployment, rollout.minHealthyMs),
    isSpared: (deployment) => {
      return (
        rollout.graceMs > 0 && desired.isFoundOutside?.(deployment) !== true && within(deployment, rollout.graceMs)
      );
    },
  });
  const { keep, recall, place } = shifted;
  const until = now + rollout.scaleDownDelayMs;
  const isKeptAside = (deployment: Deployment) =>
    until > now && wanted > 0 && isAvailable(deployment) && sideOf(deployment) !== "stray";
  const park = shifted.leave.filter(isKeptAside).map((deployment) => ({ deployment, until }));
  const aside = standingAside(
    candidates.filter((one) => !keep.has(one)),
    wanted,
    now,
    looks,
  );
  // What is too many in any version goes since there are fewer wanted.
  let tooMany = candidates.length - wanted - Math.max(rollout.surge, rollout.fresh + rollout.old - wanted);
  const reasonOf = (deployment: Deployment) => {
    tooMany -= 1;
    return tooMany >= 0 && sideOf(deployment) !== "stray" ? STOP.scaledDown : STOP.outdated;
  };
  const gone = deployments.filter((deployment) => isLeaving(deployment));
  const leave = [...shifted.leave.filter((one) => !isKeptAside(one)), ...aside.over];
  return {
    keep: [...keep, ...park.map(({ deployment }) => deployment), ...aside.kept],
    leave: [
      ...gone.map((deployment) => ({ deployment, reason: STOP.outdated })),
      ...leave.map((deployment) => ({ deployment, reason: reasonOf(deployment) })),
    ],
    missing: place.fresh + place.old,
    missingOld: place.old,
    reason: keep.size >= wanted ? "Surge" : "BelowDesiredCount",
    park,
    recall,
    lookAt: looks.length === 0 ? null : looks.reduce((a, b) => Math.min(a, b)),
  };
}

/** Of those that stand aside: whose time is over, or who runs no more, goes. */
export function standingAside(
  deployments: readonly Deployment[],
  wanted: number,
  now: number,
  looks: number[],
): { readonly kept: readonly Deployment[]; readonly over: readonly Deployment[] } {
  const kept: Deployment[] = [];
  const over: Deployment[] = [];
  for (const deployment of deployments) {
    const { parkedUntil } = deployment;
    if (parkedUntil === undefined || deployment.held) continue;
    if (parkedUntil <= now || wanted === 0 || !isLive(deployment)) over.push(deployment);
    else {
      kept.push(deployment);
      looks.push(parkedUntil);
    }
  }
  return { kept, over };
}
