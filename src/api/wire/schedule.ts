/** Schedules as clients see them. */
import type { ScheduleView } from "../../jobs/schedules/schedule-control.ts";
import { iso, isoOrNull, secondsOrNull } from "../../iso.ts";

export function wireSchedule(applicationId: string, { schedule, active, upcoming }: ScheduleView) {
  const { spec, state } = schedule;
  const { misfire, startingDeadlineMs } = spec;
  return {
    id: schedule.id,
    app_id: applicationId,
    name: schedule.name,
    created_at: iso(schedule.createdAt),
    updated_at: iso(schedule.updatedAt),
    cron: spec.cron,
    time_zone: spec.timeZone,
    concurrency: spec.concurrency,
    misfire: { ...misfire, after_suspension: spec.runsAfterSuspension },
    starting_deadline: secondsOrNull(startingDeadlineMs),
    dst_gap: spec.gap,
    dst_overlap: spec.overlap,
    jitter: spec.jitterMs / 1_000,
    suspend: schedule.suspended,
    owner: schedule.owner ?? null,
    history: { ...spec.history },
    // Written from a request that was validated.
    job: JSON.parse(spec.template) as Record<string, unknown>,
    status: {
      next_run_at: isoOrNull(state.wakeAt),
      upcoming: upcoming.map(iso),
      last_scheduled_at: isoOrNull(state.lastSlot),
      active,
      fired: state.fired,
      skipped: state.skipped,
      missed: state.missed,
    },
  };
}
