/**
 * From a task as it is asked for, by a request, a queue message or a container, to what its application stores. Its id
 * follows from its idempotency key, so that the same key finds the same task without an index of keys.
 */
import { lengthOf, parseDuration } from "../../duration.ts";
import { toHex } from "../../encoding.ts";
import { canonical } from "../../orchestrator/launch-spec.ts";
import type { TaskRequest } from "../../api/schemas/task.ts";
import { DEFAULT_TASK_WAIT_MS, type HttpWork, type RunWork, type TaskDraft } from "./task.ts";

/** What names a task that was given no key: the request, or the message, that it came with. */
export interface TaskOrigin {
  readonly kind: "request" | "message" | "bridge";
  /** The same with every try. */
  readonly id: string;
}

export async function taskDraft(applicationId: string, request: TaskRequest, origin: TaskOrigin): Promise<TaskDraft> {
  const { idempotency_key: key = null, payload, mode, fairness_key: fairnessKey, delay, ttl } = request;
  const id =
    key === null ? await uuidOf(`${origin.kind} ${applicationId} ${origin.id}`) : await taskIdOf(applicationId, key);
  const { idempotency_key: _, ...rest } = request;
  const text = payload === undefined ? null : payloadText(payload);
  return {
    id,
    key,
    mode,
    fairnessKey,
    delayMs: parseDuration(delay) ?? 0,
    ttlMs: parseDuration(ttl) ?? 0,
    work: {
      fingerprint: toHex(await digestOf(canonical(rest))),
      payload: text === null ? null : { text, isText: typeof payload === "string" },
      run: mode === "run" ? runWorkOf(request.run ?? {}) : null,
      http: mode === "http" ? httpWorkOf(request.http ?? {}) : null,
    },
  };
}

/** Of the task that has this key. */
export async function taskIdOf(applicationId: string, key: string): Promise<string> {
  return await uuidOf(`key ${applicationId} ${key}`);
}

/** A text as it is, anything else as JSON. */
export function payloadText(payload: unknown): string {
  return typeof payload === "string" ? payload : JSON.stringify(payload);
}

const DEFAULT_RETRIES = 3;
const DEFAULT_LOSS_RETRIES = 10;
const DEFAULT_BACKOFF_MS = 10_000;
const DEFAULT_MAX_BACKOFF_MS = 360_000;
const DEFAULT_HTTP_TIMEOUT_MS = 60_000;

function runWorkOf(run: NonNullable<TaskRequest["run"]>): RunWork {
  return {
    entrypoint: run.entrypoint ?? null,
    command: run.command ?? null,
    env: run.environment_variables ?? [],
    retries: run.retries ?? DEFAULT_RETRIES,
    lossRetries: run.loss_retries ?? DEFAULT_LOSS_RETRIES,
    backoffMs: lengthOf(run.backoff) ?? DEFAULT_BACKOFF_MS,
    maxBackoffMs: lengthOf(run.max_backoff) ?? DEFAULT_MAX_BACKOFF_MS,
    timeoutMs: lengthOf(run.timeout),
    deadlineMs: lengthOf(run.deadline),
    failurePolicy: (run.failure_policy ?? []).map(({ action, exit_codes: exitCodes }) => ({ action, exitCodes })),
    isBare: run.shell === false,
  };
}

function httpWorkOf(http: NonNullable<TaskRequest["http"]>): HttpWork {
  return {
    path: http.path ?? "/",
    method: http.method ?? "POST",
    headers: http.headers ?? {},
    timeoutMs: lengthOf(http.timeout) ?? DEFAULT_HTTP_TIMEOUT_MS,
    waitMs: lengthOf(http.wait) ?? DEFAULT_TASK_WAIT_MS,
    retries: http.retries ?? DEFAULT_RETRIES,
    backoffMs: lengthOf(http.backoff) ?? DEFAULT_BACKOFF_MS,
    maxBackoffMs: lengthOf(http.max_backoff) ?? DEFAULT_MAX_BACKOFF_MS,
  };
}

async function digestOf(text: string): Promise<ArrayBuffer> {
  return await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
}

/** Version 8: of a digest of our own. */
async function uuidOf(text: string): Promise<string> {
  const hex = toHex((await digestOf(`gantry task ${text}`)).slice(0, 16));
  const variant = ((Number.parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(18, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}
