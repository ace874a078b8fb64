/** Applications in Cloudflare's field names. Fields of our own stand beside them. */
import { sizeOf } from "../../orchestrator/launch-spec.ts";
import type { ApplicationView } from "../../orchestrator/views.ts";
import { iso } from "./time.ts";

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

function wireSize(configuration: ApplicationView["configuration"]) {
  const size = sizeOf(configuration);
  return { vcpu: size.vcpu, memory_mib: size.memoryMib, disk: { size_mb: size.diskMb } };
}
