/** What a rollout asks of one scheduler object, whose share of the instances may not be all of them. Pure. */
import { hashOf } from "../../hash.ts";
import type { DesiredRollout } from "../plan/rolling.ts";
import { shareAt } from "../shards/sharding.ts";
import type { ApplicationRow } from "../storage/application-row.ts";
import { wantedOf } from "../warm.ts";
import type { RolloutMark } from "./mark.ts";
import type { Side } from "./shift.ts";
import { stepTarget, surgeOf, unavailableOf } from "./targets.ts";

type Spread = Pick<ApplicationRow, "kind" | "spec" | "sharding" | "rollout">;

/** Undefined: none is under way, or there is but one instance, which is replaced where it is. */
export function desiredRollout(
  { kind, spec, sharding, rollout: mark }: Spread,
  revisionOf: (version: number) => string,
): DesiredRollout | undefined {
  if (mark === undefined || kind === "deployment") return undefined;
  const { shard, shards, holder } = sharding ?? { shard: 0, shards: 1, holder: 0 };
  const share = (count: number) => shareAt(shard, shards, count);
  // Fewer than there are objects: one of them at a time has them.
  const lent = (count: number) => (count >= shards ? share(count) : holder === shard ? count : 0);
  const wanted = wantedOf(spec);
  // Where both are the same there is but one side.
  const isSame = revisionOf(mark.fromVersion) === revisionOf(mark.toVersion);
  const fresh = isSame ? wanted : stepTarget(mark.toPercentage, wanted);
  const surge = surgeOf(mark.maxSurge, wanted);
  return {
    toVersion: mark.toVersion,
    fromVersion: mark.fromVersion,
    fresh: share(fresh),
    old: mark.from === "all" && !isSame ? share(wanted) : share(wanted) - share(fresh),
    surge: lent(surge),
    unavailable: lent(unavailableOf(mark.maxUnavailable, wanted, surge)),
    minHealthyMs: mark.minHealthyMs,
    scaleDownDelayMs: mark.scaleDownDelayMs,
    graceMs: spec.rolloutGraceMs ?? 0,
    sideOf: sidesOf(mark, revisionOf),
    isOpen: (side) => mark.traffic.kind !== "only" || (side === "to") === (mark.traffic.side === "to"),
  };
}

function sidesOf({ toVersion, fromVersion }: RolloutMark, revisionOf: (version: number) => string) {
  const [to, from] = [revisionOf(toVersion), revisionOf(fromVersion)];
  return (version: number): Side => {
    const revision = revisionOf(version);
    if (revision === to) return "to";
    return revision === from ? "from" : "stray";
  };
}

/** Each name is at one side, and stays at the new one as the share grows. */
export function versionOfName({ id, toVersion, fromVersion, toPercentage }: RolloutMark, name: string): number {
  return (hashOf(`${id} ${name}`) % 10_000) / 100 < toPercentage ? toVersion : fromVersion;
}

/** One side has not what it is to have: this object has something to replace. */
export function isUnderWay(versions: readonly number[], { fresh, old, sideOf }: DesiredRollout): boolean {
  const counts = { to: 0, from: 0, stray: 0 };
  for (const version of versions) counts[sideOf(version)] += 1;
  return counts.stray > 0 || counts.to !== fresh || counts.from !== old;
}
