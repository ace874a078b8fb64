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
/** Many requests at one moment would otherwise each take some for later, and leave nothing for each other. */
const LEASE_EVERY_MS = 40;

interface Bucket {
  tokens: number;
  at: number;
  /** When requests were last given away in advance. */
  leasedAt: number;
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
    if (bucket === undefined || now - bucket.leasedAt < LEASE_EVERY_MS || bucket.tokens < 2 * wanted) return 0;
    bucket.tokens -= wanted;
    bucket.leasedAt = now;
    return wanted;
  }

  /** Takes one request from the caller's bucket; returns 0, or the seconds after which to come back. */
  take(caller: string, perSecond: number, now: number): number {
    const capacity = Math.max(1, perSecond * BURST_SECONDS);
    const bucket = this.#buckets.get(caller) ?? { tokens: capacity, at: now, leasedAt: Number.NEGATIVE_INFINITY };
    const tokens = Math.min(capacity, bucket.tokens + (Math.max(0, now - bucket.at) / 1_000) * perSecond);
    this.#buckets.set(caller, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now, leasedAt: bucket.leasedAt });
    if (this.#buckets.size > MAX_BUCKETS) this.#buckets.clear();
    return tokens >= 1 ? 0 : Math.max(1, Math.ceil((1 - tokens) / perSecond));
  }
}
