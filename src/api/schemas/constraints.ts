/** Where instances of an application may run, and what they are to be near. */
import * as z from "zod";
import { JURISDICTIONS, REGIONS, type Region } from "../../orchestrator/placement/location.ts";
import type { Colocation, PlacementConstraints } from "../../orchestrator/storage/application-row.ts";

const MOST = 100;

/** A field that clients may send, and that means something that is not done here. */
export function unsupported(reason: string) {
  return z.never({ error: reason }).optional().describe(`Refused: ${reason}`);
}

const region = z
  .string()
  .transform((value) => value.toUpperCase())
  .pipe(z.enum(REGIONS, `must be one of ${REGIONS.join(", ")}`));

export const constraints = z
  .strictObject({
    tiers: z
      .array(z.int())
      .refine((tiers) => tiers.join() === "1,2", "must be [1, 2]: an instance may run on either tier")
      .optional()
      .describe("Tiers of machines; only [1, 2], which is all of them, is taken"),
    tier: unsupported("is not supported: give tiers"),
    regions: z
      .array(region)
      .min(1)
      .max(REGIONS.length)
      .optional()
      .describe("Only locations in these regions, in either case; default: all"),
    region: unsupported("is not supported: give regions, with one in it"),
    cities: z
      .array(z.string().regex(/^[A-Za-z]{3}$/, "must be an airport code of three letters"))
      .min(1)
      .max(MOST)
      .optional()
      .describe("Only locations that stand for these cities (airport codes, in either case); default: all"),
    pops: z
      .array(z.string().regex(/^[A-Za-z0-9]{2,16}$/, "must be 2 to 16 letters or digits"))
      .min(1)
      .max(MOST)
      .optional()
      .describe("Only locations that stand for these data centres, in either case; default: all"),
    jurisdiction: z
      .enum(JURISDICTIONS)
      .optional()
      .describe("Only locations in it; objects are made within it. Needs `accept_verified_placement`. Default: none"),
    accept_verified_placement: z
      .boolean()
      .optional()
      .describe(
        "`true`: region and jurisdiction are read inside the container, which takes no traffic before, and is replaced when " +
          "it is elsewhere, three times at most; default `false`",
      ),
  })
  .superRefine((value, context) => {
    const { jurisdiction, regions, accept_verified_placement: isVerified } = value;
    if (jurisdiction !== undefined && isVerified !== true) {
      const message =
        "needs accept_verified_placement: true, because the platform takes no such constraint: a container may have run " +
        "elsewhere for a moment before that is found, and then takes no traffic and is replaced";
      context.addIssue({ code: "custom", path: ["jurisdiction"], message });
    }
    if (isVerified === true && jurisdiction === undefined && regions === undefined) {
      const message = "needs regions or a jurisdiction: there is nothing else to verify";
      context.addIssue({ code: "custom", path: ["accept_verified_placement"], message });
    }
  })
  .optional()
  .describe("Where instances may run, given as a whole; default: anywhere");

export const affinities = z
  .strictObject({
    colocation: z
      .union([
        z.literal("datacenter"),
        z.strictObject({
          application: z.string().min(1).max(100).describe("Id or name of an application of the account"),
        }),
      ])
      .optional()
      .describe(
        "What new instances are drawn to: `datacenter`, each other, or the locations of another application's instances. " +
          "A wish, never a reason not to place. Default: nothing",
      ),
    hardware_generation: unsupported("is not supported: the platform chooses the machine"),
  })
  .optional()
  .describe("What instances are to be near, given as a whole; default: nothing");

/** Null where nothing is constrained. Undefined when the request does not say. */
export function constraintsOf(value: z.output<typeof constraints>): PlacementConstraints | null | undefined {
  if (value === undefined) return undefined;
  const { regions, cities, pops, jurisdiction, accept_verified_placement: isVerified } = value;
  const stored: PlacementConstraints = {
    ...(regions === undefined ? {} : { regions: unique<Region>(regions) }),
    ...(cities === undefined ? {} : { cities: unique(cities.map((city) => city.toUpperCase())) }),
    ...(pops === undefined ? {} : { pops: unique(pops.map((pop) => pop.toLowerCase())) }),
    ...(jurisdiction === undefined ? {} : { jurisdiction }),
    ...(isVerified === true ? { isVerified } : {}),
  };
  return Object.keys(stored).length === 0 ? null : stored;
}

export function colocationOf(value: z.output<typeof affinities>): Colocation | null | undefined {
  return value === undefined ? undefined : (value.colocation ?? null);
}

function unique<T extends string>(values: readonly T[]): T[] {
  return [...new Set(values)].toSorted((a, b) => (a < b ? -1 : 1));
}
