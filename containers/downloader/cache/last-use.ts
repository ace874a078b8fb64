/**
 * When a layer of the cache was used last: a key of KV that ends by itself. R2 has no such date, and writing a layer again
 * to give it a new one would cost as much as not having it.
 */
import type { Gateway } from "./gateway.ts";

export const UNUSED_S = 86_400;
/** One write in this time for each layer and instance, however often it is used. */
const AGAIN_MS = 3_600_000;
const MAX_REMEMBERED = 20_000;
const MAX_PAGES = 10;

export class LastUse {
  readonly #kv: Gateway;
  readonly #touched = new Map<string, number>();

  constructor(kv: Gateway) {
    this.#kv = kv;
  }

  touch(digest: string): void {
    const now = Date.now();
    if ((this.#touched.get(digest) ?? 0) > now - AGAIN_MS) return;
    this.#touched.delete(digest);
    this.#touched.set(digest, now);
    const [oldest] = this.#touched.keys();
    if (this.#touched.size > MAX_REMEMBERED && oldest !== undefined) this.#touched.delete(oldest);
    // As much longer as a later use may have been left out.
    const ttl = UNUSED_S + AGAIN_MS / 1_000;
    void this.#write(digest, ttl);
  }

  async #write(digest: string, ttl: number): Promise<void> {
    const response = await this.#kv.ask(keyOf(digest), { method: "PUT", body: "1", query: `?ttl=${ttl}` });
    await response?.body?.cancel();
    // The next use tries again.
    if (response?.ok !== true) this.#touched.delete(digest);
  }

  /** Digests that somebody has used within a day; null: nobody knows. */
  async used(): Promise<ReadonlySet<string> | null> {
    const found = new Set<string>();
    let cursor: string | null = null;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const listed = await this.#kv.list("used/", cursor);
      if (listed === null) return null;
      for (const { key } of listed.entries) found.add(key.slice("used/".length));
      ({ cursor } = listed);
      if (cursor === null) break;
    }
    const since = Date.now() - UNUSED_S * 1_000;
    for (const [digest, at] of this.#touched) if (at > since) found.add(digest);
    return cursor === null ? found : null;
  }

  forget(digest: string): void {
    this.#touched.delete(digest);
  }
}

function keyOf(digest: string): string {
  return `used/${digest}`;
}
