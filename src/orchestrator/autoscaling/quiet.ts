/**
 * Since when an application has had no load, beyond the life of its object in memory: without load that is a matter of
 * seconds, and what is counted from its beginning would never be over. A timer keeps it, of which the time when it is due
 * is known to be so long after. It is gone with the load that comes, and fires when nothing holds the count up any more.
 */
import type { Timers } from "../../timers.ts";
import type { ApplicationRow } from "../storage/application-row.ts";
import { STABILIZATION_MS } from "./policy.ts";

/** The one by which a load that has gone lowers the count. */
export const SCALE_TIMER = "scale";
export const QUIET_TIMER = "quiet";

/** Null: it is not known, or there is load. */
export function quietSince(timers: Timers, row: ApplicationRow | undefined): number | null {
  const due = timers.dueAt(QUIET_TIMER);
  return due === null ? null : due - heldMs(row);
}

export function keepQuiet(timers: Timers, row: ApplicationRow | undefined, since: number | null): void {
  if (since === null) timers.clear(QUIET_TIMER);
  else timers.set(QUIET_TIMER, since + heldMs(row));
}

/** How long what was before may hold the count up. */
function heldMs(row: ApplicationRow | undefined): number {
  return Math.max(STABILIZATION_MS, row?.spec.autoscaling?.idleAfterMs ?? 0);
}
