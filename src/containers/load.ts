/**
 * What each instance has under way, as far as this isolate knows: what it has itself sent there, and what others had at
 * the last answer, which tells the instance's own count. Per isolate, and a guess: it decides nothing but who is asked.
 */
import type { RoutingMember } from "../orchestrator/routing.ts";

type Key = Pick<RoutingMember, "deploymentId">;

/** What others had under way is not known any more after this long: then one request finds out. */
export const HEARD_FOR_MS = 2_000;
/** Beyond so many, what is not known any more is dropped. */
const MAX_KNOWN = 5_000;

interface Known {
  underWay: number;
  /** Of others, at `heardAt`. */
  others: number;
  heardAt: number;
}

const known = new Map<string, Known>();

export function begin({ deploymentId }: Key): void {
  const entry = known.get(deploymentId);
  if (entry !== undefined) entry.underWay += 1;
  else {
    if (known.size >= MAX_KNOWN) dropOld(Date.now());
    known.set(deploymentId, { underWay: 1, others: 0, heardAt: 0 });
  }
}

/** `count`: what the instance has under way with its answer, this request only if it goes on; null: it did not say. */
export function end({ deploymentId }: Key, count: number | null = null): void {
  const entry = known.get(deploymentId);
  if (entry === undefined) return;
  entry.underWay -= 1;
  if (count !== null) {
    // An answer that streams on is not counted here any more, and still there.
    entry.others = Math.max(0, count - entry.underWay);
    if (entry.others > 0) entry.heardAt = Date.now();
  }
  if (entry.underWay <= 0 && entry.others === 0) known.delete(deploymentId);
}

export function load({ deploymentId }: Key): number {
  const entry = known.get(deploymentId);
  if (entry === undefined) return 0;
  // Most of the time nobody else is there, and no clock is asked.
  const isHeard = entry.others > 0 && Date.now() - entry.heardAt < HEARD_FOR_MS;
  return entry.underWay + (isHeard ? entry.others : 0);
}

function dropOld(now: number): void {
  for (const [id, { underWay, heardAt }] of known) {
    if (underWay <= 0 && now - heardAt >= HEARD_FOR_MS) known.delete(id);
  }
}
