/** What a statement of the code under test was given in a column of text. */
import type { SqlValue } from "../../../src/database.ts";

export function sqlText(value: SqlValue | undefined): string {
  if (typeof value !== "string") throw new TypeError(`a column of text was given ${typeof value}`);
  return value;
}
