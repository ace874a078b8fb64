/** An application's jobs, schedules and tasks, wired to its rows, its timers and each other. */
import type { Database } from "../database.ts";
import type { StoredConfiguration } from "../orchestrator/configurations.ts";
import type { DeploymentStore } from "../orchestrator/deployment-store.ts";
import { JobSlots } from "../orchestrator/job-slots.ts";
import { sizeOf } from "../orchestrator/launch-spec.ts";
import type { ApplicationRow } from "../orchestrator/storage/application-row.ts";
import type { Timers } from "../timers.ts";
import { JobControl } from "./job-control.ts";
import { ScheduleControl, type ScheduleControlDeps } from "./schedules/schedule-control.ts";
import { TaskControl } from "./tasks/task-control.ts";
import { TaskRunner } from "./tasks/task-runner.ts";

export interface ApplicationBatchDeps extends Pick<ScheduleControlDeps, "reserve" | "settle"> {
  readonly db: Database;
  readonly timers: Timers;
  readonly deployments: DeploymentStore;
  readonly row: () => ApplicationRow | undefined;
  readonly mustRow: () => ApplicationRow;
  readonly configuration: (version: number) => StoredConfiguration;
  readonly pass: () => void;
  /** Its load may be another. */
  readonly look: () => void;
  readonly background: (work: Promise<void>) => void;
}

export interface ApplicationBatch {
  readonly jobs: JobControl;
  readonly schedules: ScheduleControl;
  readonly tasks: TaskControl;
  readonly taskRunner: TaskRunner;
  readonly slots: JobSlots;
}

/** Looked up each time: tests put it forward. */
const clock = () => Date.now();

export function applicationBatch(deps: ApplicationBatchDeps): ApplicationBatch {
  const { db, timers, deployments, row, mustRow, configuration, reserve, settle, pass, look, background } = deps;
  const jobs = new JobControl({ db, clock, row: mustRow, pass, live: () => deployments.all(), configuration });
  const schedules = new ScheduleControl({
    db,
    timers,
    clock,
    row,
    mustRow,
    jobs,
    configuration,
    reserve,
    settle,
    pass,
  });
  const taskRunner = new TaskRunner({ db, timers, clock, row, jobs, pass, look, background });
  const tasks = new TaskControl({ db, clock, row: mustRow, jobs, runner: taskRunner });
  const slots = new JobSlots({
    db,
    sizeOf: (version) => sizeOf(configuration(version)),
    onFinished: (job) => {
      if (job.override?.size !== undefined) deployments.hasFreedSize = true;
      schedules.finished(job);
      taskRunner.jobFinished(job);
    },
  });
  return { jobs, schedules, tasks, taskRunner, slots };
}
