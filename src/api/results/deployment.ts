/** Answers about deployments and placements. */
import * as z from "zod";
import { configurationResult } from "./application.ts";
import { timestamp, uuid } from "./common.ts";
import { eventResult } from "./instance.ts";

const { image: _, ...configuration } = configurationResult.shape;

const placementStatus = z.looseObject({
  health: z.enum(["placed", "running", "unhealthy", "stopping", "stopped", "failed"]),
  container_status: z.string(),
  ready: z.boolean(),
  ipv4Address: z.string().optional(),
  ipv6Address: z.string().optional(),
});

export const placementResult = z.strictObject({
  id: z.string().describe("the deployment's id, a dot, and the number of the placement in it"),
  created_at: timestamp,
  deployment_id: z.string(),
  deployment_version: z.int(),
  terminate: z.boolean(),
  last_update: timestamp,
  status: placementStatus,
  events: z.array(eventResult).optional(),
});

/** A configuration stands in it as it is stored, with the size that it comes to. */
export const deploymentResult = z.looseObject({
  ...configuration,
  id: z.string(),
  name: z.string().optional().describe("of a standalone deployment that was given one"),
  account_id: z.string(),
  instance_id: z.string().describe("the object that owns its container; names it in Docker on a developer's machine"),
  app_id: uuid.optional().describe("the application that it belongs to; a standalone one has none"),
  app_version: z.int().optional(),
  created_at: timestamp,
  version: z.int().min(0).describe("0 for the first configuration, and one more with each that follows"),
  type: z.literal("default"),
  image: z.string(),
  location: z
    .strictObject({ name: z.string(), enabled: z.boolean(), region: z.string().optional() })
    .describe("where it was asked to run; `auto`: anywhere"),
  vcpu: z.number(),
  memory: z.string(),
  memory_mib: z.int(),
  disk: z.strictObject({ size_mb: z.int() }),
  network: z.strictObject({ mode: z.string(), ipv4: z.string().optional(), ipv6: z.string().optional() }),
  current_placement: placementResult.optional(),
  placements_ref: z.string(),
  state: z.strictObject({ current: z.enum(["scheduled", "placed"]), last_updated: timestamp }),
});
