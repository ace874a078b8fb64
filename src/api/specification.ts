/** From a request's body to what an application stores: defaults filled in, configuration complete, revision computed. */
import { requireServiceBinding } from "../bindings.ts";
import { parseDuration } from "../duration.ts";
import type { ErrorCode } from "../errors.ts";
import { DEFAULT_IDLE_AFTER_MS } from "../orchestrator/autoscaling/policy.ts";
import type { NewConfiguration } from "../orchestrator/change.ts";
import type { StoredConfiguration } from "../orchestrator/configurations.ts";
import { revisionOf, toLaunchSpec } from "../orchestrator/launch-spec.ts";
import type { ApplicationKind, ApplicationSpec } from "../orchestrator/storage/application-row.ts";
import { requireBindings } from "./egress-bindings.ts";
import { invalid } from "./body.ts";
import { pinImage } from "./images.ts";
import { admitConfiguration } from "./quota.ts";
import type { Call } from "./route.ts";
import { colocationOf, constraintsOf } from "./schemas/constraints.ts";
import {
  jobInstancesOf,
  checkEveryMs,
  ingressMode,
  SLEEP_OF_NOBODY,
  type IngressMode,
  type PatchApplication,
  type PutApplication,
} from "./schemas/application.ts";
import { egressOf } from "./schemas/egress.ts";
import { policyOf } from "./schemas/rollout-policy.ts";

/** What a route that stores a configuration may be refused with. */
export const ADMISSION_ERRORS = [
  "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE",
  "IMAGE_REGISTRY_NOT_CONFIGURED",
  "IMAGE_REGISTRY_RETURNED_ERROR",
  "IMAGE_REGISTRY_PROTOCOL_NOT_FOUND",
  "SURPASSED_BASE_LIMITS",
  "SURPASSED_TOTAL_LIMITS",
  "LOCATION_NOT_ALLOWED",
  "LOCATION_SURPASSED_BASE_LIMITS",
  "HOSTNAME_TAKEN",
  "WRITE_CONFLICT",
] as const satisfies readonly ErrorCode[];

type Context = Pick<Call<unknown, unknown>, "env" | "accountId" | "request">;

export function specOf(env: Env, body: PutApplication): ApplicationSpec {
  return {
    instances: body.instances,
    maxInstances: body.max_instances ?? null,
    ...(body.named_instances === undefined ? {} : { namedInstances: body.named_instances }),
    ...(body.warm === undefined ? {} : { warm: body.warm }),
    ...jobsOf(body),
    ...(body.max_parallel_tasks === undefined ? {} : { maxParallelTasks: body.max_parallel_tasks }),
    ingress: body.ingress?.mode ?? defaultIngress(env),
    ...(body.hostnames === undefined ? {} : { hostnames: body.hostnames }),
    checkEveryMs: checkEveryMs(body.check_every),
    ...(body.observability === undefined ? {} : { logs: body.observability.logs.enabled }),
    ...scaledBy(body),
    ...placesOf(body),
    ...rankOf(body),
    ...replacedBy(body),
    ...workersOf(env, body),
    ...reachedBy(env, body),
    ...(body.durable_objects === undefined ? {} : { namespaceId: body.durable_objects.namespace_id }),
  };
}

/** How many containers of jobs a request asks for, if it says so. */
export function jobsOf(body: Parameters<typeof jobInstancesOf>[0]): Pick<ApplicationSpec, "jobInstances"> {
  const jobInstances = jobInstancesOf(body);
  return jobInstances === undefined ? {} : { jobInstances };
}

/** What a request says about who goes first; what it does not say is not in it. */
export function rankOf({
  priorities,
  preemption,
}: Pick<PutApplication, "priorities" | "preemption">): Pick<ApplicationSpec, "priority" | "isPreemptible"> {
  return {
    ...(priorities === undefined ? {} : { priority: priorities.default }),
    ...(preemption === undefined ? {} : { isPreemptible: preemption === "allowed" }),
  };
}

/** What a request says about how rollouts replace instances; what it does not say is not in it. */
export function replacedBy({
  rollout,
  rollout_active_grace_period: grace,
}: Pick<PatchApplication, "rollout" | "rollout_active_grace_period">): Pick<
  ApplicationSpec,
  "rollout" | "rolloutGraceMs"
> {
  return {
    ...(rollout === undefined ? {} : { rollout: rollout === null ? null : policyOf(rollout) }),
    ...(grace === undefined ? {} : { rolloutGraceMs: Math.round(grace * 1_000) }),
  };
}

