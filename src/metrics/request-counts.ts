/**
 * How many requests of the control API an account had. The Worker knows how a request ended, the account's object is
 * where all isolates meet: each admission takes along what its isolate has answered since the last, so that counting
 * costs no call and no row. What an isolate answered last is counted with its next request, or lost with the isolate.
 */

export interface RequestCount {
  readonly method: string;
  /** The route's template, never the path. */
  readonly route: string;
  /** `2xx`. */
  readonly status: string;
  readonly count: number;
}

export class RequestCounts {
  readonly #counts = new Map<string, RequestCount>();

  add(counts: readonly RequestCount[]): void {
    for (const item of counts) {
      const key = `${item.method} ${item.route} ${item.status}`;
      this.#counts.set(key, { ...item, count: (this.#counts.get(key)?.count ?? 0) + item.count });
    }
  }

  /** In a stable order. */
  all(): RequestCount[] {
    return [...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, count]) => count);
  }
}

/** Beyond this many accounts what is not told yet is forgotten, so that callers cannot fill the memory. */
const MAX_ACCOUNTS = 1_000;

/** What an isolate has answered and not told yet, per account. */
export class AnsweredRequests {
  readonly #accounts = new Map<string, RequestCounts>();

  add(accountId: string, counts: readonly RequestCount[]): void {
    if (counts.length === 0) return;
    if (this.#accounts.size >= MAX_ACCOUNTS) this.#accounts.clear();
    const known = this.#accounts.get(accountId) ?? new RequestCounts();
    known.add(counts);
    this.#accounts.set(accountId, known);
  }

  take(accountId: string): RequestCount[] {
    const counts = this.#accounts.get(accountId)?.all() ?? [];
    this.#accounts.delete(accountId);
    return counts;
  }
}
