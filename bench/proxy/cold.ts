/** Cold requests, one side after the other, each from a machine without containers of this run. */
import type { Servers } from "./servers.ts";
import type { Side } from "./sides.ts";

export interface ColdFigures {
  /** Milliseconds, by repetition. */
  readonly ours: readonly number[];
  readonly stock: readonly number[];
}

export async function measureCold(
  ours: Side,
  stock: Side,
  servers: Servers,
  repetitions: number,
  signal: AbortSignal,
): Promise<ColdFigures> {
  const samples = { ours: [] as number[], stock: [] as number[] };
  const once = async (side: Side) => {
    signal.throwIfAborted();
    const elapsed = await side.coldRequest();
    await side.stop();
    await servers.untilNoContainers();
    return elapsed;
  };
  // The first of each creates tables and fills caches of the engine.
  await once(stock);
  await once(ours);
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    const order = repetition % 2 === 0 ? [stock, ours] : [ours, stock];
    for (const side of order) samples[side.name].push(await once(side));
  }
  return samples;
}
