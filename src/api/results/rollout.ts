/** Answers about rollouts. */
import * as z from "zod";
import { CONDITIONS } from "../wire/rollout-words.ts";
import { configurationResult, healthResult } from "./application.ts";
import { timestamp, uuid } from "./common.ts";
import { policyResult } from "./rollout-policy.ts";

const count = z.int().min(0);
const share = z.number().min(0).max(100);

const distribution = z
  .strictObject({
    current_version_instances: count.describe("live, and not at the target"),
    target_version_instances: count.describe("ready at the target"),
    current_version_percentage: share,
    target_version_percentage: share,
  })
  .describe("of the instances that are there");

const steps = z.array(
  z.strictObject({
    id: z.int().min(1),
    step_size: z.strictObject({ percentage: z.int() }),
    description: z.string(),
    status: z.enum(["pending", "progressing", "reverting", "completed", "reverted"]),
    reason: z.string().optional().describe("why it is not done, or that it was skipped"),
    started_at: timestamp.optional(),
    completed_at: timestamp.optional(),
  }),
);

const gateResult = z.strictObject({
  name: z.string(),
  type: z.enum(["error_rate", "webhook", "check"]),
  max_ratio: z.number().optional(),
  min_requests: count.optional(),
  url: z.string().optional(),
  path: z.string().optional(),
  port: z.int().optional(),
  expect_status: z.array(z.int()).optional(),
  interval: z.number(),
  count,
  failure_limit: count,
  timeout: z.number(),
  dry_run: z.boolean(),
});

export const rolloutResult = z.strictObject({
  id: uuid,
  created_at: timestamp,
  last_updated_at: timestamp,
  started_at: timestamp,
  description: z.string(),
  kind: z.enum(["full_auto", "full_manual"]),
  strategy: z.enum(["rolling", "new_instances", "blue_green"]),
  status: z
    .enum(["pending", "progressing", "completed", "reverted", "replaced"])
    .describe("Cloudflare's word; what is paused, stalled or on its way back is progressing: `phase` says which"),
  current_version: z.int().describe("the version that was active before"),
  target_version: z.int(),
  current_configuration: configurationResult,
  target_configuration: configurationResult,
  health: z.strictObject({ ...healthResult.shape, summary: z.string().describe("how many are healthy, in words") }),
  steps: steps.optional().describe("not of new_instances"),
  progress: z
    .strictObject({
      total_steps: count,
      current_step: count.describe("steps that are completed"),
      updated_instances: count.describe("instances that take traffic on the target"),
      total_instances: count,
      version_distribution: distribution,
    })
    .optional()
    .describe("not of new_instances"),
  percentage: share.optional().describe("of new_instances: the share of instances and requests that it is at"),
  version_distribution: distribution.optional().describe("of new_instances"),
  ramp: steps.optional().describe("of new_instances: by which shares it goes"),
  phase: z.enum([
    "progressing",
    "waiting",
    "gating",
    "switching",
    "paused",
    "stalled",
    "reverting",
    "completed",
    "reverted",
    "replaced",
  ]),
  reason: z
    .enum([
      "ProgressDeadlineExceeded",
      "AnalysisFailed",
      "AnalysisInconclusive",
      "Aborted",
      "PausedByUser",
      "Reverted",
      "Replaced",
      "NothingToDo",
    ])
    .nullable(),
  message: z.string().describe("what it is at, and what can be done, in words"),
  conditions: z
    .array(
      z.strictObject({
        type: z.enum(CONDITIONS),
        status: z.literal(true),
        reason: z.string().nullable(),
        message: z.string(),
        since: timestamp,
      }),
    )
    .describe("those that hold"),
  deadline_at: timestamp.nullable().describe("when it fails if nothing becomes healthy; null: not by time"),
  failing: z.array(z.string()).describe("what instances at the target that are not ready say of it, the first of them"),
  holding: z.array(z.string()).describe("live instances that do not run the target, by name"),
  measurements: z.array(
    z.strictObject({
      gate: z.string(),
      at: timestamp,
      verdict: z.enum(["passed", "failed", "inconclusive"]),
      message: z.string(),
    }),
  ),
  policy: policyResult
    .extend({
      sticky: z.strictObject({ cookie: z.literal(true).optional(), header: z.string().optional() }).optional(),
      gates: z.array(gateResult).optional(),
    })
    .describe("how instances are replaced, with what is not said filled in; times in seconds"),
});

export const rolloutActionResult = z.strictObject({
  success: z.boolean().describe("false: it was refused"),
  message: z.string().describe("what has been done, or why not and what to do instead"),
  rollout: rolloutResult,
});
