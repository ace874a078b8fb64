/**
 * Bodies of application writes: what a scheduler-backed application of Cloudflare's API takes, and our own fields. What
 * clients send of that API and what has no effect here is refused by name; of some fields only the value that says what
 * happens anyway is taken.
 */
import * as z from "zod";
import { parseDuration } from "../../duration.ts";
import { MAX_INSTANCES, tooManyWarm } from "../../orchestrator/warm.ts";
import { preemption, priorities } from "./capacity.ts";
import { configurationSchema, logsSwitch } from "./configuration.ts";
import { applicationName } from "./application-name.ts";
import { affinities, constraints, unsupported } from "./constraints.ts";
import { duration } from "./duration.ts";
import { egressSchema } from "./egress.ts";
import { hostnames } from "./hostnames.ts";
import { LONGEST_GRACE_S, rolloutPolicy } from "./rollout-policy.ts";

export const DEFAULT_CHECK_EVERY_MS = 60_000;

/** Each is a container that starts and ends, of which one object keeps account. */
const MAX_JOB_INSTANCES = 1_000;

/** Each is a request that one object waits for. */
const MAX_PARALLEL_TASKS = 200;

const instances = z.int().min(0).max(MAX_INSTANCES);

export const ingressMode = z.enum(["private", "token", "public"]);
export type IngressMode = z.output<typeof ingressMode>;

/** How often a running container is looked at; a container that dies unnoticed is found within two of these. */
const checkEvery = duration(1_000, 3_600_000);

const durable = {
  instances: instances.describe("How many instances are wanted"),
  max_instances: instances.describe("Ceiling of `instances`; lowering it reduces what runs. Default: none"),
  named_instances: instances.describe(
    "Most instances at a time that run because somebody calls them by name; each comes with its first call, sleeps when " +
      "nobody calls it, and is no member of the pool that `instances` counts. Default: 0, which is none",
  ),
  jobs: z
    .boolean()
    .describe("Whether it runs jobs; `true` without `job_instances`: up to 10 containers at a time. Default: false"),
  job_instances: z
    .int()
    .min(0)
    .max(MAX_JOB_INSTANCES)
    .describe("Most containers of jobs at a time; room for them is kept in the account's limits. Default: 0, no jobs"),
  max_parallel_tasks: z
    .int()
    .min(1)
    .max(MAX_PARALLEL_TASKS)
    .describe("Most tasks of mode `http` that its pool is doing at a time; those of mode `run` are jobs. Default: 20"),
  warm: instances.describe(
    "Members of the pool that are kept started and ready beyond `instances`, or beyond what the load asks for: spare ones, " +
      "which get requests as soon as another one is lost or more are needed. Default: 0",
  ),
  ingress: z
    .strictObject({
      mode: ingressMode.describe("Who may call it from outside: nobody, holders of a token, everybody"),
    })
    .describe("Who may call the application; default: `GANTRY_DEFAULT_INGRESS` of the control plane, else private"),
  hostnames,
  check_every: checkEvery.describe("How often a running container is looked at; default 60 s"),
  observability: z
    .strictObject({
      logs: logsSwitch,
      target_instance_percentage: unsupported("is not supported: logs are of all instances"),
      target_instance_count: unsupported("is not supported: logs are of all instances"),
    })
    .describe("Acts at once, on all that runs; default: off. Not beside `configuration.observability`"),
};

const FOLLOWED = ["target_concurrency", "target_rps", "queue_depth"] as const;
const target = z.number().min(0.1).max(100_000);

/** `instances` follows the load. */
const autoscaling = z
  .strictObject({
    min: instances.describe("Fewest instances; with 0, all sleep after a long time without load"),
    max: instances.min(1).describe("Most instances; room for them is kept in the account's limits"),
    target_concurrency: target.optional().describe("Requests, streams and WebSockets at a time that one is to carry"),
    target_rps: target.optional().describe("Requests a second that one is to carry"),
    queue_depth: target.optional().describe("Callers that may wait for a ready instance, for each there is"),
    idle_after: duration(1_000, 604_800_000)
      .optional()
      .describe("Time without any load after which none is left, where `min` is 0; default: 10m"),
  })
  .superRefine((value, context) => {
    const refuse = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
    const given = FOLLOWED.filter((field) => value[field] !== undefined);
    if (given.length !== 1) refuse(given[1] ?? "target_concurrency", `give exactly one of ${FOLLOWED.join(", ")}`);
    if (value.min > value.max) refuse("min", `must be at most max (${value.max})`);
    if (value.idle_after !== undefined && value.min > 0) refuse("idle_after", "has no effect unless min is 0");
  })
  .describe("`instances` follows the load: up at once, down after five minutes; default: it stays as it was said")
  .optional();

