/** From samples to ratios and lines. A ratio is the median of the ratios of neighbours in time. */
import type { Ratio } from "../bench.ts";
import { median, percentile, spread } from "../statistics.ts";
import type { ColdFigures } from "./cold.ts";
import type { Way } from "./sides.ts";
import type { RoundFigures, WarmFigures } from "./warm.ts";

export interface WayFigures {
  readonly cold: ColdFigures;
  /** Eight clients. */
  readonly warm: WarmFigures;
}

export interface ProxyFigures extends WayFigures {
  /** One client. */
  readonly single: WarmFigures;
  readonly ways: Readonly<Record<Way, WayFigures>>;
}

export function ratiosOf({ ways, ...ingress }: ProxyFigures): Ratio[] {
  const ofWays = Object.entries(ways).flatMap(([way, figures]) => ratiosOfWay(`${way}: `, figures));
  return [...ratiosOfWay("", ingress), ...ofWays];
}

function ratiosOfWay(way: string, { cold, warm }: WayFigures): Ratio[] {
  return [
    { name: `${way}warm throughput`, value: median(perRound(warm, throughput)), target: 1, better: "higher" },
    { name: `${way}warm p99`, value: median(perRound(warm, ({ p99 }) => p99)), target: 1.1, better: "lower" },
    { name: `${way}cold request`, value: median(pairs(cold.ours, cold.stock)), target: 0.75, better: "lower" },
  ];
}

export function linesOf({ single, ways, ...ingress }: ProxyFigures): string[] {
  return [
    ...linesOfWay("ingress", ingress),
    `ingress warm, 1 client: ours p50 ${ms(median(p50s(single.ours)))}; stock p50 ${ms(median(p50s(single.stock)))}; ` +
      `ratio ${median(perRound(single, ({ p50 }) => p50)).toFixed(2)}`,
    ...Object.entries(ways).flatMap(([way, figures]) => linesOfWay(way, figures)),
    "noise is half the quartile distance of the ratios",
  ];
}

function linesOfWay(way: string, { cold, warm }: WayFigures): string[] {
  return [
    `${way} cold, ${cold.ours.length} of each: ours ${coldLine(cold.ours)}; stock ${coldLine(cold.stock)}; ` +
      `noise ${percent(spread(pairs(cold.ours, cold.stock)))}`,
    `${way} warm, 8 clients, ${warm.ours.length} rounds of each: ours ${warmLine(warm.ours)}; stock ${warmLine(warm.stock)}; ` +
      `noise ${percent(spread(perRound(warm, throughput)))}, p99 ${percent(spread(perRound(warm, ({ p99 }) => p99)))}`,
  ];
}

function throughput({ requestsPerSecond }: RoundFigures): number {
  return requestsPerSecond;
}

function p50s(rounds: readonly RoundFigures[]): number[] {
  return rounds.map(({ p50 }) => p50);
}

function perRound({ ours, stock }: WarmFigures, figure: (round: RoundFigures) => number): number[] {
  return pairs(ours.map(figure), stock.map(figure));
}

function pairs(ours: readonly number[], stock: readonly number[]): number[] {
  return ours.map((value, index) => value / (stock[index] ?? Number.NaN));
}

function coldLine(samples: readonly number[]): string {
  return `median ${ms(median(samples))} (${ms(percentile(samples, 0))} to ${ms(percentile(samples, 1))})`;
}

function warmLine(rounds: readonly RoundFigures[]): string {
  const rate = Math.round(median(rounds.map(throughput)));
  return `${rate} requests/s, p50 ${ms(median(p50s(rounds)))}, p99 ${ms(median(rounds.map(({ p99 }) => p99)))}`;
}

function ms(value: number): string {
  return `${value.toFixed(value < 100 ? 1 : 0)} ms`;
}

function percent(value: number): string {
  return `± ${(value * 100).toFixed(0)} %`;
}
