/** The planner alone: 10,000 deployments with nothing to do, and 1,000 to start with spread and affinity. */
import { runFromCommandLine } from "./command-line.ts";
import { LOCATION_CODES } from "../src/account/locations.ts";
import { intendPlacement } from "../src/orchestrator/intents.ts";
import { REGIONS, type Location } from "../src/orchestrator/placement/location.ts";
import { constraintsIn, desiredPlace } from "../src/orchestrator/placement/desired-place.ts";
import type { Where } from "../src/orchestrator/placement/placing.ts";
import type { Deployment } from "../src/orchestrator/plan/deployment.ts";
import { DEFAULT_LIMITS, plan, type Delivery, type PlanInput } from "../src/orchestrator/plan/plan.ts";
import type { ApplicationSpec } from "../src/orchestrator/storage/application-row.ts";
import type { Bench } from "./bench.ts";
import { median, spread } from "./statistics.ts";

const NOW = 1_000_000;
const RESTING = 10_000;
const STARTING = 1_000;
/** What the design allows for each. */
const REST_MS = 20;
const START_MS = 100;

/** Every message was answered, and nobody is silent. */
const ANSWERED: Delivery = {
  isAcknowledged: () => true,
  isInFlight: () => false,
  retryAt: () => 0,
  lastSentAt: () => NOW,
  isSilent: () => false,
};

const spec: ApplicationSpec = {
  instances: RESTING,
  maxInstances: null,
  ingress: "private",
  checkEveryMs: 60_000,
  constraints: { regions: REGIONS, isVerified: true },
};

const locations = REGIONS.map((region, index): Location => {
  const code = LOCATION_CODES[index] ?? region;
  return { code, name: code, region, city: null, pop: null, weight: 1, enabled: true };
});

/** Nearness to an application that runs in three of the nine locations. */
const where: Where = {
  locations,
  constraints: constraintsIn(spec),
  companions: { weur: 40, enam: 20, apac: 10 },
  failing: new Set(["oc"]),
};

function input(instances: number, deployments: readonly Deployment[]): PlanInput {
  return {
    desired: {
      instances,
      version: 1,
      isOutdated: () => false,
      strategy: "rolling",
      deleting: false,
      ...desiredPlace({ kind: "application", spec }),
    },
    deployments,
    delivery: ANSWERED,
    limits: { ...DEFAULT_LIMITS, startsPerPass: Number.POSITIVE_INFINITY },
    where,
    now: NOW,
  };
}

/** As they are after they were placed by the planner itself and have come up. */
function running(count: number): Deployment[] {
  return plan(input(count, [])).actions.flatMap((action) => {
    if (action.type !== "place") return [];
    const { next } = intendPlacement(`d${action.slot}`, action.slot, 1, NOW, action.reason, action.placing);
    return [{ ...next, phase: "running" as const, ready: true, readyAt: NOW }];
  });
}

/** Milliseconds of a run, taken in turns with the peer so that both see the same machine. */
function measure(rounds: number, ours: () => unknown, peer: () => unknown) {
  const times = { ours: [] as number[], peer: [] as number[] };
  for (let warm = 0; warm < 3; warm += 1) {
    ours();
    peer();
  }
  for (let round = 0; round < rounds; round += 1) {
    times.ours.push(timed(ours));
    times.peer.push(timed(peer));
  }
  return { ours: median(times.ours), peer: median(times.peer), noise: spread(times.ours), times };
}

function timed(work: () => unknown): number {
  const before = performance.now();
  work();
  return performance.now() - before;
}

export const planBench: Bench = {
  name: "plan",
  summary: "the planner alone, against a copy of the same rows through JSON",
  async run({ quick }) {
    const rounds = quick ? 15 : 51;
    const rows = running(RESTING);
    const rest = input(RESTING, rows);
    const start = input(STARTING, []);
    const placed = plan(start).actions.length;
    const idle = plan(rest).actions.length;
    if (placed !== STARTING || idle !== 0) throw new Error(`planned ${placed} starts and ${idle} actions at rest`);
    const some = rows.slice(0, STARTING);
    const resting = measure(
      rounds,
      () => plan(rest),
      () => JSON.parse(JSON.stringify(rows)) as unknown,
    );
    const starting = measure(
      rounds,
      () => plan(start),
      () => JSON.parse(JSON.stringify(some)) as unknown,
    );
    const line = (what: string, { ours, peer, noise }: typeof resting) =>
      `${what}: ${ours.toFixed(1)} ms (± ${(noise * 100).toFixed(0)} %), ${(ours / peer).toFixed(2)} × a JSON copy of the rows (${peer.toFixed(1)} ms)`;
    return {
      ratios: [
        { name: "nothing to do", value: resting.ours / REST_MS, of: `${REST_MS} ms`, target: 1, better: "lower" },
        { name: "all to start", value: starting.ours / START_MS, of: `${START_MS} ms`, target: 1, better: "lower" },
      ],
      lines: [
        line(`${RESTING} deployments, nothing to do`, resting),
        line(`${STARTING} to start in ${locations.length} locations`, starting),
      ],
      figures: { resting: resting.times, starting: starting.times },
    };
  },
};

if (import.meta.main) await runFromCommandLine([planBench]);
