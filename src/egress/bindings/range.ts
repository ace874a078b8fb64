/** `Range` of a request for an object (RFC 9110, 14.2). */

/** One range; null: none that is understood, several, or none at all, which all mean the whole. */
export type AskedRange = { readonly first: number; readonly last: number | null } | { readonly suffix: number };

/** Both inclusive. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

export function rangeOf(header: string | null): AskedRange | null {
  const match = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header ?? "");
  const [, from = "", to = ""] = match ?? [];
  if (from === "") return to === "" ? null : { suffix: safe(to) };
  if (to === "") return { first: safe(from), last: null };
  return safe(to) < safe(from) ? null : { first: safe(from), last: safe(to) };
}

/** `whole` when it is the end of nothing, which cannot be said as a range. */
export function spanOf(range: AskedRange, size: number): Span | "whole" | "unsatisfiable" {
  if ("suffix" in range) {
    if (range.suffix === 0) return "unsatisfiable";
    return size === 0 ? "whole" : { first: Math.max(0, size - range.suffix), last: size - 1 };
  }
  if (range.first >= size) return "unsatisfiable";
  return { first: range.first, last: Math.min(range.last ?? size - 1, size - 1) };
}

/** More than that is beyond the end of everything. */
function safe(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER - 1);
}
