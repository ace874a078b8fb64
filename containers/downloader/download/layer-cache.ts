/** Where verified layers are kept between downloads, if there is such a place. Whoever implements it decides how long. */
import type { Digest } from "../../../src/registry/oci/digest.ts";

export interface LayerCache {
  /** From `start` to the end of the blob, as it is there; null where it is not. Failing is the same as not having it. */
  open(digest: Digest, size: number, start: number, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | null>;
  /** What it gave was something else. */
  drop?(digest: Digest): void;
  /** Null where it is not wanted, or is there already. */
  store(digest: Digest, size: number): Promise<LayerSink | null>;
}

export interface LayerSink {
  /** Takes the bytes in order, and copies what it does not use at once: they are overwritten afterwards. Waited for. */
  write(bytes: Uint8Array): Promise<void>;
  /** All of them came and the digest is right. Before it, nothing may be found under the digest. */
  commit(): Promise<void>;
  /** Forget them. */
  abandon(): void;
}
