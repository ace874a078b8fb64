/** The bytes of a blob, or some of them, from the segments that it is made of. */
import { describeError } from "../../errors.ts";
import { digestOf, SUBTLE_NAME, type Digest, type DigestAlgorithm } from "../oci/digest.ts";
import type { Segment } from "../store/contract.ts";
import { BodyReader, PIECE_BYTES } from "./body-reader.ts";
import { StoreFailed } from "./store-failed.ts";

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** A part of one object. */
interface Part {
  readonly key: string;
  readonly offset: number;
  readonly length: number;
}

/** An object that the index names is not there: nothing that a client did. */
export class SegmentMissing extends Error {
  override readonly name = "SegmentMissing";
  readonly key: string;

  constructor(key: string) {
    super(`the object ${key} is not there`);
    this.key = key;
  }
}

/** Which parts of which objects a range is. Pure. */
export function partsOf(segments: readonly Segment[], { offset, length }: ByteRange): Part[] {
  const parts: Part[] = [];
  const end = offset + length;
  let begin = 0;
  for (const { key, size } of segments) {
    const from = Math.max(offset, begin);
    const to = Math.min(end, begin + size);
    if (from < to) parts.push({ key, offset: from - begin, length: to - from });
    begin += size;
  }
  return parts;
}

/**
 * Its first object is there when this resolves. The next one is asked for while one is passed on. Whoever does not read to
 * the end cancels, and what is open is closed. `onMissing`: an object after the first is not there.
 */
export async function openRange(
  bucket: R2Bucket,
  segments: readonly Segment[],
  range: ByteRange,
  onMissing: (error: SegmentMissing) => Promise<void> = async () => undefined,
): Promise<ReadableStream<Uint8Array>> {
  const parts = partsOf(segments, range);
  const { readable, writable } = new FixedLengthStream(range.length);
  const [first, ...rest] = parts;
  const opened = first === undefined ? null : await open(bucket, first);
  void pass(bucket, opened, rest, writable, onMissing);
  return readable;
}

async function pass(
  bucket: R2Bucket,
  opened: ReadableStream<Uint8Array> | null,
  rest: readonly Part[],
  writable: WritableStream<Uint8Array>,
  onMissing: (error: SegmentMissing) => Promise<void>,
): Promise<void> {
  let current = opened;
  let ahead: Promise<ReadableStream<Uint8Array>> | null = null;
  try {
    for (let next = 0; current !== null; next += 1) {
      const following: Part | undefined = rest[next];
      ahead = following === undefined ? null : open(bucket, following);
      ahead?.catch(() => undefined);
      await current.pipeTo(writable, { preventClose: true });
      current = await ahead;
    }
    await writable.close();
  } catch (error) {
    await ahead?.then(async (body) => await body.cancel("nobody reads it")).catch(() => undefined);
    // Before the answer ends, and the request with it.
    if (error instanceof SegmentMissing) await onMissing(error).catch(() => undefined);
    // Fewer bytes than were promised: the client sees that the answer is not whole.
    await writable.abort(error).catch(() => undefined);
    if (error instanceof SegmentMissing || error instanceof StoreFailed) {
      console.error({ message: "registry.read.failed", reason: error.message });
    }
  }
}

/** Of segments that were written a moment ago, or wait for their upload's end. */
export async function copySegments(
  bucket: R2Bucket,
  segments: readonly Segment[],
  take: (piece: Uint8Array<ArrayBuffer>) => Promise<void>,
): Promise<void> {
  for (const { key, size } of segments) {
    const reader = new BodyReader(await open(bucket, { key, offset: 0, length: size }));
    let piece = await reader.piece(PIECE_BYTES);
    while (piece !== null) {
      await take(piece);
      piece = await reader.piece(PIECE_BYTES);
    }
  }
}

/** Reads all of it: for an upload whose bytes came in ways that no hash could follow. */
export async function digestOfSegments(
  bucket: R2Bucket,
  segments: readonly Segment[],
  algorithm: DigestAlgorithm,
): Promise<Digest> {
  const stream = new crypto.DigestStream(SUBTLE_NAME[algorithm]);
  const writer = stream.getWriter();
  await copySegments(bucket, segments, async (piece) => await writer.write(piece));
  await writer.close();
  return digestOf(algorithm, await stream.digest);
}

async function open(bucket: R2Bucket, { key, offset, length }: Part): Promise<ReadableStream<Uint8Array>> {
  const object = await bucket.get(key, { range: { offset, length } }).catch((error: unknown) => {
    throw new StoreFailed(`${key} could not be read: ${describeError(error, 300)}`, { cause: error });
  });
  if (object === null) throw new SegmentMissing(key);
  return object.body;
}
