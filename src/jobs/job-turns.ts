/**
 * What is to be done about all jobs of an application, and whose attempts begin when not all can: those who share a
 * fairness key take turns with those of every other, the one with the fewest alive first. Pure.
 */
import type { Attempt, Job, Retry } from "./job.ts";
import { planJob, type JobAction } from "./plan-job.ts";

export interface OpenJob {
  readonly job: Job;
  readonly retries: readonly Retry[];
}

/** Of a job, by its id, in the version that it is pinned to. */
export type Begin = { readonly job: string; readonly version: number } & Omit<
  Extract<JobAction, { type: "begin" }>,
  "type"
>;

/** What changes a job, or one of its attempts, without any room. */
export type JobStep = { readonly job: string; readonly action: Exclude<JobAction, { type: "begin" }> };

export interface JobsPlan {
  readonly steps: readonly JobStep[];
  /** In the order in which they are to begin. */
  readonly begins: readonly Begin[];
  readonly wakeAt: number | null;
}

export interface JobsInput {
  /** Not over, oldest first. */
  readonly jobs: readonly OpenJob[];
  /** Those that have not ended, by job. */
  readonly live: ReadonlyMap<string, readonly Attempt[]>;
  /** Attempts that may be alive at a time, of all jobs. */
  readonly most: number;
  /** By fairness key: when it had a turn last, in any unit that grows. Who is not in it has had none. */
  readonly turns?: ReadonlyMap<string, number>;
  readonly now: number;
}

interface Queue {
  alive: number;
  readonly turn: number;
  readonly waiting: Begin[];
}

export function planJobs({ jobs, live, most, now, turns = NO_TURNS }: JobsInput): JobsPlan {
  const steps: JobStep[] = [];
  const queues = new Map<string, Queue>();
  let wakeAt: number | null = null;
  let alive = 0;
  for (const attempts of live.values()) alive += attempts.length;
  const room = Math.max(0, most - alive);
  for (const { job, retries } of jobs) {
    const own = live.get(job.id) ?? [];
    const queue = queueOf(queues, job.fairnessKey, turns);
    queue.alive += own.length;
    // What has not begun has no time of its own: there is nothing to plan where nothing can begin.
    const isFresh = job.attempts === 0 && job.verdict === null;
    if (isFresh && (job.suspended || queue.waiting.length >= room)) continue;
    const plan = planJob({ job, live: own, retries, room, now });
    if (plan.wakeAt !== null && (wakeAt === null || plan.wakeAt < wakeAt)) wakeAt = plan.wakeAt;
    for (const action of plan.actions) {
      const { id, version } = job;
      if (action.type === "begin") queue.waiting.push({ job: id, version, index: action.index, past: action.past });
      else steps.push({ job: id, action });
    }
  }
  return { steps, begins: inTurn([...queues.values()], room), wakeAt };
}

const NO_TURNS: ReadonlyMap<string, number> = new Map();

function queueOf(queues: Map<string, Queue>, key: string, turns: ReadonlyMap<string, number>): Queue {
  const known = queues.get(key);
  if (known !== undefined) return known;
  const queue: Queue = { alive: 0, turn: turns.get(key) ?? 0, waiting: [] };
  queues.set(key, queue);
  return queue;
}

/** One at a time from who has the fewest alive; of several, whose last turn is the longest ago. */
function inTurn(queues: readonly Queue[], room: number): Begin[] {
  const open = queues.filter(({ waiting }) => waiting.length > 0).map((queue) => ({ ...queue, next: 0 }));
  const begins: Begin[] = [];
  while (begins.length < room) {
    let first: (typeof open)[number] | undefined;
    for (const queue of open) {
      if (queue.next < queue.waiting.length && (first === undefined || isBefore(queue, first))) first = queue;
    }
    const begin = first?.waiting[first.next];
    if (first === undefined || begin === undefined) return begins;
    begins.push(begin);
    first.next += 1;
    first.alive += 1;
  }
  return begins;
}

function isBefore(a: Pick<Queue, "alive" | "turn">, b: Pick<Queue, "alive" | "turn">): boolean {
  return a.alive < b.alive || (a.alive === b.alive && a.turn < b.turn);
}
