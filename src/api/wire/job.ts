/** Jobs in Cloudflare's field names, and their attempts. */
import type { JobView, LiveAttempt } from "../../jobs/job-control.ts";
import { formatIndexes } from "../../jobs/index-set.ts";
import { stateOf, type JobSpec } from "../../jobs/job.ts";
import type { JobLaunch } from "../../jobs/launch.ts";
import { healthOf, type QueueView } from "../../jobs/queue-view.ts";
import type * as z from "zod";
import type { AttemptRecord } from "../../jobs/job-store.ts";
import type { Told } from "../../jobs/told.ts";
import { sizeOf } from "../../orchestrator/launch-spec.ts";
import { iso, isoOrNull, secondsOrNull } from "../../iso.ts";

export function wireJob(applicationId: string, { job, launch, configuration, live }: JobView) {
  const { vcpu, memoryMib, diskMb } = sizeOf(configuration);
  const state = stateOf(job);
  const { origin, verdict, tally } = job;
  return {
    id: job.id,
    app_id: applicationId,
    name: job.name,
    created_at: iso(job.createdAt),
    started_at: isoOrNull(job.startedAt),
    finished_at: isoOrNull(job.finishedAt),
    version: job.version,
    status: {
      health: healthOf(state, live),
      state,
      reason: verdict?.reason ?? null,
      message: verdict?.message ?? null,
      active: live.length,
      ...tally,
      completed_indexes: formatIndexes(job.doneIndexes),
      failed_indexes: formatIndexes(job.failedIndexes),
    },
    terminate: verdict?.outcome === "cancelled",
    suspend: job.suspended,
    ...wireSpec(job.spec),
    fairness_key: job.fairnessKey,
    ...(origin.kind === "schedule" ? { schedule: origin.schedule, scheduled_at: iso(origin.at) } : {}),
    ...(origin.kind === "task" ? { task: origin.task } : {}),
    overrides: overridesOf(launch),
    shell: !job.isBare,
    image: configuration.image,
    entrypoint: [...(configuration.entrypoint ?? [])],
    command: [...(configuration.command ?? [])],
    environment_variables: launch.env.map(({ name, value }) => ({ name, value })),
    secrets: launch.secrets.map((name) => ({ name, type: "env" as const })),
    payload: launch.payload,
    ...(configuration.instance_type === undefined ? {} : { instance_type: configuration.instance_type }),
    vcpu,
    vcpus: vcpu,
    memory_mib: memoryMib,
    memory_mb: memoryMib,
    disk: { size_mb: diskMb },
    disk_mb: diskMb,
  };
}

export function wireSpec(spec: JobSpec) {
  return {
    completions: spec.completions,
    parallelism: spec.parallelism,
    retries: spec.retries,
    retries_per_index: spec.retriesPerIndex,
    max_failed_indexes: spec.maxFailedIndexes,
    loss_retries: spec.lossRetries,
    backoff: spec.backoffMs / 1_000,
    max_backoff: spec.maxBackoffMs / 1_000,
    timeout: secondsOrNull(spec.timeoutMs),
    deadline: secondsOrNull(spec.deadlineMs),
    ttl: secondsOrNull(spec.ttlMs),
    failure_policy: wireFailurePolicy(spec.failurePolicy),
    success_policy: spec.successPolicy.map(({ indexes, count }) => ({
      ...(indexes === null ? {} : { indexes: formatIndexes(indexes) }),
      ...(count === null ? {} : { count }),
    })),
  };
}

function overridesOf({ entrypoint, image, instanceType, size }: JobLaunch) {
  const given = { entrypoint, image, instance_type: instanceType, vcpu: size?.vcpu, memory_mib: size?.memoryMib };
  const names = Object.keys(given) as (keyof typeof given)[];
  return names.filter((name) => given[name] !== null && given[name] !== undefined);
}

/** Cloudflare says only that these are maps. */
export function wireQueue({ most, alive, counts, suspended, first }: QueueView) {
  const open = counts.queued + counts.scheduled + counts.placed + counts.running;
  return {
    scheduler: { job_instances: most, active: alive, room: Math.max(0, most - alive) },
    jobs: {
      ...counts,
      suspended,
      open,
      first: first.map(({ job, health, active }) => {
        return { id: job.id, name: job.name, created_at: iso(job.createdAt), health, state: stateOf(job), active };
      }),
    },
  };
}

/** Result: JSON as text, validated by the bridge. */
function wireTold(told: Told | undefined) {
  const { progress = null, result = null } = told ?? {};
  return {
    progress: progress === null ? null : { ...progress, at: iso(progress.at) },
    result: result === null ? null : { at: iso(result.at), value: JSON.parse(result.value) as z.core.util.JSONType },
  };
}

export function wireLiveAttempt({ attempt, deployment, generation, phase }: LiveAttempt) {
  const { number, index, begunAt, startedAt, stopping, told } = attempt;
  const state = phase === "stopping" || phase === "running" ? phase : ("starting" as const);
  return {
    number,
    index,
    state: stopping === null ? state : ("stopping" as const),
    reason: stopping,
    exit_code: null,
    begun_at: iso(begunAt),
    started_at: isoOrNull(startedAt),
    ended_at: null,
    deployment_id: deployment,
    generation,
    ...wireTold(told),
  };
}

export function wireAttempt(record: AttemptRecord) {
  const { number, index, state, reason, exitCode, begunAt, startedAt, endedAt, deployment, generation, told } = record;
  return {
    number,
    index,
    state,
    reason,
    exit_code: exitCode,
    begun_at: iso(begunAt),
    started_at: isoOrNull(startedAt),
    ended_at: iso(endedAt),
    deployment_id: deployment,
    generation,
    ...wireTold(told),
  };
}

export function wireFailurePolicy(rules: JobSpec["failurePolicy"]) {
  return rules.map(({ action, exitCodes: { operator, values } }) => {
    return { action, exit_codes: { operator, values: [...values] } };
  });
}

/** As placement events, which Cloudflare's clients read. */
export function wireAttemptEvents(ended: readonly AttemptRecord[]) {
  return ended.map(({ number, index, state, reason, exitCode, endedAt, deployment, generation }) => ({
    id: String(number),
    time: iso(endedAt),
    type: state === "failed" ? ("UserError" as const) : state === "lost" ? ("SystemError" as const) : ("Info" as const),
    name: "VMStopped",
    message: `attempt ${number} (index ${index}) ${state}: ${reason}`,
    details: { attempt: number, index, state, reason, exit_code: exitCode },
    statusChange: { health: "stopped", ready: false },
    deployment_id: deployment,
    generation,
  }));
}
