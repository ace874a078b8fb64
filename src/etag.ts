/**
 * ETags and `If-Match`. An ETag names a resource and how often it was changed, so that one of an earlier resource of the
 * same name never matches.
 */
import { GantryError } from "./errors.ts";

export function etagOf(id: string, change: number): string {
  return `"${id.replaceAll("-", "").slice(0, 12)}-${change}"`;
}

/** `ifMatch` is the request's header, or null when it has none, which matches all. */
export function requireMatch(ifMatch: string | null, current: string): void {
  if (ifMatch === null) return;
  const wanted = ifMatch.split(",").map((item) => item.trim());
  if (wanted.includes("*") || wanted.includes(current)) return;
  const message = `If-Match ${ifMatch.slice(0, 100)} does not match: it was changed; its ETag is ${current}`;
  throw new GantryError("PRECONDITION_FAILED", message, { etag: current });
}
