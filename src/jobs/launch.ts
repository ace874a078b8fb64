/**
 * What the attempts of a job start with in place of their version's: the command, and what the job was given beside it.
 * Pure. Values of secrets are sealed: nothing shows them.
 */
import type { Size } from "../account/amounts.ts";
import type { JobOfAttempt } from "../bridge/messages.ts";
import { mergeConfiguration, type StoredConfiguration } from "../orchestrator/configurations.ts";
import { toLaunchSpec, type LaunchSpec } from "../orchestrator/launch-spec.ts";
import type { Attempt, Job } from "./job.ts";
import { wrapped } from "./wrapper/wrapper.ts";

export interface JobLaunch {
  /** Null: as the application's. */
  readonly entrypoint: readonly string[] | null;
  readonly command: readonly string[] | null;
  readonly image: string | null;
  /** What that image is, by digest; absent of one that the Worker was deployed with. */
  readonly pinned?: string;
  readonly instanceType: StoredConfiguration["instance_type"] | null;
  readonly size: Partial<Size> | null;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  /** Names only; the values are in `sealed`. */
  readonly secrets: readonly string[];
  /** JSON of `{name: value}`, under the key of the control plane. */
  readonly sealed: string | null;
  /** What its containers read from the bridge. */
  readonly payload: string | null;
}

/** An attempt as its instance knows it. */
export interface AttemptLaunch extends JobOfAttempt {
  /** Its command is run by a shell that keeps its exit code and its output. */
  readonly isWrapped: boolean;
}

/** The version's configuration as this job runs it. */
export function jobConfiguration(configuration: StoredConfiguration, launch: JobLaunch): StoredConfiguration {
  const { entrypoint, command, image, pinned, instanceType, size, env } = launch;
  const own = new Set(env.map(({ name }) => name));
  const inherited = (configuration.environment_variables ?? []).filter(({ name }) => !own.has(name));
  const { checks: _, sleep_after: __, required_ports: ___, ...rest } = configuration;
  return mergeConfiguration(rest, {
    ...(entrypoint === null ? {} : { entrypoint: [...entrypoint] }),
    // Arguments of another command say nothing to this one.
    ...(command === null && entrypoint === null ? {} : { command: [...(command ?? [])] }),
    ...(image === null ? {} : { image, pinned }),
    ...(instanceType == null ? {} : { instance_type: instanceType }),
    ...(size?.vcpu === undefined ? {} : { vcpu: size.vcpu }),
    ...(size?.memoryMib === undefined ? {} : { memory_mib: size.memoryMib }),
    environment_variables: [...inherited, ...env.map(({ name, value }) => ({ name, value }))],
  });
}

/** Kubernetes' name for the index, so that images made for its indexed jobs find it. */
export function attemptEnv(
  job: Job,
  { number, index, past }: Pick<Attempt, "number" | "index" | "past">,
): Record<string, string> {
  const at = job.origin.kind === "schedule" ? { GANTRY_SCHEDULED_AT: new Date(job.origin.at).toISOString() } : {};
  return {
    GANTRY_JOB: job.id,
    GANTRY_JOB_NAME: job.name,
    GANTRY_JOB_INDEX: String(index),
    GANTRY_JOB_COUNT: String(job.spec.completions),
    JOB_COMPLETION_INDEX: String(index),
    // Grows with every attempt of the job: who writes elsewhere can refuse what a replaced attempt still says.
    GANTRY_ATTEMPT: String(number),
    // Attempts of this index that have failed before; those that the platform lost are not among them.
    GANTRY_JOB_FAILURES: String(past.failures),
    ...at,
  };
}

/** Nothing proves that it works but its exit code; nothing under way keeps a stop waiting. */
export function attemptSpec(
  configuration: StoredConfiguration,
  job: Job,
  attempt: Pick<Attempt, "number" | "index" | "past">,
  secrets: Readonly<Record<string, string>>,
): { readonly spec: LaunchSpec; readonly isWrapped: boolean } {
  const { sleepAfterMs: _, ...spec } = toLaunchSpec(configuration);
  const { timeoutMs } = job.spec;
  const { entrypoint } = spec;
  const isWrapped = !job.isBare && entrypoint !== null;
  const limit = Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, spec.hardTimeoutMs ?? Number.POSITIVE_INFINITY);
  return {
    isWrapped,
    spec: {
      ...spec,
      entrypoint: isWrapped ? wrapped(entrypoint) : entrypoint,
      env: { ...spec.env, ...secrets, ...attemptEnv(job, attempt) },
      probes: [],
      drainTimeoutMs: 0,
      ...(Number.isFinite(limit) ? { hardTimeoutMs: limit } : {}),
    },
  };
}
