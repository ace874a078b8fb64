/** What may be asked of logs. */
import * as z from "zod";
import { parseDuration } from "../../duration.ts";
import { LEVELS } from "../../logs/entry.ts";
import type { LogFilter } from "../../logs/filter.ts";
import { invalid } from "../body.ts";

export const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

const moment = z.string().min(1).max(40);

/** Of one instance. No schemas yet: those that are exported are components of the document. */
export const instanceLogsQuery = {
  level: z.enum(LEVELS).optional().describe("Lines of this level and of worse ones only. All levels by default."),
  status: z
    .array(z.string().regex(/^[1-5](?:\d\d|xx)$/, "must be a status such as 404, or a class such as 5xx"))
    .max(10)
    .optional()
    .describe("Lines about this HTTP status only, as 404 or 5xx; may be repeated."),
  since: moment.optional().describe("Lines from this time on: 2026-01-31T12:00:00Z, or 15m for so long ago."),
  until: moment.optional().describe("Lines up to this time: 2026-01-31T12:00:00Z, or 15m for so long ago."),
  contains: z.string().min(1).max(200).optional().describe("Lines with this text only, in upper or lower case."),
  stream: z.enum(["stdout", "stderr"]).optional().describe("Lines of this stream only."),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_LIMIT)
    .default(DEFAULT_LIMIT)
    .describe("Most lines in the answer; of one that is followed, most that are shown of what was there before."),
  order: z
    .enum(["newest", "oldest"])
    .optional()
    .describe("Which lines come first. Newest, the default; what is followed comes in its order."),
  page_token: z.string().max(512).optional().describe("`next_page_token` of the page before; default: the first page"),
  follow: z
    .enum(["true", "false"])
    .optional()
    .describe("true: server-sent events, with each new line. Default: false."),
};

export const applicationLogsQuery = {
  ...instanceLogsQuery,
  instance: z.string().min(1).max(100).optional().describe("Id or name of an instance, whose lines alone are wanted."),
  job: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe("Id or name of a job: what its attempts have printed, of the last 50 that have ended."),
};
const whole = z.strictObject(applicationLogsQuery);
export type LogsQuery = z.output<typeof whole>;

export function logFilterOf(query: LogsQuery, now: number): LogFilter {
  const { level, status, contains, stream } = query;
  const [since, until] = [momentOf(query, "since", now), momentOf(query, "until", now)];
  if (since !== undefined && until !== undefined && since > until) throw invalid({ until: "must not be before since" });
  return { level, statuses: status, since, until, contains, stream };
}

/** What belongs to the one way of asking and not to the other. */
export function refuseMixtures({ follow, job, order, page_token: token, until, instance }: LogsQuery): void {
  if (job !== undefined && instance !== undefined) throw invalid({ instance: "is not for the logs of a job" });
  if (follow !== "true") return;
  if (job !== undefined) throw invalid({ follow: "is for instances: wait for the job, and read its logs then" });
  if (order !== undefined) throw invalid({ order: "is for lists: what is followed comes in its order" });
  if (token !== undefined) throw invalid({ page_token: "is for lists: what is followed has no pages" });
  if (until !== undefined) throw invalid({ until: "is for lists: what is followed has no end" });
}

function momentOf(query: LogsQuery, field: "since" | "until", now: number): number | undefined {
  const text = query[field];
  if (text === undefined) return undefined;
  const isTime = z.iso.datetime({ offset: true }).safeParse(text).success;
  const ago = isTime ? null : parseDuration(text);
  if (!isTime && ago === null)
    throw invalid({ [field]: "must be a time such as 2026-01-31T12:00:00Z, or 15m for so long ago" });
  return ago === null ? Date.parse(text) : now - ago;
}
