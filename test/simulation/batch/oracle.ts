/**
 * When the crons of the simulation are due, by looking at the clocks of every minute: nothing of the code under test. Made
 * once for each timetable, since every seed asks for some of the same.
 */
import { scan, stretchesOf, type Rules, type Stretch } from "../../../src/jobs/cron/minute-scan.ts";

const HOUR_MS = 3_600_000;
/** Before and after a start: clocks that went back before it, and all that a run may leap over. */
const BEFORE_MS = 48 * HOUR_MS;
const AFTER_MS = 96 * HOUR_MS;

export interface Times extends Rules {
  readonly cron: string;
  readonly timeZone: string;
}

const stretches = new Map<string, readonly Stretch[]>();
const slots = new Map<string, readonly number[]>();

/** Slots after `after`, and up to `until`, of a world that began at `start`. */
export function slotsBetween(start: number, times: Times, after: number, until: number): number[] {
  if (until > start + AFTER_MS - HOUR_MS) throw new Error("the oracle does not look that far");
  const all = slotsOf(start, times);
  // The first after it.
  let low = 0;
  let high = all.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((all[middle] ?? 0) <= after) low = middle + 1;
    else high = middle;
  }
  const found: number[] = [];
  for (let index = low; index < all.length; index += 1) {
    const slot = all[index] ?? 0;
    if (slot > until) break;
    found.push(slot);
  }
  return found;
}

function slotsOf(start: number, { cron, timeZone, gap, overlap }: Times): readonly number[] {
  const key = `${start} ${cron} ${timeZone} ${gap} ${overlap}`;
  const known = slots.get(key);
  if (known !== undefined) return known;
  // It looks at whole minutes.
  const hour = Math.floor(start / HOUR_MS) * HOUR_MS;
  const [from, until] = [hour - BEFORE_MS, hour + AFTER_MS];
  const zone = `${start} ${timeZone}`;
  const clocks = stretches.get(zone) ?? stretchesOf(timeZone, from, until);
  stretches.set(zone, clocks);
  const found = scan(clocks, cron, { gap, overlap }, { from, until });
  slots.set(key, found);
  return found;
}
