/** Rollouts in Cloudflare's field names. */
import type { RolloutView } from "../../orchestrator/views.ts";
import { wantedOf } from "../../orchestrator/warm.ts";
import { wireConfiguration, wireHealth } from "./application.ts";
import { iso } from "../../iso.ts";

export function wireRollout({ rollout, current, target, application, updated }: RolloutView) {
  const total = wantedOf(application.row.spec);
  const isOver = rollout.status === "completed";
  const reached = isOver ? total : Math.min(updated, total);
  const isDone = (percentage: number) => isOver || reached >= stepTarget(percentage, total);
  // What replaced it goes elsewhere: no step of it is under way any more.
  const done = rollout.status === "replaced" ? 0 : rollout.steps.filter(({ percentage }) => isDone(percentage)).length;
  const completed = isOver ? done : Math.min(done, rollout.steps.length - 1);
  return {
    id: rollout.id,
    created_at: iso(rollout.createdAt),
    last_updated_at: iso(rollout.updatedAt),
    started_at: iso(rollout.createdAt),
    description: rollout.description,
    kind: "full_auto",
    strategy: "rolling",
    status: rollout.status,
    current_version: rollout.fromVersion,
    target_version: rollout.toVersion,
    current_configuration: wireConfiguration(current),
    target_configuration: wireConfiguration(target),
    health: wireHealth(application),
    steps: rollout.steps.map(({ percentage, description }, index) => ({
      id: index + 1,
      step_size: { percentage },
      description,
      status: stepStatus(index, completed, rollout.status),
    })),
    progress: {
      total_steps: rollout.steps.length,
      current_step: completed,
      updated_instances: reached,
      total_instances: total,
    },
  };
}

/** To the nearest count, ties up, and at least one instance. */
function stepTarget(percentage: number, total: number): number {
  return Math.max(1, Math.round((total * percentage) / 100));
}

function stepStatus(index: number, completed: number, status: string): string {
  if (index < completed) return "completed";
  return index === completed && status === "progressing" ? "progressing" : "pending";
}
