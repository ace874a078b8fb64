/**
 * Blobs of an upstream registry, as streams that go on where a connection broke: the rest is asked for by range. Whoever
 * reads one checks its digest (`verified.ts`); the length is checked here.
 */
import type { Digest } from "../oci/digest.ts";
import { pieces, streamOf, type PieceReader } from "./body.ts";
import { UpstreamError, upstreamError } from "./failure.ts";
import { contentLength, parseContentRange, rangeHeader, type ByteRange } from "./range.ts";
import { ask, type Session } from "./session.ts";
import { discard, type Arrived } from "./transport.ts";

export interface BlobRequest {
  readonly repository: string;
  readonly digest: Digest;
  /** Of the whole blob, where a descriptor says it: another one is what no registry may answer. */
  readonly size?: number;
  /** A part of it. */
  readonly range?: ByteRange;
}

export interface UpstreamBlob {
  /** Bytes that `body` gives; null where the registry does not say. */
  readonly size: number | null;
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** Breaks in a row without a byte between them. */
const MAX_IDLE_BREAKS = 3;
const MAX_BREAKS = 50;

export async function headBlob(session: Session, repository: string, digest: Digest): Promise<{ size: number | null }> {
  const headers = { "accept-encoding": "identity" };
  const path = blobPath(repository, digest);
  const { response } = await ask(session, { method: "HEAD", path, headers, repository });
  return { size: contentLength(response.headers) };
}

export async function getBlob(session: Session, request: BlobRequest): Promise<UpstreamBlob> {
  const first = await open(session, request, 0);
  const size = first.size;
  let at = 0;
  let breaks = 0;
  let idle = 0;
  let reader: PieceReader | null = first.reader;
  const next = async (): Promise<Uint8Array<ArrayBuffer> | null> => {
    for (;;) {
      try {
        reader ??= (await open(session, request, at, size)).reader;
        const piece = await reader.next();
        if (piece === null) {
          if (size === null || at === size) return null;
          throw upstreamError("UNREACHABLE", `${session.transport.endpoint.origin} broke off after ${at} bytes`);
        }
        at += piece.length;
        idle = 0;
        if (size !== null && at > size) throw wrongSize(request, size, `more than ${size}`);
        return piece;
      } catch (error) {
        await reader?.cancel();
        reader = null;
        if (!(error instanceof UpstreamError) || error.failure.code !== "UNREACHABLE") throw error;
        breaks += 1;
        idle += 1;
        // Bytes of an unknown number cannot be known to be whole, nor where they go on.
        if (size === null || idle > MAX_IDLE_BREAKS || breaks > MAX_BREAKS) throw error;
        await session.transport.clock.sleep(100 * 2 ** (idle - 1));
      }
    }
  };
  return { size, body: streamOf({ next, cancel: async () => await reader?.cancel() }) };
}

interface Opened {
  readonly reader: PieceReader;
  readonly size: number | null;
}

/** From `at` bytes after the beginning of what is asked for; `known`: how many that are. */
async function open(session: Session, request: BlobRequest, at: number, known: number | null = null): Promise<Opened> {
  const { repository, digest, range } = request;
  const start = (range?.start ?? 0) + at;
  const end = range?.end ?? lastOf(request, known);
  const isPart = range !== undefined || at > 0;
  const headers = { "accept-encoding": "identity", ...(isPart ? { range: rangeHeader({ start, end }) } : {}) };
  const arrived = await ask(session, { method: "GET", path: blobPath(repository, digest), headers, repository });
  const { status, headers: answered } = arrived.response;
  const { stallMs } = session.transport.limits;
  if (!isPart) {
    const size = contentLength(answered);
    if (status !== 200) return await refuse(arrived, `${digest} with status ${status}`);
    if (request.size !== undefined && size !== null && size !== request.size) {
      await discard(arrived.response);
      throw wrongSize(request, request.size, `${size}`);
    }
    return { reader: pieces(arrived, stallMs), size: request.size ?? size };
  }
  if (status === 200) return await skipping(session, arrived, { start, end });
  const part = parseContentRange(answered.get("content-range"));
  const isAsked = part?.start === start && (end === null || part.end === end);
  if (status !== 206 || part === null || !isAsked) {
    return await refuse(arrived, `bytes ${start} to ${end ?? "the end"} of ${digest} with others`);
  }
  return { reader: pieces(arrived, stallMs), size: part.end - part.start + 1 + at };
}

/** A registry that knows no ranges begins anew: what is there already is read past. */
async function skipping(session: Session, arrived: Arrived, { start, end }: ByteRange): Promise<Opened> {
  const whole = contentLength(arrived.response.headers);
  const reader = pieces(arrived, session.transport.limits.stallMs);
  let left = start;
  let wanted = end === null ? Number.POSITIVE_INFINITY : end - start + 1;
  const next = async (): Promise<Uint8Array<ArrayBuffer> | null> => {
    for (;;) {
      const piece = wanted === 0 ? null : await reader.next();
      if (piece === null) {
        await reader.cancel();
        return null;
      }
      const skipped = Math.min(left, piece.length);
      left -= skipped;
      const part = piece.subarray(skipped, skipped + wanted);
      wanted -= part.length;
      if (part.length > 0) return part;
    }
  };
  const size = end === null ? (whole === null ? null : whole - start) : end - start + 1;
  return { reader: { next, cancel: reader.cancel }, size };
}

function lastOf({ size, range }: BlobRequest, known: number | null): number | null {
  if (size !== undefined) return size - 1;
  return known === null ? null : (range?.start ?? 0) + known - 1;
}

function blobPath(repository: string, digest: Digest): string {
  return `/v2/${repository}/blobs/${digest}`;
}

async function refuse({ response, url }: Arrived, what: string): Promise<never> {
  await discard(response);
  throw upstreamError("INVALID", `${url.host} answers ${what}`);
}

function wrongSize({ digest }: BlobRequest, size: number, got: string): UpstreamError {
  return upstreamError("INVALID", `${digest} has ${got} bytes upstream instead of ${size}`);
}
