/**
 * Pushes, deletes and garbage collections in any order, step by step between one another, with an object that dies and
 * writers that do: the index answers as a plain model of it does, no image that was accepted and not deleted loses a
 * byte, and when everything is deleted nothing is left in R2 or in the tables. `EVICT_SEED` and `EVICT_ROUNDS` are as for
 * `evict.test.ts`.
 */
import * as fc from "fast-check";
import { afterEach, describe, inject, it, vi } from "vitest";
import { step } from "./registry-steps.ts";
import { World } from "./registry-walk.ts";

const { seed: SEED, rounds: ROUNDS } = inject("evictions");

afterEach(() => {
  vi.useRealTimers();
});

describe("the index of images", () => {
  it("is as its model, whatever comes between what and who dies", { timeout: 240_000 }, async ({ expect }) => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60, size: "max" }), async (steps) => {
      const world = new World(expect);
      await world.run(steps);
      expect(await world.leftovers()).toEqual({ stored: [], tables: [], alarm: null });
    });
    await fc.assert(property, { seed: SEED, numRuns: 12 * ROUNDS });
  });
});
