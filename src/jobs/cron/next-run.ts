/**
 * When a schedule fires next in its time zone. Between two changes of the clocks local time runs evenly, so each such
 * stretch is searched on its own, and the changes themselves are where `gap` and `overlap` speak. Pure.
 */
import type { Expression } from "./expression.ts";
import { nextTransition, offsetAt } from "./time-zone.ts";

export interface Timetable {
  readonly expression: Expression;
  /** Of the IANA database. */
  readonly zone: string;
  /** Local times that do not exist: `skip` leaves them out, `run_after` runs once when the clocks have gone forward. */
  readonly gap: "skip" | "run_after";
  /** Local times that exist twice: at the `first` only, or at `both`. */
  readonly overlap: "first" | "both";
}

/** What does not fire in it never does: it has each day of each year on each weekday. */
const HORIZON_MS = 41 * 366 * 86_400_000;

/**
 * The first instant after `after`, in milliseconds; null: there is none, ever. What fires by the hour (`* 9-17`
 * does not, `*\/2` does) goes on through changes of the clocks, and neither `gap` nor `overlap` matters to it.
 */
export function nextRun(timetable: Timetable, after: number): number | null {
  const { expression, zone, gap, overlap } = timetable;
  const isFixed = !expression.isByTheHour;
  const until = after + HORIZON_MS;
  let from = after;
  let offset = offsetAt(zone, from);
  /** Local times up to this one are over. */
  let passed = after + offset;
  if (isFixed && overlap === "first") passed = Math.max(passed, latestLocalBefore(zone, after) - 1);
  for (;;) {
    const local = expression.next(passed);
    if (local === null || local - offset > until) return null;
    const change = nextTransition(zone, from, local - offset);
    if (change === null) return local - offset;
    const before = offset;
    from = change;
    offset = offsetAt(zone, change);
    const isSkipped = local < change + offset;
    if (isSkipped && isFixed && gap === "run_after") return change;
    // The change itself is a time at which it may fire.
    passed = change + (isFixed && overlap === "first" ? Math.max(before, offset) : offset) - 1;
  }
}

/** The latest that the clocks had shown before they were set back, a day before `instant` at most. */
function latestLocalBefore(zone: string, instant: number): number {
  const dayBefore = instant - 86_400_000;
  const change = nextTransition(zone, dayBefore, instant);
  return change === null ? -Infinity : change + offsetAt(zone, dayBefore);
}
