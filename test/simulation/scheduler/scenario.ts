/** What a simulated world is made of, and everything that is done to it: data that a seed gives and people can read. */
import * as z from "zod";
import type { Autoscaling } from "../../../src/orchestrator/autoscaling/policy.ts";
import { INSTANCE_ACTIONS } from "../../../src/orchestrator/instance-actions.ts";
import { JURISDICTIONS, REGIONS } from "../../../src/orchestrator/placement/location.ts";
import type { ApplicationSpec } from "../../../src/orchestrator/storage/application-row.ts";
import { Random } from "../random.ts";
import { CHECK_EVERY_MS } from "./application-host.ts";
import { withoutSome } from "../engine/shrink.ts";
import { SOME_REGIONS, someConstraints } from "./account-places.ts";
import { FAULTS, someFaults, type Faults } from "./faults.ts";
import { JOB_DEEDS, someJobs } from "./jobs/deeds.ts";
import { NO_ROLLOUTS, ROLLOUT_DEEDS, rolloutsOf, someRollouts } from "./rollouts/deeds.ts";
import { CHOICES, PLAIN_VERSIONS, VERSIONS } from "./versions.ts";

const constraints = z.strictObject({
  regions: z.array(z.enum(REGIONS)).optional(),
  jurisdiction: z.enum(JURISDICTIONS).optional(),
  isVerified: z.boolean().optional(),
});

const at = z.int().min(0);
/** `nth` chooses among what is there when the time comes. */
const nth = z.int().min(0);

const deed = z.discriminatedUnion("do", [
  z.strictObject({ at, do: z.literal("scale"), instances: z.int().min(0) }),
  z.strictObject({ at, do: z.literal("activate"), version: z.int().min(1).max(VERSIONS) }),
  z.strictObject({ at, do: z.literal("switch"), location: z.string(), enabled: z.boolean() }),
  z.strictObject({ at, do: z.literal("constrain"), constraints: constraints.nullable() }),
  z.strictObject({ at, do: z.literal("act"), nth, action: z.enum(INSTANCE_ACTIONS) }),
  z.strictObject({ at, do: z.literal("limit"), instances: z.int().min(0).nullable() }),
  z.strictObject({ at, do: z.literal("make-room"), nth, ceiling: z.int().min(0) }),
  z.strictObject({ at, do: z.literal("crash"), nth }),
  z.strictObject({ at, do: z.literal("warm"), warm: z.int().min(0) }),
  /** Somebody calls an instance by name, waits so long, and uses it for a while. */
  z.strictObject({ at, do: z.literal("call"), name: z.string(), waitMs: z.int().min(0), usedMs: z.int().min(0) }),
  /** So many requests are under way in the pool, for so long. */
  z.strictObject({ at, do: z.literal("load"), inFlight: z.int().min(0), ms: z.int().min(0) }),
  z.strictObject({ at, do: z.literal("delete") }),
  ...JOB_DEEDS,
  ...ROLLOUT_DEEDS,
]);
export type Deed = z.infer<typeof deed>;

const faultsSchema = z.strictObject(
  Object.fromEntries(FAULTS.map((name) => [name, z.number().min(0).max(1)])) as Record<keyof Faults, z.ZodNumber>,
);

const scenario = z.strictObject({
  seed: z.int(),
  kind: z.enum(["application", "deployment"]),
  instances: z.int().min(0),
  /** Members that are kept started beyond what is needed. */
  warm: z.int().min(0).default(0),
  /** How many that are called by name may be awake at a time. */
  named: z.int().min(0).default(0),
  /** How many attempts of jobs may be alive at a time. */
  jobs: z.int().min(0).default(0),
  /** `instances` follows the load within these; null: it does not. */
  autoscaling: z
    .strictObject({ min: z.int().min(0), max: z.int().min(1), target: z.int().min(1) })
    .nullable()
    .default(null),
  rollouts: rolloutsOf.default(NO_ROLLOUTS),
  configurations: z.strictObject({ one: z.int().min(0), two: z.int().min(0) }),
  /** Most instances that the account may run; null: any number. */
  limit: z.int().min(0).nullable(),
  /** Faults and deeds happen within this time, then none do. */
  chaosMs: z.int().min(0),
  faults: faultsSchema,
  /** In the order of time, from the beginning on. */
  deeds: z.array(deed),
});
export type Scenario = z.infer<typeof scenario>;

