/** Which finished jobs of a schedule are not kept any longer. Pure. */
import type { Job } from "../job.ts";
import type { ScheduleSpec } from "./schedule.ts";

/** Of its jobs, oldest first. Cancelled ones count as failed. */
export function surplus(jobs: readonly Job[], { succeeded, failed }: ScheduleSpec["history"]): string[] {
  const over = jobs.filter(({ finishedAt }) => finishedAt !== null);
  const good = over.filter(({ verdict }) => verdict?.outcome === "succeeded");
  const bad = over.filter(({ verdict }) => verdict?.outcome !== "succeeded");
  return [...beyond(good, succeeded), ...beyond(bad, failed)];
}

function beyond(jobs: readonly Job[], kept: number): string[] {
  const byEnd = jobs.toSorted((a, b) => (a.finishedAt ?? 0) - (b.finishedAt ?? 0));
  return byEnd.slice(0, Math.max(0, byEnd.length - kept)).map(({ id }) => id);
}
