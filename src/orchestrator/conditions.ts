/** States that callers wait for. Pure. */
import type { ApplicationState, HealthCounts } from "./health.ts";
import { isLeaving, isPooled, type Deployment } from "./plan/deployment.ts";

export const APPLICATION_CONDITIONS = ["ready", "active", "provisioning", "degraded", "settled"] as const;
export type ApplicationCondition = ApplicationState | "settled";

/**
 * Who waits for `ready` wants to call it: each instance that is wanted takes traffic. An application of none is that at
 * once. The state of that name is narrower: wrangler's word for an application that runs nothing.
 */
export function isReady(health: HealthCounts, wanted: number): boolean {
  return health.failed === 0 && health.healthy >= wanted;
}

/**
 * Everything is as wanted and nothing is under way: as many deployments as wanted, each ready on what is to run, or held
 * by a user, and none on its way out. What is called by name comes and goes as it is called.
 */
export function isSettled(
  deployments: readonly Deployment[],
  wanted: number,
  isOutdated: (version: number) => boolean,
): boolean {
  const pool = deployments.filter(isPooled);
  if (pool.some(({ phase }) => phase === "stopping")) return false;
  const kept = pool.filter((deployment) => !isLeaving(deployment));
  if (kept.length !== wanted) return false;
  return kept.every(
    ({ held, phase, ready, version }) => held || (phase === "running" && ready && !isOutdated(version)),
  );
}
