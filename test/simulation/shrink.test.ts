import { describe, it } from "vitest";
import { shrink, withoutSome } from "./engine/shrink.ts";
import { invariantOf, type Outcome } from "./engine/simulation.ts";
import { FAULTS } from "./scheduler/faults.ts";
import { parseScenario, scenarioOf, smallerScenarios, type Scenario } from "./scheduler/scenario.ts";
import { simulate } from "./scheduler/simulate.ts";
import type { Tampering } from "./scheduler/world.ts";

/** A cordon that is forgotten: it takes one instance and one deed to see that. */
const FORGETFUL: Tampering = {
  scheduler: (deps) => {
    const { deployments } = deps;
    const put = deployments.put.bind(deployments);
    deployments.put = (next) => put({ ...next, cordoned: false });
    return deps;
  },
};

function runForgetful(scenario: Scenario): Promise<Outcome> {
  return simulate(scenario, undefined, FORGETFUL);
}

function outcomeOf(violation: string | null): Outcome {
  return { steps: 1, tally: {}, violation };
}

/** Broken in one way with 3 and 5, and in another with anything. */
const LISTS = {
  run: async (items: readonly number[]) =>
    outcomeOf(items.includes(3) && items.includes(5) ? "S1: both" : items.length > 0 ? "L1: any" : null),
  smaller: (items: readonly number[]) => withoutSome(items),
};

const NUMBERS = {
  run: async () => outcomeOf("S1: always"),
  smaller: (value: number) => [value - 1],
};

describe("a scenario that breaks an invariant", () => {
  it("is made as small as it can be, and still breaks the same one when it is read back", async ({ expect }) => {
    const forgetful = { run: runForgetful, smaller: smallerScenarios };
    const found = await firstBroken();
    const { scenario, violation } = await shrink(forgetful, found.scenario, found.violation);
    expect(invariantOf(violation)).toBe("S8");
    expect(scenario.deeds).toHaveLength(1);
    expect(scenario.deeds[0]).toMatchObject({ do: "act", action: "cordon" });
    expect(FAULTS.filter((name) => scenario.faults[name] > 0)).toEqual([]);
    // One, whoever asks for it.
    expect(Math.max(scenario.instances, scenario.autoscaling?.min ?? 0) + scenario.warm).toBe(1);
    const again = await runForgetful(parseScenario(JSON.parse(JSON.stringify(scenario))));
    expect(again.violation).toBe(violation);
    // Without the bug it is nothing special.
    expect((await simulate(scenario)).violation).toBeNull();
  });

  it("never ends as one that breaks another", async ({ expect }) => {
    const { scenario } = await shrink(LISTS, [1, 2, 3, 4, 5, 6, 7], "S1: both");
    expect(scenario).toEqual([3, 5]);
  });

  it("is given up to get smaller after as many runs as it may take", async ({ expect }) => {
    expect(await shrink(NUMBERS, 100, "S1: always", { runs: 10 })).toMatchObject({ scenario: 90, runs: 10 });
  });
});

async function firstBroken() {
  for (let seed = 1; ; seed += 1) {
    const scenario = scenarioOf(seed);
    const { violation } = await runForgetful(scenario);
    if (violation !== null && invariantOf(violation) === "S8" && scenario.deeds.length > 5)
      return { scenario, violation };
  }
}

describe("a scenario that is no scenario", () => {
  it("is refused with the field that is wrong", ({ expect }) => {
    const scenario = scenarioOf(1);
    expect(() => parseScenario({ ...scenario, chaosMs: -1 })).toThrow("chaosMs");
    expect(() => parseScenario({ ...scenario, faults: {} })).toThrow("faults");
  });
});
