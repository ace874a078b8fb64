/**
 * One run of the simulator: a world, a client that changes its mind, faults for a while, then none. The invariants of the
 * design (section 5) that exist so far are checked after every step, those of liveness once the faults have stopped.
 */
import type { Faults } from "./platform.ts";
import { INSTANCE_ACTIONS } from "../../src/orchestrator/instance-actions.ts";
import { isLive, type Deployment } from "../../src/orchestrator/plan/deployment.ts";
import { Random } from "./random.ts";
import { settle, VirtualTime } from "./time.ts";
import { BROKEN_VERSION, VERSIONS, World } from "./world.ts";

export interface Outcome {
  readonly steps: number;
  readonly crashes: number;
  readonly starts: number;
  /** Old placements in traffic that gave way to a new version. */
  readonly replaced: number;
  /** Actions of users that changed something. */
  readonly acted: number;
  /** Placed by a decision, and moved by one. */
  readonly placed: number;
  readonly moved: number;
  readonly violation: string | null;
}

const MAX_INSTANCES = 6;
/** What may live above the count while a version replaces another; said here again, so that the planner cannot move it. */
const MAX_SURGE = 1;
const CHAOS_MS = 600_000;
/** After the faults stop: the longest back-off (5 min), a start deadline, a stop and some looks. */
const CALM_MS = 900_000;
/** Then nothing happens any more but the looks of running instances. */
const REST_MS = 300_000;
const LOOKS_IN_REST = 6;
const MAX_STEPS = 40_000;

export async function simulate(seed: number): Promise<Outcome> {
  const time = new VirtualTime();
  const random = new Random(seed);
  const uninstall = time.install();
  const quiet = silence();
  const faults = someFaults(random);
  const world = new World(time, random, faults);
  let steps = 0;
  let violation: string | null = null;
  const run = async (until: number) => {
    while (violation === null && steps < MAX_STEPS && time.step(until)) {
      steps += 1;
      await settle();
      violation = safety(world) ?? world.takenAway ?? world.storm ?? world.places.violation;
    }
    if (steps >= MAX_STEPS) violation ??= "L0: it never comes to rest";
  };
  try {
    const isStandalone = random.chance(0.25);
    world.create(isStandalone ? "deployment" : "application", isStandalone ? 1 : random.between(0, MAX_INSTANCES));
    const end = time.now + CHAOS_MS;
    scheduleClient(time, random, world, isStandalone, end);
    await run(end);
    calm(faults);
    comeToTerms(random, world, time.now);
    await run(end + CALM_MS);
    violation ??= liveness(world);
    const before = world.messages;
    await run(end + CALM_MS + REST_MS);
    violation ??= rest(world, world.messages - before);
    return {
      steps,
      crashes: world.crashes,
      starts: [...world.instances.values()].reduce((sum, { container }) => sum + container.starts, 0),
      replaced: world.replaced,
      acted: world.acted,
      placed: world.places.placed,
      moved: world.places.moved,
      violation,
    };
  } finally {
    quiet();
    uninstall();
  }
}

function scheduleClient(time: VirtualTime, random: Random, world: World, isStandalone: boolean, end: number): void {
  const sometimes = (most: number, change: () => void) => {
    for (let left = random.between(0, most); left > 0; left -= 1) time.after(random.between(0, end - time.now), change);
  };
  if (!isStandalone) sometimes(6, () => world.scale(random.between(0, MAX_INSTANCES)));
  sometimes(random.chance(0.6) ? 5 : 0, () => world.activate(random.between(1, VERSIONS)));
  const hasPlaces = random.chance(0.6);
  sometimes(hasPlaces ? 8 : 0, () => world.places.switchSome(random, time.now));
  sometimes(hasPlaces ? 3 : 0, () => world.constrain(world.places.someConstraints(random, true)));
  sometimes(random.chance(0.6) ? 12 : 0, () => {
    const rows = world.deployments();
    const row = rows[random.between(0, rows.length - 1)];
    if (row !== undefined) world.act(row.id, random.pick(INSTANCE_ACTIONS));
  });
  if (random.chance(0.2)) time.after(random.between(0, end - time.now), () => world.delete());
  for (let crash = random.between(0, 4); crash > 0; crash -= 1) {
    time.after(random.between(0, end - time.now), () => {
      const hosts = [...world.instances.values()];
      const host = hosts[random.between(0, hosts.length)];
      if (host === undefined) world.crashApplication();
      else world.crashInstance(host);
    });
  }
}

/**
 * Nobody leaves a version active that cannot work, or what hinders its end out of traffic, or waits for places that cannot
 * be read; stopped may stay stopped.
 */
