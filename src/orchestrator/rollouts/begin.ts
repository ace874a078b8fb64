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
  revisionOf(version: number): string;
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
  const fromVersion = served === null || isBack ? activeVersion : served;
  const from = revisionOf(fromVersion);
  const available = deployments.filter((one) => isPooled(one) && isAvailable(one));
  const ready = available.filter(({ version }) => revisionOf(version) === from).length;
  const isFromStable =
    (served !== null && !isBack) ||
    stableVersion === fromVersion ||
    (current === null && wanted > 0 && ready >= wanted);
  // With nobody who serves, or nothing to change, there is nothing to go about carefully.
  const isFirst = available.length === 0 || from === target;
  const begun = newRollout({ id, spec, fromVersion, toVersion, isFromStable, isFirst }, now);
  const isDone = from === target && current === null;
  const doneAt = spec.steps.map(() => now);
  const rollout: Rollout = isDone ? { ...begun, phase: "completed", reason: "NothingToDo", doneAt } : begun;
  return { rollout, replaced: current === null ? null : replacedBy(current, toVersion, now) };
}

export function replacedBy(rollout: Rollout, version: number, now: number): Rollout {
  const message = `version ${version} was activated`;
  return { ...rollout, phase: "replaced", switchTo: null, reason: "Replaced", message, updatedAt: now };
}
