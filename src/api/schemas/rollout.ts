/** Bodies of the writes that begin a rollout, and that act on one. What has no effect with its strategy is refused by name. */
import * as z from "zod";
import { ROLLOUT_ACTIONS } from "../../orchestrator/rollouts/actions.ts";
import { configurationSchema } from "./configuration.ts";
import { MOST_MEASUREMENTS, measurementsNeeded } from "../../orchestrator/rollouts/gates.ts";
import { gate, MAX_GATES, type GateBody } from "./rollout-gates.ts";
import { policyFields } from "./rollout-policy.ts";

const MAX_STEPS = 100;

const STRATEGIES = ["rolling", "new_instances", "blue_green"] as const;
const KINDS = ["full_auto", "full_manual"] as const;
/** Words that clients know, and that nobody can ask for. */
const NO_KINDS: Readonly<Record<string, string>> = {
  durable_objects_auto: "durable_objects_auto is only ever read: ask for full_auto or full_manual",
  none: "none is for clients, which send nothing then: leave the rollout out, or ask for full_auto or full_manual",
};

const percentage = z.int().min(1).max(100);

const sticky = z
  .strictObject({
    cookie: z
      .literal(true, "must be true, or left out")
      .optional()
      .describe("`true`: a client keeps its version by a cookie that it is given"),
    header: z
      .string()
      .regex(/^[A-Za-z0-9!#$&'*+.^_|~-]{1,64}$/, "must be the name of a header, such as X-User")
      .optional()
      .describe("Name of a header that clients send: equal values get the same version"),
  })
  .superRefine(({ cookie, header }, context) => {
    if ((cookie === undefined) !== (header === undefined)) return;
    const message = "must say one of the two: { cookie: true } or { header: name }";
    context.addIssue({ code: "custom", path: [], message });
  });

export const rolloutFields = {
  strategy: z
    .enum(STRATEGIES)
    .describe(
      "`rolling`: instances are replaced, step by step. `new_instances`: as that, and of the requests the same share goes to the target. `blue_green`: all of the target's run beside the old ones, then all requests go to them at once",
    ),
  kind: z
    .enum(KINDS, {
      error: ({ input }) =>
        (typeof input === "string" ? NO_KINDS[input] : undefined) ?? `must be one of ${KINDS.join(", ")}`,
    })
    .default("full_auto")
    .describe(
      "Who moves it on: `full_auto`, the default, itself; `full_manual`: somebody says next at the end of each step",
    ),
  step_percentage: percentage
    .optional()
    .describe("Size of each step in percent of the instances; default: 100. Not beside `steps`"),
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
  percentage: z
    .int()
    .min(0)
    .max(100)
    .optional()
    .describe(
      "Of new_instances: the share of instances and requests that it goes to by itself, where it waits for next or promote. Needed for full_manual; default: 100, by way of 10, 25 and 50",
    ),
  ...policyFields,
  sticky: sticky
    .optional()
    .describe("Of new_instances: how a client stays with its version; default: each request is shared out by itself"),
  gates: z
    .array(gate)
    .max(MAX_GATES)
    .optional()
    .describe(
      "What is measured at the end of each step but the last, and of blue_green before it switches; default: nothing",
    ),
};

type RolloutFields = z.output<z.ZodObject<typeof rolloutFields>>;
type Refuse = (path: (string | number)[], message: string) => void;

export const createRolloutSchema = z
  .strictObject({
    description: z.string().max(1_000).describe("Shown with the rollout"),
    ...rolloutFields,
    target_configuration: z
      .strictObject(configurationSchema.shape)
      .partial()
      .optional()
      .describe("What is to run: fields given replace those of the active version"),
    target_version: z.int().min(1).optional().describe("A stored version to run; in place of `target_configuration`"),
  })
  .superRefine((body, context) => {
    const refuse: Refuse = (path, message) => context.addIssue({ code: "custom", path, message });
    const { target_configuration, target_version } = body;
    if (target_configuration === undefined && target_version === undefined) {
      refuse(["target_configuration"], "is required, or target_version");
    }
    if (target_configuration !== undefined && target_version !== undefined) {
      refuse(["target_version"], "is exclusive with target_configuration: give one of them");
    }
    refuseContradictions(body, refuse);
  });

export type CreateRollout = z.output<typeof createRolloutSchema>;

export const rolloutActionSchema = z.strictObject({
  action: z
    .enum(ROLLOUT_ACTIONS)
    .describe(
      "`next`: one step on, when the current one is done. `previous`: one step back. `revert`: back to the first step. `pause`, `resume`. `promote`: to the end, without steps and gates. `abort`: back to the old version. `retry`: what has failed begins again",
    ),
});

export function refuseContradictions(body: RolloutFields, refuse: Refuse): void {
  refusePlans(body, refuse);
  refuseOfOtherStrategies(body, refuse);
  const { gates = [] } = body;
  gates.forEach(({ name, type }, index) => {
    if (gates.findIndex((one) => one.name === name) < index) {
      refuse(["gates", index, "name"], `is the name of another gate: ${name}`);
    }
    if (type === "error_rate" && body.strategy === "blue_green") {
      const why = "its instances get no requests before it switches: use a check or a webhook";
      refuse(["gates", index, "type"], `must not be error_rate for blue_green: ${why}`);
    }
  });
  const needed = gates.reduce((sum, one) => sum + needs(one), 0);
  if (needed > MOST_MEASUREMENTS) {
    const why = `${needed} measurements of a step may be needed, ${MOST_MEASUREMENTS} are kept`;
    refuse(["gates"], `${why}: count + failure_limit + 3 of all gates together must not be more`);
  }
  if (gates.length > 0 && body.strategy === "rolling" && isOneStep(body)) {
    refuse(["gates"], "has no effect with one step: they are measured between steps; give steps or step_percentage");
  }
}

function needs({ count, failure_limit: failureLimit, dry_run: isDryRun }: GateBody): number {
  return measurementsNeeded({ count, failureLimit, isDryRun });
}

function isOneStep({ steps, step_percentage = 100 }: RolloutFields): boolean {
  return steps === undefined ? step_percentage === 100 : steps.length === 1;
}

function refusePlans({ strategy, kind, steps, step_percentage, percentage: share }: RolloutFields, refuse: Refuse) {
  if (steps !== undefined && step_percentage !== undefined) {
    refuse(["step_percentage"], "is exclusive with steps: give one of them");
  }
  if (share !== undefined && strategy === "new_instances") {
    if (steps !== undefined) refuse(["percentage"], "is exclusive with steps: give one of them");
    if (step_percentage !== undefined) refuse(["percentage"], "is exclusive with step_percentage: give one of them");
  }
  if (
    strategy === "new_instances" &&
    kind === "full_manual" &&
    [share, steps, step_percentage].every((one) => one === undefined)
  ) {
    refuse(["percentage"], "is required for full_manual: the share of instances and requests at the target");
  }
  (steps ?? []).forEach(({ step_size }, index) => {
    const before = steps?.[index - 1]?.step_size.percentage ?? 0;
    const path = ["steps", index, "step_size", "percentage"];
    if (step_size.percentage <= before) refuse(path, `must be above ${before}, that of the step before`);
    else if (index === (steps ?? []).length - 1 && step_size.percentage !== 100)
      refuse(path, "must be 100 in the last step");
  });
}

/** What would say something and do nothing. */
function refuseOfOtherStrategies(body: RolloutFields, refuse: Refuse): void {
  const { strategy } = body;
  if (strategy !== "new_instances") {
    const instead = strategy === "rolling" ? ": give step_percentage or steps" : "";
    if (body.percentage !== undefined) refuse(["percentage"], `is only for the strategy new_instances${instead}`);
    if (body.sticky !== undefined)
      refuse(["sticky"], "is only for the strategy new_instances: no other shares out requests");
  }
  if (strategy !== "blue_green") return;
  for (const field of ["steps", "step_percentage"] as const) {
    if (body[field] !== undefined)
      refuse([field], "is not for the strategy blue_green: it goes from none to all at once");
  }
  for (const field of ["max_surge", "max_unavailable"] as const) {
    if (body[field] !== undefined)
      refuse([field], "is not for the strategy blue_green: all of both versions run at a time");
  }
}
