/** What a schedule is asked for with: when it fires, what becomes of runs that meet others or come late, and the job. */
import * as z from "zod";
import { duration } from "./duration.ts";
import { jobName, jobTemplate, refineJob } from "./job.ts";

const DAY_MS = 86_400_000;
/** Alarms are not exact: what is to be begun sooner might never be. */
const LEAST_DEADLINE_MS = 10_000;
const MAX_KEPT = 100;
const MAX_CATCH_UP = 100;

/** With a minute behind it, still the name of a job. */
export const scheduleName = jobName;

const misfire = z
  .strictObject({
    policy: z
      .enum(["skip", "one", "all"])
      .default("one")
      .describe(
        "Of runs that are more than a minute late: none of them runs, the latest, or the latest `limit`; default: `one`",
      ),
    limit: z.int().min(1).max(MAX_CATCH_UP).optional().describe("Of `all`: how many run at most; default: 10"),
    after_suspension: z
      .boolean()
      .default(false)
      .describe("Whether that goes for runs that passed while it was suspended too. Default: they never run"),
  })
  .superRefine(({ policy, limit, after_suspension: isAfter }, context) => {
    if (limit !== undefined && policy !== "all") {
      context.addIssue({ code: "custom", path: ["limit"], message: "goes with policy all only" });
    }
    if (isAfter && policy === "skip") {
      context.addIssue({ code: "custom", path: ["after_suspension"], message: "has no effect with policy skip" });
    }
  });

const history = z.strictObject({
  succeeded: z.int().min(0).max(MAX_KEPT).default(3).describe("Jobs of it that have succeeded; default: 3"),
  failed: z.int().min(0).max(MAX_KEPT).default(1).describe("Jobs of it that have failed or were cancelled; default: 1"),
});

const fields = {
  cron: z
    .string()
    .min(1)
    .max(200)
    .describe("Five fields, minute hour day month weekday, or `@hourly` and the like; what can never be is refused"),
  time_zone: z
    .string()
    .min(1)
    .max(100)
    .default("UTC")
    .describe("Whose clocks `cron` speaks of, by its name in the IANA database; default: `UTC`"),
  concurrency: z
    .enum(["allow", "forbid", "replace"])
    .default("allow")
    .describe(
      "While an earlier run of it is not over: beside it, not at all, or in its place, which cancels it. Default: `allow`",
    ),
  misfire: misfire
    .default({ policy: "one", after_suspension: false })
    .describe("What becomes of runs that come too late"),
  starting_deadline: duration(LEAST_DEADLINE_MS, 365 * DAY_MS)
    .optional()
    .describe("A run that could not be begun so long after its time is not begun at all; default: no limit"),
  dst_gap: z
    .enum(["skip", "run_after"])
    .default("run_after")
    .describe("At a time that the clocks leap over: no run, or one when they have leapt. Default: `run_after`"),
  dst_overlap: z
    .enum(["first", "both"])
    .default("first")
    .describe("At a time that is there twice: a run the first time, or both times. Default: `first`"),
  jitter: duration(0, DAY_MS)
    .default(0)
    .describe(
      "Each run begins up to so long after its time, the same for each; at most the time between two runs. Default: 0",
    ),
  suspend: z.boolean().default(false).describe("Whether it fires nothing for now; default: false"),
  history: history.default({ succeeded: 3, failed: 1 }).describe("How many finished jobs of it are kept"),
  job: z
    .strictObject(jobTemplate)
    .superRefine(refineJob)
    .describe("The job of each run; `{}` is one run of what the application runs"),
} as const;

export const createScheduleSchema = z.strictObject({
  name: scheduleName.describe("Unique in its application, for good; a run is named by it and its minute"),
  ...fields,
});

export const putScheduleSchema = z.strictObject(fields);

export const patchScheduleSchema = z.strictObject({
  suspend: z.boolean().describe("`true`: it fires nothing until it is resumed; `false`: it goes on with its next run"),
});

export type PutSchedule = z.output<typeof putScheduleSchema>;