function workerBinding(what: string) {
  return z
    .strictObject({
      binding: z
        .string()
        .min(1)
        .max(64)
        .describe("Name of a service binding of the control plane, as its wrangler.jsonc says it"),
    })
    .describe(`${what}; default: none`)
    .optional();
}

const bridge = workerBinding("The Worker whose `bridgeCall` containers reach through `POST /rpc` of the bridge");
const hooks = workerBinding(
  "The Worker whose `containerEvent` hears when a container starts, stops, fails or times out",
);

/** What is the same in every body; some of it has one value here, which clients send. */
const fixed = {
  scheduling_policy: z
    .literal("default", 'must be "default": it is the only policy')
    .optional()
    .describe('The scheduler; only "default" is taken'),
  constraints,
  affinities,
  rollout_active_grace_period: z
    .number()
    .min(0)
    .max(LONGEST_GRACE_S)
    .optional()
    .describe(
      "Seconds: an instance that takes traffic for less than this is not replaced by a rollout yet; default: 0",
    ),
  rollout: rolloutPolicy.optional(),
  jobs: durable.jobs.optional(),
  job_instances: durable.job_instances.optional(),
  max_parallel_tasks: durable.max_parallel_tasks.optional(),
  priorities,
  preemption,
  autoscaling,
  bridge,
  hooks,
  egress: egressSchema
    .optional()
    .describe("What its containers may reach, from their next request on; default: nothing outside"),
};

const durableObjects = z
  .strictObject({
    namespace_id: z
      .string()
      .regex(/^[0-9a-f]{32}$/, "must be 32 lower-case hex digits")
      .describe("The Durable Object namespace that the application belongs to; one namespace has one application"),
    script_name: unsupported("is not supported: give namespace_id"),
    class_name: unsupported("is not supported: give namespace_id"),
  })
  .optional()
  .describe("Given when the application is made, and never changed; default: none");

const name = applicationName.describe("Unique in the account, and part of the application's address; never changes");

const whole = {
  instances: durable.instances,
  max_instances: durable.max_instances.optional(),
  named_instances: durable.named_instances.optional(),
  warm: durable.warm.optional(),
  ingress: durable.ingress.optional(),
  hostnames: durable.hostnames.optional(),
  check_every: durable.check_every.optional(),
  observability: durable.observability.optional(),
  durable_objects: durableObjects,
  ...fixed,
  configuration: configurationSchema.describe("What an instance runs: stored as a version"),
};

export const createApplicationSchema = z
  .strictObject({ name, ...whole })
  .superRefine(refuseContradictions)
  .superRefine(refuseSleepOfNobody);

const DEFAULT_JOB_INSTANCES = 10;

/** How many a request asks for; undefined: it says nothing of it. */
export function jobInstancesOf({
  jobs,
  job_instances: count,
}: {
  jobs?: boolean | undefined;
  job_instances?: number | undefined;
}): number | undefined {
  if (count !== undefined || jobs === undefined) return count;
  return jobs ? DEFAULT_JOB_INSTANCES : 0;
}

/** Fields of an answer that say what is, not what is wanted. A whole application that was read can be written back. */
export const READ_ONLY_FIELDS = [
  "id",
  "account_id",
  "created_at",
  "updated_at",
  "version",
  "health",
  "state",
  "generation",
  "observed_generation",
  "active_rollout_id",
  "blocked",
] as const;

const ignored = z.unknown().optional().describe("Ignored: read-only, taken so that what was read can be written back");
const readOnly = Object.fromEntries(READ_ONLY_FIELDS.map((field) => [field, ignored])) as Record<
  (typeof READ_ONLY_FIELDS)[number],
  typeof ignored
