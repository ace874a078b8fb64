/**
 * One run: schedules, tasks and messages under faults, then without: every slot and every message has come to something,
 * all that was begun is over, and nobody wakes but for the next slot.
 */
import { silence, type Outcome, type Simulation, type Trace } from "../engine/simulation.ts";
import { settle, VirtualTime } from "../engine/time.ts";
import { Random } from "../random.ts";
import type { BatchTampering } from "./application.ts";
import { installEntropy } from "./entropy.ts";
import { batchScenarioOf, parseBatchScenario, smallerBatchScenarios, type BatchScenario } from "./scenario.ts";
import { BatchWorld } from "./world.ts";
import { unsettled } from "./liveness.ts";

/** The longest wait of a message, and the rows of losses and failures that the faults have begun. */
const CALM_MS = 900_000;
/** And what the watchdog takes to find an alarm that was lost. */
const FOUND_MS = 35 * 60_000;
/** A duplicate may still be on its way until then. */
const LATEST_MS = 60_000;
const LOOK_MS = 7_000;
const MAX_STEPS = 60_000;

export const batchSimulation: Simulation<BatchScenario> = {
  name: "batch",
  scenarioOf: batchScenarioOf,
  run: (scenario, trace) => simulateBatch(scenario, trace),
  smaller: smallerBatchScenarios,
  parse: parseBatchScenario,
};

export async function simulateBatch(
  scenario: BatchScenario,
  trace: Trace = () => undefined,
  tampering?: BatchTampering,
): Promise<Outcome> {
  const time = new VirtualTime();
  time.now = Date.parse(scenario.start);
  const start = time.now;
  const uninstall = time.install();
  const loud = silence();
  const restore = installEntropy(new Random(scenario.seed).stream("entropy"));
  const world = new BatchWorld(time, scenario, (now, line) => trace(now - start, line), tampering);
  Date.now = () => world.clock();
  let steps = 0;
  let violation: string | null = null;
  const run = async (until: number) => {
    while (violation === null && time.step(until)) {
      steps += 1;
      await settle();
      world.jobs.running(world.platform.alive());
      violation = world.violation ?? world.jobs.violation ?? world.schedules.violation ?? world.tasks.violation;
      if (steps >= MAX_STEPS) violation ??= "L0: it never comes to rest";
    }
  };
  try {
    world.create();
    await settle();
    for (const deed of scenario.deeds) {
      time.after(deed.at, () => {
        trace(time.now - start, `deed ${JSON.stringify(deed)}`);
        world.users.perform(deed);
      });
    }
    await run(start + scenario.chaosMs);
    trace(time.now - start, "the faults stop");
    world.calm();
    const calmAt = time.now;
    const mostMs = CALM_MS + (world.lostAlarms > 0 ? FOUND_MS : 0);
    for (let until = calmAt + LATEST_MS; violation === null; until += LOOK_MS) {
      await run(until);
      const open = unsettled(world, calmAt);
      if (open === null) break;
      if (until >= calmAt + mostMs) violation ??= open;
    }
    return { steps, violation, tally: tallyOf(world) };
  } finally {
    world.close();
    restore();
    loud();
    uninstall();
  }
}

function tallyOf({ crashes, lostAlarms, schedules, tasks, platform, queue, jobs }: BatchWorld): Record<string, number> {
  const { fired, unfired } = schedules;
  return {
    crashes,
    lostAlarms,
    fired,
    unfired,
    starts: platform.starts,
    deliveries: queue.deliveries,
    jobs: jobs.made,
    ...tasks.tally,
  };
}
