/** What a job is asked for with: Cloudflare's fields, and Kubernetes' semantics beyond them. */
import * as z from "zod";
import { parseIndexes } from "../../jobs/index-set.ts";
import { configurationSchema } from "./configuration.ts";
import { duration } from "./duration.ts";

const {
  environment_variables: variables,
  image,
  instance_type: instanceType,
  vcpu,
  memory_mib,
} = configurationSchema.shape;

export const MAX_COMPLETIONS = 100_000;
const MAX_PARALLELISM = 1_000;
const MAX_PAYLOAD_BYTES = 16_384;
const MAX_RULES = 20;
const DAY_MS = 86_400_000;

export const jobName = z
  .string()
  .regex(
    /^[a-z](?:[a-z0-9-]{0,50}[a-z0-9])?$/,
    "must be 1 to 52 lower-case letters, digits or -, beginning with a letter",
  );

const words = z.array(z.string().min(1).max(4_096)).max(100);
const count = (most: number) => z.int().min(0).max(most);

const exitCodes = z.strictObject({
  operator: z.enum(["in", "not_in"]).describe("Whether the code is to be one of `values`, or none of them"),
  values: z
    .array(z.int().min(0).max(255))
    .min(1)
    .max(255)
    .describe("Exit codes; 0 is success and cannot be in them where they are `in`"),
});

const failureRule = z
  .strictObject({
    action: z
      .enum(["fail_job", "fail_index", "ignore", "count"])
      .describe(
        "`fail_job`: the job has failed. `fail_index`: the index has, and others go on. `ignore`: tried again and not " +
          "counted. `count`: counted against `retries`, as without a rule",
      ),
    exit_codes: exitCodes.describe("Of which exit codes it is"),
  })
  .superRefine(({ exit_codes: { operator, values } }, context) => {
    if (operator !== "in" || !values.includes(0)) return;
    context.addIssue({ code: "custom", path: ["exit_codes", "values"], message: "must not have 0, which is success" });
  });

const indexes = z
  .string()
  .max(1_000)
  .refine((text) => (parseIndexes(text) ?? []).length > 0, "must be indexes such as 0,2-5, in order");

const successRule = z
  .strictObject({
    indexes: indexes.optional().describe("Indexes that are to succeed, such as `0,2-5`; default: any"),
    count: z.int().min(1).max(MAX_COMPLETIONS).optional().describe("How many of them; default: all of `indexes`"),
  })
  .refine(({ indexes: some, count: many }) => some !== undefined || many !== undefined, "must have indexes or count");

const secret = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,255}$/, "must be the name of a variable")
    .describe("The variable that holds it"),
  value: z.string().max(32_768).describe("Kept sealed as long as the job, and never shown"),
  type: z.literal("env").optional().describe("Only `env` is taken"),
});

/** What a job is, whoever makes it: a request, a schedule, a task. */
export const jobTemplate = {
  entrypoint: words.min(1).optional().describe("What its containers run; default: the application's"),
  command: words
    .optional()
    .describe("Arguments of `entrypoint`; default: none, and the application's where `entrypoint` is"),
  image: image.optional().describe("In place of the application's image"),
  instance_type: instanceType.optional().describe("In place of the application's size"),
  vcpu: vcpu.optional().describe("In place of the application's"),
  vcpus: vcpu.optional().describe("The same as `vcpu`"),
  memory_mib: memory_mib.optional().describe("In place of the application's"),
  environment_variables: variables.describe("Beside the application's; one of the same name is in its place"),
  completions: z.int().min(1).max(MAX_COMPLETIONS).default(1).describe("Indexes that are to succeed; default: 1"),
  parallelism: z
    .int()
    .min(1)
    .max(MAX_PARALLELISM)
    .default(1)
    .describe("Containers at a time, as far as `job_instances` of the application allows; default: 1"),
  retries: count(10_000)
    .optional()
    .describe("Failed attempts that are tried again, of all indexes. Default: 0, or no limit with `retries_per_index`"),
  retries_per_index: count(1_000)
    .optional()
    .describe("Failed attempts of one index that are tried again, before that index has failed; default: no limit"),
  max_failed_indexes: count(MAX_COMPLETIONS)
    .optional()
    .describe("Indexes that may fail before the job does; default: it goes on to its end"),
  loss_retries: count(1_000)
    .default(10)
    .describe("Attempts that the platform may lose, each of which is tried again; default: 10"),
  backoff: duration(0, DAY_MS)
    .default(10)
    .describe("Wait before a failed index is tried again; doubles. Default: 10 s"),
  max_backoff: duration(0, DAY_MS).default(360).describe("The longest such wait; default: 6 min"),
  timeout: duration(1_000, 30 * DAY_MS)
    .optional()
    .describe("Of an attempt, from its start: SIGTERM, after `stop_grace` SIGKILL. Default: none"),
  deadline: duration(1_000, 365 * DAY_MS)
    .optional()
    .describe("Of the job, from its first attempt; it goes before retries. Default: none"),
  failure_policy: z
    .array(failureRule)
    .max(MAX_RULES)
    .default([])
    .describe("What exit codes mean; the first rule that fits decides. Default: all but 0 are failures that count"),
  success_policy: z
    .array(successRule)
    .max(MAX_RULES)
    .default([])
    .describe("The job has succeeded when one of these is met; default: when all indexes have"),
  ttl: duration(0, 365 * DAY_MS)
    .optional()
    .describe("How long it is kept after its end; default: until it is deleted"),
  payload: z
    .string()
    .refine((text) => new TextEncoder().encode(text).length <= MAX_PAYLOAD_BYTES, "must be at most 16 KiB")
    .optional()
    .describe("Its containers read it from `http://control.gantry.internal/payload`, as text; default: none"),
  fairness_key: z
    .string()
    .max(100)
    .default("")
    .describe("Jobs of one key take turns with those of every other; default: one key for all"),
  shell: z
    .boolean()
    .default(true)
    .describe(
      "Whether a shell of the image keeps the exit code and the last output. It is tried, and found out where there is none",
    ),
} as const;