>;

export const putApplicationSchema = z
  .strictObject({ name: name.optional(), ...whole, ...readOnly })
  .superRefine(refuseContradictions)
  .superRefine(refuseSleepOfNobody);

export const patchApplicationSchema = z
  .strictObject({
    name: name.optional(),
    instances: durable.instances.optional(),
    max_instances: durable.max_instances.optional(),
    named_instances: durable.named_instances.optional(),
    warm: durable.warm.optional(),
    ingress: durable.ingress.optional(),
    hostnames: durable.hostnames.optional(),
    check_every: durable.check_every.optional(),
    observability: durable.observability.optional(),
    durable_objects: durableObjects,
    ...fixed,
    autoscaling: autoscaling.nullable().describe("`null` leaves the count where it is"),
    bridge: bridge.nullable().describe("`null`: containers call no Worker any more"),
    hooks: hooks.nullable().describe("`null`: nobody hears any more, also not of what has happened already"),
    egress: egressSchema.nullable().optional().describe("In place of the one before; `null`: nothing outside"),
    rollout: rolloutPolicy
      .nullable()
      .optional()
      .describe("In place of the one before; `null`: as each field's default says"),
    configuration: z
      .strictObject(configurationSchema.shape)
      .partial()
      .optional()
      .describe("Fields given replace those of the newest version; stored as a version, touching nothing that runs"),
  })
  .superRefine(refuseContradictions);

export type CreateApplication = z.output<typeof createApplicationSchema>;
export type PutApplication = z.output<typeof putApplicationSchema>;
export type PatchApplication = z.output<typeof patchApplicationSchema>;

function refuseContradictions(
  value: {
    instances?: number | undefined;
    max_instances?: number | undefined;
    warm?: number | undefined;
    jobs?: boolean | undefined;
    job_instances?: number | undefined;
    autoscaling?: { max: number } | null | undefined;
    observability?: object | undefined;
    configuration?: { observability?: object | undefined } | undefined;
  },
  context: z.core.$RefinementCtx,
): void {
  const { autoscaling: scaled, max_instances: most } = value;
  if (scaled != null && most !== undefined && scaled.max > most) {
    const message = `must be at most max_instances (${most})`;
    context.addIssue({ code: "custom", path: ["autoscaling", "max"], message });
  }
  if (value.instances !== undefined && value.max_instances !== undefined && value.instances > value.max_instances) {
    const message = `must be at most max_instances (${value.max_instances})`;
    context.addIssue({ code: "custom", path: ["instances"], message });
  }
  if (value.jobs !== undefined && value.job_instances !== undefined && value.jobs !== value.job_instances > 0) {
    const message = `is ${value.jobs} beside job_instances ${value.job_instances}: give one of the two`;
    context.addIssue({ code: "custom", path: ["jobs"], message });
  }
  const pool = scaled?.max ?? value.instances;
  if (value.warm !== undefined && pool !== undefined && pool + value.warm > (most ?? MAX_INSTANCES)) {
    const message = tooManyWarm(value.warm, pool, most ?? Number.POSITIVE_INFINITY);
    context.addIssue({ code: "custom", path: ["warm"], message });
  }
  if (value.observability !== undefined && value.configuration?.observability !== undefined) {
    const message = "is given in configuration.observability too: give one of the two";
    context.addIssue({ code: "custom", path: ["observability"], message });
  }
}

export const SLEEP_OF_NOBODY = "has no effect: only named instances sleep; give named_instances, or leave this out";

/** Only of a whole specification: a partial one does not say all of it. */
function refuseSleepOfNobody(
  value: { named_instances?: number | undefined; configuration: { sleep_after?: unknown } },
  context: z.core.$RefinementCtx,
): void {
  if (value.configuration.sleep_after === undefined || (value.named_instances ?? 0) > 0) return;
  context.addIssue({ code: "custom", path: ["configuration", "sleep_after"], message: SLEEP_OF_NOBODY });
}

/** The schema has accepted it, so it parses. */
export function checkEveryMs(value: string | number | undefined): number {
  return (value === undefined ? null : parseDuration(value)) ?? DEFAULT_CHECK_EVERY_MS;
}
