/** Runs seeds one after another and adds up what came of them. */
import type { SimulationName } from "./simulations.ts";
import { simulationOf } from "./simulations.ts";

export interface Failure {
  readonly simulation: SimulationName;
  readonly seed: number;
  readonly steps: number;
  readonly violation: string;
}

export interface Totals {
  readonly seeds: number;
  readonly steps: number;
  readonly tally: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
}

export const NO_TOTALS: Totals = { seeds: 0, steps: 0, tally: {}, failures: [] };

export async function runSeeds(simulation: SimulationName, from: number, count: number): Promise<Totals> {
  const { scenarioOf, run } = simulationOf(simulation);
  let totals = NO_TOTALS;
  for (let seed = from; seed < from + count; seed += 1) {
    const { steps, tally, violation } = await run(scenarioOf(seed));
    const failures = violation === null ? [] : [{ simulation, seed, steps, violation }];
    totals = sum(totals, { seeds: 1, steps, tally, failures });
  }
  return totals;
}

export function sum(a: Totals, b: Totals): Totals {
  const tally: Record<string, number> = { ...a.tally };
  for (const [name, count] of Object.entries(b.tally)) tally[name] = (tally[name] ?? 0) + count;
  return { seeds: a.seeds + b.seeds, steps: a.steps + b.steps, tally, failures: [...a.failures, ...b.failures] };
}
