/** What a simulated account is made of, and everything that is done to it: data that a seed gives and people can read. */
import * as z from "zod";
import { Random } from "../random.ts";
import { withoutSome } from "../engine/shrink.ts";

const at = z.int().min(0);
const nth = z.int().min(0);

const deed = z.discriminatedUnion("do", [
  z.strictObject({ at, do: z.literal("want"), nth, instances: z.int().min(0) }),
  /** Somebody starts one in twice the size, and waits until it runs or is refused; or ends all of those. */
  z.strictObject({ at, do: z.literal("own"), nth, starts: z.boolean() }),
  z.strictObject({ at, do: z.literal("reset"), nth }),
  z.strictObject({ at, do: z.literal("reset-account") }),
]);
export type CapacityDeed = z.infer<typeof deed>;

const share = z.number().min(0).max(1);
const faults = z.strictObject({ messageLost: share, answerLost: share, messageTwice: share, messageSlow: share });

const scenario = z.strictObject({
  seed: z.int(),
  applications: z.array(z.strictObject({ priority: z.int(), vcpu: z.number().positive() })).min(1),
  limits: z.strictObject({ instances: z.int().min(0), vcpu: z.number().nullable() }),
  chaosMs: z.int().min(0),
  faults,
  deeds: z.array(deed),
});
export type CapacityScenario = z.infer<typeof scenario>;

export function parseCapacityScenario(json: unknown): CapacityScenario {
  const result = scenario.safeParse(json);
  if (result.success) return result.data;
  throw new Error(`not a scenario of the capacity:\n${z.prettifyError(result.error)}`);
}

const FAULT = 0.2;

export function capacityScenarioOf(seed: number): CapacityScenario {
  const random = new Random(seed).stream("capacity");
  const chaosMs = 1_000 * random.between(20, 90);
  const deeds: CapacityDeed[] = [];
  for (let left = random.between(3, 20); left > 0; left -= 1) {
    deeds.push({
      at: random.between(0, chaosMs),
      do: "want",
      nth: random.between(0, 99),
      instances: random.between(0, 6),
    });
  }
  for (let left = random.between(0, 6); left > 0; left -= 1) {
    const time = random.between(0, chaosMs);
    deeds.push(
      random.chance(0.4) ? { at: time, do: "reset-account" } : { at: time, do: "reset", nth: random.between(0, 99) },
    );
  }
  // Of a stream of its own, so that scenarios of seeds that are known stay what they were.
  const own = new Random(seed).stream("own sizes");
  for (let left = own.chance(0.5) ? own.between(1, 8) : 0; left > 0; left -= 1) {
    deeds.push({ at: own.between(0, chaosMs), do: "own", nth: own.between(0, 99), starts: own.chance(0.7) });
  }
  const some = (most: number) => (random.chance(0.6) ? Math.round(random.next() * most * 100) / 100 : 0);
  return {
    seed,
    applications: Array.from({ length: random.between(2, 6) }, () => {
      return { priority: random.between(-1, 1), vcpu: random.pick([0.5, 1, 2]) };
    }),
    limits: { instances: random.between(2, 12), vcpu: random.chance(0.5) ? 8 : null },
    chaosMs,
    faults: {
      messageLost: some(2 * FAULT),
      answerLost: some(2 * FAULT),
      messageTwice: some(FAULT),
      messageSlow: some(FAULT),
    },
    deeds: deeds.toSorted((a, b) => a.at - b.at),
  };
}

/** Fewer deeds, fewer applications, fewer faults, a shorter time. */
export function* smallerCapacityScenarios(from: CapacityScenario): Iterable<CapacityScenario> {
  for (const deeds of withoutSome(from.deeds)) yield { ...from, deeds: [...deeds] };
  for (const applications of withoutSome(from.applications)) {
    if (applications.length > 0) yield { ...from, applications: [...applications] };
  }
  for (const name of Object.keys(from.faults) as (keyof CapacityScenario["faults"])[]) {
    if (from.faults[name] > 0) yield { ...from, faults: { ...from.faults, [name]: 0 } };
  }
  if (from.limits.vcpu !== null) yield { ...from, limits: { ...from.limits, vcpu: null } };
  const chaosMs = Math.floor(from.chaosMs / 2);
  if (chaosMs > 0) yield { ...from, chaosMs, deeds: from.deeds.filter((one) => one.at <= chaosMs) };
}
