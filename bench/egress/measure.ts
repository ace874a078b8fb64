/** Small requests in rounds that alternate between the sides, and long bodies with the memory that they take. */
import { growthDuring, workerdMemory } from "../../test/e2e/memory.ts";
import { percentile } from "../statistics.ts";
import type { Side, SideName } from "./sides.ts";

export interface RoundFigures {
  readonly requestsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
}

export type Rounds = Readonly<Record<SideName, readonly RoundFigures[]>>;

export interface RoundOptions {
  readonly clients: number;
  readonly rounds: number;
  readonly roundMs: number;
  readonly signal: AbortSignal;
}

export async function measureRounds(sides: readonly Side[], url: string, options: RoundOptions): Promise<Rounds> {
  const figures: Record<SideName, RoundFigures[]> = { ours: [], bare: [], stock: [] };
  // Once for the just-in-time compilers and the connections.
  for (const side of sides) await runRound(side, url, options);
  for (let round = 0; round < options.rounds; round += 1) {
    // A B C, C B A: a drift of the machine cancels.
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      figures[side.name].push(await runRound(side, url, options));
    }
  }
  return figures;
}

async function runRound(side: Side, url: string, { clients, roundMs, signal }: RoundOptions): Promise<RoundFigures> {
  signal.throwIfAborted();
  const query = new URLSearchParams({ url, clients: String(clients), ms: String(roundMs) });
  const { latencies, seconds, failed, failure } = JSON.parse((await side.ask(`/load?${query.toString()}`)).body);
  if (failed > 0) throw new Error(`${side.name}: ${failed} requests failed, the first: ${failure}`);
  return {
    requestsPerSecond: latencies.length / seconds,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
  };
}

export const MIB = 1_048_576;

export type Way = "up" | "down";

export interface StreamFigures {
  readonly side: SideName;
  readonly way: Way;
  readonly scheme: "http" | "https";
  readonly mib: number;
  readonly mibPerSecond: number;
  /** Of workerd, in MiB. */
  readonly before: number;
  readonly most: number;
}

export interface StreamOptions {
  readonly way: Way;
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly mib: number;
  readonly signal: AbortSignal;
}

/** Whole, or it throws. */
export async function measureStream(side: Side, options: StreamOptions): Promise<StreamFigures> {
  const { way, scheme, mib, signal } = options;
  signal.throwIfAborted();
  let ms = Number.NaN;
  const { before, most } = await growthDuring(workerdMemory, async () => {
    ms = await stream(side, options);
  });
  const mibPerSecond = mib / (ms / 1_000);
  return { side: side.name, way, scheme, mib, mibPerSecond, before: before / MIB, most: most / MIB };
}

/** How many milliseconds it took, by the container's clock. */
export async function stream(side: Side, { way, scheme, host, mib }: StreamOptions): Promise<number> {
  const bytes = mib * MIB;
  const url = `${scheme}://${host}/${way === "up" ? "" : `?bytes=${bytes}`}`;
  const query = new URLSearchParams({ url, bytes: String(bytes) });
  const answer = JSON.parse((await side.ask(`/${way === "up" ? "push" : "pull"}?${query.toString()}`)).body);
  const arrived = way === "up" ? JSON.parse(answer.body).bytes : answer.bytes;
  if (arrived !== bytes) throw new Error(`${side.name}: of ${bytes} bytes ${way} ${arrived} arrived`);
  return answer.ms;
}
