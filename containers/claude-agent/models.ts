/** Which models may be asked, and what they cost. No price is known here: prices change, and the operator says them. */
import type { Model } from "@anthropic-ai/sdk/resources/messages";

/** The first is asked where a chat names none. Those of the client's own list that are not on their way out. */
export const DEFAULT_MODELS: readonly Model[] = [
  "claude-sonnet-5-5",
  "claude-opus-5-5",
  "claude-haiku-5-5",
  "claude-fable-5-2",
  "claude-sonnet-5",
  "claude-opus-5",
  "claude-haiku-4-5",
];

/** US dollars for a million tokens. */
export interface Price {
  readonly input: number;
  readonly output: number;
  readonly cache_write?: number;
  readonly cache_read?: number;
}

export type Prices = Readonly<Record<string, Price>>;

const FIELDS: ReadonlySet<string> = new Set(["input", "output", "cache_write", "cache_read"]);

/** Of `AGENT_PRICES`: `{"<model>": {"input": 3, "output": 15}}`. */
export function readPrices(text: string): Prices {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text === "" ? "{}" : text);
  } catch {
    throw new Error("AGENT_PRICES: is no JSON");
  }
  if (!isObject(parsed)) throw new Error("AGENT_PRICES: must be an object of models");
  for (const [model, price] of Object.entries(parsed)) {
    const isPrice =
      isObject(price) &&
      typeof price["input"] === "number" &&
      typeof price["output"] === "number" &&
      Object.entries(price).every(([field, value]) => FIELDS.has(field) && typeof value === "number" && value >= 0);
    if (!isPrice) throw new Error(`AGENT_PRICES: ${model} must be {"input", "output", "cache_write"?, "cache_read"?}`);
  }
  return parsed as Prices;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
