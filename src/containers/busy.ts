/**
 * The busy lease of a container: while it holds one, it is not put to sleep, not the first to be given up, and a stop waits
 * for it. It lasts as long as it is renewed, `max_hold` in all. Pure.
 */

/** Of a configuration that does not say. */
export const DEFAULT_MAX_HOLD_MS = 3_600_000;

export interface Hold {
  readonly since: number;
  readonly ttlMs: number;
  /** When it was last taken or renewed. */
  readonly askedAt: number;
}

/** What is kept of it: renewals cost no row. */
export type StoredHold = Pick<Hold, "since" | "ttlMs">;

/** Renewals that follow each other are one hold, also those that came too late to extend it. */
export function renewed(before: Hold | null, ttlMs: number, now: number): Hold {
  const isSame = before !== null && now < before.askedAt + before.ttlMs;
  return { since: isSame ? before.since : now, ttlMs, askedAt: now };
}

/** When it ends by itself. */
export function heldUntil({ since, ttlMs, askedAt }: Hold, maxHoldMs: number): number {
  return Math.min(askedAt + ttlMs, since + maxHoldMs);
}

/** After an eviction: it may have been renewed until then, and whoever holds it renews it within its time. */
export function resumed({ since, ttlMs }: StoredHold, now: number): Hold {
  return { since, ttlMs, askedAt: now };
}
