/** Which test sees the effect of each field of schedules. */

type Tests = Readonly<Record<string, readonly [file: string, title: string]>>;

const TIME = "src/jobs/schedules/schedule-control.test.ts";
const API = "test/workers/schedules.test.ts";

const CLOCKS = "%s: half past two with %s";
const KEPT = "are kept as many as the history says, cancelled ones among the failed";
const SUSPENDED = "has no alarm and fires nothing; resumed, it goes on with its next run, unless it is to make up";

const fields: Tests = {
  cron: [API, "begins at its time, knows it, and can be asked for by its schedule"],
  time_zone: [TIME, CLOCKS],
  concurrency: [API, "replaces the one that runs, which is cancelled, or is skipped beside it"],
  "misfire.policy": [TIME, "run as misfire says: %s"],
  "misfire.limit": [TIME, "run as misfire says: %s"],
  "misfire.after_suspension": [API, SUSPENDED],
  starting_deadline: [TIME, "are not begun after the starting deadline"],
  dst_gap: [TIME, CLOCKS],
  dst_overlap: [TIME, CLOCKS],
  jitter: [
    TIME,
    "begins each run later by a time of its own, the same for everybody who asks, and names it by its slot",
  ],
  suspend: [API, SUSPENDED],
  "history.succeeded": [API, "is not kept longer than the history says"],
  "history.failed": [TIME, KEPT],
};

export const SCHEDULE_FIELD_TESTS: Readonly<Record<string, Tests>> = {
  CreateSchedule: {
    name: [API, "is created, shown with its next runs, listed, changed and deleted"],
    ...fields,
  },
  PutSchedule: fields,
  PatchSchedule: { suspend: [API, SUSPENDED] },
};
