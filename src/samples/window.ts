/**
 * At most so many in any span of that length: the times of those that were let through are kept, so that no burst at the
 * border of two windows gets twice the number. Pure; what is kept is bounded by the limit.
 */

export interface Verdict {
  readonly allowed: boolean;
  readonly remaining: number;
  /** Whole seconds until the oldest of those that count does not any more; 0: none counts. */
  readonly resetSeconds: number;
}

/** What still counts at `now`, the oldest first. */
export function counting(times: readonly number[], windowMs: number, now: number): number[] {
  return times.filter((time) => time > now - windowMs);
}

/** One more at `now`, and whether it may be. What is refused does not count. */
export function count(
  times: readonly number[],
  { limit, windowMs }: { readonly limit: number; readonly windowMs: number },
  now: number,
): { readonly times: number[]; readonly verdict: Verdict } {
  const kept = counting(times, windowMs, now);
  const allowed = kept.length < limit;
  if (allowed) kept.push(now);
  const oldest = kept[0];
  const resetSeconds = oldest === undefined ? 0 : Math.ceil((oldest + windowMs - now) / 1_000);
  return { times: kept, verdict: { allowed, remaining: Math.max(0, limit - kept.length), resetSeconds } };
}
