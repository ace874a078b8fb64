/** What a dry run tells: fields that change, instances that are touched, amounts. */
import type * as z from "zod";
import type { StoredConfiguration } from "../../orchestrator/configurations.ts";
import { sizeOf } from "../../orchestrator/launch-spec.ts";
import { DEFAULT_POLICY } from "../../orchestrator/rollouts/rollout.ts";
import { surgeOf } from "../../orchestrator/rollouts/targets.ts";
import type { ApplicationSpec } from "../../orchestrator/storage/application-row.ts";
import { wantedOf } from "../../orchestrator/warm.ts";
import type { PutPreview } from "../../orchestrator/views.ts";
import type { putPlanResult } from "../results/put-plan.ts";
import { wireAutoscaling, wireConfiguration, wireConstraints } from "./application.ts";
import { wireEgress } from "./egress.ts";
import { wirePolicy } from "./rollout-policy.ts";

type PutPlan = z.output<typeof putPlanResult>;
type Json = PutPlan["changes"][number]["from"];

interface Specified {
  readonly spec: ApplicationSpec;
  readonly configuration: StoredConfiguration;
}

const NOTHING = { vcpu: 0, memory_mib: 0, disk_mb: 0 };

export function wirePutPlan({ before, after, instances }: PutPreview): PutPlan {
  const from = { spec: before.row.spec, configuration: before.configuration };
  const to = { spec: after.row.spec, configuration: after.configuration };
  const { maxSurge } = { ...DEFAULT_POLICY, ...after.row.spec.rollout };
  const surge = instances.update > 0 ? surgeOf(maxSurge, wantedOf(to.spec)) : 0;
  const count = Math.max(wantedOf(from.spec), wantedOf(to.spec) + surge);
  const [small, large] = [amounts(from, count), amounts(to, count)];
  return {
    dry_run: true,
    create: false,
    changes: changes(fields(from), fields(to)),
    instances,
    cost_estimate: {
      before: amounts(from),
      peak: {
        vcpu: Math.max(small.vcpu, large.vcpu),
        memory_mib: Math.max(small.memory_mib, large.memory_mib),
        disk_mb: Math.max(small.disk_mb, large.disk_mb),
      },
      after: amounts(to),
    },
    etag: before.etag,
  };
}

export function wireCreationPlan(name: string, spec: ApplicationSpec, configuration: StoredConfiguration): PutPlan {
  const to = { spec, configuration };
  return {
    dry_run: true,
    create: true,
    changes: changes(new Map(), new Map([["name", name], ...fields(to)])),
    instances: { start: wantedOf(spec), stop: 0, update: 0, unchanged: 0 },
    cost_estimate: { before: NOTHING, peak: amounts(to), after: amounts(to) },
    etag: null,
  };
}

function fields({ spec, configuration }: Specified): Map<string, Json> {
  const values: [string, unknown][] = [
    ["instances", spec.instances],
    ["max_instances", spec.maxInstances],
    ["job_instances", (spec.jobInstances ?? 0) === 0 ? null : spec.jobInstances],
    ["max_parallel_tasks", spec.maxParallelTasks ?? null],
    ["named_instances", (spec.namedInstances ?? 0) === 0 ? null : spec.namedInstances],
    ["warm", (spec.warm ?? 0) === 0 ? null : spec.warm],
    ...autoscalingFields(spec),
    ["ingress.mode", spec.ingress],
    ["hostnames", (spec.hostnames ?? []).length === 0 ? null : spec.hostnames],
    ["check_every", spec.checkEveryMs / 1_000],
    ["observability.logs.enabled", spec.logs ?? null],
    ["durable_objects.namespace_id", spec.namespaceId ?? null],
    ...placeFields(spec),
    ["affinities.colocation", spec.colocation ?? null],
    ["priorities.default", spec.priority ?? 0],
    ["preemption", spec.isPreemptible === false ? "never" : "allowed"],
    ["rollout_active_grace_period", (spec.rolloutGraceMs ?? 0) === 0 ? null : (spec.rolloutGraceMs ?? 0) / 1_000],
    ...rolloutFields(spec),
    ["bridge.binding", spec.bridge?.binding ?? null],
    ["hooks.binding", spec.hooks?.binding ?? null],
    ...egressFields(spec),
    ...Object.entries(wireConfiguration(configuration)).map(([key, value]): [string, unknown] => [
      `configuration.${key}`,
      value,
    ]),
  ];
  // Plain data, as it came out of a request's JSON.
  return new Map(values.filter(([, value]) => value !== null && value !== undefined) as [string, Json][]);
}

function autoscalingFields({ autoscaling }: ApplicationSpec): [string, unknown][] {
  const given = autoscaling == null ? [] : Object.entries(wireAutoscaling(autoscaling));
  return given.map(([key, value]) => [`autoscaling.${key}`, value]);
}

/** Null is how a deadline says never, and a plan that a field is not set. */
function rolloutFields({ rollout }: ApplicationSpec): [string, unknown][] {
  return Object.entries(wirePolicy(rollout ?? {})).map(([key, value]) => [`rollout.${key}`, value ?? "never"]);
}

function egressFields({ egress }: ApplicationSpec): [string, unknown][] {
  return egress == null ? [] : Object.entries(wireEgress(egress)).map(([key, value]) => [`egress.${key}`, value]);
}

/** Tiers are not the user's to choose. */
function placeFields(spec: ApplicationSpec): [string, unknown][] {
  const { tiers: _, ...constraints } = wireConstraints(spec);
  return Object.entries(constraints).map(([key, value]) => [`constraints.${key}`, value]);
}

function changes(from: ReadonlyMap<string, Json>, to: ReadonlyMap<string, Json>): PutPlan["changes"] {
  return [...new Set([...from.keys(), ...to.keys()])]
    .map((field) => ({ field, from: from.get(field) ?? null, to: to.get(field) ?? null }))
    .filter((change) => JSON.stringify(change.from) !== JSON.stringify(change.to));
}

function amounts({ spec, configuration }: Specified, count = wantedOf(spec)) {
  const { vcpu, memoryMib, diskMb } = sizeOf(configuration);
  return { vcpu: vcpu * count, memory_mib: memoryMib * count, disk_mb: diskMb * count };
}
