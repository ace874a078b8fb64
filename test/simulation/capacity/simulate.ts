/** One run: an account and its applications under faults, then without: what fits is placed, the highest priorities first. */
import { silence, type Outcome, type Simulation, type Trace } from "../engine/simulation.ts";
import { settle, VirtualTime } from "../engine/time.ts";
import {
  capacityScenarioOf,
  parseCapacityScenario,
  smallerCapacityScenarios,
  type CapacityScenario,
} from "./scenario.ts";
import { CapacityWorld, type CapacityTampering } from "./world.ts";

/** Four of the longest pauses, and what a row of preemptions takes. */
const CALM_MS = 240_000;
/** A duplicate may still be on its way until then. */
const LATEST_MS = 60_000;
const LOOK_MS = 20_000;
const REST_MS = 120_000;
const MAX_STEPS = 60_000;

export const capacitySimulation: Simulation<CapacityScenario> = {
  name: "capacity",
  scenarioOf: capacityScenarioOf,
  run: (scenario, trace) => simulateCapacity(scenario, trace),
  smaller: smallerCapacityScenarios,
  parse: parseCapacityScenario,
};

export async function simulateCapacity(
  scenario: CapacityScenario,
  trace: Trace = () => undefined,
  tampering?: CapacityTampering,
): Promise<Outcome> {
  const time = new VirtualTime();
  const uninstall = time.install();
  const loud = silence();
  const start = time.now;
  const told: Trace = (now, line) => trace(now - start, line);
  const world = new CapacityWorld(time, scenario, told, tampering);
  let steps = 0;
  let violation: string | null = null;
  const run = async (until: number) => {
    while (violation === null && time.step(until)) {
      steps += 1;
      await settle();
      violation = world.unsafe();
      if (steps >= MAX_STEPS) violation ??= "L0: it never comes to rest";
    }
  };
  try {
    for (const deed of scenario.deeds) {
      time.after(deed.at, () => {
        told(time.now, `deed ${JSON.stringify(deed)}`);
        world.perform(deed);
      });
    }
    const calmAt = start + scenario.chaosMs;
    await run(calmAt);
    world.calm();
    told(time.now, "the faults stop");
    for (let until = calmAt + LATEST_MS; violation === null; until += LOOK_MS) {
      await run(until);
      const open = world.unserved();
      if (open === null && world.network.underway === 0) break;
      if (until >= calmAt + CALM_MS) violation ??= open;
      if (until >= calmAt + 2 * CALM_MS) break;
    }
    const { messages } = world.network;
    if (world.all().every(({ pooled, wanted, isCalled }) => pooled === wanted && !isCalled)) {
      await run(time.now + REST_MS);
      if (world.network.messages !== messages)
        violation ??= `L6: ${world.network.messages - messages} messages at rest`;
    }
    const live = world.all().reduce((sum, app) => sum + app.live, 0);
    const { crashes, network } = world;
    return { steps, violation, tally: { live, crashes, messages: network.messages } };
  } finally {
    world.close();
    loud();
    uninstall();
  }
}
