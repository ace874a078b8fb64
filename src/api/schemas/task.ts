/** What a task is asked for with: the same for a request, a queue message and a container. */
import * as z from "zod";
import { payloadText } from "../../jobs/tasks/draft.ts";
import { duration } from "./duration.ts";
import { jobTemplate } from "./job.ts";

const MAX_PAYLOAD_BYTES = 16_384;
const MAX_HEADERS = 20;
const MAX_BATCH = 100;
const DAY_MS = 86_400_000;
/** A message that is delivered once more after its task is over finds it within this. */
const MIN_TTL_MS = 60_000;

const {
  entrypoint,
  command,
  loss_retries: lossRetries,
  timeout,
  deadline,
  failure_policy: failurePolicy,
  shell,
} = jobTemplate;

const retries = z
  .int()
  .min(0)
  .max(100)
  .describe("Failed tries that are tried again, before the task is dead. Default: 3")
  .optional();
const backoff = duration(0, DAY_MS).describe("Wait before a failed try is repeated; doubles. Default: 10 s").optional();
const maxBackoff = duration(0, DAY_MS).describe("The longest such wait; default: 6 min").optional();

const run = z
  .strictObject({
    entrypoint,
    command,
    environment_variables: jobTemplate.environment_variables,
    retries,
    loss_retries: lossRetries.unwrap().optional().describe("Tries that the platform may lose; default: 10"),
    backoff,
    max_backoff: maxBackoff,
    timeout,
    deadline,
    failure_policy: failurePolicy
      .unwrap()
      .optional()
      .describe("What exit codes mean; the first rule that fits decides"),
    shell: shell
      .unwrap()
      .optional()
      .describe("`false`: no shell of the image keeps exit code and output. Default: true"),
  })
  .superRefine((value, context) => {
    const issue = (path: (string | number)[], message: string) => context.addIssue({ code: "custom", path, message });
    if (value.command !== undefined && value.entrypoint === undefined) {
      issue(["command"], "is given without entrypoint: give both, or neither");
    }
    (value.failure_policy ?? []).forEach(({ action }, index) => {
      if (action === "fail_index") issue(["failure_policy", index, "action"], "has no meaning: a task is one index");
    });
    const names = (value.environment_variables ?? []).map(({ name }) => name);
    names.forEach((name, index) => {
      if (names.indexOf(name) !== index) issue(["environment_variables", index, "name"], "is there twice");
    });
  });

/** Of the connection, or Gantry's own. */
const OWN_HEADER =
  /^(?:gantry-.*|host|connection|content-length|expect|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade)$/i;

const headers = z
  .record(
    z
      .string()
      .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, "must be the name of a header")
      .refine((name) => !OWN_HEADER.test(name), "is a header of the connection, or Gantry's own"),
    z.string().regex(/^[\t\x20-\x7e]{0,1024}$/, "must be at most 1,024 visible characters of ASCII"),
  )
  .refine((all) => Object.keys(all).length <= MAX_HEADERS, `must be at most ${MAX_HEADERS}`);

const http = z.strictObject({
  path: z
    .string()
    .max(2_048)
    .regex(/^\/(?!\/)[\x21-\x7e]*$/, "must be a path that begins with one /")
    .optional()
    .describe("What is called, with its query; default: `/`"),
  method: z.enum(["POST", "PUT", "PATCH", "DELETE", "GET"]).optional().describe("Default: `POST`"),
  headers: headers.optional().describe("Beside `content-type`, which follows from the payload unless it is given here"),
  timeout: duration(1_000, 900_000).describe("Of a try, to the end of the answer; default: 60 s").optional(),
  wait: duration(1_000, DAY_MS)
    .describe("How long a try waits for a ready member, before it has failed (`NoReadyInstance`); default: 10 min")
    .optional(),
  retries,
  backoff,
  max_backoff: maxBackoff,
});

const fields = {
  mode: z
    .enum(["run", "http"])
    .describe(
      "`run`: a container of its own does it, as a job, and exit code 0 completes it. `http`: a member of the pool gets the " +
        "payload as a request, and an answer of 2xx completes it",
    ),
  idempotency_key: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .describe(
      "The same key is the same task of this application, as long as that is kept; default: each request is one",
    ),
  payload: z
    .json()
    .refine(
      (value) => new TextEncoder().encode(payloadText(value)).length <= MAX_PAYLOAD_BYTES,
      "must be at most 16 KiB",
    )
    .optional()
    .describe("A text as it is, anything else as JSON; at most 16 KiB. Default: none"),
  run: run.optional().describe("How its container runs; only with `mode: run`. Image and size are the application's"),
  http: http.optional().describe("The request; only with `mode: http`"),
  fairness_key: z
    .string()
    .max(100)
    .default("")
    .describe("Tasks of one key take turns with those of every other; default: one key for all"),
  delay: duration(0, 30 * DAY_MS)
    .default(0)
    .describe("It begins no sooner than after this; default: 0"),
  ttl: duration(MIN_TTL_MS, 365 * DAY_MS)
    .default(3_600)
    .describe("How long it is kept after its end, dead ones 7 days at least; default: 1 h"),
};

function refineTask(
  value: {
    mode: "run" | "http";
    payload?: unknown;
    run?: object | undefined;
    http?: { method?: string | undefined } | undefined;
  },
  context: z.core.$RefinementCtx,
): void {
  const other = value.mode === "run" ? "http" : "run";
  if (value[other] !== undefined) {
    context.addIssue({ code: "custom", path: [other], message: `has no effect with mode ${value.mode}` });
  }
  if (value.http?.method === "GET" && value.payload !== undefined) {
    context.addIssue({ code: "custom", path: ["payload"], message: "cannot be sent with GET" });
  }
}

export const createTaskSchema = z.strictObject(fields).superRefine(refineTask);

export const createTasksSchema = z.strictObject({
  tasks: z
    .array(createTaskSchema)
    .min(1)
    .max(MAX_BATCH)
    .superRefine((tasks, context) => {
      const keys = tasks.map(({ idempotency_key: key }) => key);
      keys.forEach((key, index) => {
        if (key === undefined || keys.indexOf(key) === index) return;
        context.addIssue({ code: "custom", path: [index, "idempotency_key"], message: "is there twice" });
      });
    })
    .describe("All of them are taken, or none"),
});

/** A message of the queue: a task, and whose. */
export const taskMessageSchema = z
  .strictObject({
    ...fields,
    application: z.string().min(1).max(100).describe("Its name or id"),
    account_id: z
      .string()
      .regex(/^[0-9a-f]{32}$/, "must be 32 lower-case hex digits")
      .optional()
      .describe("The account that has it; default: the one of the deployment"),
  })
  .superRefine(refineTask);

export type TaskRequest = z.output<typeof createTaskSchema>;
export type TaskMessage = z.output<typeof taskMessageSchema>;
