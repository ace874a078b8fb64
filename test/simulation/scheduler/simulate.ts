/**
 * One run: a world, users and operators who change their minds, faults for a while, then none. Safety is asked after
 * every step, liveness once the faults have stopped.
 */
import { silence, type Outcome, type Simulation, type Trace } from "../engine/simulation.ts";
import { settle, VirtualTime } from "../engine/time.ts";
import { liveness, restlessness, Safety } from "./invariants.ts";
import { ProbeRequest } from "./platform.ts";
import { parseScenario, scenarioOf, smallerScenarios, type Deed, type Scenario } from "./scenario.ts";
import { within } from "./account-places.ts";
import { World, type Tampering } from "./world.ts";

/**
 * After the faults stop: the longest back-off (5 min), a slow start, a start deadline, or a stop that was accepted and of which
 * nothing is heard: it is asked about again after its grace of 15 min.
 */
const CALM_MS = 1_100_000;
/** How often it is asked whether all is as wanted. */
const CALM_LOOK_MS = 30_000;
/** What is enabled or freed is taken within one back-off cap (30 s), and the account has to be heard first. */
const UNBLOCKED_MS = 120_000;
/** Then nothing happens any more but the looks of running instances. */
const REST_MS = 130_000;
const MAX_STEPS = 60_000;

export const schedulerSimulation: Simulation<Scenario> = {
  name: "scheduler",
  scenarioOf,
  run: (scenario, trace) => simulate(scenario, trace),
  smaller: smallerScenarios,
  parse: parseScenario,
};

export async function simulate(
  scenario: Scenario,
  trace: Trace = () => undefined,
  tampering?: Tampering,
): Promise<Outcome> {
  const time = new VirtualTime();
  const restore = install(time);
  const start = time.now;
  const world = new World(time, scenario, (now, line) => trace(now - start, line), tampering);
  const safety = new Safety(world);
  let steps = 0;
  let violation: string | null = null;
  const run = async (until: number) => {
    while (violation === null && time.step(until)) {
      steps += 1;
      await settle();
      violation = safety.violation();
      if (steps >= MAX_STEPS) violation ??= "L0: it never comes to rest";
    }
  };
  try {
    world.create();
    await settle();
    for (const deed of scenario.deeds) {
      time.after(deed.at, () => {
        trace(time.now - start, `deed ${JSON.stringify(deed)}`);
        perform(world, deed);
      });
    }
    const calmAt = start + scenario.chaosMs;
    await run(calmAt);
    if (violation === null) {
      trace(time.now - start, "the faults stop");
      world.calm();
      await comeToTerms(world, time.now);
      violation = await converge(world, run, () => violation, calmAt);
    }
    const before = world.network.messages;
    const restAt = time.now;
    await run(restAt + REST_MS);
    violation ??= liveness(world) ?? restlessness(world, world.network.messages - before, REST_MS);
    return { steps, violation, tally: tallyOf(world) };
  } finally {
    world.close();
    restore();
  }
}

/** Until all is as wanted; the time for that is bounded. */
async function converge(
  world: World,
  run: (until: number) => Promise<void>,
  broken: () => string | null,
  calmAt: number,
): Promise<string | null> {
  for (let until = calmAt + CALM_LOOK_MS; broken() === null; until += CALM_LOOK_MS) {
    await run(until);
    const open = liveness(world);
    // What is still on its way may change it once more.
    if (open === null && world.network.underway === 0) return broken();
    if (open === null) continue;
    // What made room only now takes its time, too.
    const blockedAt = Math.max(calmAt, world.application.row()?.blocked?.since ?? Number.POSITIVE_INFINITY);
    const isBlocked = open.startsWith("L5") && until >= blockedAt + UNBLOCKED_MS;
    if (broken() === null && (isBlocked || until >= calmAt + CALM_MS)) return open;
  }
  return broken();
}

/** Stands in for the global clock, the console and the requests of probes. Returns how to put them back. */
function install(time: VirtualTime): () => void {
  const uninstall = time.install();
  const loud = silence();
  const { Request } = globalThis;
  globalThis.Request = ProbeRequest as unknown as typeof Request;
  return () => {
    globalThis.Request = Request;
    loud();
    uninstall();
  };
}

function perform(world: World, deed: Deed): void {
  switch (deed.do) {
    case "scale": {
      return world.count({ instances: deed.instances });
    }
    case "activate": {
      return world.activate(deed.version);
    }
    case "switch": {
      return world.places.switch(deed.location, deed.enabled, world.time.now);
    }
    case "constrain": {
      return world.constrain(constraintsOf(deed.constraints));
    }
    case "act": {
      const rows = world.deployments();
      const row = rows[deed.nth % rows.length];
      return row === undefined ? undefined : world.act(row.id, deed.action);
    }
    case "limit": {
      return world.account.setLimit(deed.instances);
    }
    case "make-room": {
      return world.makeRoom(deed.nth, deed.ceiling);
    }
    case "crash": {
      return world.crash(deed.nth);
    }
    case "warm": {
      return world.count({ warm: deed.warm });
    }
    case "call": {
      return world.callers.call(deed.name, deed.waitMs, deed.usedMs);
    }
    case "load": {
      return world.callers.load(deed.inFlight, deed.ms);
    }
    case "delete": {
      return world.delete();
    }
    case "submit": {
      return world.jobs.desk.submit(deed);
    }
    case "job": {
      return world.jobs.desk.change(deed.job, deed.action);
    }
    case "rollout": {
      return world.rollouts.desk.begin(deed);
    }
    case "rollout-action": {
      world.rollouts.desk.act(deed.action, deed.twice ? 2 : 1);
      return undefined;
    }
    case "run-jobs": {
      return world.count({ jobInstances: deed.most });
    }
  }
}

function constraintsOf(constraints: Extract<Deed, { do: "constrain" }>["constraints"]) {
  if (constraints === null) return null;
  const { regions, jurisdiction, isVerified } = constraints;
  return {
    ...(regions === undefined ? {} : { regions }),
    ...(jurisdiction === undefined ? {} : { jurisdiction }),
    ...(isVerified === undefined ? {} : { isVerified }),
  };
}

/**
 * Nobody leaves a version active that cannot work, or what hinders its end out of traffic, or waits for places that cannot
 * be read, or for more than there is; stopped may stay stopped.
 */
async function comeToTerms(world: World, now: number): Promise<void> {
  world.places.enableAll(now);
  const constraints = world.constraints();
  if (constraints !== null) world.constrain(within(constraints));
  await settle();
  const { current } = world.rollouts.rules;
  const isLeft = current === null ? !world.rollouts.isBad(world.activeVersion()) : world.rollouts.comeToTerms();
  // The same again would change nothing, and what is under way goes on.
  if (!isLeft) world.activate(world.activeVersion() === 1 ? 3 : 1);
  const { account } = world;
  // More than may be wanted, for what replaces another.
  const surge = current === null ? 1 : world.desired() + 3;
  if (account.limit !== null) account.setLimit(Math.max(account.limit, world.most() + surge));
  for (const { id } of world.deployments()) world.act(id, "uncordon");
}

function tallyOf(world: World): Record<string, number> {
  const { crashes, rules, acted, callers, application, slept, places, network, told, jobs } = world;
  const starts = [...world.instances.values()].reduce((sum, { container }) => sum + container.starts, 0);
  return {
    starts,
    crashes,
    replaced: rules.replaced,
    acted,
    answered: callers.answered,
    scaled: application.scaled,
    slept,
    placed: places.placed,
    moved: places.moved,
    ...jobs.tally(),
    ...world.rollouts.tally(),
    messages: network.messages,
    told,
  };
}
