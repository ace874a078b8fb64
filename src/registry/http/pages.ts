/** Lists in pages: `?n=`, `?last=`, and the `Link` to what follows. */
import { OciError } from "../oci/oci-error.ts";

export interface AskedPage {
  readonly limit: number;
  readonly last: string | null;
}

/** `most`: also what is given where no number is asked for. */
export function pageOf({ searchParams }: URL, most: number): AskedPage {
  const n = searchParams.get("n");
  if (n !== null && !/^\d{1,9}$/.test(n)) {
    throw new OciError("UNSUPPORTED", `n must be a number, not ${n.slice(0, 50)}`, { status: 400 });
  }
  const last = searchParams.get("last");
  return { limit: n === null ? most : Math.min(Number(n), most), last: last === "" ? null : last };
}

/** Parameters other than `last` stay. */
export function linkTo(url: URL, limit: number, next: string | null): Record<string, string> {
  if (next === null || limit === 0) return {};
  const parameters = new URLSearchParams(url.searchParams);
  if (parameters.has("n")) parameters.set("n", String(limit));
  parameters.set("last", next);
  return { link: `<${url.pathname}?${parameters.toString()}>; rel="next"` };
}
