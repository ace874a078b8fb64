/** Tasks as answers show them. */
import { wireFailurePolicy } from "./job.ts";
import { iso, isoOrNull, secondsOrNull } from "../../iso.ts";
import type { ListedTask } from "../../jobs/tasks/task-store.ts";
import { DEFAULT_TASK_WAIT_MS, removalOf, type HttpWork, type RunWork, type TaskWork } from "../../jobs/tasks/task.ts";

export function wireTask(applicationId: string, { task, work }: ListedTask) {
  return {
    id: task.id,
    app_id: applicationId,
    idempotency_key: task.key,
    mode: task.mode,
    state: task.state,
    reason: task.reason,
    message: task.message,
    created_at: iso(task.createdAt),
    not_before: iso(task.notBefore),
    started_at: isoOrNull(task.startedAt),
    finished_at: isoOrNull(task.finishedAt),
    remove_at: isoOrNull(removalOf(task)),
    tries: task.tries,
    failures: task.failures,
    losses: task.losses,
    status: task.status,
    job: task.job,
    fairness_key: task.fairnessKey,
    ttl: task.ttlMs / 1_000,
    payload: payloadOf(work),
    ...(work.http === null ? {} : { http: wireHttp(work.http) }),
    ...(work.run === null ? {} : { run: wireRun(work.run) }),
  };
}

function payloadOf({ payload }: TaskWork): unknown {
  if (payload === null) return null;
  return payload.isText ? payload.text : (JSON.parse(payload.text) as unknown);
}

function wireHttp({ path, method, headers, timeoutMs, waitMs = DEFAULT_TASK_WAIT_MS, ...rest }: HttpWork) {
  const times = { timeout: timeoutMs / 1_000, wait: waitMs / 1_000 };
  return { path, method, headers: { ...headers }, ...times, ...wireBackoff(rest) };
}

function wireRun({
  entrypoint,
  command,
  env,
  lossRetries,
  timeoutMs,
  deadlineMs,
  failurePolicy,
  isBare,
  ...rest
}: RunWork) {
  return {
    entrypoint: entrypoint === null ? null : [...entrypoint],
    command: command === null ? null : [...command],
    environment_variables: env.map(({ name, value }) => ({ name, value })),
    ...wireBackoff(rest),
    loss_retries: lossRetries,
    timeout: secondsOrNull(timeoutMs),
    deadline: secondsOrNull(deadlineMs),
    failure_policy: wireFailurePolicy(failurePolicy),
    shell: !isBare,
  };
}

function wireBackoff({ retries, backoffMs, maxBackoffMs }: Pick<HttpWork, "retries" | "backoffMs" | "maxBackoffMs">) {
  return { retries, backoff: backoffMs / 1_000, max_backoff: maxBackoffMs / 1_000 };
}
