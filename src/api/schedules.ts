/** From a request for a schedule to what its application keeps: times that can be, and a job that could be started. */
import { parseDuration } from "../duration.ts";
import { canonicalZone } from "../jobs/cron/time-zone.ts";
import { upcoming, type NewSchedule, type ScheduleSpec } from "../jobs/schedules/schedule.ts";
import { invalid } from "./body.ts";
import { jobLaunchOf, jobSpecOf } from "./jobs.ts";
import type { PutSchedule } from "./schemas/schedule.ts";

const DEFAULT_CATCH_UP = 10;
/** Two runs may be nearer to each other than these, once in a while: then the later waits for the earlier. */
const LOOKED_AT = 100;
const LOOKED_AT_MS = 62 * 86_400_000;

/** Throws `VALIDATE_INPUT` with the field whose time can never be. `id`: of the schedule, if it is new. */
export function scheduleOf(name: string, id: string, body: PutSchedule, now: number): NewSchedule {
  const zone = canonicalZone(body.time_zone);
  if (zone === undefined) {
    throw invalid({ time_zone: "must be a name of the IANA database, such as Europe/Berlin or UTC" });
  }
  const { policy, limit = DEFAULT_CATCH_UP, after_suspension: runsAfterSuspension } = body.misfire;
  const { fairness_key: fairnessKey, shell: hasShell } = body.job;
  const spec: ScheduleSpec = {
    cron: body.cron.trim(),
    timeZone: zone,
    gap: body.dst_gap,
    overlap: body.dst_overlap,
    concurrency: body.concurrency,
    misfire: policy === "all" ? { policy, limit } : { policy },
    runsAfterSuspension,
    startingDeadlineMs: body.starting_deadline === undefined ? null : parseDuration(body.starting_deadline),
    jitterMs: parseDuration(body.jitter) ?? 0,
    history: body.history,
    job: { spec: jobSpecOf(body.job), launch: jobLaunchOf(body.job), fairnessKey, isBare: !hasShell },
    template: JSON.stringify(body.job),
  };
  requireTimes(spec, now);
  return { id, name, suspended: body.suspend, spec };
}

function requireTimes(spec: ScheduleSpec, now: number): void {
  const [first] = upcoming(spec, now, 1);
  if (first === undefined) {
    throw invalid({
      cron: `can never fire: there is no such day as ${spec.cron} names; correct day, month or weekday`,
    });
  }
  if (spec.jitterMs === 0) return;
  const least = leastGap(spec, first);
  if (spec.jitterMs <= least) return;
  throw invalid({ jitter: `must be at most the time between two runs, which is ${least / 1_000} s` });
}

function leastGap(spec: ScheduleSpec, first: number): number {
  let least = Number.POSITIVE_INFINITY;
  let slot = first;
  for (let looked = 0; looked < LOOKED_AT && slot < first + LOOKED_AT_MS; looked += 1) {
    const [next] = upcoming(spec, slot, 1);
    if (next === undefined) break;
    least = Math.min(least, next - slot);
    slot = next;
  }
  return least;
}
