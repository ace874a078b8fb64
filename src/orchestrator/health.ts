/** Counters and states that clients show, derived from the rows. Pure. */
import { assertNever } from "../assert-never.ts";
import { isAvailable, isFailing, isLeaving, isPooled, STOP, type Deployment } from "./plan/deployment.ts";

export interface HealthCounts {
  /** The process runs and has been ready at least once. */
  readonly active: number;
  /** Takes traffic. */
  readonly healthy: number;
  /** Waits after a failure of its own. */
  readonly failed: number;
  /** Started, and not ready for the first time. */
  readonly starting: number;
  /** Wanted, without a container. One that a user holds stopped is in no counter: nothing is to come of it. */
  readonly scheduling: number;
}

export type ApplicationState = "ready" | "active" | "provisioning" | "degraded";
export type InstanceState = "provisioning" | "running" | "unhealthy" | "failed" | "stopping" | "stopped";

export function countHealth(deployments: readonly Deployment[], desired: number): HealthCounts {
  const counts = { active: 0, healthy: 0, failed: 0, starting: 0, scheduling: 0 };
  let kept = 0;
  for (const deployment of deployments) {
    if (isLeaving(deployment)) continue;
    if (deployment.phase === "stopping" && !deployment.held) continue;
    // It runs no container, and that is as it should be.
    if (deployment.isAsleep === true) continue;
    if (isPooled(deployment)) kept += 1;
    if (deployment.held) continue;
    if (deployment.phase === "pending") counts[isFailing(deployment) ? "failed" : "scheduling"] += 1;
    else if (deployment.readyAt === null) counts.starting += 1;
    else counts.active += 1;
    if (isAvailable(deployment)) counts.healthy += 1;
  }
  counts.scheduling += Math.max(0, desired - kept);
  return counts;
}

/** The same rule as wrangler's own, so that its table and our API agree. */
export function applicationState(counts: HealthCounts): ApplicationState {
  if (counts.failed > 0) return "degraded";
  if (counts.starting > 0 || counts.scheduling > 0) return "provisioning";
  return counts.active > 0 ? "active" : "ready";
}

export function instanceState(deployment: Deployment): InstanceState {
  switch (deployment.phase) {
    case "pending": {
      if (deployment.held) return "stopped";
      if (isFailing(deployment)) return "failed";
      // One that made room for others waits for room itself.
      if (deployment.last?.reason === STOP.preempted) return "provisioning";
      return deployment.last?.kind === "stopped" ? "stopped" : "provisioning";
    }
    case "starting": {
      return "provisioning";
    }
    case "running": {
      if (deployment.ready) return "running";
      return deployment.readyAt === null ? "provisioning" : "unhealthy";
    }
    case "stopping": {
      return "stopping";
    }
    default: {
      return assertNever(deployment.phase);
    }
  }
}
