/**
 * How instances are replaced: fields that an application has for all of its rollouts, and a rollout for itself. What holds
 * where neither says it is `DEFAULT_POLICY`.
 */
import * as z from "zod";
import { parseDuration } from "../../duration.ts";
import { DEFAULT_POLICY, type RolloutPolicy } from "../../orchestrator/rollouts/rollout.ts";
import { isNothing, type Amount } from "../../orchestrator/rollouts/targets.ts";
import { MAX_INSTANCES } from "../../orchestrator/warm.ts";
import { duration } from "./duration.ts";

/** Above it nobody waits for a step. */
const LONGEST_HEALTHY_MS = 3_600_000;
const LONGEST_DEADLINE_MS = 604_800_000;
/** Old instances cost as much as new ones. */
const LONGEST_DELAY_MS = 86_400_000;
/** Of Cloudflare's `rollout_active_grace_period`. */
export const LONGEST_GRACE_S = 86_400;

function amount() {
  return z.union([
    z.int().min(0).max(MAX_INSTANCES),
    z.string().regex(/^(?:100|\d{1,2})%$/, 'must be a number of instances, or a share such as "25%"'),
  ]);
}

export const policyFields = {
  max_surge: amount()
    .optional()
    .describe(
      "Instances above what is wanted while some are replaced, as a number or a share that rounds up; default: 25%",
    ),
  max_unavailable: amount()
    .optional()
    .describe(
      "Instances below what is wanted that may take traffic, as a number or a share that rounds down; default: 0",
    ),
  min_healthy_time: duration(0, LONGEST_HEALTHY_MS)
    .optional()
    .describe("An instance counts as healthy when it has been ready for so long; default: 10s"),
  progress_deadline: duration(1_000, LONGEST_DEADLINE_MS)
    .nullable()
    .optional()
    .describe(
      "When nothing has become healthy for so long, the rollout has failed; `null`: never by time. Default: 10m",
    ),
  auto_revert: z
    .boolean()
    .optional()
    .describe(
      "What has failed goes back by itself to the version that served before; `false`: it stalls. Default: true",
    ),
  scale_down_delay: duration(0, LONGEST_DELAY_MS)
    .optional()
    .describe("Old instances stay for so long out of traffic, for a way back that starts nothing; default: 0"),
};

type PolicyBody = z.output<z.ZodObject<typeof policyFields>>;

/** What a body says; what it does not say is not in it. */
export function policyOf(body: PolicyBody): Partial<RolloutPolicy> {
  const { max_surge, max_unavailable, min_healthy_time, progress_deadline, auto_revert, scale_down_delay } = body;
  return {
    ...(max_surge === undefined ? {} : { maxSurge: amountOf(max_surge) }),
    ...(max_unavailable === undefined ? {} : { maxUnavailable: amountOf(max_unavailable) }),
    ...(min_healthy_time === undefined ? {} : { minHealthyMs: parseDuration(min_healthy_time) ?? 0 }),
    ...(progress_deadline === undefined
      ? {}
      : { progressDeadlineMs: progress_deadline === null ? null : (parseDuration(progress_deadline) ?? 0) }),
    ...(auto_revert === undefined ? {} : { autoRevert: auto_revert }),
    ...(scale_down_delay === undefined ? {} : { scaleDownDelayMs: parseDuration(scale_down_delay) ?? 0 }),
  };
}

function amountOf(value: number | string): Amount {
  return typeof value === "number" ? { count: value } : { percentage: Number.parseInt(value, 10) };
}

/** What cannot go together, by the field of `given` that is to be changed. */
export function policyProblems(
  given: Partial<RolloutPolicy>,
  base: RolloutPolicy = DEFAULT_POLICY,
): readonly (readonly [field: keyof PolicyBody, message: string])[] {
  const { maxSurge, maxUnavailable, minHealthyMs, progressDeadlineMs } = { ...base, ...given };
  const problems: (readonly [keyof PolicyBody, string])[] = [];
  if (isNothing(maxSurge) && isNothing(maxUnavailable)) {
    const field = given.maxSurge === undefined ? "max_unavailable" : "max_surge";
    const other = field === "max_surge" ? "max_unavailable" : "max_surge";
    problems.push([field, `must not be 0 where ${other} is 0 too: nothing could be replaced; raise one of them`]);
  }
  if (progressDeadlineMs !== null && progressDeadlineMs <= minHealthyMs) {
    const [healthy, deadline] = [`${minHealthyMs / 1_000} s`, `${progressDeadlineMs / 1_000} s`];
    problems.push(
      given.progressDeadlineMs === undefined
        ? ["min_healthy_time", `must be below progress_deadline (${deadline}), or nothing could be healthy in time`]
        : ["progress_deadline", `must be above min_healthy_time (${healthy}), or nothing could be healthy in time`],
    );
  }
  return problems;
}

export const rolloutPolicy = z
  .strictObject(policyFields)
  .superRefine((body, context) => {
    for (const [field, message] of policyProblems(policyOf(body))) {
      context.addIssue({ code: "custom", path: [field], message });
    }
  })
  .describe("How its instances are replaced, by each rollout that does not say it itself; default: as each field says");
