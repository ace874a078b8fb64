/**
 * How often one client may ask, counted by all instances together in a shared object. Without one, or while it does not
 * answer, each instance counts alone: a limit that is too generous is better than an answer that nobody gets.
 */
import { count, type Verdict } from "../../../src/samples/window.ts";
import type { Gateway } from "../cache/gateway.ts";
import { ApiError } from "../http/api-error.ts";

const WINDOW_S = 60;
const ANSWER_MS = 5_000;
const MAX_CLIENTS = 10_000;

export class RateLimit {
  readonly #limit: number;
  readonly #shared: Gateway;
  readonly #alone = new Map<string, number[]>();

  constructor(limit: number, shared: Gateway) {
    this.#limit = limit;
    this.#shared = shared;
  }

  /** Headers of the answer; throws when the client has to wait. `limit` 0: nobody is counted. */
  async admit(client: string): Promise<Record<string, string>> {
    if (this.#limit === 0) return {};
    const { allowed, remaining, resetSeconds } = (await this.#countShared(client)) ?? this.#countAlone(client);
    const headers = {
      "ratelimit-limit": String(this.#limit),
      "ratelimit-policy": `${this.#limit};w=${WINDOW_S}`,
      "ratelimit-remaining": String(remaining),
      "ratelimit-reset": String(resetSeconds),
    };
    if (allowed) return headers;
    throw new RateLimited(resetSeconds, this.#limit, headers);
  }

  async #countShared(client: string): Promise<Verdict | null> {
    const response = await this.#shared.ask(
      `client-${client}/count`,
      {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ limit: this.#limit, windowSeconds: WINDOW_S }),
      },
      ANSWER_MS,
    );
    if (response === null) return null;
    try {
      const verdict = await response.json<Partial<Verdict>>();
      return typeof verdict.allowed === "boolean" ? (verdict as Verdict) : null;
    } catch {
      return null;
    }
  }

  #countAlone(client: string): Verdict {
    const { times, verdict } = count(
      this.#alone.get(client) ?? [],
      { limit: this.#limit, windowMs: WINDOW_S * 1_000 },
      Date.now(),
    );
    this.#alone.delete(client);
    this.#alone.set(client, times);
    const [oldest] = this.#alone.keys();
    if (this.#alone.size > MAX_CLIENTS && oldest !== undefined) this.#alone.delete(oldest);
    return verdict;
  }
}

export class RateLimited extends ApiError {
  readonly headers: Readonly<Record<string, string>>;

  constructor(seconds: number, limit: number, headers: Readonly<Record<string, string>>) {
    const after = Math.max(1, seconds);
    super(429, "RATE_LIMITED", `more than ${limit} requests a minute: ask again after ${after} s`, {
      retryAfter: after,
    });
    this.headers = headers;
  }
}
