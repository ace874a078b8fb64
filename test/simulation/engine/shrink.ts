/**
 * Makes a failing scenario small: takes away what it can do without, as long as what is left breaks the same invariant.
 * Greedy, from the boldest cut to the smallest, again until nothing can go or the budget is spent.
 */
import { invariantOf, type Simulation } from "./simulation.ts";

export interface Shrunk<Scenario> {
  readonly scenario: Scenario;
  readonly violation: string;
  /** Scenarios that were run on the way. */
  readonly runs: number;
}

export interface Budget {
  readonly runs: number;
}

export async function shrink<Scenario>(
  simulation: Pick<Simulation<Scenario>, "run" | "smaller">,
  scenario: Scenario,
  violation: string,
  budget: Budget = { runs: 500 },
): Promise<Shrunk<Scenario>> {
  const wanted = invariantOf(violation);
  let best: Shrunk<Scenario> = { scenario, violation, runs: 0 };
  let runs = 0;
  for (let isSmaller = true; isSmaller;) {
    isSmaller = false;
    for (const candidate of simulation.smaller(best.scenario)) {
      if (runs >= budget.runs) return { ...best, runs };
      runs += 1;
      const outcome = await simulation.run(candidate);
      if (outcome.violation === null || invariantOf(outcome.violation) !== wanted) continue;
      best = { scenario: candidate, violation: outcome.violation, runs };
      isSmaller = true;
      break;
    }
  }
  return { ...best, runs };
}

/** The list without its first half, its second half, without quarters, …, without each single item. */
export function* withoutSome<T>(items: readonly T[]): Iterable<readonly T[]> {
  for (let size = items.length; size >= 1; size = Math.floor(size / 2)) {
    for (let start = 0; start < items.length; start += size) {
      yield [...items.slice(0, start), ...items.slice(start + size)];
    }
  }
}