/** What a request says about scaling by load; null: not any more. What it does not say is not in it. */
export function scaledBy({ autoscaling }: Pick<PatchApplication, "autoscaling">): Pick<ApplicationSpec, "autoscaling"> {
  if (autoscaling === undefined) return {};
  if (autoscaling === null) return { autoscaling: null };
  const { min, max, target_concurrency: concurrency, target_rps: rps, queue_depth: queue, idle_after } = autoscaling;
  const target =
    concurrency !== undefined
      ? ({ kind: "concurrency", value: concurrency } as const)
      : rps !== undefined
        ? ({ kind: "rps", value: rps } as const)
        : ({ kind: "queue", value: queue ?? 1 } as const);
  const idleAfterMs = idle_after === undefined ? DEFAULT_IDLE_AFTER_MS : (parseDuration(idle_after) ?? 0);
  return { autoscaling: { min, max, target, idleAfterMs } };
}

/** The Workers that a request names, which have to be there. What it does not say is not in it. */
export function workersOf(
  env: Env,
  { bridge, hooks }: Pick<PatchApplication, "bridge" | "hooks">,
): Pick<ApplicationSpec, "bridge" | "hooks"> {
  requireServiceBinding(env, "bridge", bridge?.binding);
  requireServiceBinding(env, "hooks", hooks?.binding);
  return { ...(bridge === undefined ? {} : { bridge }), ...(hooks === undefined ? {} : { hooks }) };
}

/** What a request says about what containers reach, all of which has to be there. What it does not say is not in it. */
export function reachedBy(
  env: Env,
  { egress }: Pick<PatchApplication, "egress">,
  at: "" | "egress." = "egress.",
): Pick<ApplicationSpec, "egress"> {
  if (egress == null) return egress === undefined ? {} : { egress };
  const policy = egressOf(egress);
  requireBindings(env, policy, at);
  return { egress: policy };
}

/** What a request says about places; what it does not say is not in it. */
export function placesOf(
  body: Pick<PutApplication, "constraints" | "affinities">,
): Pick<ApplicationSpec, "constraints" | "colocation"> {
  const [constraints, colocation] = [constraintsOf(body.constraints), colocationOf(body.affinities)];
  return { ...(constraints === undefined ? {} : { constraints }), ...(colocation === undefined ? {} : { colocation }) };
}

/**
 * As it is to be stored: within the account's limits, with its defaults, and with what its image stands for now. `pinned`:
 * it is one that was found before, which has not been written anew.
 */
export async function versionOf(
  context: Context,
  configuration: StoredConfiguration,
  kind: ApplicationKind = "application",
  image: { readonly field?: string; readonly pinned?: string | undefined } = {},
): Promise<NewConfiguration> {
  const admitted = await admitConfiguration(context, configuration, kind);
  const { field = kind === "deployment" ? "image" : "configuration.image", pinned } = image;
  const stored = pinned === undefined ? await pinImage(context, admitted, field) : { ...admitted, pinned };
  return { configuration: stored, revision: await revisionOf(toLaunchSpec(stored)) };
}

/** What identifies an application never changes; saying it again is no change. */
export function requireSameIdentity(
  body: {
    readonly name?: string | undefined;
    readonly durable_objects?: { readonly namespace_id: string } | undefined;
  },
  current: { readonly name: string; readonly spec: ApplicationSpec },
): void {
  if (body.name !== undefined && body.name !== current.name) {
    throw invalid({ name: `cannot change: it is part of the application's address; it is ${current.name}` });
  }
  const namespace = current.spec.namespaceId ?? null;
  if (body.durable_objects !== undefined && body.durable_objects.namespace_id !== namespace) {
    const is = namespace === null ? "it has none" : `it is ${namespace}`;
    throw invalid({ durable_objects: `cannot change: delete the application and create it again; ${is}` });
  }
}

/** Only what is called by name sleeps. */
export function requireSleepers(
  { sleep_after }: { readonly sleep_after?: unknown },
  { namedInstances = 0 }: Pick<ApplicationSpec, "namedInstances">,
  field: string,
): void {
  if (sleep_after !== undefined && namedInstances === 0) throw invalid({ [`${field}.sleep_after`]: SLEEP_OF_NOBODY });
}

/** A switch beside the application's own would be without effect. */
export function requireEffect(
  { observability }: { readonly observability?: object | undefined },
  { logs }: ApplicationSpec,
  field: string,
): void {
  if (observability === undefined || logs == null) return;
  const reason = "has no effect beside the application's own observability: change that one";
  throw invalid({ [`${field}.observability`]: reason });
}

export function defaultIngress(env: Env): IngressMode {
  return ingressMode.catch("private").parse(env.GANTRY_DEFAULT_INGRESS);
}
