/**
 * The bytes of one blob from some offset on, unverified: from the cache where they are there, else from the registry. A cache
 * that fails in the middle is as one that has nothing: the registry goes on from there.
 */
import type { Digest } from "../../../src/registry/oci/digest.ts";
import { UpstreamError } from "../../../src/registry/upstream/failure.ts";
import { downloadError } from "../registry/failures.ts";
import type { Registry } from "../registry/registries.ts";
import type { LayerCache } from "./layer-cache.ts";

/** A blob, and who has it. */
export interface BlobPlace {
  readonly digest: Digest;
  readonly size: number;
  readonly repository: string;
  readonly registry: Registry;
  /** Null where its bytes may not be kept, or there is no such place. */
  readonly cache: LayerCache | null;
}

export interface ByteSource {
  readonly isFromCache: boolean;
  /** Null at the end. */
  next(): Promise<Uint8Array | null>;
  cancel(): void;
}

/** From `start` up to and without `end`. */
export async function openBlob(place: BlobPlace, start: number, end: number, signal: AbortSignal): Promise<ByteSource> {
  const cached = await fromCache(place, start, end, signal);
  return cached ?? (await fromRegistry(place, start, end, signal));
}

async function fromRegistry(place: BlobPlace, start: number, end: number, signal: AbortSignal): Promise<ByteSource> {
  const { registry, repository, digest, size } = place;
  const range = start === 0 && end === size ? {} : { range: { start, end: end - 1 } };
  const { body } = await registry.blob({ repository, digest, size, ...range }, signal);
  const reader = body.getReader();
  return {
    isFromCache: false,
    next: async () => {
      try {
        const { done, value } = await reader.read();
        return done ? null : value;
      } catch (error) {
        throw error instanceof UpstreamError ? downloadError(error.failure, `${repository}@${digest}`) : error;
      }
    },
    cancel: () => void reader.cancel().catch(() => {}),
  };
}

async function fromCache(
  place: BlobPlace,
  start: number,
  end: number,
  signal: AbortSignal,
): Promise<ByteSource | null> {
  const { cache, digest, size } = place;
  const opened = await cache?.open(digest, size, start, signal).catch(() => null);
  if (opened == null) return null;
  const bytes = opened[Symbol.asyncIterator]();
  let at = start;
  let rest: ByteSource | null = null;
  return {
    isFromCache: true,
    next: async () => {
      if (at >= end) return null;
      const piece = rest === null ? await bytes.next().catch(() => null) : null;
      if (piece !== null && piece.done !== true) {
        const part = piece.value.subarray(0, end - at);
        at += part.length;
        return part;
      }
      signal.throwIfAborted();
      rest ??= await fromRegistry(place, at, end, signal);
      const part = await rest.next();
      at += part?.length ?? 0;
      return part;
    },
    cancel: () => {
      rest?.cancel();
      void bytes.return?.().catch(() => {});
    },
  };
}
