/**
 * Bytes of a body, counted as they pass and never held. What breaks on one side breaks on the other: whoever reads must
 * not take a part for the whole.
 */

/** Large enough that a chunk costs little beside its bytes. */
const CHUNK_BYTES = 64 * 1024;

export interface Counting {
  /** Of the whole body, where it is known; a body of another length breaks. */
  readonly length: number | null;
  readonly onBytes: (bytes: number) => void;
  /** It has broken where it comes from, and whoever reads it is about to be told. */
  readonly onBreak?: () => void;
  /** Whole, broken, or left by whoever reads it. */
  readonly onEnd?: () => void;
}

export function countBytes(body: ReadableStream<Uint8Array>, counting: Counting): ReadableStream<Uint8Array> {
  const { length, onEnd } = counting;
  const { readable, writable } = length === null ? new IdentityTransformStream() : new FixedLengthStream(length);
  void pump(body, writable, counting).finally(onEnd);
  return readable;
}

async function pump(
  body: ReadableStream<Uint8Array>,
  writable: WritableStream<Uint8Array>,
  { onBytes, onBreak }: Counting,
): Promise<void> {
  const reader = readerOf(body);
  const writer = writable.getWriter();
  // Nobody waits for these: a read or write that fails says the same.
  for (const closed of [reader.closed, writer.closed, writer.ready]) closed.catch(() => undefined);
  for (;;) {
    let chunk: Uint8Array | null;
    try {
      chunk = await reader.read();
    } catch (error) {
      onBreak?.();
      await Promise.allSettled([writer.abort(error)]);
      return;
    }
    try {
      if (chunk === null) return await writer.close();
      onBytes(chunk.byteLength);
      await writer.write(chunk);
    } catch (error) {
      await Promise.allSettled([reader.cancel(error), writer.abort(error)]);
      return;
    }
  }
}

interface ChunkReader {
  /** Null: the end. */
  readonly read: () => Promise<Uint8Array | null>;
  readonly cancel: (reason: unknown) => Promise<void>;
  readonly closed: Promise<unknown>;
}

/** The platform's bodies are read in large chunks into one buffer; those that JavaScript makes, as they were made. */
function readerOf(body: ReadableStream<Uint8Array>): ChunkReader {
  let byob: ReadableStreamBYOBReader;
  try {
    byob = body.getReader({ mode: "byob" });
  } catch {
    const reader = body.getReader();
    return {
      read: async () => (await reader.read()).value ?? null,
      cancel: async (reason) => await reader.cancel(reason),
      closed: reader.closed,
    };
  }
  let buffer = new ArrayBuffer(CHUNK_BYTES);
  return {
    read: async () => {
      const { done, value } = await byob.read(new Uint8Array(buffer));
      if (done) return null;
      // A write is over when its bytes were taken: the buffer is free again.
      buffer = value.buffer;
      return value;
    },
    cancel: async (reason) => await byob.cancel(reason),
    closed: byob.closed,
  };
}