const MAX_INSTANCES = 6;
const NAMES = ["alice", "bob", "carol", "dave"] as const;

export function parseScenario(json: unknown): Scenario {
  const result = scenario.safeParse(json);
  if (result.success) return result.data;
  throw new Error(`not a scenario of the scheduler:\n${z.prettifyError(result.error)}`);
}

export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed).stream("scenario");
  const chaosMs = 1_000 * random.between(40, 240);
  const kind = random.chance(0.25) ? "deployment" : "application";
  const isLimited = random.chance(0.4);
  const more = someMore(new Random(seed).stream("more"), kind === "deployment", chaosMs);
  const ofJobs = new Random(seed).stream("jobs");
  const isStandalone = kind === "deployment";
  const { jobs, deeds } = isStandalone ? { jobs: 0, deeds: [] } : someJobs(ofJobs, chaosMs);
  const ofRollouts = new Random(seed).stream("rollouts");
  const rolled = isStandalone ? null : someRollouts(ofRollouts, chaosMs, MAX_INSTANCES);
  return {
    seed,
    kind,
    instances: kind === "deployment" ? 1 : random.between(0, MAX_INSTANCES),
    warm: more.warm,
    named: more.named,
    jobs,
    autoscaling: more.autoscaling,
    rollouts: rolled?.rollouts ?? NO_ROLLOUTS,
    configurations: { one: random.between(0, CHOICES - 1), two: random.between(0, CHOICES - 1) },
    limit: isLimited && random.chance(0.5) ? random.between(0, MAX_INSTANCES) : null,
    chaosMs,
    faults: someFaults(random, ofJobs, ofRollouts),
    deeds: [
      ...someDeeds(random, chaosMs, isStandalone, isLimited),
      ...more.deeds,
      ...deeds,
      ...(rolled?.deeds ?? []),
    ].toSorted((a, b) => a.at - b.at),
  };
}

/** Instances that are called by name, a count that follows its load, and warm ones: each in some applications. */
function someMore(
  random: Random,
  isStandalone: boolean,
  chaosMs: number,
): Pick<Scenario, "warm" | "named" | "autoscaling" | "deeds"> {
  const deeds: Deed[] = [];
  if (isStandalone) return { warm: 0, named: 0, autoscaling: null, deeds };
  const time = () => random.between(0, chaosMs);
  const several = (most: number, make: () => Deed) => {
    for (let left = random.between(1, most); left > 0; left -= 1) deeds.push(make());
  };
  const hasWarm = random.chance(0.3);
  const named = random.chance(0.3) ? random.between(1, 3) : 0;
  const isFollowed = random.chance(0.3);
  if (hasWarm) several(2, () => ({ at: time(), do: "warm", warm: random.between(0, 2) }));
  if (named > 0) {
    several(10, () => {
      const [waitMs, usedMs] = [1_000 * random.between(0, 30), 1_000 * random.between(0, 20)];
      return { at: time(), do: "call", name: random.pick(NAMES), waitMs, usedMs };
    });
  }
  const autoscaling = {
    min: random.between(0, 2),
    max: random.between(2, MAX_INSTANCES),
    target: random.between(1, 5),
  };
  if (isFollowed) {
    several(4, () => ({ at: time(), do: "load", inFlight: random.between(0, 25), ms: 1_000 * random.between(1, 90) }));
  }
  return { warm: hasWarm ? random.between(0, 2) : 0, named, autoscaling: isFollowed ? autoscaling : null, deeds };
}

/** After this long without load none is left, where that may be. */
const IDLE_AFTER_MS = 60_000;

/** As the application is made. */
export function specOf({ instances, warm, named, jobs, autoscaling, rollouts }: Scenario): ApplicationSpec {
  return {
    instances,
    maxInstances: null,
    ingress: "public",
    checkEveryMs: CHECK_EVERY_MS,
    warm,
    namedInstances: named,
    jobInstances: jobs,
    ...(rollouts.graceMs === 0 ? {} : { rolloutGraceMs: rollouts.graceMs }),
    ...(autoscaling === null ? {} : { autoscaling: autoscalingOf(autoscaling) }),
  };
}

