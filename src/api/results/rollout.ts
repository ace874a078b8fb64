/** Answers about rollouts. */
import * as z from "zod";
import { configurationResult, healthResult } from "./application.ts";
import { timestamp, uuid } from "./common.ts";

const status = z.enum(["pending", "progressing", "completed", "replaced"]);
const count = z.int().min(0);

export const rolloutResult = z.strictObject({
  id: uuid,
  created_at: timestamp,
  last_updated_at: timestamp,
  started_at: timestamp,
  description: z.string(),
  kind: z.literal("full_auto"),
  strategy: z.literal("rolling"),
  status,
  current_version: z.int().describe("the version that was active before"),
  target_version: z.int(),
  current_configuration: configurationResult,
  target_configuration: configurationResult,
  health: healthResult,
  steps: z.array(
    z.strictObject({
      id: z.int().min(1),
      step_size: z.strictObject({ percentage: z.int() }),
      description: z.string(),
      status: z.enum(["pending", "progressing", "completed"]),
    }),
  ),
  progress: z.strictObject({
    total_steps: count,
    current_step: count.describe("steps that are completed"),
    updated_instances: count.describe("instances that take traffic on the target"),
    total_instances: count,
  }),
});
