/**
 * Lists in whole. Cloudflare numbers the pages of most lists and hands out tokens for the others. Which it is has to be
 * told: the last page of a list by token looks like a full page of a numbered list that does not say how long it is.
 */
import * as z from "zod";
import { type Account, type Answer, type Call, callCloudflare, type ResultInfo } from "./api.ts";

const PER_PAGE = 100;
/** More than any account holds of one kind; a server that always says "there is more" must not keep us for ever. */
const MAX_PAGES = 1_000;

export async function listAll<T>(
  account: Account,
  call: Call,
  item: z.ZodType<T>,
  pagedBy: "number" | "token",
): Promise<T[]> {
  const items: T[] = [];
  let next: Record<string, string> | undefined = {};
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const query: Call["query"] = { ...call.query, per_page: String(PER_PAGE), ...next };
    const { result, info }: Answer<T[]> = await callCloudflare(account, { ...call, query }, z.array(item));
    items.push(...result);
    next = pagedBy === "token" ? nextToken(info) : nextNumber(info, page, result.length);
    if (next === undefined) return items;
  }
  throw new Error(`${call.path} has more than ${MAX_PAGES} pages`);
}

function nextToken({ next_page_token: token }: ResultInfo): Record<string, string> | undefined {
  return token === undefined || token === null || token === "" ? undefined : { page_token: token };
}

function nextNumber(info: ResultInfo, page: number, count: number): Record<string, string> | undefined {
  return count > 0 && hasMore(info, page, count) ? { page: String(page + 1) } : undefined;
}

/** Not every list says how long it is; the server may also have shortened the pages that were asked for. */
function hasMore(info: ResultInfo, page: number, count: number): boolean {
  const perPage = info.per_page ?? PER_PAGE;
  if (info.total_pages !== undefined) return page < info.total_pages;
  if (info.total_count !== undefined) return page * perPage < info.total_count;
  return count >= perPage;
}
