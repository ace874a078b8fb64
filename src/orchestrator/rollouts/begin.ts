/** Beginning a rollout, and ending one that another takes the place of. Pure. */
import { isAvailable, isPooled, type Deployment } from "../plan/deployment.ts";
import { newRollout, type Rollout, type RolloutSpec } from "./rollout.ts";

export interface Beginning {
  readonly id: string;
  readonly spec: RolloutSpec;
  readonly toVersion: number;
  readonly activeVersion: number;
  /** Of the pool. */
  readonly wanted: number;
  /** The one under way. */
  readonly current: Rollout | null;
  /** What the last one that came to its end has left running. */
  readonly stableVersion: number | null;
  readonly deployments: readonly Deployment[];
  readonly revisionOf: (version: number) => string;
}

export interface Begun {
  readonly rollout: Rollout;
  readonly replaced: Rollout | null;
}

/**
 * One that is replaced before its end was never stable: whatever comes after it goes away from what served before it. And
 * back to that, if it fails; a version that has served is one that a rollout has completed with, or that all instances
 * that are wanted are ready in.
 */
export function beginRollout(given: Beginning, now: number): Begun {
  const { id, spec, toVersion, activeVersion, wanted, current, stableVersion, deployments, revisionOf } = given;
  const target = revisionOf(toVersion);
  const served = current !== null && current.isFromStable ? current.fromVersion : null;
  const isBack = served !== null && revisionOf(served) === target;
  const available = deployments.filter((one) => isPooled(one) && isAvailable(one));
  const before = served === null || isBack ? activeVersion : served;
  const isAt = (version: number) => available.some((one) => revisionOf(one.version) === revisionOf(version));
  // What was on its way when it was replaced, or activated at once, may serve nobody.
  const isFrom = served !== null || (current === null && (isAt(before) || revisionOf(before) === target));
  const fromVersion = isFrom ? before : (mostOf(available, target, revisionOf) ?? before);
  const from = revisionOf(fromVersion);
  const ready = available.filter(({ version }) => revisionOf(version) === from).length;
  const isFromStable =
    (served !== null && !isBack) ||
    stableVersion === fromVersion ||
    (current === null && wanted > 0 && ready >= wanted);
  // With nobody else who serves, or nothing to change, there is nothing to go about carefully. Nor where what comes back
  // still serves: steps would bring it to the version that is given up first.
  const still = available.filter(({ version }) => revisionOf(version) === target).length;
  const isHanded = current?.spec.strategy === "blue_green" && current.serving === "to";
  const isStill = isBack && !isHanded && 2 * still >= available.length;
  const isFirst = still === available.length || from === target || isStill;
  const begun = newRollout({ id, spec, fromVersion, toVersion, isFromStable, isFirst }, now);
  const isDone = from === target && current === null;
  const doneAt = spec.steps.map(() => now);
  const rollout: Rollout = isDone ? { ...begun, phase: "completed", reason: "NothingToDo", doneAt } : begun;
  return { rollout, replaced: current === null ? null : replacedBy(current, toVersion, now) };
}

/** The version that most serve in, other than the target; null: none does. */
function mostOf(
  available: readonly Deployment[],
  target: string,
  revisionOf: (version: number) => string,
): number | null {
  const others = available.filter(({ version }) => revisionOf(version) !== target);
  const counts = [...Map.groupBy(others, ({ version }) => version)];
  const [most] = counts.toSorted(([a, inA], [b, inB]) => inB.length - inA.length || b - a);
  return most?.[0] ?? null;
}

export function replacedBy(rollout: Rollout, version: number, now: number): Rollout {
  const message = `version ${version} was activated`;
  return { ...rollout, phase: "replaced", switchTo: null, reason: "Replaced", message, updatedAt: now };
}
