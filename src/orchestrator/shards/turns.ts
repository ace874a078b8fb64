/**
 * Whose turn it is to replace instances. Pure.
 *
 * An application may have one instance more than it wants while it replaces others. One shard at a time has that leave,
 * until it has nothing left to replace; then the next that has. It is first taken from the one and, when that one has
 * heard of it, given to the other, so that at no time two have it.
 */
import type { Sharding } from "./sharding.ts";

/** What is known of a shard; null where it has not been heard of. */
export interface Standing {
  readonly shard: number;
  /** It follows the present specification and turn. */
  readonly isCurrent: boolean;
  readonly isOutdated: boolean;
}

/** Who has it next, null for nobody; undefined: nothing changes. */
export function nextHolder({ holder }: Sharding, standings: readonly Standing[]): number | null | undefined {
  const own = standings.find(({ shard }) => shard === 0);
  const needy = standings.filter(({ isOutdated, shard }) => isOutdated && shard !== holder);
  if (holder === null) {
    // Whoever had it has it no more when all have heard so.
    if (!standings.every(({ isCurrent }) => isCurrent)) return undefined;
    return needy[0]?.shard;
  }
  const holding = standings.find(({ shard }) => shard === holder);
  if (holding === undefined || !holding.isCurrent || holding.isOutdated || needy.length === 0) return undefined;
  // What shard 0 may do is written here: nobody has to be told first.
  return own !== undefined && holder === 0 ? needy[0]?.shard : null;
}
