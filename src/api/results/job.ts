/** Answers about jobs: Cloudflare's fields, and what it does not tell. */
import * as z from "zod";
import { saidResult } from "./bridge.ts";
import { timestamp, uuid } from "./common.ts";
import { eventResult } from "./instance.ts";

const count = z.int().min(0);

export const jobState = z.enum(["pending", "running", "suspended", "finishing", "succeeded", "failed", "cancelled"]);
export const attemptState = z.enum([
  "starting",
  "running",
  "stopping",
  "succeeded",
  "failed",
  "lost",
  "cancelled",
  "ignored",
]);

export const jobHealth = z.enum(["queued", "scheduled", "placed", "running", "stopped"]);

export const jobResult = z.strictObject({
  id: uuid,
  app_id: uuid,
  name: z.string(),
  created_at: timestamp,
  started_at: timestamp.nullable().describe("of its first attempt, or the first since it was resumed"),
  finished_at: timestamp.nullable(),
  version: z.int().describe("of the application, when the job was made: all its attempts run it"),
  status: z.strictObject({
    health: jobHealth.describe("Cloudflare's word for it"),
    state: jobState.describe("`finishing`: decided, and something of it is still being stopped"),
    reason: z.string().nullable().describe("what decided it, such as `CompletionsReached` or `DeadlineExceeded`"),
    message: z.string().nullable(),
    active: count.describe("attempts that have not ended"),
    succeeded: count,
    failed: count,
    lost: count.describe("attempts that the platform lost: not the job's failures"),
    cancelled: count,
    ignored: count.describe("failures that a rule said not to count"),
    completed_indexes: z.string().describe("such as `0-3,7`"),
    failed_indexes: z.string(),
  }),
  terminate: z.boolean().describe("it was cancelled"),
  suspend: z.boolean(),
  completions: count,
  parallelism: count,
  retries: count.nullable().describe("null: no limit but `retries_per_index`"),
  retries_per_index: count.nullable(),
  max_failed_indexes: count.nullable(),
  loss_retries: count,
  backoff: z.number(),
  max_backoff: z.number(),
  timeout: z.number().nullable().describe("seconds, as the other lengths of time"),
  deadline: z.number().nullable(),
  ttl: z.number().nullable(),
  failure_policy: z.array(z.looseObject({ action: z.string() })),
  success_policy: z.array(z.looseObject({})),
  fairness_key: z.string(),
  schedule: z.string().optional().describe("the schedule that made it"),
  scheduled_at: timestamp.optional().describe("the time that it was made for"),
  task: z.string().optional().describe("the task that it does"),
  overrides: z
    .array(z.enum(["entrypoint", "image", "instance_type", "vcpu", "memory_mib"]))
    .describe("what it was given in place of the application's"),
  shell: z.boolean().describe("false: it said so, or its image was found to have none"),
  image: z.string(),
  entrypoint: z.array(z.string()),
  command: z.array(z.string()),
  environment_variables: z.array(z.strictObject({ name: z.string(), value: z.string() })),
  secrets: z.array(z.strictObject({ name: z.string(), type: z.literal("env") })).describe("names, without values"),
  payload: z.string().nullable(),
  instance_type: z.string().optional(),
  vcpu: z.number(),
  vcpus: z.number(),
  memory_mib: z.int(),
  memory_mb: z.int(),
  disk: z.strictObject({ size_mb: z.int() }),
  disk_mb: z.int(),
  events: z
    .array(eventResult)
    .describe("ends of its latest attempts, of a job that is asked for by itself or waited for; else none"),
});

export const attemptResult = z.strictObject({
  number: z.int().min(1),
  index: count,
  state: attemptState,
  reason: z.string().nullable(),
  exit_code: z.int().nullable(),
  begun_at: timestamp,
  started_at: timestamp.nullable().describe("when its process was first seen to run"),
  ended_at: timestamp.nullable(),
  deployment_id: z.string(),
  generation: z.int(),
  progress: saidResult.shape.progress.describe("what it said last over the bridge"),
  result: saidResult.shape.result.describe("what it said over the bridge that it came to; up to 16 KiB"),
});

export const attemptLogs = z.strictObject({
  ...attemptResult.shape,
  stdout: z.string().describe("the last 64 KiB"),
  stderr: z.string().describe("the last 64 KiB"),
});

export const deletedJob = z.strictObject({ message: z.string() });

/** Cloudflare names the two maps and not what is in them. */
export const queueStatus = z.strictObject({
  scheduler: z.strictObject({
    job_instances: count.describe("containers of jobs that may be alive at a time; 0: it runs no jobs"),
    active: count.describe("attempts of jobs that have not ended"),
    room: count.describe("attempts that could begin now, as far as the account's limits and capacity allow"),
  }),
  jobs: z.strictObject({
    queued: count.describe("jobs that are not over and of which nothing has been given a container"),
    scheduled: count.describe("jobs of which an attempt waits for its container, and none is further"),
    placed: count.describe("jobs of which a container starts or stops, and none runs"),
    running: count,
    suspended: count.describe("of all those, the ones that wait to be resumed"),
    open: count.describe("jobs that are not over"),
    first: z
      .array(
        z.strictObject({
          id: uuid,
          name: z.string(),
          created_at: timestamp,
          health: jobHealth,
          state: jobState,
          active: count,
        }),
      )
      .describe("the oldest of them, 100 at most; `GET …/jobs` lists all"),
  }),
});
