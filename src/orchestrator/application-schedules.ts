/** What the API and the watchdog do with the schedules of an application. They live in the first of its objects. */
import type { JobView } from "../jobs/job-control.ts";
import type { SchedulePage, ScheduleView } from "../jobs/schedules/schedule-control.ts";
import { newSchedule, suspendSchedule, type NewSchedule } from "../jobs/schedules/schedule.ts";
import { watch } from "../jobs/schedules/watch.ts";
import { ApplicationJobs } from "./application-jobs.ts";
import type { WriteGuard } from "./write-guard.ts";

/** Until what is being deleted is gone, and with it its watch. */
const ENDING_AGAIN_MS = 60_000;

export class ApplicationSchedules extends ApplicationJobs {
  async createSchedule(given: NewSchedule, guard: WriteGuard, actor: string): Promise<ScheduleView> {
    await this.#watch(newSchedule(given, Date.now()).state.wakeAt);
    return this.core.schedules.create(given, guard, actor);
  }

  /** Creates it, or gives it that specification. */
  async putSchedule(given: NewSchedule, guard: WriteGuard, actor: string): Promise<ScheduleView> {
    await this.#watch(newSchedule(given, Date.now()).state.wakeAt);
    return await this.core.schedules.put(given, guard, actor);
  }

  schedule(name: string): ScheduleView {
    this.core.mustRow();
    return this.core.schedules.view(name);
  }

  schedules(after: string, limit: number): SchedulePage {
    this.core.mustRow();
    return this.core.schedules.list(after, limit);
  }

  /** Null: it is nobody's any more. */
  ownSchedule(name: string, owner: string | null): ScheduleView {
    this.core.mustRow();
    return this.core.schedules.own(name, owner);
  }

  async suspendSchedule(name: string, suspended: boolean, guard: WriteGuard, actor: string): Promise<ScheduleView> {
    const { schedule } = this.schedule(name);
    await this.#watch(suspendSchedule(schedule, suspended, Date.now()).state.wakeAt);
    return await this.core.schedules.suspend(name, suspended, guard, actor);
  }

  /**
   * False when there is none. The watchdog forgets the last one with its next look: whoever told it now might be heard after
   * somebody who makes another, whom nobody would watch then.
   */
  deleteSchedule(name: string, guard: WriteGuard, actor: string): boolean {
    this.core.mustRow();
    return this.core.schedules.remove(name, guard, actor);
  }

  /** The same id again is the same run. */
  async runSchedule(name: string, id: string, guard: WriteGuard, actor: string): Promise<JobView> {
    this.core.mustRow();
    return await this.core.schedules.runNow(name, id, guard, actor);
  }

  /** The watchdog found it overdue: what its alarm should have done is done. Its next run; null: there is none. */
  async pokeCron(): Promise<number | null> {
    const row = this.core.row();
    if (row === undefined) return null;
    if (row.deleting) {
      // The alarm that was to bring it to its end may be the one that was lost.
      this.core.pass();
      return Date.now() + ENDING_AGAIN_MS;
    }
    const { schedules } = this.core;
    const { nextAt } = schedules;
    if (nextAt !== null && nextAt <= Date.now()) await this.alarm();
    schedules.arm();
    return schedules.nextAt;
  }

  async #watch(nextAt: number | null): Promise<void> {
    await watch(this.env, this.core.mustRow().id, nextAt);
  }
}
