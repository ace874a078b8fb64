/** Answers about schedules. */
import * as z from "zod";
import { timestamp, uuid } from "./common.ts";

const count = z.int().min(0);

export const scheduleResult = z.strictObject({
  id: uuid,
  app_id: uuid,
  name: z.string(),
  created_at: timestamp,
  updated_at: timestamp,
  cron: z.string(),
  time_zone: z.string().describe("as the IANA database spells it"),
  concurrency: z.enum(["allow", "forbid", "replace"]),
  misfire: z.strictObject({
    policy: z.enum(["skip", "one", "all"]),
    limit: z.int().optional(),
    after_suspension: z.boolean(),
  }),
  starting_deadline: z.number().nullable().describe("seconds, as `jitter`"),
  dst_gap: z.enum(["skip", "run_after"]),
  dst_overlap: z.enum(["first", "both"]),
  jitter: z.number(),
  suspend: z.boolean(),
  owner: z.string().nullable().describe("the name of what manages it; null: nobody's"),
  history: z.strictObject({ succeeded: count, failed: count }),
  job: z.looseObject({}).describe("as it was asked for, with its defaults"),
  status: z.strictObject({
    next_run_at: timestamp.nullable().describe("when the next run begins, its jitter included; null: it is suspended"),
    upcoming: z.array(timestamp).describe("the times of its next runs"),
    last_scheduled_at: timestamp.nullable().describe("the time of its last run that was not made by hand"),
    active: count.describe("jobs of it that are not over"),
    fired: count,
    skipped: count.describe("runs that its concurrency, or its application, did not allow"),
    missed: count.describe("runs that came too late"),
  }),
});
