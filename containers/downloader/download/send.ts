/**
 * The bytes of an archive, or of a range of it, to a client. A layer whose end is in the range is verified as a whole before
 * its last bytes are sent; while one is sent, the next are already being read.
 */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { piecesOf, type Piece } from "../archive/plan.ts";
import { openBlob, type BlobPlace } from "./blob-source.ts";
import { SMALL_BYTES } from "./flight.ts";
import type { BlobReader, Flights, HeldBytes } from "./flights.ts";
import type { LayerCache } from "./layer-cache.ts";
import { Patience } from "./patience.ts";
import type { Download } from "./prepare.ts";
import { unpacked } from "./unpack.ts";

export interface SendOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes that were handed over since the last call. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

export interface SendContext extends SendOptions {
  readonly flights: Flights;
  readonly cache: LayerCache | undefined;
}

type BlobPiece = Extract<Piece, { kind: "blob" }>;

/** Layers that are read ahead of the one that is sent, where there is memory for it. */
const AHEAD = 2;

export async function send(
  download: Download,
  { start, end }: { readonly start: number; readonly end: number },
  response: ServerResponse,
  context: SendContext,
): Promise<void> {
  const gone = new AbortController();
  const onClose = () => gone.abort();
  response.once("close", onClose);
  const over = context.signal === undefined ? gone.signal : AbortSignal.any([context.signal, gone.signal]);
  const pieces = piecesOf(download.plan, start, end);
  const blobs = pieces.filter((piece): piece is BlobPiece => piece.kind === "blob");
  const readings = new Map<BlobPiece, Reading>();
  const patience = new Patience();
  const reading = (piece: BlobPiece): Reading => {
    const known =
      readings.get(piece) ?? openReading(placeOf(download, piece, context.cache), piece, { context, patience, over });
    readings.set(piece, known);
    return known;
  };
  // Readers that wait for bytes wait no more.
  const leave = () => {
    for (const { leave: leaveOne } of readings.values()) leaveOne();
  };
  over.addEventListener("abort", leave);
  try {
    over.throwIfAborted();
    const write = writerTo(response, over, context.onProgress);
    let next = 0;
    for (const piece of pieces) {
      if (piece.kind === "bytes") {
        await write({ bytes: piece.bytes, release: () => {} });
        continue;
      }
      next += 1;
      const current = reading(piece);
      const ahead = context.flights.budget.isShort ? 0 : AHEAD;
      for (const later of blobs.slice(next, next + ahead)) if (isReadAhead(later)) reading(later);
      for await (const bytes of current.bytes()) await write(bytes);
      current.leave();
      readings.delete(piece);
    }
    over.throwIfAborted();
    response.off("close", onClose);
    response.end();
  } catch (error) {
    // Less than was promised, which nobody takes for the whole. What the client has not got yet of it, it still gets.
    if (over.aborted || response.socket === null) response.destroy();
    else response.socket.destroySoon();
    // What is left of a reading that was stopped is no failure of its own.
    throw over.aborted ? over.reason : error;
  } finally {
    over.removeEventListener("abort", leave);
    response.off("close", onClose);
    leave();
  }
}

function placeOf({ images, registries }: Download, { blob }: BlobPiece, cache: LayerCache | undefined): BlobPlace {
  const [image, registry] = [images[blob.image], registries[blob.image]];
  if (image === undefined || registry === undefined) throw new Error("a blob of an image that is not there");
  const { digest, size } = blob.stored;
  const { repository } = image.reference;
  return { digest, size, repository, registry, cache: registry.isCached ? (cache ?? null) : null };
}

interface Reading {
  readonly bytes: () => AsyncIterable<HeldBytes>;
  readonly leave: () => void;
}

interface ReadingContext {
  readonly context: SendContext;
  readonly patience: Patience;
  readonly over: AbortSignal;
}

/** What ends before the blob does is read when it is its turn. */
function isReadAhead({ blob, end }: BlobPiece): boolean {
  return blob.stored.isUnpacked || end === blob.size;
}

function openReading(place: BlobPlace, piece: BlobPiece, { context, patience, over }: ReadingContext): Reading {
  const { blob, start, end } = piece;
  const { flights } = context;
  if (blob.stored.isUnpacked) {
    const reader = flights.read(place, 0, patience);
    const all = () => unpacked(reader, blob.digest, blob.size);
    return { bytes: () => partOf(all(), start, end), leave: () => reader.leave() };
  }
  if (end === blob.size || blob.size <= SMALL_BYTES) {
    const reader = flights.read(place, start, patience, end < blob.size);
    return { bytes: () => upTo(reader, end - start), leave: () => reader.leave() };
  }
  return { bytes: () => unverified(place, { start, end }, { flights, over }), leave: () => {} };
}

async function* upTo(reader: BlobReader, length: number): AsyncGenerator<HeldBytes, void, undefined> {
  let left = length;
  while (left > 0) {
    const held = await reader.next();
    if (held === null) throw new Error("a blob ended before its size");
    const bytes = held.bytes.subarray(0, left);
    left -= bytes.length;
    yield { bytes, release: held.release };
  }
}

/** A part that ends before the blob: whoever puts parts together gets the blob's last byte only with all of it verified. */
async function* unverified(
  place: BlobPlace,
  { start, end }: { readonly start: number; readonly end: number },
  { flights, over }: { readonly flights: Flights; readonly over: AbortSignal },
): AsyncGenerator<HeldBytes, void, undefined> {
  const source = await openBlob(place, start, end, over);
  try {
    for (let bytes = await source.next(); bytes !== null; bytes = await source.next()) {
      const piece = bytes;
      yield { bytes: piece, release: () => flights.memory.give(piece) };
    }
  } finally {
    source.cancel();
  }
}

async function* partOf(
  all: AsyncIterable<Uint8Array>,
  start: number,
  end: number,
): AsyncGenerator<HeldBytes, void, undefined> {
  let at = 0;
  for await (const bytes of all) {
    const part = bytes.subarray(Math.max(0, start - at), Math.max(0, end - at));
    at += bytes.length;
    if (part.length > 0) yield { bytes: part, release: () => {} };
  }
}

/** Waits where the client is slow. The memory of what was handed over is free once the kernel has it. */
function writerTo(
  response: ServerResponse,
  over: AbortSignal,
  onProgress: ((bytes: number) => void) | undefined,
): (held: HeldBytes) => Promise<void> {
  return async ({ bytes, release }) => {
    if (over.aborted) {
      release();
      throw over.reason;
    }
    const isTaken = response.write(bytes, () => {
      release();
      onProgress?.(bytes.length);
    });
    if (!isTaken) await once(response, "drain", { signal: over });
  };
}
