/**
 * Segments as rows keep them: `[[<key below the upload>, <size>], …]`. Layers of many gigabytes have thousands, and a row
 * has two megabytes.
 */
import type { Segment } from "./contract.ts";

/** Everything that an upload writes is below it, and nothing else is. */
export function prefixOf(accountId: string, upload: string): string {
  return `${accountId}/${upload}/`;
}

/** Before the segments of a blob that an object is missing of: they are kept until it is uploaded anew. */
const LOST = "lost:";

export function markLost(packed: string): string {
  return LOST + packed;
}

export function isLost(packed: string): boolean {
  return packed.startsWith(LOST);
}

export function packSegments(prefix: string, segments: readonly Segment[]): string {
  return JSON.stringify(segments.map(({ key, size }) => [key.slice(prefix.length), size]));
}

export function unpackSegments(prefix: string, packed: string): Segment[] {
  const pairs = JSON.parse(isLost(packed) ? packed.slice(LOST.length) : packed) as [string, number][];
  return pairs.map(([key, size]) => ({ key: prefix + key, size }));
}

export function sizeOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { size }) => sum + size, 0);
}

export function keysOf(segments: readonly Segment[]): string[] {
  return segments.map(({ key }) => key);
}
