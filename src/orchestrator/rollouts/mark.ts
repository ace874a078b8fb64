/**
 * What of a rollout under way the planner, the router and the other shards follow. It is kept on the application's row, and
 * is gone from there when the rollout is over. Pure.
 */
import { assertNever } from "../../assert-never.ts";
import { percentageOf } from "./advance.ts";
import { isOver, type Rollout, type Sticky } from "./rollout.ts";
import type { Amount } from "./targets.ts";

/** Whom requests to the pool go to. */
export type Traffic =
  /** Whoever takes any. */
  | { readonly kind: "any" }
  /** That share of them, in percent, to instances at the target; where one side has nobody, the other answers. */
  | { readonly kind: "split"; readonly percentage: number; readonly sticky: Sticky | null }
  /** Instances at one side of the rollout only. */
  | { readonly kind: "only"; readonly side: "from" | "to" }
  /** Nobody for a moment: it is handed on from one side to the other. */
  | { readonly kind: "none" };

export interface RolloutMark {
  readonly id: string;
  readonly fromVersion: number;
  readonly toVersion: number;
  /** Share of the instances that is to be at the target, and at what was before; both are 100 while both stand by. */
  readonly toPercentage: number;
  /** What is not at the target is at `fromVersion`, and as many as that leaves; `all`: as many as are wanted. */
  readonly from: "rest" | "all";
  readonly maxSurge: Amount;
  readonly maxUnavailable: Amount;
  readonly minHealthyMs: number;
  readonly scaleDownDelayMs: number;
  readonly traffic: Traffic;
}

/** Null: nothing is under way, and the active version is all that counts. */
export function markOf(rollout: Rollout): RolloutMark | null {
  if (isOver(rollout)) return null;
  const { id, fromVersion, toVersion, spec } = rollout;
  const { minHealthyMs, scaleDownDelayMs } = spec;
  const given = { id, fromVersion, toVersion, minHealthyMs, scaleDownDelayMs, traffic: trafficOf(rollout) };
  if (standsBy(rollout)) {
    const all = { maxSurge: { percentage: 100 }, maxUnavailable: { count: 0 } };
    return { ...given, ...all, toPercentage: heldPercentage(rollout) ?? 100, from: "all" };
  }
  const { maxSurge, maxUnavailable } = spec;
  return { ...given, maxSurge, maxUnavailable, toPercentage: sharedPercentage(rollout), from: "rest" };
}

/** Both sides are there in full, until requests have been handed on. */
function standsBy({ spec, phase, serving, switchTo }: Rollout): boolean {
  if (spec.strategy !== "blue_green") return false;
  if (phase === "reverting") return serving === "to" || switchTo !== null;
  return serving === "from";
}

function heldPercentage({ frozen }: Rollout): number | null {
  return frozen === null || frozen.wanted === 0 ? null : (frozen.fresh * 100) / frozen.wanted;
}

function sharedPercentage(rollout: Rollout): number {
  if (rollout.phase === "reverting") return 0;
  return heldPercentage(rollout) ?? percentageOf(rollout);
}

function trafficOf(rollout: Rollout): Traffic {
  const { spec, serving, switchTo, phase } = rollout;
  switch (spec.strategy) {
    case "rolling": {
      return { kind: "any" };
    }
    case "new_instances": {
      return { kind: "split", percentage: phase === "reverting" ? 0 : percentageOf(rollout), sticky: spec.sticky };
    }
    case "blue_green": {
      return switchTo === null ? { kind: "only", side: serving } : { kind: "none" };
    }
    default: {
      return assertNever(spec.strategy);
    }
  }
}

export function sameMark(a: RolloutMark | null, b: RolloutMark | null): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
