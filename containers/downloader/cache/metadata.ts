/**
 * What others have said of images, for a while: in KV, so that all instances know it, and in memory in front of it, so
 * that not each request is one of KV. Only what nobody needed a password for comes here, and no failure.
 */
import { createHash } from "node:crypto";
import type { Metrics } from "../metrics/metrics.ts";
import type { Gateway } from "./gateway.ts";

/** Characters of JSON: what a registry says may be as long as it likes. */
const MAX_LENGTH_IN_MEMORY = 16 * 1024 * 1024;
/** More than all tags that are listed of one repository. What is longer is asked for each time. */
const MAX_LENGTH = 2 * 1024 * 1024;
/** KV keeps nothing for less. */
const MIN_TTL_S = 60;

interface Entry {
  readonly value: unknown;
  readonly until: number;
}

interface Kept extends Entry {
  /** Of it as JSON. */
  readonly length: number;
}

export class MetadataCache {
  readonly #memory = new Map<string, Kept>();
  #length = 0;
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
    return found === null ? null : (found.value as T);
  }

  put(parts: readonly string[], seconds: number, value: unknown): void {
    this.#store(keyOf(parts), seconds, value);
  }

  clear(): void {
    this.#memory.clear();
    this.#length = 0;
  }

  async #find<T>(key: string, seconds: number, find: () => Promise<T>): Promise<T> {
    const stored = await this.#fromKv(key);
    if (stored !== null) {
      this.#metrics.cached("metadata", "hit");
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
    const text = JSON.stringify(entry);
    if (text.length > MAX_LENGTH) return;
    this.#keep(key, { ...entry, length: text.length });
    void this.#toKv(key, text, Math.max(seconds, MIN_TTL_S));
  }

  #fromMemory(key: string): Entry | null {
    const entry = this.#memory.get(key);
    return entry === undefined || entry.until <= Date.now() ? null : entry;
  }

  #keep(key: string, entry: Kept): void {
    this.#drop(key);
    this.#memory.set(key, entry);
    this.#length += entry.length;
    // The one that was kept first goes first.
    for (const oldest of this.#memory.keys()) {
      if (this.#length <= MAX_LENGTH_IN_MEMORY) break;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    this.#length -= this.#memory.get(key)?.length ?? 0;
    this.#memory.delete(key);
  }

  async #fromKv(key: string): Promise<Entry | null> {
    const response = await this.#kv.ask(key);
    if (response === null) return null;
    if (response.status !== 200) {
      await response.body?.cancel();
      return null;
    }
    try {
      const text = await response.text();
      const entry = JSON.parse(text) as Partial<Entry>;
      const { until } = entry;
      if (typeof until !== "number" || until <= Date.now() || !("value" in entry)) return null;
      const kept = { value: entry.value, until, length: text.length };
      this.#keep(key, kept);
      return kept;
    } catch {
      return null;
    }
  }

  async #toKv(key: string, text: string, seconds: number): Promise<void> {
    const response = await this.#kv.ask(key, {
      method: "PUT",
      body: text,
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
