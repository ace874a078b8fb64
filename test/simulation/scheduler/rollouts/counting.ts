/**
 * How many instances a rollout wants of each version and lets take traffic, said here again, so that the code under test
 * cannot move it unnoticed.
 */
import { isAvailable, isLeaving, isPooled, type Deployment } from "../../../../src/orchestrator/plan/deployment.ts";
import type { Rollout } from "../../../../src/orchestrator/rollouts/rollout.ts";
import type { Amount } from "../../../../src/orchestrator/rollouts/targets.ts";

export interface Frozen {
  readonly fresh: number;
  readonly wanted: number;
}

export interface Standing {
  readonly wanted: number;
  readonly held: number;
  /** Both versions start the same thing. */
  readonly isSame: boolean;
  /** At the target when it was paused or failed; null: it goes on. */
  readonly frozen: Frozen | null;
}

export function isUnderWay({ phase }: Rollout): boolean {
  return phase !== "completed" && phase !== "reverted" && phase !== "replaced";
}

/** Both sides are there in full. */
export function standsBy({ spec, serving, phase, switchTo }: Rollout): boolean {
  if (spec.strategy !== "blue_green") return false;
  return phase === "reverting" ? serving === "to" || switchTo !== null : serving === "from";
}

export function freshOf(rollout: Rollout, { wanted, held, frozen, isSame }: Standing): number {
  if (isSame) return wanted - held;
  const { spec, step, phase } = rollout;
  const own = frozen === null || frozen.wanted === 0 ? null : (frozen.fresh * 100) / frozen.wanted;
  let percentage = own ?? spec.steps[step]?.percentage ?? 100;
  if (standsBy(rollout)) percentage = own ?? 100;
  else if (phase === "reverting") percentage = 0;
  if (percentage === 0) return 0;
  return Math.min(wanted - held, Math.max(1, Math.round((percentage * wanted) / 100)));
}

export function oldOf(rollout: Rollout, standing: Standing): number {
  const free = standing.wanted - standing.held;
  return standsBy(rollout) && !standing.isSame ? free : free - freshOf(rollout, standing);
}

export function surgeOf(rollout: Rollout, wanted: number): number {
  if (standsBy(rollout)) return wanted;
  return amountOf(rollout.spec.maxSurge, wanted, Math.ceil);
}

export function unavailableOf(rollout: Rollout, wanted: number): number {
  if (standsBy(rollout)) return wanted === 0 ? 1 : 0;
  const count = amountOf(rollout.spec.maxUnavailable, wanted, Math.floor);
  return count === 0 && surgeOf(rollout, wanted) === 0 ? 1 : count;
}

function amountOf(amount: Amount, wanted: number, round: (value: number) => number): number {
  return "count" in amount ? amount.count : round((amount.percentage * wanted) / 100);
}

/** Neither on its way out nor standing aside. */
export function inHand(rows: readonly Deployment[]): Deployment[] {
  return rows.filter((row) => isPooled(row) && !isLeaving(row) && row.parkedUntil === undefined);
}

export function heldOf(rows: readonly Deployment[], wanted: number): number {
  return Math.min(wanted, rows.filter((row) => isPooled(row) && !isLeaving(row) && row.held).length);
}

/** What a container says that it was started with. */
export function saysOf({ revision, version }: Deployment, revisionOf: (version: number) => string): string {
  return revision ?? revisionOf(version);
}

/** Requests to the pool may reach it. Strays are with the old ones. */
export function takesTraffic(
  row: Deployment,
  rollout: Rollout | null,
  revisionOf: (version: number) => string,
): boolean {
  if (!isPooled(row) || !isAvailable(row)) return false;
  if (rollout === null || rollout.spec.strategy !== "blue_green" || !isUnderWay(rollout)) return true;
  if (rollout.switchTo !== null) return false;
  return (revisionOf(row.version) === revisionOf(rollout.toVersion)) === (rollout.serving === "to");
}
