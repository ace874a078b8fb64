/** A cache of layers in memory, with the faults that a real one has. */
import type { Digest } from "../../../src/registry/oci/digest.ts";
import type { LayerCache, LayerSink } from "../download/layer-cache.ts";

export class MemoryCache implements LayerCache {
  readonly entries = new Map<string, Buffer>();
  readonly dropped: string[] = [];
  /** Digests that somebody began to store. */
  readonly stored: string[] = [];
  /** Bytes after which reading fails. */
  failsAfter = Number.POSITIVE_INFINITY;

  async open(digest: Digest, _size: number, start: number): Promise<AsyncIterable<Uint8Array> | null> {
    const bytes = this.entries.get(digest);
    return bytes === undefined ? null : this.#pieces(bytes.subarray(start));
  }

  drop(digest: Digest): void {
    this.dropped.push(digest);
    this.entries.delete(digest);
  }

  async store(digest: Digest): Promise<LayerSink | null> {
    const parts: Buffer[] = [];
    this.stored.push(digest);
    return {
      write: async (bytes) => void parts.push(Buffer.from(bytes)),
      commit: async () => void this.entries.set(digest, Buffer.concat(parts)),
      abandon: () => {},
    };
  }

  async *#pieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 100_000) {
      if (at >= this.failsAfter) throw new Error("the cache is gone");
      yield bytes.subarray(at, at + 100_000);
    }
  }
}
