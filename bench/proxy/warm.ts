/** Warm requests: short rounds that alternate between the sides, so that what else the machine does hits both. */
import { percentile } from "../statistics.ts";
import { Client, expectOk, type Target } from "./http-client.ts";

export interface RoundFigures {
  readonly requestsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
}

export interface WarmFigures {
  readonly ours: readonly RoundFigures[];
  readonly stock: readonly RoundFigures[];
}

export interface WarmOptions {
  readonly clients: number;
  readonly rounds: number;
  readonly roundMs: number;
  readonly signal: AbortSignal;
}

export async function measureWarm(ours: Target, stock: Target, options: WarmOptions): Promise<WarmFigures> {
  const figures = { ours: [] as RoundFigures[], stock: [] as RoundFigures[] };
  const sides = [
    { target: stock, into: figures.stock },
    { target: ours, into: figures.ours },
  ];
  // Once for the just-in-time compilers and the connections.
  for (const { target } of sides) await runRound(target, options);
  for (let round = 0; round < options.rounds; round += 1) {
    // A B, B A, A B: a drift of the machine cancels.
    for (const { target, into } of round % 2 === 0 ? sides : sides.toReversed()) {
      into.push(await runRound(target, options));
    }
  }
  return figures;
}

async function runRound(target: Target, { clients, roundMs, signal }: WarmOptions): Promise<RoundFigures> {
  signal.throwIfAborted();
  const latencies: number[] = [];
  const startedAt = performance.now();
  const deadline = startedAt + roundMs;
  await Promise.all(Array.from({ length: clients }, () => callUntil(deadline, target, latencies)));
  const seconds = (performance.now() - startedAt) / 1_000;
  return {
    requestsPerSecond: latencies.length / seconds,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
  };
}

async function callUntil(deadline: number, target: Target, latencies: number[]): Promise<void> {
  const client = new Client();
  try {
    for (let before = performance.now(); before < deadline;) {
      await expectOk(client, target);
      const after = performance.now();
      latencies.push(after - before);
      before = after;
    }
  } finally {
    client.close();
  }
}
