/** Conditional requests (RFC 9110, 13): what was asked, and whether it holds of what is there. */
import { invalid } from "../../api/body.ts";

export interface EntityTag {
  readonly value: string;
  readonly isWeak: boolean;
}

export interface Conditions {
  readonly match: "*" | readonly EntityTag[] | null;
  readonly noneMatch: "*" | readonly EntityTag[] | null;
  /** Epoch ms. */
  readonly modifiedSince: number | null;
  readonly unmodifiedSince: number | null;
}

export interface Stored {
  /** Without quotes. */
  readonly etag: string;
  readonly uploaded: Date;
}

const TAG = /^\s*(W\/)?"([\u0021\u0023-\u007e\u0080-\uffff]*)"\s*(?:,|$)/;

export function conditionsOf(headers: Headers): Conditions {
  return {
    match: tagsOf(headers, "if-match"),
    noneMatch: tagsOf(headers, "if-none-match"),
    modifiedSince: dateOf(headers.get("if-modified-since")),
    unmodifiedSince: dateOf(headers.get("if-unmodified-since")),
  };
}

/** For GET and HEAD, in the order that the RFC gives. */
export function judge(conditions: Conditions, stored: Stored): "holds" | "not_modified" | "failed" {
  const { match, noneMatch, modifiedSince, unmodifiedSince } = conditions;
  const changedAt = seconds(stored.uploaded.getTime());
  if (match !== null) {
    if (match !== "*" && !match.some(({ value, isWeak }) => !isWeak && value === stored.etag)) return "failed";
  } else if (unmodifiedSince !== null && changedAt > seconds(unmodifiedSince)) return "failed";
  if (noneMatch !== null) {
    return noneMatch === "*" || noneMatch.some(({ value }) => value === stored.etag) ? "not_modified" : "holds";
  }
  return modifiedSince !== null && changedAt <= seconds(modifiedSince) ? "not_modified" : "holds";
}

/** Whether `If-Range` lets a range through: anything else gets the whole, which the range may not be a part of any more. */
export function rangeHolds(ifRange: string | null, stored: Stored): boolean {
  if (ifRange === null) return true;
  const value = ifRange.trim();
  if (/^(?:W\/)?"/.test(value)) return value === `"${stored.etag}"`;
  const date = dateOf(value);
  return date !== null && seconds(date) === seconds(stored.uploaded.getTime());
}

/** As R2 takes them for a write, which it decides on in the moment of writing. Null: none. */
export function writeConditions({ match, noneMatch }: Conditions): Headers | null {
  if (match === null && noneMatch === null) return null;
  const headers = new Headers();
  if (match !== null) headers.set("if-match", textOf(match));
  if (noneMatch !== null) headers.set("if-none-match", textOf(noneMatch));
  return headers;
}

function tagsOf(headers: Headers, name: string): "*" | EntityTag[] | null {
  const header = headers.get(name);
  if (header === null) return null;
  if (header.trim() === "*") return "*";
  const tags: EntityTag[] = [];
  for (let rest = header; rest.trim() !== "";) {
    const found = TAG.exec(rest);
    if (found === null) throw invalid({ [name]: 'must be * or ETags in quotes, such as "5d41…"' });
    tags.push({ value: found[2] ?? "", isWeak: found[1] !== undefined });
    rest = rest.slice(found[0].length);
  }
  if (tags.length === 0) throw invalid({ [name]: 'is empty: set * or ETags in quotes, such as "5d41…"' });
  return tags;
}

function textOf(tags: "*" | readonly EntityTag[]): string {
  return tags === "*" ? "*" : tags.map(({ value, isWeak }) => `${isWeak ? "W/" : ""}"${value}"`).join(", ");
}

/** What is no date counts as not sent. */
function dateOf(text: string | null): number | null {
  const time = text === null ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? null : time;
}

/** Dates on the wire have no more. */
function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}
