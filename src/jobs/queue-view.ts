/** The queue of jobs of an application: how many are where, and the first of them. Pure. */
import type { Deployment } from "../orchestrator/plan/deployment.ts";
import { stateOf, type Job, type JobState } from "./job.ts";

/** Cloudflare's words for where a job is; it has none for how one ended. */
export type JobHealth = "queued" | "scheduled" | "placed" | "running" | "stopped";

type Phase = Pick<Deployment, "phase">;

export function healthOf(state: JobState, live: readonly Phase[]): JobHealth {
  if (state === "succeeded" || state === "failed" || state === "cancelled") return "stopped";
  if (live.some(({ phase }) => phase === "running")) return "running";
  if (live.some(({ phase }) => phase !== "pending")) return "placed";
  return live.length > 0 ? "scheduled" : "queued";
}

export interface QueuedJob {
  readonly job: Job;
  readonly health: JobHealth;
  /** Attempts that have not ended. */
  readonly active: number;
}

export interface QueueView {
  /** Attempts that may be alive at a time, of all jobs. */
  readonly most: number;
  readonly alive: number;
  /** Jobs that are not over. */
  readonly counts: Readonly<Record<Exclude<JobHealth, "stopped">, number>>;
  /** Those of them that wait to be resumed. */
  readonly suspended: number;
  /** The oldest of them. */
  readonly first: readonly QueuedJob[];
}

/** `jobs`: those that are not over, oldest first. */
export function queueView(
  jobs: readonly Job[],
  deployments: readonly Pick<Deployment, "phase" | "attempt">[],
  most: number,
  shown: number,
): QueueView {
  const live = new Map<string, Phase[]>();
  let alive = 0;
  for (const { phase, attempt } of deployments) {
    if (attempt == null || attempt.isOver) continue;
    alive += 1;
    live.set(attempt.job, [...(live.get(attempt.job) ?? []), { phase }]);
  }
  const counts = { queued: 0, scheduled: 0, placed: 0, running: 0 };
  const first: QueuedJob[] = [];
  let suspended = 0;
  for (const job of jobs) {
    const own = live.get(job.id) ?? [];
    const state = stateOf(job);
    const health = healthOf(state, own);
    if (health !== "stopped") counts[health] += 1;
    if (state === "suspended") suspended += 1;
    if (first.length < shown) first.push({ job, health, active: own.length });
  }
  return { most, alive, counts, suspended, first };
}