function autoscalingOf({ min, max, target }: NonNullable<Scenario["autoscaling"]>): Autoscaling {
  return { min, max, target: { kind: "concurrency", value: target }, idleAfterMs: IDLE_AFTER_MS };
}

function someDeeds(random: Random, chaosMs: number, isStandalone: boolean, isLimited: boolean): Deed[] {
  const deeds: Deed[] = [];
  const sometimes = (most: number, make: (at: number) => Deed) => {
    for (let left = random.between(0, most); left > 0; left -= 1) deeds.push(make(random.between(0, chaosMs)));
  };
  const hasPlaces = random.chance(0.5);
  if (!isStandalone) {
    sometimes(5, (time) => ({ at: time, do: "scale", instances: random.between(0, MAX_INSTANCES) }));
    sometimes(hasPlaces ? 3 : 0, (time) => ({ at: time, do: "constrain", constraints: someConstraints(random, true) }));
  }
  sometimes(random.chance(0.6) ? 4 : 0, (time) => ({
    at: time,
    do: "activate",
    version: random.between(1, PLAIN_VERSIONS),
  }));
  sometimes(hasPlaces ? 6 : 0, (time) => {
    return { at: time, do: "switch", location: random.pick(SOME_REGIONS).toLowerCase(), enabled: random.chance(0.5) };
  });
  sometimes(random.chance(0.6) ? 8 : 0, (time) => {
    return { at: time, do: "act", nth: random.between(0, 99), action: random.pick(INSTANCE_ACTIONS) };
  });
  sometimes(isLimited ? 4 : 0, (time) => {
    return { at: time, do: "limit", instances: random.chance(0.2) ? null : random.between(0, MAX_INSTANCES + 1) };
  });
  sometimes(isLimited ? 2 : 0, (time) => {
    return { at: time, do: "make-room", nth: random.between(0, 99), ceiling: random.between(0, 2) };
  });
  sometimes(4, (time) => ({ at: time, do: "crash", nth: random.between(0, 99) }));
  if (random.chance(0.15)) deeds.push({ at: random.between(0, chaosMs), do: "delete" });
  return deeds;
}

/** Fewer deeds, fewer faults, fewer instances, a shorter time. */
export function* smallerScenarios(from: Scenario): Iterable<Scenario> {
  for (const deeds of withoutSome(from.deeds)) yield { ...from, deeds: [...deeds] };
  const present = FAULTS.filter((name) => from.faults[name] > 0);
  for (const kept of withoutSome(present)) yield { ...from, faults: only(from.faults, kept) };
  if (from.limit !== null) yield { ...from, limit: null };
  for (const warm of halves(from.warm)) yield { ...from, warm };
  if (from.named > 0) yield { ...from, named: 0 };
  for (const jobs of halves(from.jobs)) yield { ...from, jobs };
  if (from.autoscaling !== null) yield { ...from, autoscaling: null };
  if (from.rollouts.graceMs > 0) yield { ...from, rollouts: { ...from.rollouts, graceMs: 0 } };
  for (const instances of halves(from.instances)) if (from.kind === "application") yield { ...from, instances };
  for (const chaosMs of halves(from.chaosMs)) {
    yield { ...from, chaosMs, deeds: from.deeds.filter((one) => one.at <= chaosMs) };
  }
  if (from.configurations.one > 0) yield { ...from, configurations: { ...from.configurations, one: 0 } };
  if (from.configurations.two > 0) yield { ...from, configurations: { ...from.configurations, two: 0 } };
}

function only(faults: Faults, names: readonly (keyof Faults)[]): Faults {
  const left = { ...faults };
  for (const name of FAULTS) if (!names.includes(name)) left[name] = 0;
  return left;
}

function* halves(value: number): Iterable<number> {
  for (let cut = Math.ceil(value / 2); cut >= 1 && cut >= value / 16; cut = Math.floor(cut / 2)) yield value - cut;
}
