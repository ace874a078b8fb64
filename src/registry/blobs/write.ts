/**
 * Puts the bytes of a request into R2 as segments of an upload, and says what of them is stored and what is known of
 * their digest. Nothing here is the upload's until the index was told: whoever called commits, or discards.
 */
import { describeError } from "../../errors.ts";
import type { HashState, Segment, WriteTicket } from "../store/contract.ts";
import { BodyCut, BodyReader } from "./body-reader.ts";
import { borrowBuffer, FIRST_BYTES } from "./buffers.ts";
import type { Hasher } from "./hasher.ts";
import { copySegments } from "./read.ts";
import { StoreFailed } from "./store-failed.ts";
import { shortEnds } from "./short-ends.ts";

/** Of a body whose length is known: one that breaks costs as much of it at most. */
export const MAX_SEGMENT = 256 * 1024 * 1024;

export interface Incoming {
  readonly body: ReadableStream<Uint8Array> | null;
  /** Null where the request does not say. */
  readonly length: number | null;
  /** Null: nothing is known of the bytes before, so nothing can be told of what follows. */
  readonly hasher: Hasher | null;
}

export interface Written {
  /** How many of the upload's last segments the first of `segments` contains. */
  readonly replaced: number;
  readonly segments: readonly Segment[];
  readonly hash: HashState | null;
  /** Bytes of the body that are stored. */
  readonly size: number;
  readonly end: "whole" | "cut" | "too-long";
}

export async function writeBody(bucket: R2Bucket, ticket: WriteTicket, incoming: Incoming): Promise<Written> {
  const writer = new SegmentWriter(bucket, ticket, incoming.hasher);
  const reader = new BodyReader(incoming.body);
  let end: Written["end"] = "whole";
  try {
    if (incoming.length === null) await writeStream(writer, reader);
    else await writeKnown(writer, reader, incoming.length);
    if (!(await reader.atEnd())) end = "too-long";
  } catch (error) {
    if (!(error instanceof BodyCut)) {
      await reader.cancel("the bytes could not be stored");
      await discard(bucket, writer.segments);
      throw new StoreFailed(`the bytes could not be stored: ${describeError(error, 300)}`, { cause: error });
    }
    end = "cut";
  }
  if (end === "too-long") await reader.cancel("there are more bytes than was said");
  return await writer.written(end);
}

/** What was put and is no upload's. What a crash leaves is swept by the index. */
export async function discard(bucket: R2Bucket, segments: readonly Segment[]): Promise<void> {
  if (segments.length === 0) return;
  const keys = segments.map(({ key }) => key);
  for (let at = 0; at < keys.length; at += MAX_DELETED) {
    await bucket.delete(keys.slice(at, at + MAX_DELETED)).catch(() => undefined);
  }
}

/** What R2 deletes in one call. */
const MAX_DELETED = 1_000;

async function writeKnown(writer: SegmentWriter, reader: BodyReader, length: number): Promise<void> {
  let left = length;
  writer.takeEnds(left);
  while (left > 0) {
    const own = Math.min(left, MAX_SEGMENT - writer.carried);
    await writer.stream(own, async (take) => {
      let rest = own;
      while (rest > 0) {
        const piece = await reader.piece(rest);
        if (piece === null) throw new BodyCut(`the body ended ${rest} bytes before its end`);
        rest -= piece.length;
        await take(piece);
      }
    });
    left -= own;
  }
}

