/** Answers about applications. */
import * as z from "zod";
import { configurationSchema } from "../schemas/configuration.ts";
import { ingressMode } from "../schemas/application.ts";
import { blockedResult } from "./blocked.ts";
import { timestamp, uuid } from "./common.ts";
import { egressResult } from "./egress.ts";
import { policyResult } from "./rollout-policy.ts";

const count = z.int().min(0);

/** A configuration as it is stored, with the size that it comes to. */
export const configurationResult = z.looseObject(configurationSchema.shape);

export const healthResult = z.strictObject({
  instances: z.strictObject({
    active: count.describe("running, and ready at least once"),
    assigned: count.describe("bound to an object whose container does not run yet"),
    healthy: count.describe("taking traffic"),
    failed: count.describe("waiting after a failure of their own"),
    starting: count.describe("started, and not ready for the first time"),
    scheduling: count.describe("wanted, without a container"),
  }),
  errors: z
    .array(
      z.strictObject({
        instance_id: z.string().describe("the instance's `id`"),
        event: z.string().describe("how its last container ended, and how often in a row"),
      }),
    )
    .max(10)
    .describe("instances that wait after a failure of their own"),
});

export const applicationState = z.enum(["ready", "active", "provisioning", "degraded"]);

export const applicationResult = z.strictObject({
  id: uuid,
  account_id: z.string(),
  name: z.string(),
  created_at: timestamp,
  updated_at: timestamp,
  version: z.int().describe("the version that is active"),
  scheduling_policy: z.literal("default"),
  instances: count,
  max_instances: count.optional(),
  named_instances: count.optional(),
  jobs: z.literal(true).optional(),
  job_instances: count.optional(),
  max_parallel_tasks: count.optional(),
  warm: count.optional(),
  autoscaling: z
    .strictObject({
      min: count,
      max: count,
      target_concurrency: z.number().optional(),
      target_rps: z.number().optional(),
      queue_depth: z.number().optional(),
      idle_after: z.number().optional(),
    })
    .optional(),
  bridge: z.strictObject({ binding: z.string() }).optional(),
  hooks: z.strictObject({ binding: z.string() }).optional(),
  egress: egressResult.optional(),
  configuration: configurationResult,
  constraints: z.strictObject({
    tiers: z.array(z.int()),
    regions: z.array(z.string()).optional(),
    cities: z.array(z.string()).optional(),
    pops: z.array(z.string()).optional(),
    jurisdiction: z.string().optional(),
    accept_verified_placement: z.boolean().optional(),
  }),
  affinities: z
    .strictObject({
      colocation: z.union([z.literal("datacenter"), z.strictObject({ application: z.string() })]),
    })
    .optional(),
  rollout_active_grace_period: z.number().min(0),
  rollout: policyResult.optional(),
  durable_objects: z.strictObject({ namespace_id: z.string() }).optional(),
  observability: z.strictObject({ logs: z.strictObject({ enabled: z.boolean() }) }).optional(),
  active_rollout_id: z.string().optional(),
  blocked: blockedResult.optional(),
  priorities: z.strictObject({ default: z.int() }),
  preemption: z.enum(["allowed", "never"]),
  health: healthResult,
  state: applicationState,
  ingress: z.strictObject({ mode: ingressMode }),
  hostnames: z.array(z.string()).optional(),
  check_every: z.number(),
  generation: z.int(),
  observed_generation: z.int(),
});

export const dashApplicationResult = z.strictObject({
  id: uuid,
  name: z.string(),
  created_at: timestamp,
  updated_at: timestamp,
  version: z.int(),
  instances: count,
  image: z.string(),
  health: healthResult,
  state: applicationState,
});

export const versionResult = z.strictObject({
  version: z.int(),
  percentage: z.number().min(0).max(100),
  configuration: configurationResult,
  revision: z.string(),
  created_at: timestamp,
});
