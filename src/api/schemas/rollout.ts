/** Body of the write that begins a rollout. */
import * as z from "zod";
import { unsupported } from "./constraints.ts";
import { configurationSchema } from "./configuration.ts";

const MAX_STEPS = 100;

const percentage = z.int().min(1).max(100);

export const createRolloutSchema = z
  .strictObject({
    description: z.string().max(1_000).describe("Shown with the rollout"),
    strategy: z
      .literal("rolling", 'must be "rolling": instances are replaced one after another')
      .describe('How instances are replaced; only "rolling" is taken'),
    kind: z
      .literal("full_auto", 'must be "full_auto": a rollout goes on by itself')
      .default("full_auto")
      .describe('Who moves it on; only "full_auto", the default, is taken'),
    step_percentage: percentage
      .optional()
      .describe("Size of each step in percent of the instances; default 100. Not beside `steps`"),
    steps: z
      .array(
        z.strictObject({
          step_size: z
            .strictObject({ percentage: percentage.describe("Instances on the target after this step, in percent") })
            .describe("How far this step goes"),
          description: z.string().max(1_000).describe("Shown with the step"),
        }),
      )
      .min(1)
      .max(MAX_STEPS)
      .optional()
      .describe("Steps, each with the share of instances that it ends at: ascending, the last one 100"),
    percentage: unsupported("is not supported: it belongs to another strategy; give step_percentage or steps"),
    target_configuration: z
      .strictObject(configurationSchema.shape)
      .partial()
      .optional()
      .describe("What is to run: fields given replace those of the active version"),
    target_version: z.int().min(1).optional().describe("A stored version to run; in place of `target_configuration`"),
  })
  .superRefine(({ steps, step_percentage, target_configuration, target_version }, context) => {
    const refuse = (path: (string | number)[], message: string) => context.addIssue({ code: "custom", path, message });
    if (target_configuration === undefined && target_version === undefined) {
      refuse(["target_configuration"], "is required, or target_version");
    }
    if (target_configuration !== undefined && target_version !== undefined) {
      refuse(["target_version"], "is exclusive with target_configuration: give one of them");
    }
    if (steps === undefined) return;
    if (step_percentage !== undefined) refuse(["step_percentage"], "is exclusive with steps: give one of them");
    steps.forEach(({ step_size }, index) => {
      const before = steps[index - 1]?.step_size.percentage ?? 0;
      const path = ["steps", index, "step_size", "percentage"];
      if (step_size.percentage <= before) refuse(path, `must be above ${before}, that of the step before`);
      else if (index === steps.length - 1 && step_size.percentage !== 100) refuse(path, "must be 100 in the last step");
    });
  });

export type CreateRollout = z.output<typeof createRolloutSchema>;
