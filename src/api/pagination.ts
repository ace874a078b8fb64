/** Opaque page tokens over a sort key: stable while others come and go. */
import * as z from "zod";
import { fromBase64, toBase64Url } from "../encoding.ts";
import type { ResultInfo } from "./envelope.ts";
import { invalid } from "./body.ts";

const TOKEN_PREFIX = "k:";

export function pageQuery(defaultPerPage: number, maxPerPage: number) {
  return {
    per_page: z.coerce
      .number()
      .int()
      .min(1)
      .max(maxPerPage)
      .default(defaultPerPage)
      .describe("The most that the page holds"),
    page_token: z
      .string()
      .max(512)
      .optional()
      .describe("`next_page_token` of the page before; default: the first page"),
  };
}

export function encodePageToken(key: string): string {
  return toBase64Url(new TextEncoder().encode(`${TOKEN_PREFIX}${key}`));
}

/** The key after which the page begins; the empty string for the first page. */
export function decodePageToken(token: string | undefined): string {
  if (token === undefined) return "";
  const bytes = fromBase64(token);
  const text = bytes === null ? "" : new TextDecoder().decode(bytes);
  if (text.startsWith(TOKEN_PREFIX)) return text.slice(TOKEN_PREFIX.length);
  throw foreignToken();
}

/** The number after which the page begins; null for the first page. */
export function numberInPageToken(token: string | undefined): number | null {
  const text = decodePageToken(token);
  if (text === "") return null;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw foreignToken();
}

function foreignToken(): Error {
  return invalid({ page_token: "is not a token of this list: take next_page_token of an earlier answer" });
}

/** What an answer says of its page. `next`: the key after which the next one begins; null: there is none. */
export function pageInfo(
  perPage: number,
  pageToken: string | undefined,
  count: number,
  next: string | number | null,
): ResultInfo {
  const more = next === null ? {} : { next_page_token: encodePageToken(String(next)) };
  return { per_page: perPage, page_token: pageToken ?? null, count, ...more };
}

/** Takes one item more than the page has, to know whether there is another page. */
export function pageOf<T>(
  items: readonly T[],
  perPage: number,
  pageToken: string | undefined,
  keyOf: (item: T) => string,
): { readonly page: T[]; readonly info: ResultInfo } {
  const page = items.slice(0, perPage);
  const last = page.at(-1);
  const next = items.length > perPage && last !== undefined ? keyOf(last) : null;
  return { page, info: pageInfo(perPage, pageToken, page.length, next) };
}
