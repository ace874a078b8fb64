/** Answers of `explain` and `plan`: why something is where it is, and what would be done next. */
import * as z from "zod";
import { blockedResult } from "./blocked.ts";
import { timestamp } from "./common.ts";

const count = z.int().min(0);

const decision = z.strictObject({
  location: z.string().nullable().describe("null: nowhere, for the reasons in `filtered`"),
  table: z
    .array(
      z.strictObject({
        location: z.string(),
        score: z
          .number()
          .describe(
            "the mean of its scores; the highest wins, then the fewest instances, then the order of regions and codes",
          ),
        scores: z.strictObject({
          spread: z.number().optional(),
          weight: z.number().optional(),
          colocation: z.number().optional(),
          headroom: z.number().optional(),
          penalty: z.number().optional(),
        }),
      }),
    )
    .describe("the locations that were left, in the account's order"),
  filtered: z
    .strictObject({
      disabled: count,
      regions: count,
      jurisdiction: count,
      cities: count,
      pops: count,
      capacity: count,
    })
    .describe("how many locations each filter kept out"),
});

export const explainResult = z.strictObject({
  instance_id: z.string(),
  name: z.string(),
  deployment_id: z.string(),
  requested_location: z.string().nullable(),
  location: z.strictObject({ name: z.string(), region: z.string() }),
  decided_at: timestamp.nullable().describe("null: it was placed before there were locations"),
  decision: decision.nullable(),
  misplaced_before: count.describe("how many in a row before it were found in a wrong place"),
  blocked: blockedResult.nullable(),
});

export const plannedResult = z.strictObject({
  desired: z.strictObject({ instances: count, version: z.int(), deleting: z.boolean() }),
  actions: z.array(
    z.strictObject({
      type: z.enum([
        "place",
        "start",
        "stop",
        "end-attempt",
        "resend",
        "verify",
        "park",
        "recall",
        "remove",
        "finish-delete",
      ]),
      reason: z.string(),
      slot: count.optional().describe("in the pool; absent for attempts of jobs and for those that are called by name"),
      version: z.int().optional(),
      instance: z.string().optional().describe("name of the instance that it is about"),
      deployment_id: z.string().optional(),
      location: z.string().optional(),
      decision: decision.optional(),
    }),
  ),
  counts: z.record(z.string(), count).describe("of actions by type, and of deployments that nothing happens to"),
  requeue_at: timestamp.nullable().describe("when time alone would change the plan"),
  blocked: z
    .strictObject({ reason: z.string(), message: z.string(), decision: decision.nullable() })
    .nullable()
    .describe("why something that is missing could not be placed"),
});
