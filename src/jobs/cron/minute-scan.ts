/**
 * The oracle of the timetable tests: when a cron fires, found by looking at the clocks of every minute, with no idea of
 * offsets and no parser but its own. Slow, and simple enough to be believed.
 */
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export interface Stretch {
  /** Of the first minute, in UTC. */
  readonly from: number;
  /** What the clocks show then, counted as if it were UTC. */
  readonly local: number;
  readonly minutes: number;
}

/** Every stretch of minutes in which local time runs on evenly, by asking `Intl` for each hour and each minute of an hour that is uneven. */
export function stretchesOf(zone: string, from: number, until: number): Stretch[] {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" });
  const localAt = (instant: number) => Date.parse(`${format.format(instant).replace(" ", "T")}Z`);
  const stretches: { from: number; local: number; minutes: number }[] = [];
  const add = (instant: number, local: number, minutes: number) => {
    const last = stretches.at(-1);
    if (last !== undefined && last.local + last.minutes * MINUTE_MS === local) last.minutes += minutes;
    else stretches.push({ from: instant, local, minutes });
  };
  let local = localAt(from);
  for (let hour = from; hour < until; hour += HOUR_MS) {
    const next = localAt(hour + HOUR_MS);
    if (next - local === HOUR_MS) add(hour, local, 60);
    else for (let at = hour; at < hour + HOUR_MS; at += MINUTE_MS) add(at, localAt(at), 1);
    local = next;
  }
  return stretches;
}

export interface Rules {
  readonly gap: "skip" | "run_after";
  readonly overlap: "first" | "both";
}

/** In a window of the stretches, all firings after its start. */
export function scan(
  stretches: readonly Stretch[],
  cron: string,
  { gap, overlap }: Rules,
  window: { from: number; until: number },
): number[] {
  const matches = matcher(cron);
  const isByTheHour = cron.split(" ")[1]?.startsWith("*") ?? false;
  const runs = new Set<number>();
  let latest = -Infinity;
  for (const { from, local, minutes } of stretches) {
    // What the clocks leap over.
    if (!isByTheHour && gap === "run_after" && latest > -Infinity && from > window.from && from < window.until) {
      for (let at = latest + MINUTE_MS; at < local; at += MINUTE_MS) if (matches(at)) runs.add(from);
    }
    const first = Math.max(0, Math.floor((window.from - from) / MINUTE_MS) + 1);
    const end = Math.min(minutes, Math.ceil((window.until - from) / MINUTE_MS));
    for (let index = first; index < end; index += 1) {
      const shown = local + index * MINUTE_MS;
      const isAgain = shown <= latest;
      if (isAgain && overlap === "first" && !isByTheHour) continue;
      if (matches(shown)) runs.add(from + index * MINUTE_MS);
    }
    latest = Math.max(latest, local + (minutes - 1) * MINUTE_MS);
  }
  return [...runs].toSorted((a, b) => a - b);
}

const BOUNDS = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const;

function matcher(cron: string): (local: number) => boolean {
  const fields = cron.split(" ");
  const sets = BOUNDS.map(([least, most], index) => valuesOf(fields[index] ?? "*", least, most));
  const [minutes, hours, days, months, weekdays] = sets as [
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
  ];
  if (weekdays.has(7)) weekdays.add(0);
  const isEither = fields[2] !== "*" && fields[4] !== "*";
  return (local) => {
    const minute = local / MINUTE_MS;
    if (!minutes.has(minute % 60) || !hours.has(Math.floor(minute / 60) % 24)) return false;
    const date = new Date(local);
    if (!months.has(date.getUTCMonth() + 1)) return false;
    const [onDay, onWeekday] = [days.has(date.getUTCDate()), weekdays.has(date.getUTCDay())];
    return isEither ? onDay || onWeekday : onDay && onWeekday;
  };
}

function valuesOf(field: string, least: number, most: number): Set<number> {
  const values = new Set<number>();
  for (const part of field.split(",")) {
    const [range = "", step = "1"] = part.split("/");
    const [low = "", high = low] = range === "*" ? [String(least), String(most)] : range.split("-");
    for (let value = Number(low); value <= Number(high); value += Number(step)) values.add(value);
  }
  return values;
}
