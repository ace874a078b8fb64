/** Once the faults have stopped: what is not as it should be yet, and whether anybody wakes for nothing. */
import { CRON_TIMER } from "../../../src/jobs/schedules/schedule-control.ts";
import { TASKS_TIMER } from "../../../src/jobs/tasks/task-runner.ts";
import { PASS_TIMER } from "../../../src/orchestrator/scheduler.ts";
import type { BatchWorld } from "./world.ts";

const MINUTE_MS = 60_000;

/** Null: everything has come to its end, and everybody rests. */
export function unsettled(world: BatchWorld, calmAt: number): string | null {
  const { application, queue, tasks, jobs, schedules, isDeleting, network } = world;
  const message = queue.open;
  if (message !== undefined)
    return `L4: message ${message.id} was delivered ${message.attempts} times, and is nothing yet`;
  if (isDeleting) {
    if (!application.erased) return "L1: the application is being deleted, and is still there";
    const left = world.platform.alive()[0];
    return left === undefined ? null : `S16: ${left.id} runs, and its application is gone`;
  }
  const [task] = tasks.open();
  if (task !== undefined) return `L4: task ${task.id} is ${task.state}, ${task.reason ?? "and nobody says why"}`;
  const missing = schedules.open();
  if (missing !== null) return missing;
  const open = jobs.open(Number.POSITIVE_INFINITY);
  if (open !== null) return open;
  if (network.underway > 0) return "L6: messages are under way";
  return restless(world, calmAt);
}

/** Nobody wakes but for the next slot, for what is to be removed, and for looks at the members of the pool. */
function restless(world: BatchWorld, calmAt: number): string | null {
  const { life, storage } = world.application;
  const { timers, schedules, deployments } = life;
  const cron = timers.dueAt(CRON_TIMER);
  if (cron !== schedules.nextAt) return `L6: crons wake at ${cron}, and the next is due at ${schedules.nextAt}`;
  const slot = deployments.all().find(({ attempt }) => attempt !== undefined);
  if (slot !== undefined) return `L6: ${slot.id} is kept for jobs, and there are none`;
  const pass = timers.dueAt(PASS_TIMER);
  if (pass !== null && deployments.size === 0) return `L6: the scheduler wakes at ${pass}, and nothing runs`;
  const due = [cron, pass, timers.dueAt(TASKS_TIMER)].filter((at) => at !== null);
  const next = due.length === 0 ? null : Math.min(...due);
  if (next !== storage.alarmAt) return `L6: the alarm is at ${storage.alarmAt}, and the next timer at ${next}`;
  const tasksAt = timers.dueAt(TASKS_TIMER);
  // Tasks that are over are kept for an hour at least.
  if (tasksAt !== null && tasksAt < world.clock() + MINUTE_MS && world.time.now < calmAt + 10 * MINUTE_MS) {
    return `L6: tasks wake at ${tasksAt}, and none is open`;
  }
  return null;
}
