/** What the functions of this folder work on: one account's index, and what does not change while the object lives. */
import type { Database } from "../../database.ts";

export interface Shelf {
  readonly db: Database;
  readonly accountId: string;
  /** At least this long a blob stays that was pushed, mounted or asked for by somebody who may push. */
  readonly holdMs: number;
}

const DEFAULT_HOLD_SECONDS = 900;

/** What is no number of seconds, 0 or more, is as if it were not there. */
export function holdMsOf(seconds: string | undefined): number {
  const value = seconds === undefined || seconds === "" ? Number.NaN : Number(seconds);
  return (Number.isFinite(value) && value >= 0 ? value : DEFAULT_HOLD_SECONDS) * 1_000;
}
