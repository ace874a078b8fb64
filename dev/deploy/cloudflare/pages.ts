/**
 * Lists in whole. Cloudflare numbers the pages of most lists and hands out tokens for the others, and not every list
 * says how many there are, so each way of saying "there is more" is honoured.
 */
import * as z from "zod";
import { type Account, type Call, callCloudflare, type ResultInfo } from "./api.ts";

const PER_PAGE = 100;
/** More than any account holds of one kind; a server that always says "there is more" must not keep us for ever. */
const MAX_PAGES = 1_000;

export async function listAll<T>(account: Account, call: Call, item: z.ZodType<T>): Promise<T[]> {
  const items: T[] = [];
  let token: string | undefined;
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const query = { ...call.query, per_page: String(PER_PAGE), ...where(page, token) };
    const { result, info } = await callCloudflare(account, { ...call, query }, z.array(item));
    items.push(...result);
    token = info.next_page_token ?? undefined;
    if (token === undefined && !hasMore(info, page, result.length)) return items;
  }
  throw new Error(`${call.path} has more than ${MAX_PAGES} pages`);
}

/** The first page is the one that is not named: lists by token know no numbers. */
function where(page: number, token: string | undefined): Record<string, string> {
  if (token !== undefined) return { page_token: token };
  return page === 1 ? {} : { page: String(page) };
}

function hasMore(info: ResultInfo, page: number, count: number): boolean {
  if (count === 0) return false;
  if (info.total_pages !== undefined) return page < info.total_pages;
  if (info.total_count !== undefined) return page * (info.per_page ?? PER_PAGE) < info.total_count;
  if (info.next_page_token !== undefined) return false;
  return count >= (info.per_page ?? PER_PAGE);
}
