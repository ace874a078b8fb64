/** Rollouts in Cloudflare's field names. What it has no word for stands beside them. */
import { wireStatus, type Rollout } from "../../orchestrator/rollouts/rollout.ts";
import type { RolloutView } from "../../orchestrator/views.ts";
import { wantedOf } from "../../orchestrator/warm.ts";
import { iso } from "../../iso.ts";
import { wireConfiguration, wireHealth } from "./application.ts";
import { wireRolloutPolicy } from "./rollout-policy.ts";
import { conditionsOf, explainRollout, healthOf, whyOf } from "./rollout-words.ts";

export function wireRollout(view: RolloutView) {
  const { rollout, current, target, application, holding, failing, deadlineAt } = view;
  const { spec, fromVersion, toVersion, phase, reason } = rollout;
  return {
    id: rollout.id,
    created_at: iso(rollout.createdAt),
    last_updated_at: iso(rollout.updatedAt),
    started_at: iso(rollout.createdAt),
    description: spec.description,
    kind: spec.kind,
    strategy: spec.strategy,
    status: wireStatus(rollout),
    current_version: fromVersion,
    target_version: toVersion,
    current_configuration: wireConfiguration(current),
    target_configuration: wireConfiguration(target),
    health: { ...wireHealth(application), summary: healthOf(view) },
    ...marksOf(view),
    phase,
    reason,
    message: explainRollout(view),
    conditions: conditionsOf(view).map(({ since, ...condition }) => ({
      ...condition,
      status: true,
      since: iso(since),
    })),
    deadline_at: deadlineAt === null ? null : iso(deadlineAt),
    holding: [...holding],
    failing: [...failing],
    measurements: rollout.measurements.map(({ at, ...measurement }) => ({ ...measurement, at: iso(at) })),
    policy: wireRolloutPolicy(spec),
  };
}

/** Of Cloudflare's new_instances, only how far it is. */
function marksOf(view: RolloutView) {
  const { rollout } = view;
  const steps = rollout.spec.steps.map((_, index) => wireStep(rollout, index));
  const distribution = distributionOf(view);
  if (rollout.spec.strategy === "new_instances") {
    return { percentage: shareOf(rollout), version_distribution: distribution, ramp: steps };
  }
  return {
    steps,
    progress: {
      total_steps: steps.length,
      current_step: steps.filter(({ status }) => status === "completed").length,
      updated_instances: updatedOf(view),
      total_instances: wantedOf(view.application.row.spec),
      version_distribution: distribution,
    },
  };
}

/** What is over long ago is not told by what runs today. */
function updatedOf({ rollout, updated, application }: RolloutView): number {
  const total = wantedOf(application.row.spec);
  if (rollout.phase === "reverted") return 0;
  return rollout.phase === "completed" ? total : Math.min(updated, total);
}

function distributionOf(view: RolloutView) {
  const { rollout, old, application } = view;
  const target = updatedOf(view);
  const current =
    rollout.phase === "completed" ? 0 : rollout.phase === "reverted" ? wantedOf(application.row.spec) : old;
  const all = target + current;
  const share = all === 0 ? (rollout.phase === "completed" ? 100 : 0) : Math.round((target / all) * 10_000) / 100;
  return {
    current_version_instances: current,
    target_version_instances: target,
    current_version_percentage: Math.round((100 - share) * 100) / 100,
    target_version_percentage: share,
  };
}

function shareOf({ phase, spec, step }: Rollout): number {
  if (phase === "reverting" || phase === "reverted") return 0;
  return phase === "completed" ? 100 : (spec.steps[step]?.percentage ?? 100);
}

function wireStep(rollout: Rollout, index: number) {
  const { percentage = 100, description = "" } = rollout.spec.steps[index] ?? {};
  const status = stepStatus(rollout, index);
  const doneAt = status === "completed" ? doneAtOf(rollout, index) : null;
  const startedAt = status === "pending" ? null : startedAtOf(rollout, index);
  const why = reasonOf(rollout, index, status, doneAt);
  return {
    id: index + 1,
    step_size: { percentage },
    description,
    status,
    ...(why === null ? {} : { reason: why }),
    ...(startedAt === null ? {} : { started_at: iso(startedAt) }),
    ...(doneAt === null ? {} : { completed_at: iso(doneAt) }),
  };
}

function stepStatus(rollout: Rollout, index: number) {
  const { phase, step, doneAt } = rollout;
  if (phase === "completed") return "completed";
  if (phase === "replaced") return index < doneAt.length ? "completed" : "pending";
  if (index > step) return "pending";
  if (phase === "reverting" || phase === "reverted") return phase;
  return index < step || isStepDone(rollout) ? "completed" : "progressing";
}

/** A blue-green one's is done when requests have been handed on. */
function isStepDone({ phase, pausedFrom, spec }: Rollout): boolean {
  if (spec.strategy === "blue_green") return false;
  return [phase, pausedFrom].some((at) => at === "waiting" || at === "gating");
}

/** Null: it was skipped. */
function doneAtOf({ phase, doneAt, spec, updatedAt }: Rollout, index: number): number | null {
  const isLast = index === spec.steps.length - 1;
  if (phase === "completed" && isLast) return spec.strategy === "blue_green" ? updatedAt : (doneAt.at(-1) ?? updatedAt);
  const isShort = phase === "completed" && doneAt.length < spec.steps.length;
  return (isShort ? doneAt.slice(0, -1) : doneAt)[index] ?? null;
}

/** A step begins when the one before it is done, or when somebody says so. */
function startedAtOf({ step, stepStartedAt, createdAt, doneAt }: Rollout, index: number): number | null {
  if (index === step) return stepStartedAt;
  return index === 0 ? createdAt : (doneAt[index - 1] ?? null);
}

function reasonOf(rollout: Rollout, index: number, status: string, doneAt: number | null): string | null {
  if (status === "completed") return doneAt === null ? "skipped" : null;
  return status === "pending" || index !== rollout.step ? null : whyOf(rollout);
}
