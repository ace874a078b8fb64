/**
 * How many containers an account may start per second: unknown until the platform says that it was too many. Pure.
 *
 * A token bucket whose rate halves each time the platform says so (once a second at most: the starts that were under way
 * say it together) and grows by one per second every ten seconds; when it has grown well beyond it is forgotten.
 */
export interface StartRate {
  readonly perSecond: number;
  readonly tokens: number;
  /** When `tokens` were counted. */
  readonly countedAt: number;
  readonly loweredAt: number;
}

export interface Starts {
  /** Null: not limited any more. */
  readonly rate: StartRate | null;
  readonly allowed: number;
  /** When the next one may start; null when all may. */
  readonly startAfter: number | null;
}

export const FIRST_PER_SECOND = 8;
export const LEAST_PER_SECOND = 0.25;
export const FORGOTTEN_PER_SECOND = 64;
const GROWTH_PER_SECOND_SQUARED = 0.1;
const LOWERED_AT_MOST_EVERY_MS = 1_000;

/** The platform said that there were too many starts. */
export function lowered(rate: StartRate | null, now: number): StartRate {
  if (rate === null) return { perSecond: FIRST_PER_SECOND, tokens: 0, countedAt: now, loweredAt: now };
  if (now - rate.loweredAt < LOWERED_AT_MOST_EVERY_MS) return rate;
  const { perSecond } = counted(rate, now);
  return { perSecond: Math.max(LEAST_PER_SECOND, perSecond / 2), tokens: 0, countedAt: now, loweredAt: now };
}

/** Takes as many of `wanted` starts as there are tokens for. */
export function takeStarts(rate: StartRate | null, wanted: number, now: number): Starts {
  if (rate === null) return { rate, allowed: wanted, startAfter: null };
  const current = counted(rate, now);
  if (current.perSecond >= FORGOTTEN_PER_SECOND) return { rate: null, allowed: wanted, startAfter: null };
  const allowed = Math.min(wanted, Math.floor(current.tokens + 1e-9));
  const left = { ...current, tokens: current.tokens - allowed };
  if (allowed === wanted) return { rate: left, allowed, startAfter: null };
  const waitMs = Math.ceil(((1 - left.tokens) / left.perSecond) * 1_000);
  return { rate: left, allowed, startAfter: now + Math.max(1, waitMs) };
}

/** With the growth and the tokens of the time since. A second's worth of tokens is kept, so that a pause gives no burst. */
function counted(rate: StartRate, now: number): StartRate {
  const seconds = Math.max(0, now - rate.countedAt) / 1_000;
  const perSecond = rate.perSecond + seconds * GROWTH_PER_SECOND_SQUARED;
  const tokens = Math.min(Math.max(1, perSecond), rate.tokens + seconds * rate.perSecond);
  return { ...rate, perSecond, tokens, countedAt: Math.max(now, rate.countedAt) };
}
