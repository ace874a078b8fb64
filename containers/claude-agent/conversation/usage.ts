/** Tokens and what they cost, of one request and of a conversation. A model without a price costs nothing that is known. */
import type { Usage } from "@anthropic-ai/sdk/resources/messages";
import type { Prices } from "../models.ts";

export interface Tokens {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
}

export interface ModelUsage extends Tokens {
  readonly requests: number;
}

/** By model. */
export type UsageTotals = Readonly<Record<string, ModelUsage>>;

export const NO_TOKENS: Tokens = {
  input_tokens: 0,
  output_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
};

export function tokensOf(usage: Usage): Tokens {
  return {
    input_tokens: usage.input_tokens,
    output_tokens: usage.output_tokens,
    cache_creation_input_tokens: usage.cache_creation_input_tokens ?? 0,
    cache_read_input_tokens: usage.cache_read_input_tokens ?? 0,
  };
}

export function addTokens(one: Tokens, other: Tokens): Tokens {
  return {
    input_tokens: one.input_tokens + other.input_tokens,
    output_tokens: one.output_tokens + other.output_tokens,
    cache_creation_input_tokens: one.cache_creation_input_tokens + other.cache_creation_input_tokens,
    cache_read_input_tokens: one.cache_read_input_tokens + other.cache_read_input_tokens,
  };
}

export function addRequest(totals: UsageTotals, model: string, tokens: Tokens): UsageTotals {
  const before = totals[model] ?? { ...NO_TOKENS, requests: 0 };
  return { ...totals, [model]: { ...addTokens(before, tokens), requests: before.requests + 1 } };
}

export function usageReport(totals: UsageTotals, prices: Prices) {
  const models = Object.entries(totals).map(
    ([model, usage]) => [model, { ...usage, cost_usd: costOf(model, usage, prices) }] as const,
  );
  const costs = models.map(([, { cost_usd: cost }]) => cost);
  const known = costs.filter((cost) => cost !== null);
  return {
    models: Object.fromEntries(models),
    total: {
      requests: models.reduce((sum, [, { requests }]) => sum + requests, 0),
      ...models.reduce<Tokens>((sum, [, usage]) => addTokens(sum, usage), NO_TOKENS),
      /** Null: no price is known of a model that was asked. */
      cost_usd: known.length === costs.length ? rounded(known.reduce((sum, cost) => sum + cost, 0)) : null,
    },
    unpriced: models.flatMap(([model, { cost_usd: cost }]) => (cost === null ? [model] : [])),
  };
}

/** What a cached token costs is the operator's to say: without it, a request that used the cache has no known cost. */
function costOf(model: string, usage: Tokens, prices: Prices): number | null {
  const price = Object.hasOwn(prices, model) ? prices[model] : undefined;
  if (price === undefined) return null;
  const parts = [
    [usage.input_tokens, price.input],
    [usage.output_tokens, price.output],
    [usage.cache_creation_input_tokens, price.cache_write],
    [usage.cache_read_input_tokens, price.cache_read],
  ] as const;
  let sum = 0;
  for (const [tokens, each] of parts) {
    if (tokens === 0) continue;
    if (each === undefined) return null;
    sum += tokens * each;
  }
  return rounded(sum / 1_000_000);
}

function rounded(dollars: number): number {
  return Number(dollars.toFixed(8));
}
