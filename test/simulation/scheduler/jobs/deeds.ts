/** The jobs of a simulated application, and what is done with them: data that a seed gives and people can read. */
import * as z from "zod";
import { formatIndexes, NO_INDEXES, parseIndexes } from "../../../../src/jobs/index-set.ts";
import type { JobSpec } from "../../../../src/jobs/job.ts";
import type { Random } from "../../random.ts";
import { FAILURES } from "./command.ts";

const at = z.int().min(0);
const ms = z.int().min(0);
const count = z.int().min(0);
const share = z.number().min(0).max(1);

const submit = z.strictObject({
  at,
  do: z.literal("submit"),
  job: z.string(),
  completions: z.int().min(1),
  parallelism: z.int().min(1),
  retries: count.nullable(),
  retriesPerIndex: count.nullable().default(null),
  maxFailedIndexes: count.nullable().default(null),
  lossRetries: count.default(100),
  backoffMs: ms,
  timeoutMs: ms.nullable().default(null),
  deadlineMs: ms.nullable().default(null),
  ttlMs: ms.nullable().default(null),
  failurePolicy: z
    .array(
      z.strictObject({
        action: z.enum(["fail_job", "fail_index", "ignore", "count"]),
        operator: z.enum(["in", "not_in"]),
        codes: z.array(z.int()),
      }),
    )
    .default([]),
  /** Indexes as `0,2-3`; with neither, there is no such rule. */
  success: z.strictObject({ indexes: z.string().nullable(), count: count.nullable() }).nullable().default(null),
  fairnessKey: z.string().default(""),
  isSuspended: z.boolean().default(false),
  /** Its command is declared, so that a shell runs it. */
  isDeclared: z.boolean().default(true),
  hasShell: z.boolean().default(true),
  fails: share,
  hangs: share.default(0),
  lastMs: ms,
});
export type Submission = z.infer<typeof submit>;

/** With what is usual where nothing else is said. */
export function submission(fields: Omit<z.input<typeof submit>, "do">): Submission {
  return submit.parse({ do: "submit", ...fields });
}

const ACTIONS = ["cancel", "suspend", "resume", "remove"] as const;
export type JobAction = (typeof ACTIONS)[number];

export const JOB_DEEDS = [
  submit,
  z.strictObject({ at, do: z.literal("job"), job: z.string(), action: z.enum(ACTIONS) }),
  /** So many attempts may be alive from now on. */
  z.strictObject({ at, do: z.literal("run-jobs"), most: z.int().min(0) }),
] as const;
export type JobDeed = z.infer<(typeof JOB_DEEDS)[number]>;

/** At most; whoever waits for the last of them waits for all others. */
const MAX_BACKOFF_MS = 60_000;
const JOBS = ["j1", "j2", "j3"] as const;

export function specOf(deed: Submission): JobSpec {
  const { success } = deed;
  const indexes = success?.indexes ?? null;
  return {
    completions: deed.completions,
    parallelism: deed.parallelism,
    retries: deed.retries,
    retriesPerIndex: deed.retriesPerIndex,
    maxFailedIndexes: deed.maxFailedIndexes,
    lossRetries: deed.lossRetries,
    backoffMs: deed.backoffMs,
    maxBackoffMs: MAX_BACKOFF_MS,
    timeoutMs: deed.timeoutMs,
    deadlineMs: deed.deadlineMs,
    ttlMs: deed.ttlMs,
    failurePolicy: deed.failurePolicy.map(({ action, operator, codes }) => {
      return { action, exitCodes: { operator, values: codes } };
    }),
    successPolicy:
      success === null
        ? []
        : [{ indexes: indexes === null ? null : (parseIndexes(indexes) ?? NO_INDEXES), count: success.count }],
  };
}

/** How many attempts may be alive, and what is done: in a third of all applications there are jobs. */
export function someJobs(random: Random, chaosMs: number): { readonly jobs: number; readonly deeds: JobDeed[] } {
  if (!random.chance(0.35)) return { jobs: 0, deeds: [] };
  const deeds: JobDeed[] = [];
  for (const job of JOBS.slice(0, random.between(1, JOBS.length))) {
    const submitted = someSubmission(random, job, random.between(0, Math.floor(chaosMs / 2)));
    deeds.push(submitted);
    for (let left = random.chance(0.5) ? random.between(1, 3) : 0; left > 0; left -= 1) {
      deeds.push({ at: random.between(submitted.at, chaosMs), do: "job", job, action: random.pick(ACTIONS) });
    }
  }
  if (random.chance(0.2)) deeds.push({ at: random.between(0, chaosMs), do: "run-jobs", most: random.between(1, 4) });
  return { jobs: random.between(1, 5), deeds };
}

function someSubmission(random: Random, job: string, time: number): Submission {
  const maybe = (probability: number, min: number, max: number) =>
    random.chance(probability) ? random.between(min, max) : null;
  const completions = random.between(1, 6);
  const retriesPerIndex = maybe(0.3, 0, 2);
  const timeoutMs = maybe(0.4, 2_000, 40_000);
  const deadlineMs = maybe(0.4, 10_000, 120_000);
  const isTimed = timeoutMs !== null || deadlineMs !== null;
  return {
    at: time,
    do: "submit",
    job,
    completions,
    parallelism: random.between(1, 4),
    retries: retriesPerIndex !== null && random.chance(0.5) ? null : random.between(0, 6),
    retriesPerIndex,
    maxFailedIndexes: retriesPerIndex === null ? null : maybe(0.3, 0, 2),
    lossRetries: maybe(0.2, 0, 3) ?? 100,
    backoffMs: random.between(500, 10_000),
    timeoutMs,
    deadlineMs,
    ttlMs: maybe(0.3, 0, 60_000),
    failurePolicy: random.chance(0.3)
      ? [
          {
            action: random.pick(["fail_job", "fail_index", "ignore", "count"]),
            operator: random.pick(["in", "not_in"]),
            codes: FAILURES.filter(() => random.chance(0.5)),
          },
        ]
      : [],
    success: random.chance(0.2) ? someSuccess(random, completions) : null,
    fairnessKey: random.pick(["", "one", "two"]),
    isSuspended: random.chance(0.1),
    isDeclared: random.chance(0.8),
    hasShell: random.chance(0.85),
    fails: random.chance(0.6) ? Math.round(random.next() * 60) / 100 : 0,
    // Nobody else would end what hangs.
    hangs: isTimed && random.chance(0.4) ? Math.round(random.next() * 50) / 100 : 0,
    lastMs: random.between(300, 25_000),
  };
}

function someSuccess(random: Random, completions: number): NonNullable<Submission["success"]> {
  if (random.chance(0.5)) return { indexes: null, count: random.between(1, completions) };
  const last = random.between(0, completions - 1);
  return {
    indexes: formatIndexes([{ first: 0, last }]),
    count: random.chance(0.5) ? random.between(1, last + 1) : null,
  };
}
