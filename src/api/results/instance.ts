/** Answers about instances. */
import * as z from "zod";
import { CHOICE_FIELDS } from "../../orchestrator/start/choice.ts";
import { blockedResult } from "./blocked.ts";
import { timestamp, uuid } from "./common.ts";

export const instanceState = z.enum(["provisioning", "running", "unhealthy", "failed", "stopping", "stopped"]);

const checkResult = z.strictObject({
  name: z.string(),
  kind: z.enum(["startup", "ready", "health"]),
  state: z.enum(["pending", "passing", "failing"]),
  since: timestamp,
  detail: z.string().nullable(),
});

export const instanceResult = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{64}$/),
  application_id: uuid,
  name: z.string(),
  image: z.string(),
  status: z.strictObject({
    state: instanceState,
    updated_at: timestamp,
    exit_code: z.int().optional(),
    reason: z.string().optional().describe("why there is no container, or why it is not ready"),
    last_reason: z.string().optional(),
  }),
  configuration: z.strictObject({ vcpu: z.number(), memory: z.number(), disk: z.number() }),
  started_at: timestamp.optional(),
  ready: z.boolean(),
  held: z.boolean().describe("a user stopped it: it stays stopped until it is started"),
  cordoned: z.boolean().describe("it runs without new traffic"),
  checks: z.array(checkResult),
  location: z
    .strictObject({ name: z.string(), region: z.string() })
    .describe("where the container says that it runs; `unknown` when it cannot say"),
  requested_location: z.string().nullable().describe("where it was asked to run; null: before there were locations"),
  blocked: blockedResult.optional(),
  overridden: z
    .array(z.enum(CHOICE_FIELDS))
    .optional()
    .describe(
      "what its `start` was given in place of the configuration, whose image and size are shown; never the values",
    ),
  deployment_id: z.string(),
  generation: z.int(),
  version: z.int(),
  failures: z.int(),
  losses: z.int(),
  next_start_at: timestamp.optional(),
});

const placement = z.strictObject({
  id: z.string(),
  created_at: timestamp,
  deployment_id: z.string(),
  deployment_version: z.int(),
  terminate: z.boolean(),
  status: z.strictObject({ health: z.string(), container_status: z.string(), ready: z.boolean() }),
});

export const dashInstancesResult = z.strictObject({
  instances: z.array(
    z.strictObject({
      id: z.string(),
      created_at: timestamp,
      location: z.string(),
      app_version: z.int(),
      name: z.string(),
      image: z.string(),
      current_placement: placement,
    }),
  ),
  durable_objects: z.array(
    z.strictObject({
      id: z.string(),
      deployment_id: z.string(),
      placement_id: z.string(),
      assigned_at: timestamp,
      name: z.string(),
    }),
  ),
});

export const eventResult = z.strictObject({
  id: z.string(),
  time: timestamp,
  type: z.enum(["Info", "Warn", "Error", "UserError", "SystemError"]),
  name: z.string(),
  message: z.string(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  statusChange: z.union([z.strictObject({}), z.strictObject({ health: z.string(), ready: z.boolean() })]),
  deployment_id: z.string().optional(),
  generation: z.int().optional(),
});
