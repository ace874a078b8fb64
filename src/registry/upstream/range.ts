/** Byte ranges as they are asked for: closed ones, since some registries refuse others; and as they are answered. */

export interface ByteRange {
  readonly start: number;
  /** The last byte's; null: to the end, where that is not known. */
  readonly end: number | null;
}

export interface ContentRange {
  readonly start: number;
  readonly end: number;
  readonly total: number | null;
}

export function rangeHeader({ start, end }: ByteRange): string {
  return `bytes=${start}-${end ?? ""}`;
}

/** Null for what is none. */
export function parseContentRange(header: string | null): ContentRange | null {
  const [, start, end, total] = /^\s*bytes\s+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)\s*$/i.exec(header ?? "") ?? [];
  if (start === undefined || end === undefined || total === undefined) return null;
  const range = { start: Number(start), end: Number(end), total: total === "*" ? null : Number(total) };
  return range.end < range.start || (range.total !== null && range.end >= range.total) ? null : range;
}

/** Null where it is missing, or says nothing of the bytes that arrive, which were unpacked on the way. */
export function contentLength(headers: Headers): number | null {
  const text = headers.get("content-length") ?? "";
  const encoding = headers.get("content-encoding") ?? "identity";
  return /^\d{1,15}$/.test(text) && encoding.toLowerCase() === "identity" ? Number(text) : null;
}

/** Seconds, or a date. In seconds from `now`; null where it is neither. */
export function retryAfter(header: string | null, now: number): number | null {
  const text = (header ?? "").trim();
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const at = text === "" ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - now) / 1_000));
}
