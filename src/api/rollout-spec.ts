/**
 * From a rollout's body to what the scheduler runs: its steps, and how instances are replaced, where the body does not say
 * it as the application's policy does, and then as `DEFAULT_POLICY`. Pure.
 */
import { parseDuration } from "../duration.ts";
import type { Gate } from "../orchestrator/rollouts/gates.ts";
import {
  DEFAULT_POLICY,
  type RolloutPolicy,
  type RolloutSpec,
  type RolloutStep,
  type Sticky,
} from "../orchestrator/rollouts/rollout.ts";
import { invalid } from "./body.ts";
import type { CreateRollout } from "./schemas/rollout.ts";
import { DEFAULT_GATE, type GateBody } from "./schemas/rollout-gates.ts";
import { policyOf, policyProblems } from "./schemas/rollout-policy.ts";

/** Where `new_instances` measures on its way, when nobody says where. */
const RAMP = [10, 25, 50] as const;

/** Of the application that it is of. */
export interface Surroundings {
  readonly policy: Partial<RolloutPolicy> | null;
  /** Instances. */
  readonly wanted: number;
}

/** Throws where the body and the application's policy contradict each other. */
export function rolloutSpecOf(body: CreateRollout, { policy, wanted }: Surroundings): RolloutSpec {
  const base = { ...DEFAULT_POLICY, ...policy };
  const given = policyOf(body);
  const problems = body.strategy === "blue_green" ? deadlineProblems(given, base) : policyProblems(given, base);
  if (problems.length > 0) throw invalid(Object.fromEntries(problems));
  return {
    ...base,
    ...given,
    description: body.description,
    strategy: body.strategy,
    kind: body.kind,
    steps: stepsOf(body, wanted),
    gates: (body.gates ?? []).map(gateOf),
    sticky: stickyOf(body),
  };
}

/** It brings all of both versions, whatever the policy allows above and below. */
function deadlineProblems(given: Partial<RolloutPolicy>, base: RolloutPolicy) {
  return policyProblems(given, { ...base, maxSurge: { percentage: 100 } });
}

function stepsOf(body: CreateRollout, wanted: number): readonly RolloutStep[] {
  const { steps, step_percentage: size, strategy } = body;
  if (steps !== undefined) {
    return steps.map(({ step_size, description }) => ({ percentage: step_size.percentage, description }));
  }
  if (strategy === "blue_green")
    return [{ percentage: 100, description: "All instances of both versions, then the switch" }];
  if (strategy === "new_instances" && size === undefined) return rampOf(body, wanted);
  const step = size ?? 100;
  const count = Math.ceil(100 / step);
  return described(Array.from({ length: count }, (_, index) => Math.min(100, (index + 1) * step)));
}

/**
 * To the share that is asked for, where it waits; then to the end. By itself it goes there in marks that double, the first
 * of which is one instance at least.
 */
function rampOf({ kind, percentage: share = 100 }: CreateRollout, wanted: number): readonly RolloutStep[] {
  const first = Math.max(RAMP[0], wanted === 0 ? 0 : Math.ceil(100 / wanted));
  const marks = kind === "full_manual" ? [] : [first, ...RAMP.filter((mark) => mark > first)];
  const steps = described([...new Set([...marks.filter((mark) => mark < share), share, 100])]);
  return steps.map((step) => (step.percentage === share && share < 100 ? { ...step, waits: true } : step));
}

/** In the words of Cloudflare's clients. */
function described(percentages: readonly number[]): readonly RolloutStep[] {
  return percentages.map((percentage, index) => ({
    percentage,
    description: `Step ${index + 1} of ${percentages.length} - rollout at ${percentage}% of instances`,
  }));
}

function stickyOf({ sticky }: CreateRollout): Sticky | null {
  if (sticky === undefined) return null;
  return sticky.header === undefined ? { by: "cookie" } : { by: "header", name: sticky.header };
}

function gateOf(body: GateBody): Gate {
  const measured = {
    name: body.name,
    intervalMs: parseDuration(body.interval) ?? 0,
    count: body.count,
    failureLimit: body.failure_limit,
    timeoutMs: parseDuration(body.timeout) ?? 0,
    isDryRun: body.dry_run,
  };
  switch (body.type) {
    case "error_rate": {
      const { max_ratio: maxRatio = 0, min_requests: minRequests = DEFAULT_GATE.minRequests } = body;
      return { ...measured, type: "error_rate", maxRatio, minRequests };
    }
    case "webhook": {
      return { ...measured, type: "webhook", url: body.url ?? "" };
    }
    case "check": {
      const { path = "/", port = null, expect_status: expectStatus = DEFAULT_GATE.expectStatus } = body;
      return { ...measured, type: "check", path, port, expectStatus };
    }
  }
}
