/** Rollouts of a simulated application, and what people do to them: data that a seed gives and people can read. */
import * as z from "zod";
import { ROLLOUT_ACTIONS } from "../../../../src/orchestrator/rollouts/actions.ts";
import type { Random } from "../../random.ts";
import { VERSIONS } from "../versions.ts";

const at = z.int().min(0);
const ms = z.int().min(0);
const amount = z.union([z.strictObject({ count: z.int().min(0) }), z.strictObject({ percentage: z.int().min(0) })]);

const rollout = z.strictObject({
  at,
  do: z.literal("rollout"),
  version: z.int().min(1).max(VERSIONS),
  /** `put`: the whole specification is replaced, count and image at once. */
  by: z.enum(["post", "put"]).default("post"),
  /** With a `put`; null: as it is. */
  instances: z.int().min(0).nullable().default(null),
  /** The same request comes again so much later. */
  againAfterMs: ms.nullable().default(null),
  strategy: z.enum(["rolling", "new_instances", "blue_green"]).default("rolling"),
  kind: z.enum(["full_auto", "full_manual"]).default("full_auto"),
  steps: z
    .array(z.strictObject({ percentage: z.int().min(0).max(100), waits: z.boolean().default(false) }))
    .min(1)
    .default([{ percentage: 100, waits: false }]),
  surge: amount.default({ percentage: 25 }),
  unavailable: amount.default({ count: 0 }),
  minHealthyMs: ms.default(10_000),
  deadlineMs: ms.nullable().default(600_000),
  autoRevert: z.boolean().default(true),
  delayMs: ms.default(0),
  gates: z.int().min(0).max(3).default(0),
});
export type RolloutDeed = z.infer<typeof rollout>;

/** With what is usual where nothing else is said. */
export function rolloutDeed(fields: Omit<z.input<typeof rollout>, "do">): RolloutDeed {
  return rollout.parse({ do: "rollout", ...fields });
}

export const ROLLOUT_DEEDS = [
  rollout,
  /** On the one under way, or on the last one. `twice`: the same request comes again at once. */
  z.strictObject({
    at,
    do: z.literal("rollout-action"),
    action: z.enum(ROLLOUT_ACTIONS),
    twice: z.boolean().default(false),
  }),
] as const;
export type RolloutsDeed = z.infer<(typeof ROLLOUT_DEEDS)[number]>;

export const rolloutsOf = z.strictObject({
  /** Whoever takes traffic for less than this is not replaced yet. */
  graceMs: ms,
  /** People leave what waits for them as it is when the faults have stopped. */
  areLeft: z.boolean(),
});
export type RolloutsScenario = z.infer<typeof rolloutsOf>;

export const NO_ROLLOUTS: RolloutsScenario = { graceMs: 0, areLeft: false };

const COMMON = ["pause", "resume", "next", "promote"] as const;

/** In two of five applications. */
export function someRollouts(
  random: Random,
  chaosMs: number,
  mostInstances: number,
): { readonly rollouts: RolloutsScenario; readonly deeds: RolloutsDeed[] } {
  if (!random.chance(0.4)) return { rollouts: NO_ROLLOUTS, deeds: [] };
  const deeds: RolloutsDeed[] = [];
  const time = () => random.between(0, chaosMs);
  // The first has some time to come to its end.
  deeds.push(someRollout(random, random.between(0, Math.floor(chaosMs / 2)), mostInstances));
  for (let left = random.between(0, 2); left > 0; left -= 1) deeds.push(someRollout(random, time(), mostInstances));
  for (let left = random.between(0, 8); left > 0; left -= 1) {
    const action = random.chance(0.5) ? random.pick(COMMON) : random.pick(ROLLOUT_ACTIONS);
    deeds.push({ at: time(), do: "rollout-action", action, twice: random.chance(0.2) });
  }
  const graceMs = random.chance(0.3) ? 1_000 * random.between(1, 30) : 0;
  return { rollouts: { graceMs, areLeft: random.chance(0.5) }, deeds };
}

function someRollout(random: Random, when: number, mostInstances: number): RolloutDeed {
  const isPut = random.chance(0.2);
  const strategy = random.pick(["rolling", "new_instances", "blue_green"] as const);
  // It goes from none to all at once.
  const isAtOnce = strategy === "blue_green";
  return {
    at: when,
    do: "rollout",
    version: random.between(1, VERSIONS),
    by: isPut ? "put" : "post",
    instances: isPut && random.chance(0.5) ? random.between(0, mostInstances) : null,
    againAfterMs: random.chance(0.2) ? random.between(0, 60_000) : null,
    strategy,
    kind: random.chance(0.2) ? "full_manual" : "full_auto",
    steps: isAtOnce ? [{ percentage: 100, waits: false }] : someSteps(random),
    surge: random.chance(0.5) ? { count: random.between(0, 3) } : { percentage: random.pick([0, 25, 50, 100]) },
    unavailable: random.chance(0.5) ? { count: random.between(0, 2) } : { percentage: random.pick([0, 25, 50, 100]) },
    minHealthyMs: random.chance(0.5) ? 0 : 1_000 * random.between(1, 20),
    deadlineMs: random.chance(0.3) ? null : 1_000 * random.between(15, 120),
    autoRevert: random.chance(0.7),
    delayMs: random.chance(0.4) ? 1_000 * random.between(1, 90) : 0,
    gates: random.chance(0.3) ? random.between(1, 3) : 0,
  };
}

function someSteps(random: Random): RolloutDeed["steps"] {
  const marks = new Set([100]);
  for (let left = random.between(0, 3); left > 0; left -= 1) marks.add(random.between(1, 99));
  return [...marks].toSorted((a, b) => a - b).map((percentage) => ({ percentage, waits: random.chance(0.15) }));
}
