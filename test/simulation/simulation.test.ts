import { describe, it } from "vitest";
import { simulate } from "./simulate.ts";

/** `SIMULATION_SEED=123` runs one; `SIMULATION_SEEDS=10000` runs many. */
const only = process.env["SIMULATION_SEED"];
const seeds = only === undefined ? Number(process.env["SIMULATION_SEEDS"] ?? 150) : 1;
const first = only === undefined ? 1 : Number(only);

describe("a faulty world", () => {
  it(
    `keeps its invariants and converges, whatever happens (${seeds} seeds)`,
    { timeout: 600_000 },
    async ({ expect }) => {
      const broken: string[] = [];
      let starts = 0;
      let crashes = 0;
      let replaced = 0;
      let acted = 0;
      let placed = 0;
      let moved = 0;
      for (let seed = first; seed < first + seeds && broken.length < 5; seed += 1) {
        const outcome = await simulate(seed);
        starts += outcome.starts;
        crashes += outcome.crashes;
        replaced += outcome.replaced;
        acted += outcome.acted;
        placed += outcome.placed;
        moved += outcome.moved;
        if (outcome.violation !== null) broken.push(`seed ${seed}, step ${outcome.steps}: ${outcome.violation}`);
      }
      expect(broken).toEqual([]);
      // A world in which nothing happens would keep every invariant.
      expect(starts).toBeGreaterThan(seeds);
      if (seeds > 1) {
        expect(crashes).toBeGreaterThan(seeds);
        expect(replaced).toBeGreaterThan(seeds / 2);
        expect(acted).toBeGreaterThan(seeds);
        expect(placed).toBeGreaterThan(seeds);
        expect(moved).toBeGreaterThan(seeds / 10);
      }
    },
  );
});
