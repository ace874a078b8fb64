/** What a rollout sees of the instances of one scheduler object, and of several together. Pure. */
import { isAvailable, isLeaving, isLive, isNamed, isPooled, type Deployment } from "../plan/deployment.ts";
import type { Observed } from "./advance.ts";
import type { RolloutMark } from "./mark.ts";

/** What one scheduler object has. `id`: of the rollout that it was looked at for. */
export interface ObservedShare extends Omit<Observed, "wanted"> {
  readonly id: string;
}

/** Names, and times that something ripens at, told of at most. */
const MOST_TOLD = 1_000;
/** Enough to see what is wrong; the instances tell the rest. */
const MOST_FAILING = 3;

/** Null: nothing is known to be wrong with it. */
function failureOf({ phase, ready, detail, last, failures, losses }: Deployment, name: string): string | null {
  if (phase === "running") return ready || detail === undefined ? null : `${name}: ${detail}`;
  const times = failures + losses;
  if (last === null || times === 0) return null;
  const code = last.exitCode === null ? "" : `, exit code ${last.exitCode}`;
  const text = last.message === undefined ? "" : `: ${last.message}`;
  return `${name}: ${last.reason}${code}${text}${times === 1 ? "" : `, ${times} times`}`;
}

export function observeShare(
  deployments: readonly Deployment[],
  { id, fromVersion, toVersion, minHealthyMs }: RolloutMark,
  revisionOf: (version: number) => string,
  nameOf: (deployment: Deployment) => string,
  now: number,
): ObservedShare {
  const [from, to] = [revisionOf(fromVersion), revisionOf(toVersion)];
  const inHand = deployments.filter((one) => !isLeaving(one) && one.parkedUntil === undefined);
  const pool = inHand.filter(isPooled);
  const live = pool.filter(isLive);
  // A container that has not spoken is taken for what it was started with, and is not ready.
  const says = ({ revision, version }: Deployment) => revision ?? revisionOf(version);
  const fresh = pool.filter((one) => !one.held && revisionOf(one.version) === to);
  // Both what it was started for and what it says: requests and counts go by the one, the truth is the other.
  const isAt = (one: Deployment, revision: string) => says(one) === revision && revisionOf(one.version) === revision;
  const isReadyAt = (one: Deployment, revision: string) => {
    return isAvailable(one) && one.readyAt !== null && isAt(one, revision);
  };
  const ready = live.filter((one) => isReadyAt(one, to));
  const ripeAt = ready.map(({ readyAt }) => (readyAt ?? now) + minHealthyMs);
  const ripe = ripeAt.filter((at) => at <= now);
  // What the `start` of a name was given makes its own revision another: its version counts.
  const awake = inHand.filter((one) => isNamed(one) && isLive(one) && one.isAsleep !== true);
  const named = awake.filter((one) => (one.override === undefined ? says(one) : revisionOf(one.version)) !== to);
  return {
    id,
    // Those that a user has stopped, or keeps out of traffic, come to nothing: nobody waits for them.
    held: pool.filter((one) => one.held || (one.cordoned && one.ready && isAt(one, to))).length,
    fresh: fresh.length,
    healthy: ripe.length,
    healthySince: ripe.length === 0 ? null : ripe.reduce((a, b) => Math.max(a, b)),
    ripening: ripeAt
      .filter((at) => at > now)
      .toSorted((a, b) => a - b)
      .slice(0, MOST_TOLD),
    oldReady: live.filter((one) => isReadyAt(one, from)).length,
    others: live
      .filter((one) => !isAt(one, to))
      .slice(0, MOST_TOLD)
      .map(nameOf),
    named: named.slice(0, MOST_TOLD).map(nameOf),
    failing: fresh.flatMap((one) => failureOf(one, nameOf(one)) ?? []).slice(0, MOST_FAILING),
    notBack: live
      .filter((one) => !isAt(one, from))
      .slice(0, MOST_TOLD)
      .map(nameOf),
  };
}

/** Null: somebody has not said how it is in this rollout, so that nothing is decided by it. */
export function wholeObserved(
  shares: readonly (ObservedShare | null | undefined)[],
  id: string,
  wanted: number,
  now: number,
): Observed | null {
  const known = shares.filter((share) => share?.id === id) as ObservedShare[];
  if (known.length < shares.length) return null;
  const sum = (of: (share: ObservedShare) => number) => known.reduce((total, share) => total + of(share), 0);
  const ripening = known.flatMap((share) => share.ripening).toSorted((a, b) => a - b);
  // What another object has said ripens meanwhile.
  const ripe = ripening.filter((at) => at <= now);
  const since = [...known.flatMap(({ healthySince }) => (healthySince === null ? [] : [healthySince])), ...ripe];
  return {
    wanted,
    held: Math.min(
      wanted,
      sum(({ held }) => held),
    ),
    fresh: sum(({ fresh }) => fresh),
    healthy: sum(({ healthy }) => healthy) + ripe.length,
    healthySince: since.length === 0 ? null : Math.max(...since),
    ripening: ripening.slice(ripe.length),
    oldReady: sum(({ oldReady }) => oldReady),
    others: known.flatMap(({ others }) => others),
    named: known.flatMap(({ named }) => named),
    failing: known.flatMap(({ failing }) => failing).slice(0, MOST_FAILING),
    notBack: known.flatMap(({ notBack }) => notBack),
  };
}
