/** A few seeds of both simulators, for mutants that no unit test notices. */
import { it } from "vitest";
import { runSeeds } from "../simulation/seeds.ts";

it.for([
  ["scheduler", 10],
  ["capacity", 5],
] as const)("%s holds for %d seeds", { timeout: 60_000 }, async ([simulation, seeds], { expect }) => {
  const { failures } = await runSeeds(simulation, 1, seeds);
  expect(failures).toEqual([]);
});
