/** Beginning a rollout, and ending one that another takes the place of. Pure. */
import { isAvailable, isPooled, type Deployment } from "../plan/deployment.ts";
import { countBy } from "../shards/summary.ts";
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
  /** How many of the pool take traffic, by version. */
  readonly serving: Readonly<Record<number, number>>;
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
  const { id, spec, toVersion, activeVersion, wanted, current, stableVersion, serving, revisionOf } = given;
  const target = revisionOf(toVersion);
  const served = current !== null && current.isFromStable ? current.fromVersion : null;
  const isBack = served !== null && revisionOf(served) === target;
  const countOf = (isIt: (revision: string) => boolean) =>
    Object.entries(serving).reduce((sum, [version, some]) => sum + (isIt(revisionOf(Number(version))) ? some : 0), 0);
  const available = countOf(() => true);
  const before = served === null || isBack ? activeVersion : served;
  const isAt = (version: number) => countOf((revision) => revision === revisionOf(version)) > 0;
  // What was on its way when it was replaced, or activated at once, may serve nobody.
  const isFrom = served !== null || (current === null && (isAt(before) || revisionOf(before) === target));
  const fromVersion = isFrom ? before : (mostOf(serving, target, revisionOf) ?? before);
  const from = revisionOf(fromVersion);
  const ready = countOf((revision) => revision === from);
  const isFromStable =
    (served !== null && !isBack) ||
    stableVersion === fromVersion ||
    (current === null && wanted > 0 && ready >= wanted);
  // With nobody else who serves, or nothing to change, there is nothing to go about carefully. Nor where what comes back
  // still serves: steps would bring it to the version that is given up first.
  const still = countOf((revision) => revision === target);
  const isHanded = current?.spec.strategy === "blue_green" && current.serving === "to";
  const isStill = isBack && !isHanded && 2 * still >= available;
  const isFirst = still === available || from === target || isStill;
  const begun = newRollout({ id, spec, fromVersion, toVersion, isFromStable, isFirst }, now);
  const isDone = from === target && current === null;
  const doneAt = spec.steps.map(() => now);
  const rollout: Rollout = isDone ? { ...begun, phase: "completed", reason: "NothingToDo", doneAt } : begun;
  return { rollout, replaced: current === null ? null : replacedBy(current, toVersion, now) };
}

/** The version that most serve in, other than the target; null: none does. */
function mostOf(
  serving: Readonly<Record<number, number>>,
  target: string,
  revisionOf: (version: number) => string,
): number | null {
  const others = Object.entries(serving)
    .map(([version, some]) => ({ version: Number(version), some }))
    .filter(({ version, some }) => some > 0 && revisionOf(version) !== target);
  const [most] = others.toSorted((a, b) => b.some - a.some || b.version - a.version);
  return most?.version ?? null;
}

/** Of one scheduler object. */
export function servingIn(deployments: readonly Deployment[]): Record<number, number> {
  const members = deployments.filter((one) => isPooled(one) && isAvailable(one));
  return countBy(members, ({ version }) => version);
}

export function replacedBy(rollout: Rollout, version: number, now: number): Rollout {
  const message = `version ${version} was activated`;
  return { ...rollout, phase: "replaced", switchTo: null, reason: "Replaced", message, updatedAt: now };
}
