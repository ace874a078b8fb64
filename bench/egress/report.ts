/** From rounds to ratios and lines. A ratio is the median of the ratios of neighbours in time. */
import type { Ratio } from "../bench.ts";
import { median, spread } from "../statistics.ts";
import type { RoundFigures, Rounds, StreamFigures } from "./measure.ts";
import type { SideName } from "./sides.ts";

export interface EgressFigures {
  /** By the number of clients. */
  readonly rounds: readonly { readonly clients: number; readonly rounds: Rounds }[];
  readonly streams: readonly StreamFigures[];
}

/** Far below what is streamed; above what a runtime's heap breathes. */
const MOST_GROWTH_MIB = 96;
/** No target, but what is lost must not grow unseen: the instance is asked for each request, the bare peer asks nobody. */
const THROUGHPUT = 0.5;

type Peer = Exclude<SideName, "ours">;

export function ratiosOf({ rounds, streams }: EgressFigures): Ratio[] {
  const throughputs = rounds.map(({ clients, rounds: of }): Ratio => ({
    name: `${clientsText(clients)}, requests/s`,
    value: median(perRound(of, "bare", rate)),
    of: "the bare peer",
    target: THROUGHPUT,
    better: "higher",
  }));
  const growths = streams
    .filter(({ side }) => side === "ours")
    .map(({ way, scheme, mib, before, most }): Ratio => ({
      name: `${mib} MiB ${way} by ${scheme}, growth of workerd`,
      value: (most - before) / MOST_GROWTH_MIB,
      of: `${MOST_GROWTH_MIB} MiB`,
      target: 1,
      better: "lower",
    }));
  return [...throughputs, ...growths];
}

export function linesOf({ rounds, streams }: EgressFigures): string[] {
  return [...rounds.flatMap(({ clients, rounds: of }) => linesOfRounds(clients, of)), ...streams.map(lineOfStream)];
}

function linesOfRounds(clients: number, rounds: Rounds): string[] {
  const sides = (["ours", "bare", "stock"] as const).map((side) => {
    const of = rounds[side];
    const [p50, p99] = [median(of.map((round) => round.p50)), median(of.map((round) => round.p99))];
    return `${side} ${Math.round(median(of.map(rate)))} requests/s, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`;
  });
  const against = (["bare", "stock"] as const).map((peer) => {
    const [all, p50, p99] = [rate, latency("p50"), latency("p99")].map((figure) => perRound(rounds, peer, figure));
    const [first = [], second = [], third = []] = [all, p50, p99];
    return `÷ ${peer}: requests/s ${median(first).toFixed(2)} (± ${(spread(first) * 100).toFixed(0)} %), p50 ${median(second).toFixed(2)}, p99 ${median(third).toFixed(2)}`;
  });
  return [...sides, ...against].map((line) => `${clientsText(clients)}: ${line}`);
}

function lineOfStream({ side, way, scheme, mib, mibPerSecond, before, most }: StreamFigures): string {
  return `${mib} MiB ${way} by ${scheme}, ${side}: ${Math.round(mibPerSecond)} MiB/s, workerd ${Math.round(before)} → at most ${Math.round(most)} MiB`;
}

function perRound(rounds: Rounds, peer: Peer, figure: (round: RoundFigures) => number): number[] {
  const theirs = rounds[peer].map(figure);
  return rounds.ours.map((round, index) => figure(round) / (theirs[index] ?? Number.NaN));
}

function rate({ requestsPerSecond }: RoundFigures): number {
  return requestsPerSecond;
}

function latency(which: "p50" | "p99") {
  return (round: RoundFigures): number => round[which];
}

function clientsText(clients: number): string {
  return clients === 1 ? "1 client" : `${clients} clients`;
}
