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

/** Of what a tool has said in an exchange that would not fit otherwise. */
const SHORT = 1_000;

/** The oldest go first. The latest is kept with what its tools said cut short where it is too large by itself, or not at all. */
export function trimHistory(exchanges: readonly Exchange[], limits: HistoryLimits): Trimmed {
  const latest = exchanges.at(-1);
  const kept =
    latest === undefined || fits(latest, limits) ? exchanges : [...exchanges.slice(0, -1), shortened(latest)];
  let messages = 0;
  let bytes = 0;
  let from = kept.length;
  while (from > 0) {
    const exchange = kept[from - 1] ?? [];
    messages += exchange.length;
    bytes += sizeOf(exchange);
    if (messages > limits.messages || bytes > limits.bytes) break;
    from -= 1;
  }
  return { exchanges: kept.slice(from), dropped: from };
}

function fits(exchange: Exchange, { bytes }: HistoryLimits): boolean {
  return sizeOf(exchange) <= bytes;
}

function sizeOf(exchange: Exchange): number {
  return Buffer.byteLength(JSON.stringify(exchange));
}

function shortened(exchange: Exchange): Exchange {
  return exchange.map((message) => {
    if (message.role !== "user" || typeof message.content === "string") return message;
    const content = message.content.map((block) => {
      if (block.type !== "tool_result" || typeof block.content !== "string" || block.content.length <= SHORT)
        return block;
      return { ...block, content: `${block.content.slice(0, SHORT)}\n[the rest was too long to remember]` };
    });
    return { ...message, content };
  });
}
