/** What a conversation remembers: whole exchanges, the latest ones, within the operator's limits. */
import type { MessageParam } from "@anthropic-ai/sdk/resources/messages";
import type { HistoryLimits } from "../settings.ts";

/** From one message of the user's to all that was said and done until the next. Tool calls and their results stay together. */
export type Exchange = readonly MessageParam[];

export interface Trimmed {
  readonly exchanges: readonly Exchange[];
  /** How many of the oldest did not fit. */
  readonly dropped: number;
}

/** The oldest go first; of a single one that is too large by itself, nothing is left. */
export function trimHistory(exchanges: readonly Exchange[], limits: HistoryLimits): Trimmed {
  let messages = 0;
  let bytes = 0;
  let from = exchanges.length;
  while (from > 0) {
    const exchange = exchanges[from - 1] ?? [];
    messages += exchange.length;
    bytes += Buffer.byteLength(JSON.stringify(exchange));
    if (messages > limits.messages || bytes > limits.bytes) break;
    from -= 1;
  }
  return { exchanges: exchanges.slice(from), dropped: from };
}
