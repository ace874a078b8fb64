/**
 * Slots that run attempts of jobs: what of their attempts is stopped, which free slots take the next, and how many new ones
 * are needed. A part of the planner. A slot outlives its attempts, one at a time, while there are more.
 */
import type { Size } from "../../account/amounts.ts";
import { ANYWHERE } from "../../account/locations.ts";
import type { Attempt } from "../../jobs/job.ts";
import { planJobs, type Begin, type JobStep, type OpenJob } from "../../jobs/job-turns.ts";
import type { Allowed } from "../capacity/allowance.ts";
import { isLive, runsJobs, type Deployment } from "./deployment.ts";
import type { Arrival } from "./place-missing.ts";
import type { Action, PlanInput } from "./plan.ts";

export interface JobsInHand {
  /** Not over, oldest first. */
  readonly open: readonly OpenJob[];
  /** Most attempts alive at a time. */
  readonly most: number;
  /** The size of its attempts, where it is not that of the active version. */
  ownSize(job: string): Size | null;
}

export interface JobsFollowed {
  /** What begins in new slots. */
  readonly arrivals: readonly Arrival[];
  readonly steps: readonly JobStep[];
}

const NOTHING: JobsFollowed = { arrivals: [], steps: [] };

/** Wants no attempt of an application that is being deleted. */
export function followJobs(
  input: PlanInput,
  actions: Action[],
  wakeups: number[],
  starts: { left: number },
  allowed: Allowed,
): JobsFollowed {
  const { jobs, now, desired, delivery } = input;
  if (jobs === undefined || desired.deleting) return NOTHING;
  const slots = input.deployments.filter(runsJobs);
  const { steps, begins, wakeAt } = planJobs({ jobs: jobs.open, live: liveOf(slots), most: jobs.most, now });
  if (wakeAt !== null) wakeups.push(wakeAt);
  const kept: JobStep[] = [];
  for (const step of steps) {
    if (step.action.type === "stop") endAttempt(slots, step.job, step.action.attempt, step.action.reason, actions);
    else kept.push(step);
  }
  const free = slots.filter((slot) => slot.attempt?.isOver === true && slot.phase === "pending");
  const rest = [...begins];
  for (const slot of free) {
    if (delivery.isInFlight(slot.id)) {
      wakeups.push(now + RECHECK_MS);
      continue;
    }
    const begin = desired.isMisplaced?.(slot) === true ? undefined : rest[0];
    if (begin === undefined) {
      actions.push({ type: "remove", id: slot.id, reason: "NothingToRun" });
      continue;
    }
    const { location = ANYWHERE } = slot;
    const own = jobs.ownSize(begin.job);
    if (starts.left === 0) {
      wakeups.push(now + 1);
      allowed.wait(location, own);
    } else if (allowed.begin(location, own)) {
      starts.left -= 1;
      rest.shift();
      const { version } = begin;
      actions.push({ type: "start", id: slot.id, version, forgive: true, reason: reasonOf(begin), begin });
    }
  }
  const arrivals = rest.map((begin) => {
    return { begin, version: begin.version, own: jobs.ownSize(begin.job), reason: reasonOf(begin) };
  });
  return { arrivals, steps: kept };
}

/** How soon a slot is looked at again about which a message is under way. */
const RECHECK_MS = 10_000;

function reasonOf({ past }: Begin): string {
  if (past.failures > 0) return "RetryAfterFailure";
  return past.losses > 0 ? "RetryAfterLoss" : "JobAttempt";
}

function liveOf(slots: readonly Deployment[]): Map<string, Attempt[]> {
  const live = new Map<string, Attempt[]>();
  for (const { attempt } of slots) {
    if (attempt === undefined || attempt.isOver) continue;
    const own = live.get(attempt.job);
    if (own === undefined) live.set(attempt.job, [attempt]);
    else own.push(attempt);
  }
  return live;
}

/** With its container, where it has one; else at once. */
function endAttempt(
  slots: readonly Deployment[],
  job: string,
  number: number,
  reason: Extract<JobStep["action"], { type: "stop" }>["reason"],
  actions: Action[],
): void {
  const slot = slots.find(({ attempt }) => attempt?.job === job && attempt.number === number && !attempt.isOver);
  if (slot === undefined) return;
  const hasContainer = isLive(slot) || slot.phase === "stopping";
  actions.push(hasContainer ? { type: "stop", id: slot.id, reason } : { type: "end-attempt", id: slot.id, reason });
}
