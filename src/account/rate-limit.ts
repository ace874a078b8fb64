/** A token bucket per caller, in memory: what it forgets after an eviction is at most one burst. */

/** Of a caller whose token says nothing else. */
export const DEFAULT_REQUESTS_PER_SECOND = 2_000;
/** A bucket holds this many seconds of its rate. */
const BURST_SECONDS = 2;
/** Beyond this many callers all buckets are dropped, so that callers cannot fill the memory. */
const MAX_BUCKETS = 4_096;
/** At most this many requests, and at most this part of a second's rate, are given away at once. */
const LEASE_MOST = 64;
const LEASE_SHARE = 20;

interface Bucket {
  tokens: number;
  at: number;
}

export class RateLimiter {
  readonly #buckets = new Map<string, Bucket>();

  /**
   * Takes requests of the next moments in advance, so that not each of them has to ask; none from a caller whose rate is
   * so low that it would notice.
   */
  lease(caller: string, perSecond: number, now: number): number {
    const wanted = Math.min(LEASE_MOST, Math.floor(perSecond / LEASE_SHARE));
    const bucket = this.#buckets.get(caller);
    if (bucket === undefined || bucket.at !== now || bucket.tokens < 2 * wanted) return 0;
    bucket.tokens -= wanted;
    return wanted;
  }

  /** Takes one request from the caller's bucket; returns 0, or the seconds after which to come back. */
  take(caller: string, perSecond: number, now: number): number {
    const capacity = Math.max(1, perSecond * BURST_SECONDS);
    const bucket = this.#buckets.get(caller) ?? { tokens: capacity, at: now };
    const tokens = Math.min(capacity, bucket.tokens + (Math.max(0, now - bucket.at) / 1_000) * perSecond);
    this.#buckets.set(caller, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
    if (this.#buckets.size > MAX_BUCKETS) this.#buckets.clear();
    return tokens >= 1 ? 0 : Math.max(1, Math.ceil((1 - tokens) / perSecond));
  }
}
