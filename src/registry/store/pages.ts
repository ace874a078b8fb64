/** Pages of what is listed in the order of a key: one row more than asked for says whether there is another page. */
import type { Page } from "./contract.ts";

export interface PageRequest {
  readonly limit: number;
  readonly last: string | null;
}

/** `rows`: at most `limit + 1`, the first after `last`. */
export function pageOf<Row, T>(
  rows: readonly Row[],
  limit: number,
  keyOf: (row: Row) => string,
  view: (row: Row) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(view), next: rows.length > limit && last !== undefined ? keyOf(last) : null };
}

/** Every key is greater than "". */
export function after({ last }: PageRequest): string {
  return last ?? "";
}
