/** Ranges of bytes: those that a reader asks for, and those that a chunk says it is. Pure. */
import type { ByteRange } from "../blobs/read.ts";

export type RangeAnswer = "whole" | "unsatisfiable" | ByteRange;

/**
 * One range is answered; several, or another unit, get everything, as HTTP allows. One that ends before it begins is
 * refused like one beyond the end: that is what the conformance suite asks for, and nobody means everything by it.
 */
export function readRange(header: string | null, size: number): RangeAnswer {
  const match = /^bytes=\s*(\d*)\s*-\s*(\d*)\s*$/.exec(header ?? "");
  if (match === null) return "whole";
  const [, from = "", to = ""] = match;
  if (from === "" && to === "") return "whole";
  if (from === "") {
    const length = Math.min(Number(to), size);
    return length === 0 ? "unsatisfiable" : { offset: size - length, length };
  }
  const offset = Number(from);
  const last = to === "" ? size - 1 : Math.min(Number(to), size - 1);
  return offset > last ? "unsatisfiable" : { offset, length: last - offset + 1 };
}

export interface ChunkRange {
  readonly begin: number;
  readonly length: number;
}

/** `Content-Range: <first>-<last>`, as the specification has it, or as HTTP does. Null: none was sent. */
export function readChunkRange(header: string | null): ChunkRange | "invalid" | null {
  if (header === null) return null;
  const match = /^(?:bytes\s+)?(\d{1,15})-(\d{1,15})(?:\/(?:\d+|\*))?$/.exec(header.trim());
  if (match === null) return "invalid";
  const [begin, last] = [Number(match[1]), Number(match[2])];
  return last < begin ? "invalid" : { begin, length: last - begin + 1 };
}
