/** Answers about tasks. */
import * as z from "zod";
import { timestamp, uuid } from "./common.ts";

const count = z.int().min(0);

export const taskState = z.enum(["queued", "running", "succeeded", "dead", "cancelled"]);

const backoff = { retries: count, backoff: z.number(), max_backoff: z.number() };

export const taskResult = z.strictObject({
  id: uuid,
  app_id: uuid,
  idempotency_key: z.string().nullable(),
  mode: z.enum(["run", "http"]),
  state: taskState.describe("`dead`: given up, with the reason beside it"),
  reason: z.string().nullable().describe("what ended it, or why its latest try failed, such as `RetriesExhausted`"),
  message: z.string().nullable(),
  created_at: timestamp,
  not_before: timestamp.describe("it begins no sooner"),
  started_at: timestamp.nullable().describe("of its latest try"),
  finished_at: timestamp.nullable(),
  remove_at: timestamp.nullable().describe("when it is not kept any more; null while it is not over"),
  tries: count.describe("begun so far: of a task that runs in jobs, the jobs"),
  failures: count.describe("failed tries since it was made, or retried by somebody"),
  losses: count.describe("tries in a row whose outcome is not known"),
  status: z.int().nullable().describe("of the latest answer"),
  job: uuid.nullable().describe("that does it, with attempts and their output under …/jobs"),
  fairness_key: z.string(),
  ttl: z.number(),
  payload: z.json().describe("as it was given; null: none"),
  http: z
    .strictObject({
      path: z.string(),
      method: z.string(),
      headers: z.record(z.string(), z.string()),
      timeout: z.number(),
      wait: z.number(),
      ...backoff,
    })
    .optional(),
  run: z
    .strictObject({
      entrypoint: z.array(z.string()).nullable(),
      command: z.array(z.string()).nullable(),
      environment_variables: z.array(z.strictObject({ name: z.string(), value: z.string() })),
      ...backoff,
      loss_retries: count,
      timeout: z.number().nullable(),
      deadline: z.number().nullable(),
      failure_policy: z.array(z.looseObject({ action: z.string() })),
      shell: z.boolean(),
    })
    .optional(),
});

export const deletedTask = z.strictObject({ message: z.string() });
