/** Views of the scheduler in Cloudflare's field names. Fields of our own stand beside them. */
import { sizeOf } from "../orchestrator/launch-spec.ts";
import type { StoredEvent } from "../orchestrator/events.ts";
import type { InstanceState } from "../orchestrator/health.ts";
import type { ApplicationView, InstanceView } from "../orchestrator/views.ts";

export function wireApplication({ row, configuration, health, state }: ApplicationView) {
  return {
    id: row.id,
    account_id: row.accountId,
    name: row.name,
    created_at: iso(row.createdAt),
    updated_at: iso(row.updatedAt),
    version: row.activeVersion,
    scheduling_policy: "default",
    instances: row.spec.instances,
    ...(row.spec.maxInstances === null ? {} : { max_instances: row.spec.maxInstances }),
    configuration: { ...configuration, ...wireSize(configuration) },
    health: wireHealth(health),
    state,
    ingress: { mode: row.spec.ingress },
    check_every: row.spec.checkEveryMs / 1_000,
    generation: row.generation,
    observed_generation: row.observedGeneration,
  };
}

/** `assigned` is Cloudflare's word for what is bound to an object and does not run yet. */
function wireHealth(health: ApplicationView["health"]) {
  return { instances: { ...health, assigned: health.starting }, errors: [] };
}

/** The summary that `wrangler containers list` shows. */
export function wireDashApplication(view: ApplicationView) {
  const { id, name, created_at, updated_at, version, instances, health, state } = wireApplication(view);
  return { id, name, created_at, updated_at, version, instances, image: view.configuration.image, health, state };
}

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
      ...(deployment.phase === "pending" && deployment.last !== null ? { reason: deployment.last.reason } : {}),
    },
    configuration: { vcpu: size.vcpu, memory: size.memoryMib, disk: size.diskMb },
    ...(deployment.phase === "running" ? { started_at: iso(deployment.since) } : {}),
    ready: deployment.ready,
    deployment_id: deployment.id,
    generation: deployment.generation,
    version: deployment.version,
    failures: deployment.failures,
    losses: deployment.losses,
    ...(deployment.phase === "pending" ? { next_start_at: iso(deployment.nextStartAt) } : {}),
  };
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
        // Read inside the container or not known: never a copy of what was asked for.
        location: "unknown",
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

export function wireEvent(event: StoredEvent) {
  return {
    id: String(event.id),
    time: iso(event.time),
    type: event.type,
    name: event.name,
    message: event.message,
    details: event.details ?? {},
    statusChange: event.statusChange ?? {},
    ...(event.deployment === undefined ? {} : { deployment_id: event.deployment, generation: event.generation }),
  };
}

function wireSize(configuration: ApplicationView["configuration"]) {
  const size = sizeOf(configuration);
  return { vcpu: size.vcpu, memory_mib: size.memoryMib, disk: { size_mb: size.diskMb } };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
