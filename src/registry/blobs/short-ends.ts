/**
 * Which of an upload's last segments are written anew together with what comes next. Clients that push in small chunks
 * would make a blob of thousands of small objects. An end is taken along only by a chunk that is at least as long, as in a
 * binary counter: so each byte is written again about as often as a chunk can be doubled until it is long enough, and
 * never more.
 */
import type { Segment } from "../store/contract.ts";

/** A segment of this length stays as it is. */
export const LONG_ENOUGH = 5 * 1024 * 1024;

/** How many of the last segments `incoming` bytes take along. */
export function shortEnds(segments: readonly Segment[], incoming: number): number {
  if (incoming === 0) return 0;
  let taken = 0;
  let gathered = incoming;
  for (const { size } of segments.toReversed()) {
    if (size >= LONG_ENOUGH || size > gathered) break;
    gathered += size;
    taken += 1;
  }
  return taken;
}
