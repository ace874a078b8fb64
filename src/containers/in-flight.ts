/**
 * Requests that an instance is answering, streams included. A response counts until its last byte has left; a small
 * body of known length is handed over whole and ends with its headers.
 */

/** Up to here the platform buffers the rest of an answer, and counting it would cost more than it tells. */
const SMALL_BODY_BYTES = 65_536;

const NOTHING = { activeAt: 0 };

export class InFlight {
  #count = 0;
  #isNews = true;
  #activeAt = 0;
  readonly #clock: () => number;
  readonly #onActive: () => void;
  readonly #beside: { readonly activeAt: number };

  /**
   * `onActive`: something is under way for the first time since the last `expectNews`. `beside`: what counts as under way
   * and is no request.
   */
  constructor(clock: () => number, onActive: () => void, beside: { readonly activeAt: number } = NOTHING) {
    this.#clock = clock;
    this.#onActive = onActive;
    this.#beside = beside;
  }

  /** When something was last under way in this lifetime of the object; now, while it is, and 0 when nothing was. */
  get activeAt(): number {
    return this.#count > 0 ? this.#clock() : Math.max(this.#activeAt, this.#beside.activeAt);
  }

  expectNews(): void {
    this.#isNews = true;
  }

  readonly #idle = new Set<() => void>();

  get count(): number {
    return this.#count;
  }

  begin(): void {
    this.#count += 1;
    if (!this.#isNews) return;
    this.#isNews = false;
    this.#onActive();
  }

  end(): void {
    this.#count -= 1;
    this.#activeAt = this.#clock();
    if (this.#count > 0) return;
    for (const resolve of this.#idle) resolve();
    this.#idle.clear();
  }

  /** Something else than a request is under way, at this moment. */
  touch(): void {
    this.begin();
    this.end();
  }

  /** Resolves when nothing is in flight, or after `timeoutMs`. */
  async drained(timeoutMs: number): Promise<boolean> {
    if (this.#count === 0) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const done = () => resolve(true);
    this.#idle.add(done);
    const timer = setTimeout(() => resolve(false), timeoutMs);
    const drained = await promise;
    clearTimeout(timer);
    this.#idle.delete(done);
    return drained;
  }

  /** The body to answer with; calls `end` when it is over. */
  track(response: Response, method: string): ReadableStream | null {
    // What answers HEAD has the length of a body that never comes.
    const body = method === "HEAD" ? null : response.body;
    const length = Number(response.headers.get("content-length") ?? Number.NaN);
    if (body === null || length <= SMALL_BODY_BYTES) {
      this.end();
      return body;
    }
    const through = Number.isNaN(length) ? new IdentityTransformStream() : new FixedLengthStream(length);
    body
      .pipeTo(through.writable)
      .catch(() => undefined)
      .finally(() => this.end());
    return through.readable;
  }
}
