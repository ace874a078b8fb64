/** From a request for a job to what its application is asked for: admitted like a configuration of its own. */
import type { Settings } from "../account/limits.ts";
import { sizeRefusal } from "../account/quota-refusals.ts";
import { lengthOf } from "../duration.ts";
import { GantryError } from "../errors.ts";
import { parseIndexes } from "../jobs/index-set.ts";
import type { JobRequest } from "../jobs/job-control.ts";
import type { JobSpec, Origin } from "../jobs/job.ts";
import type { JobLaunch } from "../jobs/launch.ts";
import { overrideOf } from "../jobs/override.ts";
import type { StoredConfiguration } from "../orchestrator/configurations.ts";
import { accountStub } from "../stubs.ts";
import { invalid } from "./body.ts";
import { pinImage } from "./images.ts";
import { withReferences } from "./references.ts";
import type { Call } from "./route.ts";
import type { JobTemplate } from "./schemas/job.ts";

type Context = Pick<Call<unknown, unknown>, "env" | "ctx" | "accountId" | "actor" | "request">;

const NO_LIMIT = null;

export function jobSpecOf(template: JobTemplate): JobSpec {
  const { retries_per_index: perIndex = NO_LIMIT } = template;
  return {
    completions: template.completions,
    parallelism: template.parallelism,
    retries: template.retries ?? (perIndex === null ? 0 : NO_LIMIT),
    retriesPerIndex: perIndex,
    maxFailedIndexes: template.max_failed_indexes ?? null,
    lossRetries: template.loss_retries,
    backoffMs: lengthOf(template.backoff) ?? 0,
    maxBackoffMs: lengthOf(template.max_backoff) ?? 0,
    timeoutMs: lengthOf(template.timeout),
    deadlineMs: lengthOf(template.deadline),
    failurePolicy: template.failure_policy.map(({ action, exit_codes: exitCodes }) => ({ action, exitCodes })),
    successPolicy: template.success_policy.map(({ indexes, count = null }) => {
      return { indexes: indexes === undefined ? null : parseIndexes(indexes), count };
    }),
    ttlMs: lengthOf(template.ttl),
  };
}

export function jobLaunchOf(template: JobTemplate): JobLaunch {
  const vcpu = template.vcpu ?? template.vcpus;
  const { memory_mib: memoryMib } = template;
  const size = {
    ...(vcpu === undefined ? {} : { vcpu }),
    ...(memoryMib === undefined ? {} : { memoryMib }),
  };
  return {
    entrypoint: template.entrypoint ?? null,
    command: template.command ?? null,
    image: template.image ?? null,
    instanceType: template.instance_type ?? null,
    size: Object.keys(size).length === 0 ? null : size,
    env: template.environment_variables ?? [],
    secrets: [],
    sealed: null,
    payload: template.payload ?? null,
  };
}

export interface JobIdentity {
  readonly id: string;
  readonly name: string;
  readonly suspended: boolean;
  readonly origin: Origin;
}

/** `configuration`: the application's active one. */
export function jobRequestOf(
  template: JobTemplate,
  identity: JobIdentity,
  configuration: StoredConfiguration,
): JobRequest {
  const launch = jobLaunchOf(template);
  return {
    ...identity,
    spec: jobSpecOf(template),
    launch,
    override: overrideOf(identity.id, launch, configuration),
    fairnessKey: template.fairness_key,
    isBare: !template.shell,
  };
}

/**
 * Refuses what its containers could not be started with: its size, its image, a command for nothing. `write` gets what is to
 * be stored: with what the job's own image stands for now.
 */
export async function admittedJob<T>(
  context: Context,
  applicationId: string,
  { launch, override }: Pick<JobRequest, "launch" | "override">,
  write: (launch: JobLaunch) => Promise<T>,
): Promise<T> {
  if (override?.size !== undefined) {
    const { limits }: Settings = await accountStub(context.env, context.accountId).settings();
    const refusal = sizeRefusal(override.size, limits);
    if (refusal !== null) throw new GantryError(refusal.code, refusal.message, { ...refusal.details });
  }
  if (launch.image === null) return await write(launch);
  const configuration = await pinImage<StoredConfiguration>(context, { image: launch.image }, "image");
  const { pinned } = configuration;
  const found = pinned === undefined ? launch : { ...launch, pinned };
  return await withReferences(context, { applicationId, configuration, field: "" }, async () => await write(found));
}

/** A secret of the job and one of the application may not have one name: which of the two is meant is not to be guessed. */
export function requireOwnNames(configuration: StoredConfiguration, names: readonly string[]): void {
  const known = new Set((configuration.secrets ?? []).map(({ name }) => name));
  names.forEach((name, index) => {
    if (!known.has(name)) return;
    throw invalid({ [`secrets[${index}].name`]: `is a secret of the application's configuration too: ${name}` });
  });
}
