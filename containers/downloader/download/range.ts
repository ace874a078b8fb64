/** Which bytes of an archive a request wants, and the headers that its answer has. Pure. */
import type { Download } from "./prepare.ts";

export interface RangeRequest {
  readonly range?: string | undefined;
  readonly ifRange?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly ifMatch?: string | undefined;
}

export interface DownloadAnswer {
  readonly status: 200 | 206 | 304 | 412 | 416;
  /** `start` up to and without `end`; empty where the answer has no body. */
  readonly start: number;
  readonly end: number;
  readonly headers: Readonly<Record<string, string>>;
}

export function answerFor({ plan, fileName, isPrivate }: Download, request: RangeRequest): DownloadAnswer {
  const { length, etag } = plan;
  const kept = { etag, "cache-control": `${isPrivate ? "private, no-store" : "public, max-age=0"}, no-transform` };
  const nothing = (status: 304 | 412 | 416, headers: Record<string, string>): DownloadAnswer => ({
    status,
    start: 0,
    end: 0,
    headers: { ...kept, ...headers },
  });
  if (request.ifMatch !== undefined && !matches(request.ifMatch, etag)) return nothing(412, { "content-length": "0" });
  if (request.ifNoneMatch !== undefined && matches(request.ifNoneMatch, etag)) return nothing(304, {});
  const headers = {
    ...kept,
    "accept-ranges": "bytes",
    // Not to be unpacked or packed on its way, whatever is in between.
    "content-type": "application/x-tar",
    "content-disposition": `attachment; filename="${fileName}"`,
  };
  const isSame = request.ifRange === undefined || request.ifRange.trim() === etag;
  const range = isSame ? readRange(request.range, length) : null;
  if (range === null)
    return { status: 200, start: 0, end: length, headers: { ...headers, "content-length": `${length}` } };
  if (range === "beyond") return nothing(416, { "content-range": `bytes */${length}`, "content-length": "0" });
  const { start, end } = range;
  return {
    status: 206,
    start,
    end,
    headers: {
      ...headers,
      "content-length": `${end - start}`,
      "content-range": `bytes ${start}-${end - 1}/${length}`,
    },
  };
}

/** Blanks may stand anywhere in it; thousands of them would be looked through again and again. */
const MAX_HEADER = 200;

/** Null for what is none, or several: the whole is the answer to that. */
export function readRange(
  header: string | undefined,
  length: number,
): { start: number; end: number } | "beyond" | null {
  if (header !== undefined && header.length > MAX_HEADER) return null;
  const [, first, last] = /^\s*bytes\s*=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*$/i.exec(header ?? "") ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) return null;
  if (first === "") return Number(last) === 0 ? "beyond" : { start: Math.max(0, length - Number(last)), end: length };
  const start = Number(first);
  if (last !== "" && Number(last) < start) return null;
  if (start >= length) return "beyond";
  return { start, end: last === "" ? length : Math.min(length, Number(last) + 1) };
}

function matches(header: string, etag: string): boolean {
  return header.split(",").some((one) => one.trim() === "*" || one.trim() === etag);
}
