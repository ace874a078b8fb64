/**
 * How many instances a load asks for. Pure. What comes slowly is judged by a minute's average, a burst by that of a few
 * seconds; up goes at once, down only to the most that was asked for in the last minutes, to none only after a long time
 * without any load. A load near its target changes nothing.
 */

export interface Autoscaling {
  readonly min: number;
  readonly max: number;
  /** What one instance is to carry: requests at a time, requests a second, or callers that wait. */
  readonly target: { readonly kind: "concurrency" | "rps" | "queue"; readonly value: number };
  /** Down to none after this long without load, where `min` is 0. */
  readonly idleAfterMs: number;
}

export const DEFAULT_IDLE_AFTER_MS = 600_000;

/** Averages over these. */
export const STABLE_WINDOW_MS = 60_000;
export const BURST_WINDOW_MS = 6_000;
/** Down only to the most that was asked for within this. */
export const STABILIZATION_MS = 300_000;
/** A burst that asks for so many times what there is counts at once, and for a while nothing goes down. */
const BURST_FACTOR = 2;
/** Kubernetes' own: nearer to the target than this is at it. */
const TOLERANCE = 0.1;

export interface Recommendation {
  readonly at: number;
  readonly count: number;
}

export interface ScaleInput {
  readonly policy: Autoscaling;
  /** How many are wanted now. */
  readonly count: number;
  /** Averages of the whole load, what waits included. */
  readonly stable: number;
  readonly burst: number;
  /** Callers that nobody can serve. */
  readonly waiting: number;
  /** What earlier decisions asked for, oldest first. */
  readonly past: readonly Recommendation[];
  /** When there was last any load. */
  readonly loadedAt: number;
  readonly now: number;
}

export interface ScaleDecision {
  readonly count: number;
  readonly reason: "AtTarget" | "Load" | "Burst" | "Waiting" | "Idle" | "Stabilizing" | "Bounds";
  /** What this decision asked for, before it was held back: a part of the next one's past. */
  readonly asked: number;
  /** When time alone may lower the count; null: it cannot. */
  readonly lookAt: number | null;
}

export function decideScale(input: ScaleInput): ScaleDecision {
  const { policy, count, now, loadedAt } = input;
  const bounded = Math.min(policy.max, Math.max(policy.min, count));
  const { asked, reason } = ask(input);
  const idleAt = loadedAt + policy.idleAfterMs;
  if (asked === 0 && now >= idleAt) return { count: 0, reason: "Idle", asked, lookAt: null };
  const wanted = Math.max(asked, policy.min, count === 0 && asked === 0 ? 0 : 1);
  if (wanted > bounded) return { count: Math.min(policy.max, wanted), reason, asked, lookAt: null };
  const recent = input.past.filter(({ at }) => at > now - STABILIZATION_MS);
  const held = recent.reduce((most, one) => Math.max(most, one.count), wanted);
  const next = Math.min(bounded, held);
  const falls = next > wanted ? dropsAt(recent, wanted) : null;
  const sleeps = asked === 0 && policy.min === 0 && next > 0 ? idleAt : null;
  const lookAt = falls === null || sleeps === null ? (falls ?? sleeps) : Math.min(falls, sleeps);
  if (next === count) return { count, reason: falls === null ? "AtTarget" : "Stabilizing", asked, lookAt };
  return { count: next, reason: next < count && count <= policy.max ? reason : "Bounds", asked, lookAt };
}

/** What the load alone asks for, within the bounds. */
function ask({ policy, count, stable, burst, waiting }: ScaleInput): Pick<ScaleDecision, "asked" | "reason"> {
  const { value } = policy.target;
  const bounded = (wanted: number) => Math.min(policy.max, Math.max(policy.min, wanted));
  const byBurst = Math.ceil(burst / value);
  if (count === 0 && (waiting > 0 || burst > 0)) return { asked: bounded(Math.max(1, byBurst)), reason: "Waiting" };
  if (byBurst >= BURST_FACTOR * Math.max(1, count)) return { asked: bounded(byBurst), reason: "Burst" };
  const isAtTarget = count > 0 && Math.abs(stable / (count * value) - 1) <= TOLERANCE;
  return { asked: bounded(isAtTarget ? count : Math.ceil(stable / value)), reason: "Load" };
}

/** When the first of those that hold the count up is forgotten. */
function dropsAt(recent: readonly Recommendation[], wanted: number): number | null {
  const holding = recent.filter(({ count }) => count > wanted).map(({ at }) => at + STABILIZATION_MS);
  return holding.length === 0 ? null : Math.min(...holding);
}
