/** Durations as people write them: a number of seconds, or `1h30m`, `90s`, `500ms` as in Go. */

const UNIT_MS: Record<string, number> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
const WHOLE = /^(?:\d+(?:\.\d+)?(?:ms|[dhms]))+$/;
const PART = /(\d+(?:\.\d+)?)(ms|[dhms])/g;

/** Milliseconds, or `null` where nothing is said. */
export function lengthOf(value: number | string | undefined): number | null {
  return value === undefined ? null : parseDuration(value);
}

/** Milliseconds, or `null` when the text is not a duration. */
export function parseDuration(value: number | string): number | null {
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? Math.round(value * 1_000) : null;
  if (!WHOLE.test(value)) return null;
  let total = 0;
  for (const [, amount, unit] of value.matchAll(PART)) total += Number(amount) * (UNIT_MS[unit as string] as number);
  return Math.round(total);
}
