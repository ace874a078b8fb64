/**
 * What others have said of images, for a while: in KV, so that all instances know it, and in memory in front of it, so
 * that not each request is one of KV. Only what nobody needed a password for comes here, and no failure.
 */
import { createHash } from "node:crypto";
import type { Metrics } from "../metrics/metrics.ts";
import type { Gateway } from "./gateway.ts";

const MAX_IN_MEMORY = 500;
/** KV keeps nothing for less. */
const MIN_TTL_S = 60;

interface Entry {
  readonly value: unknown;
  readonly until: number;
}

export class MetadataCache {
  readonly #memory = new Map<string, Entry>();
  readonly #underWay = new Map<string, Promise<unknown>>();
  readonly #kv: Gateway;
  readonly #metrics: Metrics;

  constructor(kv: Gateway, metrics: Metrics) {
    this.#kv = kv;
    this.#metrics = metrics;
  }

  /** Those who ask for the same at the same time wait for one answer. */
  async remember<T>(parts: readonly string[], seconds: number, find: () => Promise<T>): Promise<T> {
    const key = keyOf(parts);
    const known = this.#fromMemory(key);
    if (known !== null) {
      this.#metrics.cached("metadata", "hit");
      return known.value as T;
    }
    const already = this.#underWay.get(key);
    if (already !== undefined) return (await already) as T;
    const work = this.#find(key, seconds, find);
    this.#underWay.set(key, work);
    try {
      return await work;
    } finally {
      this.#underWay.delete(key);
    }
  }

  async get<T>(parts: readonly string[]): Promise<T | null> {
    const key = keyOf(parts);
    const found = this.#fromMemory(key) ?? (await this.#fromKv(key));
    this.#metrics.cached("metadata", found === null ? "miss" : "hit");
    if (found !== null) this.#keep(key, found);
    return found === null ? null : (found.value as T);
  }

  put(parts: readonly string[], seconds: number, value: unknown): void {
    this.#store(keyOf(parts), seconds, value);
  }

  clear(): void {
    this.#memory.clear();
  }

  async #find<T>(key: string, seconds: number, find: () => Promise<T>): Promise<T> {
    const stored = await this.#fromKv(key);
    if (stored !== null) {
      this.#metrics.cached("metadata", "hit");
      this.#keep(key, stored);
      return stored.value as T;
    }
    this.#metrics.cached("metadata", "miss");
    const value = await find();
    this.#store(key, seconds, value);
    return value;
  }

  /** KV is not waited for: whoever asks has waited for somebody else already. */
  #store(key: string, seconds: number, value: unknown): void {
    const entry = { value, until: Date.now() + seconds * 1_000 };
    this.#keep(key, entry);
    void this.#toKv(key, entry, Math.max(seconds, MIN_TTL_S));
  }

  #fromMemory(key: string): Entry | null {
    const entry = this.#memory.get(key);
    return entry === undefined || entry.until <= Date.now() ? null : entry;
  }

  #keep(key: string, entry: Entry): void {
    // The one that was kept first goes first.
    this.#memory.delete(key);
    this.#memory.set(key, entry);
    const [oldest] = this.#memory.keys();
    if (this.#memory.size > MAX_IN_MEMORY && oldest !== undefined) this.#memory.delete(oldest);
  }

  async #fromKv(key: string): Promise<Entry | null> {
    const response = await this.#kv.ask(key);
    if (response === null) return null;
    if (response.status !== 200) {
      await response.body?.cancel();
      return null;
    }
    try {
      const entry = await response.json<Partial<Entry>>();
      const isGood = typeof entry.until === "number" && entry.until > Date.now() && "value" in entry;
      return isGood ? (entry as Entry) : null;
    } catch {
      return null;
    }
  }

  async #toKv(key: string, entry: Entry, seconds: number): Promise<void> {
    const response = await this.#kv.ask(key, {
      method: "PUT",
      body: JSON.stringify(entry),
      query: `?ttl=${Math.ceil(seconds)}`,
    });
    await response?.body?.cancel();
  }
}

/** The kind, in words, and the rest as a hash: what is asked for may be of any length and any letters. */
function keyOf([kind = "", ...rest]: readonly string[]): string {
  const hash = createHash("sha256").update(JSON.stringify(rest)).digest("base64url").slice(0, 32);
  return `metadata/${kind}/${hash}`;
}
