/**
 * Which instances of a lower priority make room for what waits. Pure.
 *
 * Only when it makes one more fit; of the lowest priority first, within one the one that came last, and none that is not
 * needed. What comes out is absolute (how many may stay), so that deciding twice is deciding once.
 */
import { fits, scaled, type Load } from "./load.ts";
import { inOrder, Remainder, type Claim, type Pools, type Taken } from "./queue.ts";

/** So many of an application's instances in a location may stay. */
export interface Eviction {
  readonly application: string;
  readonly location: string;
  readonly ceiling: number;
  /** The application that each of those that go makes room for. */
  readonly by: readonly string[];
}

interface Candidate {
  readonly claim: Claim;
  /** Of one of its instances, on average: while a version replaces another there may be two sizes. */
  readonly unit: Load;
  count: number;
  readonly by: string[];
}

export function evictions(
  pools: Pools,
  taken: Taken,
  waiting: readonly Claim[],
  running: readonly Claim[],
): Eviction[] {
  const candidates = running
    .filter(({ isPreemptible, load }) => isPreemptible && load.instances > 0)
    .toSorted((a, b) => a.priority - b.priority || compare(b.application, a.application))
    .map((claim): Candidate => {
      const { instances } = claim.load;
      return { claim, unit: scaled(claim.load, 1 / instances), count: instances, by: [] };
    });
  const remainder = new Remainder(pools, taken);
  for (const claim of inOrder(waiting)) {
    let served = Math.min(claim.more, fits(remainder.at(claim.location), claim.size));
    remainder.take(claim.location, scaled(claim.size, served));
    while (served < claim.more && makeRoom(remainder, claim, candidates)) {
      remainder.take(claim.location, claim.size);
      served += 1;
    }
    if (served < claim.more) remainder.hold(claim.location, claim.size);
  }
  return candidates
    .filter(({ by }) => by.length > 0)
    .map(({ claim, count, by }) => ({
      application: claim.application,
      location: claim.location,
      ceiling: count,
      by,
    }));
}

/** For one more of a claim. False, with nothing changed, when all that may go would not suffice. */
function makeRoom(remainder: Remainder, claim: Claim, candidates: readonly Candidate[]): boolean {
  const chosen: Candidate[] = [];
  const isEnough = () => fits(remainder.at(claim.location), claim.size) > 0;
  for (const candidate of candidates) {
    if (candidate.claim.priority >= claim.priority) break;
    while (candidate.count > 0 && !isEnough()) {
      evict(remainder, candidate);
      chosen.push(candidate);
    }
  }
  const isMade = isEnough();
  // The highest of those chosen are spared first; all of them when it was for nothing.
  for (const candidate of chosen.toReversed()) {
    remainder.take(candidate.claim.location, candidate.unit);
    if (isMade && !isEnough()) {
      remainder.give(candidate.claim.location, candidate.unit);
      candidate.by.push(claim.application);
    } else candidate.count += 1;
  }
  return isMade;
}

function evict(remainder: Remainder, candidate: Candidate): void {
  remainder.give(candidate.claim.location, candidate.unit);
  candidate.count -= 1;
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
