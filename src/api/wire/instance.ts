/** Instances in Cloudflare's field names: the public view, and the dashboard's, which joins instances and objects. */
import type { InstanceState } from "../../orchestrator/health.ts";
import { sizeOf } from "../../orchestrator/launch-spec.ts";
import { shownChecks } from "../../orchestrator/shown-checks.ts";
import { isCrashLooping, type Deployment } from "../../orchestrator/plan/deployment.ts";
import type { InstanceView } from "../../orchestrator/views.ts";
import { wireBlocked } from "./application.ts";
import { iso } from "../../iso.ts";

export function wireInstance(applicationId: string, view: InstanceView) {
  const { deployment, configuration } = view;
  const size = sizeOf(configuration);
  const exitCode = deployment.phase === "pending" ? (deployment.last?.exitCode ?? null) : null;
  return {
    id: view.instanceId,
    application_id: applicationId,
    name: view.name,
    image: configuration.image,
    status: {
      state: view.state,
      updated_at: iso(deployment.since),
      ...(exitCode === null ? {} : { exit_code: exitCode }),
      ...reasonOf(deployment),
    },
    configuration: { vcpu: size.vcpu, memory: size.memoryMib, disk: size.diskMb },
    ...(deployment.phase === "running" ? { started_at: iso(deployment.since) } : {}),
    ready: deployment.ready,
    held: deployment.held,
    cordoned: deployment.cordoned,
    checks: shownChecks(configuration, deployment).map((check) => ({ ...check, since: iso(check.since) })),
    location: wireObserved(deployment),
    requested_location: requestedLocation(view),
    ...(view.blocked === undefined ? {} : { blocked: wireBlocked(view.blocked, view.retryAt ?? null) }),
    ...(deployment.override === undefined ? {} : { overridden: [...deployment.override.fields] }),
    deployment_id: deployment.id,
    generation: deployment.generation,
    version: deployment.version,
    failures: deployment.failures,
    losses: deployment.losses,
    ...(deployment.phase === "pending" ? { next_start_at: iso(deployment.nextStartAt) } : {}),
  };
}

/** Read inside the container or not known: never a copy of what was asked for. */
export function wireObserved({ placement }: Deployment) {
  const observed = placement?.observed ?? null;
  return { name: observed?.location ?? "unknown", region: observed?.region ?? "unknown" };
}

export function requestedLocation({ configuration, deployment }: InstanceView): string | null {
  return configuration.location ?? deployment.location ?? null;
}

/**
 * Why it has no container, or why the one that it has is not ready. One that waits since it fails again and again says
 * so, and what its last end was.
 */
function reasonOf(deployment: Deployment): { reason?: string; last_reason?: string } {
  const { phase, last, ready, detail } = deployment;
  if (phase !== "pending") return ready || detail === undefined ? {} : { reason: detail };
  if (last === null) return {};
  return isCrashLooping(deployment) ? { reason: "CrashLoop", last_reason: last.reason } : { reason: last.reason };
}

/** A placement's `health` in Cloudflare's words. */
const PLACEMENT_HEALTH: Record<InstanceState, string> = {
  provisioning: "placed",
  running: "running",
  unhealthy: "unhealthy",
  failed: "failed",
  stopping: "stopping",
  stopped: "stopped",
};

/** `instances` joins `durable_objects` by `deployment_id`, as the dashboard's clients expect. */
export function wireDashInstances(views: readonly InstanceView[]) {
  return {
    instances: views.map((view) => {
      const { deployment } = view;
      const health = PLACEMENT_HEALTH[view.state];
      return {
        id: deployment.id,
        created_at: iso(deployment.createdAt),
        location: wireObserved(deployment).name,
        app_version: deployment.version,
        name: view.name,
        image: view.configuration.image,
        current_placement: {
          id: `${deployment.id}.${deployment.generation}`,
          created_at: iso(deployment.since),
          deployment_id: deployment.id,
          deployment_version: deployment.version,
          terminate: deployment.phase === "stopping",
          status: { health, container_status: health, ready: deployment.ready },
        },
      };
    }),
    durable_objects: views.map((view) => ({
      id: view.instanceId,
      deployment_id: view.deployment.id,
      placement_id: `${view.deployment.id}.${view.deployment.generation}`,
      assigned_at: iso(view.deployment.createdAt),
      name: view.name,
    })),
  };
}
