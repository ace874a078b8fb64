/** Schedules and tasks in the simulator: few seeds for every run of the tests, and what its rules are worth. */
import { describe, it } from "vitest";
import { BATCH_BUGS, withoutTurns, type BatchBug } from "./batch-bugs.ts";
import { BATCH_FAULTS } from "./batch/faults.ts";
import { batchScenarioOf, parseBatchScenario, smallerBatchScenarios, type BatchScenario } from "./batch/scenario.ts";
import { simulateBatch } from "./batch/simulate.ts";
import { shrink } from "./engine/shrink.ts";
import { invariantOf } from "./engine/simulation.ts";
import { runSeeds } from "./seeds.ts";

const SEEDS = Number(process.env["SIMULATION_SEEDS"] ?? 60);
/** A bug is to be found within these: no more than are run here without one. */
const MOST_SEEDS = 60;

function scenarioOf(seed: number, { faults, concurrency }: BatchBug): BatchScenario {
  const scenario = batchScenarioOf(seed);
  const deeds = scenario.deeds.map((deed) =>
    deed.do === "schedule" && concurrency !== undefined ? { ...deed, spec: { ...deed.spec, concurrency } } : deed,
  );
  return { ...scenario, deeds, faults: { ...scenario.faults, ...faults } };
}

/** The first seed that finds it. */
async function firstBroken(bug: BatchBug) {
  for (let seed = 1; seed <= MOST_SEEDS; seed += 1) {
    const scenario = scenarioOf(seed, bug);
    const { violation } = await simulateBatch(scenario, undefined, bug.tampering);
    if (violation !== null) return { scenario, violation };
  }
  return null;
}

describe("schedules and tasks in a faulty world", () => {
  it(`come to something each, whatever happens (${SEEDS} seeds)`, { timeout: 300_000 }, async ({ expect }) => {
    const { failures, tally, seeds } = await runSeeds("batch", 1, SEEDS);
    expect(failures.map(({ seed, violation }) => `seed ${seed}: ${violation}`)).toEqual([]);
    // A world in which nothing happens would keep every rule.
    for (const what of ["crashes", "fired", "unfired", "jobs", "deliveries", "tasks", "done", "posts"]) {
      expect({ what, count: tally[what] }).toEqual({ what, count: expect.toSatisfy((count) => count > seeds / 2) });
    }
    for (const what of ["lostAlarms", "dead"]) expect(tally[what]).toBeGreaterThan(0);
  });

  it("come to the same whenever a seed is run", async ({ expect }) => {
    expect(await runSeeds("batch", 7, 5)).toEqual(await runSeeds("batch", 7, 5));
  });
});

describe("what is wrong", () => {
  it.for(BATCH_BUGS)("is found: $name", { timeout: 60_000 }, async (bug, { expect }) => {
    const found = await firstBroken(bug);
    expect(found?.violation.split(":")[0], found?.violation).toBe(bug.breaks);
  });

  it("is found: tasks do not take turns", { timeout: 60_000 }, async ({ expect }) => {
    const found = await withoutTurns(() => firstBroken({ name: "", breaks: "T", tampering: {} }));
    expect(found?.violation).toMatch(/^T: a task of f\d begins before one of f\d/);
  });

  it("is made as small as it can be, and replayed", { timeout: 60_000 }, async ({ expect }) => {
    const bug = BATCH_BUGS.find(({ breaks }) => breaks === "F");
    const found = bug === undefined ? null : await firstBroken(bug);
    if (bug === undefined || found === null) throw new Error("there is nothing to make smaller");
    const run = (scenario: BatchScenario) => simulateBatch(scenario, undefined, bug.tampering);
    const { scenario, violation } = await shrink(
      { run, smaller: smallerBatchScenarios },
      found.scenario,
      found.violation,
    );
    expect(invariantOf(violation)).toBe("F");
    expect(scenario.deeds.length).toBeLessThanOrEqual(2);
    // Something has to be there still when the next run begins.
    expect(BATCH_FAULTS.filter((name) => scenario.faults[name] > 0)).toHaveLength(1);
    const again = parseBatchScenario(JSON.parse(JSON.stringify(scenario)));
    expect((await run(again)).violation).toBe(violation);
    // Without the bug it is nothing special.
    expect((await simulateBatch(again)).violation).toBeNull();
  });

  it("in a scenario is said, with its field", ({ expect }) => {
    expect(() => parseBatchScenario({ ...batchScenarioOf(1), chaosMs: -1 })).toThrow("chaosMs");
    expect(() => parseBatchScenario({ ...batchScenarioOf(1), faults: {} })).toThrow("faults");
  });
});
