/** Applications in Cloudflare's field names. Fields of our own stand beside them. */
import type { Autoscaling } from "../../orchestrator/autoscaling/policy.ts";
import type { StoredConfiguration } from "../../orchestrator/configurations.ts";
import { sizeOf } from "../../orchestrator/launch-spec.ts";
import { wireShortfall } from "../../orchestrator/capacity/explain.ts";
import { explainBlocked } from "../../orchestrator/placement/placing.ts";
import type { ApplicationSpec, Blocked } from "../../orchestrator/storage/application-row.ts";
import type { ApplicationView, VersionView } from "../../orchestrator/views.ts";
import { iso } from "../../iso.ts";
import { wireEgress } from "./egress.ts";
import { wirePolicy } from "./rollout-policy.ts";

export function wireApplication(view: ApplicationView) {
  const { row, configuration, state, activeRolloutId, retryAt } = view;
  const { spec } = row;
  return {
    id: row.id,
    account_id: row.accountId,
    name: row.name,
    created_at: iso(row.createdAt),
    updated_at: iso(row.updatedAt),
    version: row.activeVersion,
    scheduling_policy: "default",
    instances: spec.instances,
    ...(spec.maxInstances === null ? {} : { max_instances: spec.maxInstances }),
    ...((spec.namedInstances ?? 0) === 0 ? {} : { named_instances: spec.namedInstances }),
    ...((spec.jobInstances ?? 0) === 0 ? {} : { jobs: true, job_instances: spec.jobInstances }),
    ...(spec.maxParallelTasks == null ? {} : { max_parallel_tasks: spec.maxParallelTasks }),
    ...(spec.bridge == null ? {} : { bridge: spec.bridge }),
    ...(spec.hooks == null ? {} : { hooks: spec.hooks }),
    ...(spec.egress == null ? {} : { egress: wireEgress(spec.egress) }),
    ...((spec.warm ?? 0) === 0 ? {} : { warm: spec.warm }),
    ...(spec.autoscaling == null ? {} : { autoscaling: wireAutoscaling(spec.autoscaling) }),
    configuration: wireConfiguration(configuration),
    constraints: wireConstraints(spec),
    ...(spec.colocation == null ? {} : { affinities: { colocation: spec.colocation } }),
    rollout_active_grace_period: (spec.rolloutGraceMs ?? 0) / 1_000,
    ...(spec.rollout == null ? {} : { rollout: wirePolicy(spec.rollout) }),
    ...(spec.namespaceId == null ? {} : { durable_objects: { namespace_id: spec.namespaceId } }),
    ...(spec.logs == null ? {} : { observability: { logs: { enabled: spec.logs } } }),
    ...(activeRolloutId == null ? {} : { active_rollout_id: activeRolloutId }),
    priorities: { default: spec.priority ?? 0 },
    preemption: spec.isPreemptible === false ? ("never" as const) : ("allowed" as const),
    ...(row.blocked == null ? {} : { blocked: wireBlocked(row.blocked, retryAt ?? null) }),
    health: wireHealth(view),
    state,
    ingress: { mode: spec.ingress },
    ...((spec.hostnames ?? []).length === 0 ? {} : { hostnames: [...(spec.hostnames ?? [])] }),
    check_every: spec.checkEveryMs / 1_000,
    generation: row.generation,
    observed_generation: row.observedGeneration,
  };
}

export function wireAutoscaling({ min, max, target, idleAfterMs }: Autoscaling) {
  const { kind, value } = target;
  return {
    min,
    max,
    ...(kind === "concurrency" ? { target_concurrency: value } : {}),
    ...(kind === "rps" ? { target_rps: value } : {}),
    ...(kind === "queue" ? { queue_depth: value } : {}),
    ...(min === 0 ? { idle_after: idleAfterMs / 1_000 } : {}),
  };
}

export function wireConstraints({ constraints }: Pick<ApplicationSpec, "constraints">) {
  const { isVerified, ...places } = constraints ?? {};
  return { tiers: [1, 2], ...places, ...(isVerified === true ? { accept_verified_placement: true } : {}) };
}

export function wireBlocked({ reason, since, shortfall }: Blocked, retryAt: number | null) {
  return {
    reason,
    message: explainBlocked(reason),
    since: iso(since),
    ...(shortfall === undefined ? {} : { shortfall: wireShortfall(shortfall) }),
    retry_at: retryAt === null || reason === "LocationUnsatisfied" ? null : iso(retryAt),
  };
}

/** `assigned` is Cloudflare's word for what is bound to an object and does not run yet. */
export function wireHealth({ health, failing }: Pick<ApplicationView, "health" | "failing">) {
  const errors = failing.map(({ instanceId, reason }) => ({ instance_id: instanceId, event: reason }));
  return { instances: { ...health, assigned: health.starting }, errors };
}

/** With the size that it comes to, however that was said. */
export function wireConfiguration(stored: StoredConfiguration) {
  const { location: _, pinned: __, ...configuration } = stored;
  const size = sizeOf(configuration);
  return { ...configuration, vcpu: size.vcpu, memory_mib: size.memoryMib, disk: { size_mb: size.diskMb } };
}

/** The summary that `wrangler containers list` shows. */
export function wireDashApplication(view: ApplicationView) {
  const { id, name, created_at, updated_at, version, instances, health, state } = wireApplication(view);
  return { id, name, created_at, updated_at, version, instances, image: view.configuration.image, health, state };
}

/** `percentage`: of the live instances; of the active version all, when there are none. */
export function wireVersions(versions: readonly VersionView[]) {
  const live = versions.reduce((sum, { instances }) => sum + instances, 0);
  return versions.map(({ version, active, configuration, revision, createdAt, instances }) => ({
    version,
    percentage: live === 0 ? (active ? 100 : 0) : Math.round((instances / live) * 10_000) / 100,
    configuration,
    revision,
    created_at: iso(createdAt),
  }));
}