type Template = z.output<z.ZodObject<typeof jobTemplate>>;

/** Rules over several fields of a template. */
export function refineJob(value: Template, context: z.core.$RefinementCtx): void {
  const issue = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
  if (value.command !== undefined && value.entrypoint === undefined) {
    issue("command", "is given without entrypoint: give both, or neither");
  }
  if (value.vcpu !== undefined && value.vcpus !== undefined) issue("vcpus", "is the same as vcpu: give one of the two");
  const sized = value.vcpu ?? value.vcpus ?? value.memory_mib;
  if (value.instance_type !== undefined && sized !== undefined) {
    issue("instance_type", "is given beside vcpu or memory_mib: give one of the two");
  }
  if (value.parallelism > value.completions && value.parallelism > 1) {
    issue("parallelism", `must be at most completions (${value.completions})`);
  }
  if (value.max_failed_indexes !== undefined && value.retries_per_index === undefined) {
    issue("max_failed_indexes", "has no effect without retries_per_index");
  }
  const last = value.completions - 1;
  value.failure_policy.forEach(({ action }, index) => {
    if (action !== "fail_index" || value.retries_per_index !== undefined) return;
    const path = ["failure_policy", index, "action"];
    context.addIssue({ code: "custom", path, message: "needs retries_per_index: without it a job fails as a whole" });
  });
  value.success_policy.forEach(({ indexes: some = "", count: many = 1 }, index) => {
    const most = (parseIndexes(some) ?? []).at(-1)?.last ?? 0;
    if (most <= last && many <= value.completions) return;
    const message = `must be met by completions (${value.completions}): indexes are 0 to ${last}`;
    context.addIssue({ code: "custom", path: ["success_policy", index], message });
  });
  const names = (value.environment_variables ?? []).map(({ name }) => name);
  names.forEach((name, index) => {
    if (names.indexOf(name) === index) return;
    context.addIssue({ code: "custom", path: ["environment_variables", index, "name"], message: "is there twice" });
  });
}

export const createJobSchema = z
  .strictObject({
    name: jobName.optional().describe("For people, and unique if you make it so; default: made of its id"),
    ...jobTemplate,
    secrets: z.array(secret).max(50).default([]).describe("Values that live as long as the job, as variables"),
    suspend: z.boolean().default(false).describe("Whether it waits to be resumed; default: false"),
  })
  .superRefine((value, context) => {
    refineJob(value, context);
    const variables_ = new Set((value.environment_variables ?? []).map(({ name }) => name));
    value.secrets.forEach(({ name }, index) => {
      const isTwice = value.secrets.findIndex((other) => other.name === name) !== index;
      if (!isTwice && !variables_.has(name)) return;
      const message = isTwice ? "is there twice" : "is in environment_variables too";
      context.addIssue({ code: "custom", path: ["secrets", index, "name"], message });
    });
  });

export type CreateJob = z.output<typeof createJobSchema>;
export type JobTemplate = Template;

export const patchJobSchema = z
  .strictObject({
    terminate: z.literal(true).optional().describe("Cancels the job; only `true` is taken"),
    suspend: z.boolean().optional().describe("`true` ends what runs, which is no failure; `false` goes on"),
  })
  .refine(
    ({ terminate, suspend }) => (terminate === undefined) !== (suspend === undefined),
    "must have terminate or suspend, and not both",
  );