/** While one buffer is stored the next is filled, as long as there is memory for two. */
async function writeStream(writer: SegmentWriter, reader: BodyReader): Promise<void> {
  let { buffer, length } = await reader.gather(new ArrayBuffer(FIRST_BYTES), 0);
  if (length < FIRST_BYTES) {
    await writer.buffer(new Uint8Array(buffer, 0, length));
    return;
  }
  using lease = borrowBuffer();
  const larger = new Uint8Array(lease.size);
  larger.set(new Uint8Array(buffer));
  ({ buffer, length } = await reader.gather(larger.buffer, FIRST_BYTES));
  let storing: { readonly done: Promise<void>; readonly buffer: ArrayBuffer } | null = null;
  try {
    while (length > 0) {
      await storing?.done;
      const next: ArrayBuffer | null = storing?.buffer ?? (lease.isDouble ? new ArrayBuffer(lease.size) : null);
      const done = writer.buffer(new Uint8Array(buffer, 0, length));
      done.catch(() => undefined);
      storing = { done, buffer };
      if (length < lease.size) break;
      if (next === null) await done;
      ({ buffer, length } = await reader.gather(next ?? buffer, 0));
      if (next === null) storing = null;
    }
  } finally {
    // Also of a body that was cut: what is being stored counts.
    await storing?.done;
  }
}

class SegmentWriter {
  readonly segments: Segment[] = [];
  readonly #bucket: R2Bucket;
  readonly #ticket: WriteTicket;
  readonly #hasher: Hasher | null;
  #ends: readonly Segment[] | null = null;
  #replaced = 0;
  #size = 0;
  #hash: HashState | null = null;

  constructor(bucket: R2Bucket, ticket: WriteTicket, hasher: Hasher | null) {
    this.#bucket = bucket;
    this.#ticket = ticket;
    this.#hasher = hasher;
  }

  /** Bytes of earlier segments that the next one begins with. */
  get carried(): number {
    return (this.#ends ?? []).reduce((sum, { size }) => sum + size, 0);
  }

  takeEnds(incoming: number): void {
    if (this.#ends !== null) return;
    const count = shortEnds(this.#ticket.segments, incoming);
    this.#ends = count === 0 ? [] : this.#ticket.segments.slice(-count);
  }

  /** `give` hands over exactly `own` bytes. */
  async stream(own: number, give: (take: (piece: Uint8Array<ArrayBuffer>) => Promise<void>) => Promise<void>) {
    const ends = this.#ends ?? [];
    const size = this.carried + own;
    const key = this.#nextKey();
    const { readable, writable } = new FixedLengthStream(size);
    const put = this.#bucket.put(key, readable);
    put.catch(() => undefined);
    const writer = writable.getWriter();
    writer.closed.catch(() => undefined);
    try {
      await copySegments(this.#bucket, ends, async (piece) => await writer.write(piece));
      await give(async (piece) => {
        await Promise.all([writer.write(piece), this.#hasher?.update(piece)]);
      });
      await writer.close();
    } catch (error) {
      await writer.abort(error).catch(() => undefined);
      // Where the store failed, that is why nothing more could be written.
      const why = await put.then(
        () => error,
        (refusal: unknown) => (error instanceof BodyCut ? error : refusal),
      );
      throw why;
    }
    await put;
    this.#stored({ key, size }, own, ends.length);
  }

  async buffer(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (bytes.length === 0) return;
    this.takeEnds(bytes.length);
    if (this.carried > 0) {
      await this.stream(bytes.length, async (take) => await take(bytes));
      return;
    }
    const key = this.#nextKey();
    await this.#hasher?.update(bytes);
    await this.#bucket.put(key, bytes);
    this.#stored({ key, size: bytes.length }, bytes.length, 0);
  }

  async written(end: Written["end"]): Promise<Written> {
    const offset = this.#ticket.upload.size + this.#size;
    // Of a body that was cut, the hash has seen bytes that are not stored.
    const hash = end === "whole" ? ((await this.#hasher?.finish(offset)) ?? null) : this.#hash;
    return { replaced: this.#replaced, segments: this.segments, hash, size: this.#size, end };
  }

  #nextKey(): string {
    return `${this.#ticket.prefix}${this.segments.length}`;
  }

  #stored(segment: Segment, own: number, replaced: number): void {
    this.segments.push(segment);
    this.#size += own;
    this.#replaced += replaced;
    this.#ends = [];
    this.#hash = this.#hasher?.save(this.#ticket.upload.size + this.#size) ?? null;
  }
}