function comeToTerms(random: Random, world: World, now: number): void {
  world.places.enableAll(now);
  if (world.constraints() !== null) world.constrain(world.places.someConstraints(random, false));
  if (world.activeVersion() === BROKEN_VERSION) world.activate(random.between(1, BROKEN_VERSION - 1));
  for (const { id } of world.deployments()) world.act(id, "uncordon");
}

/** What holds at every step, under every fault. */
function safety(world: World): string | null {
  const deployments = new Map(world.deployments().map((deployment) => [deployment.id, deployment]));
  // S1: stopping ones are on their way out; one more than wanted may live while there are outdated ones.
  const live = [...deployments.values()].filter(isLive);
  const most = world.desired() + (live.some((row) => world.isOutdated(row)) ? MAX_SURGE : 0);
  if (live.length > most) return `S1: ${live.length} live deployments, ${most} may be`;
  const restless = live.find(({ held }) => held);
  if (restless !== undefined) return `S1: ${restless.id} is held and ${restless.phase}`;
  const unfit = live.find(({ ready, version }) => ready && version === BROKEN_VERSION);
  if (unfit !== undefined) return `S8: ${unfit.id} is called ready and listens nowhere`;
  const standalone = world.standalone;
  // One deployment, whose id never changes, until the delete.
  if (standalone !== null && [...deployments.keys()].some((id) => id !== standalone)) {
    return `S14: ${[...deployments.keys()].join(", ")} instead of the one deployment ${standalone}`;
  }
  const slots = [...deployments.values()].map(({ slot }) => slot);
  if (new Set(slots).size !== slots.length) return `S14: two deployments in one slot: ${slots.join(", ")}`;
  for (const { id, container } of world.instances.values()) {
    const deployment = deployments.get(id);
    const generation = Number(container.labels["gantry.gen"] ?? 0);
    // S11: nothing newer than the scheduler asked for ever runs.
    if (container.running && deployment !== undefined && generation > deployment.generation) {
      return `S11: ${id} runs generation ${generation}, asked for ${deployment.generation}`;
    }
    // S4: an end is told of a container that has ended.
    if (container.running && deployment?.phase === "pending" && generation === deployment.generation) {
      return `S4: ${id} generation ${generation} is called ended and runs`;
    }
  }
  return null;
}

/** What holds once the faults have stopped for long enough. */
function liveness(world: World): string | null {
  const deployments = world.deployments();
  const wanted = world.desired();
  const isAsWanted = (row: Deployment) => (row.held ? row.phase === "pending" : row.ready && !world.isOutdated(row));
  if (deployments.length !== wanted || !deployments.every(isAsWanted)) {
    const states = deployments.map(
      ({ id, phase, ready, held, version }) =>
        `${id} v${version} ${phase}${ready ? " ready" : ""}${held ? " held" : ""}`,
    );
    return `L1: ${wanted} of version ${world.activeVersion()} wanted, have ${states.join(", ") || "none"}`;
  }
  // One that is held stopped owns no container either.
  const rows = new Set(deployments.filter(({ held }) => !held).map(({ id }) => id));
  for (const { id, container } of world.instances.values()) {
    // S16: every live container is owned by one row.
    if (container.running && !rows.has(id)) return `S16: ${id} runs and is nobody's`;
    if (!container.running && rows.has(id)) return `L1: ${id} is called ready and does not run`;
  }
  return null;
}

/** A world that has what it wants is quiet: each instance says so once per check interval, and nobody else speaks. */
function rest(world: World, messages: number): string | null {
  const most = world.desired() * LOOKS_IN_REST;
  return messages > most ? `L6: ${messages} messages at rest, ${most} would do` : null;
}

function someFaults(random: Random): Faults {
  const some = (max: number) => (random.chance(0.6) ? random.next() * max : 0);
  return {
    refusedStart: some(0.4),
    neverBoots: some(0.3),
    neverStarts: some(0.3),
    exits: some(0.5),
    vanishes: some(0.5),
    networkDies: some(0.5),
    fallsIll: some(0.5),
    ignoresSigterm: some(0.5),
    prepareRefused: some(0.3),
    messageLost: some(0.3),
    wrongPlace: some(0.3),
    execFails: some(0.5),
    answerLost: some(0.3),
    messageTwice: some(0.3),
    crash: some(0.1),
  };
}

function calm(faults: Faults): void {
  for (const key of Object.keys(faults) as (keyof Faults)[]) faults[key] = 0;
}

/** The code under test logs every outcome; thousands of runs would drown the one line that counts. */
function silence(): () => void {
  const { log, warn, error } = console;
  console.log = console.warn = console.error = () => undefined;
  return () => Object.assign(console, { log, warn, error });
}
