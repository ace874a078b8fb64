import { describe, it } from "vitest";
import { runSeeds, type Totals } from "./seeds.ts";

/** Few enough for every run of the tests; `npm run simulate` runs as many as one likes. */
const SCHEDULER_SEEDS = Number(process.env["SIMULATION_SEEDS"] ?? 120);
const CAPACITY_SEEDS = Number(process.env["SIMULATION_SEEDS"] ?? 60);

describe("a faulty world", () => {
  it(
    `keeps its invariants and converges, whatever happens to an application (${SCHEDULER_SEEDS} seeds)`,
    { timeout: 300_000 },
    async ({ expect }) => {
      const totals = await runSeeds("scheduler", 1, SCHEDULER_SEEDS);
      expect(broken(totals)).toEqual([]);
    },
  );

  it(
    `keeps its invariants and converges, whatever happens to an account (${CAPACITY_SEEDS} seeds)`,
    { timeout: 300_000 },
    async ({ expect }) => {
      const totals = await runSeeds("capacity", 1, CAPACITY_SEEDS);
      expect(broken(totals)).toEqual([]);
    },
  );

  it("is one in which things happen", { timeout: 300_000 }, async ({ expect }) => {
    // A world in which nothing happens would keep every invariant.
    const { tally, seeds } = await runSeeds("scheduler", 1_000, 40);
    expect(tally["starts"]).toBeGreaterThan(4 * seeds);
    expect(tally["crashes"]).toBeGreaterThan(2 * seeds);
    expect(tally["placed"]).toBeGreaterThan(2 * seeds);
    expect(tally["acted"]).toBeGreaterThan(seeds / 2);
    expect(tally["replaced"]).toBeGreaterThan(seeds / 10);
    expect(tally["answered"]).toBeGreaterThan(seeds / 10);
    expect(tally["slept"]).toBeGreaterThan(seeds / 5);
    expect(tally["scaled"]).toBeGreaterThan(seeds / 5);
    expect(tally["moved"]).toBeGreaterThan(seeds / 10);
    expect(tally["attempts"]).toBeGreaterThan(seeds / 2);
    expect(tally["rollouts"]).toBeGreaterThan(seeds / 4);
    for (const end of ["completed", "ousted", "steered"]) expect(tally[end]).toBeGreaterThan(seeds / 20);
    for (const end of ["succeeded", "failed", "lost", "cancelled"])
      expect(tally[end]).toBeGreaterThanOrEqual(seeds / 20);
  });

  it("comes to the same whenever a seed is run", async ({ expect }) => {
    const once = await runSeeds("scheduler", 7, 5);
    expect(await runSeeds("scheduler", 7, 5)).toEqual(once);
  });
});

function broken({ failures }: Totals): string[] {
  return failures.map(({ seed, violation }) => `seed ${seed}: ${violation}`);
}
