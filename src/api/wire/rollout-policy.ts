/** How instances are replaced, in the words that the API takes it in. */
import type { Gate } from "../../orchestrator/rollouts/gates.ts";
import type { RolloutPolicy, RolloutSpec } from "../../orchestrator/rollouts/rollout.ts";
import type { Amount } from "../../orchestrator/rollouts/targets.ts";

/** Only what is in it. */
export function wirePolicy(policy: Partial<RolloutPolicy>) {
  const { maxSurge, maxUnavailable, minHealthyMs, progressDeadlineMs, autoRevert, scaleDownDelayMs } = policy;
  return {
    ...(maxSurge === undefined ? {} : { max_surge: wireAmount(maxSurge) }),
    ...(maxUnavailable === undefined ? {} : { max_unavailable: wireAmount(maxUnavailable) }),
    ...(minHealthyMs === undefined ? {} : { min_healthy_time: minHealthyMs / 1_000 }),
    ...(progressDeadlineMs === undefined
      ? {}
      : { progress_deadline: progressDeadlineMs === null ? null : progressDeadlineMs / 1_000 }),
    ...(autoRevert === undefined ? {} : { auto_revert: autoRevert }),
    ...(scaleDownDelayMs === undefined ? {} : { scale_down_delay: scaleDownDelayMs / 1_000 }),
  };
}

/** All that a rollout was asked for beside its steps. */
export function wireRolloutPolicy(spec: RolloutSpec) {
  const { strategy, sticky, gates } = spec;
  const { max_surge: surge, max_unavailable: unavailable, ...policy } = wirePolicy(spec);
  return {
    // All of both versions run at a time: what is allowed above and below is not asked.
    ...(strategy === "blue_green" ? {} : { max_surge: surge, max_unavailable: unavailable }),
    ...policy,
    ...(sticky === null ? {} : { sticky: sticky.by === "cookie" ? { cookie: true } : { header: sticky.name } }),
    ...(gates.length === 0 ? {} : { gates: gates.map(wireGate) }),
  };
}

function wireAmount(amount: Amount): number | string {
  return "count" in amount ? amount.count : `${amount.percentage}%`;
}

function wireGate(gate: Gate) {
  return {
    name: gate.name,
    type: gate.type,
    ...ofType(gate),
    interval: gate.intervalMs / 1_000,
    count: gate.count,
    failure_limit: gate.failureLimit,
    timeout: gate.timeoutMs / 1_000,
    dry_run: gate.isDryRun,
  };
}

function ofType(gate: Gate) {
  switch (gate.type) {
    case "error_rate": {
      return { max_ratio: gate.maxRatio, min_requests: gate.minRequests };
    }
    case "webhook": {
      return { url: gate.url };
    }
    case "check": {
      const { path, port, expectStatus } = gate;
      return {
        path,
        ...(port === null ? {} : { port }),
        ...(expectStatus.length === 0 ? {} : { expect_status: [...expectStatus] }),
      };
    }
  }
}
