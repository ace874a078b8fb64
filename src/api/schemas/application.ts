/** Bodies of application writes. What a scheduler-backed application of Cloudflare's API takes, and our own fields. */
import * as z from "zod";
import { parseDuration } from "../../duration.ts";
import { configurationSchema, duration } from "./configuration.ts";

/** Above what the planner is built for. */
export const MAX_INSTANCES = 10_000;
export const DEFAULT_CHECK_EVERY_MS = 60_000;

export const applicationName = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/,
    "must be 1 to 63 lower-case letters, digits, - or _, starting and ending with a letter or digit",
  );

const instances = z.int().min(0).max(MAX_INSTANCES);

export const ingressMode = z.enum(["private", "token", "public"]);
export type IngressMode = z.output<typeof ingressMode>;

/** How often a running container is looked at; a container that dies unnoticed is found within two of these. */
const checkEvery = duration(1_000, 3_600_000);

const durable = {
  instances,
  /** Ceiling of `instances`. */
  max_instances: instances,
  /** Who may call the application: nobody from outside, holders of a token, everybody. */
  ingress: z.strictObject({ mode: ingressMode }),
  check_every: checkEvery,
};

export const createApplicationSchema = z
  .strictObject({
    name: applicationName,
    scheduling_policy: z.literal("default", 'must be "default"').default("default"),
    instances: durable.instances,
    max_instances: durable.max_instances.optional(),
    ingress: durable.ingress.optional(),
    check_every: durable.check_every.optional(),
    configuration: configurationSchema,
  })
  .superRefine(refuseAboveMaximum);

export const patchApplicationSchema = z
  .strictObject({
    instances: durable.instances.optional(),
    max_instances: durable.max_instances.optional(),
    ingress: durable.ingress.optional(),
    check_every: durable.check_every.optional(),
    /** The whole new configuration: stored as a version, touching nothing that runs. */
    configuration: configurationSchema.optional(),
  })
  .superRefine(refuseAboveMaximum);

function refuseAboveMaximum(
  value: { instances?: number | undefined; max_instances?: number | undefined },
  context: z.core.$RefinementCtx,
): void {
  if (value.instances !== undefined && value.max_instances !== undefined && value.instances > value.max_instances) {
    const message = `must be at most max_instances (${value.max_instances})`;
    context.addIssue({ code: "custom", path: ["instances"], message });
  }
}

/** The schema has accepted it, so it parses. */
export function checkEveryMs(value: string | number | undefined): number {
  return (value === undefined ? null : parseDuration(value)) ?? DEFAULT_CHECK_EVERY_MS;
}
