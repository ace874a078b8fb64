/**
 * What the clocks of a time zone show: its offset at an instant, and when that changes next. All that is known of zones
 * comes from `Intl`. Instants are milliseconds since 1970; local times are counted alike, as if the zone were UTC.
 */

const MINUTE_MS = 60_000;
/** No zone changes its clocks and back within it. */
const STRIDE_MS = 3 * 86_400_000;

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    calendar: "gregory",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  formats.set(zone, made);
  return made;
}

/** The name as the database of zones spells it; undefined for what is none. Fixed offsets (`+05:00`) are none. */
export function canonicalZone(name: string): string | undefined {
  if (!/^[A-Za-z]/.test(name)) return undefined;
  try {
    return formatOf(name).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

/** Local time minus UTC, in milliseconds, whole minutes. */
export function offsetAt(zone: string, instant: number): number {
  const fields: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(instant)) fields[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = fields;
  const local = Date.UTC(year, month - 1, day, hour, minute, second);
  return Math.round((local - Math.floor(instant / 1_000) * 1_000) / MINUTE_MS) * MINUTE_MS;
}

/** The first instant after `from`, and not after `until`, from which another offset holds; null: there is none. */
export function nextTransition(zone: string, from: number, until: number): number | null {
  const offset = offsetAt(zone, from);
  let before = from;
  while (before < until) {
    const after = Math.min(before + STRIDE_MS, until);
    if (offsetAt(zone, after) !== offset) return firstOfAnother(zone, offset, before, after);
    before = after;
  }
  return null;
}

/** Clocks change on a whole minute. */
function firstOfAnother(zone: string, offset: number, before: number, after: number): number {
  let low = Math.floor(before / MINUTE_MS);
  let high = Math.ceil(after / MINUTE_MS);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(zone, middle * MINUTE_MS) === offset) low = middle;
    else high = middle;
  }
  return high * MINUTE_MS;
}
