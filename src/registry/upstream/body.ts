/** Bodies of answers, read in large pieces, with an end to the waiting. */
import { joined } from "../../encoding.ts";
import { UpstreamError, upstreamError } from "./failure.ts";
import type { Arrived } from "./transport.ts";

/** Chunk size is most of what streaming costs in a Worker. */
export const PIECE_BYTES = 1_048_576;

export interface PieceReader {
  /** Up to a piece; null at the end. Throws when the connection breaks or nothing comes for too long. */
  readonly next: () => Promise<Uint8Array<ArrayBuffer> | null>;
  readonly cancel: () => Promise<void>;
}

export function pieces({ response, url }: Arrived, stallMs: number): PieceReader {
  const { body } = response;
  if (body === null) return { next: async () => null, cancel: async () => {} };
  const reader = byteReader(body);
  return {
    next: async () => {
      try {
        return await inTime(reader.read(), stallMs);
      } catch (error) {
        await reader.cancel();
        throw new UpstreamError({ code: "UNREACHABLE", message: `${url.host} broke off` }, { cause: error });
      }
    },
    cancel: reader.cancel,
  };
}

export function streamOf({
  next,
  cancel,
}: {
  readonly next: PieceReader["next"];
  readonly cancel: () => Promise<void> | void;
}): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull: async (controller) => {
        const piece = await next();
        if (piece === null) controller.close();
        else controller.enqueue(piece);
      },
      cancel,
    },
    // Nothing is fetched before somebody reads.
    { highWaterMark: 0 },
  );
}

/** All of it. More than `most` is what no registry may answer. */
export async function readBounded(arrived: Arrived, stallMs: number, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const reader = pieces(arrived, stallMs);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (;;) {
    const piece = await reader.next();
    if (piece === null) break;
    size += piece.length;
    if (size > most) {
      await reader.cancel();
      throw upstreamError("INVALID", `${arrived.url.host} answers with more than ${most} bytes`);
    }
    parts.push(piece);
  }
  return joined(...parts);
}

interface ByteReader {
  readonly read: () => Promise<Uint8Array<ArrayBuffer> | null>;
  readonly cancel: () => Promise<void>;
}

function byteReader(body: ReadableStream<Uint8Array>): ByteReader {
  const reader = largeReader(body);
  if (reader === null) return plainReader(body);
  return {
    read: async () => {
      const { value } = await reader.readAtLeast(PIECE_BYTES, new Uint8Array(PIECE_BYTES));
      return value === undefined || value.length === 0 ? null : value;
    },
    cancel: async () => await reader.cancel().catch(() => {}),
  };
}

/** Null where the runtime has none, whose pieces are large enough as they are, and for a stream that gives what it wants. */
function largeReader(body: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | null {
  if (!("readAtLeast" in ReadableStreamBYOBReader.prototype)) return null;
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    return null;
  }
}

function plainReader(body: ReadableStream<Uint8Array>): ByteReader {
  const reader = body.getReader();
  return {
    read: async () => {
      const { done, value } = await reader.read();
      return done ? null : (value as Uint8Array<ArrayBuffer>);
    },
    cancel: async () => await reader.cancel().catch(() => {}),
  };
}

async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came in ${ms / 1_000} s`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
