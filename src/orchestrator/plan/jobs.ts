/**
 * Slots that run attempts of jobs: what of their attempts is stopped, which free slots take the next, and how many new ones
 * are needed. A part of the planner. A slot outlives its attempts, one at a time, while there are more.
 */
import type { Size } from "../../account/amounts.ts";
import { ANYWHERE } from "../../account/locations.ts";
import type { Attempt } from "../../jobs/job.ts";
import { planJobs, type Begin, type JobStep } from "../../jobs/job-turns.ts";
import type { InHand } from "../../jobs/open-jobs.ts";
import type { Allowed } from "../capacity/allowance.ts";
import { runsJobs, type Deployment } from "./deployment.ts";
import type { Arrival } from "./place-missing.ts";
import type { Action, PlanInput } from "./plan.ts";

export interface JobsInHand {
  /** Not over: at least those about which something is to be done where so many attempts may begin. */
  readonly open: (room: number, now: number) => InHand;
  /** Most attempts alive at a time. */
  readonly most: number;
  /** By fairness key: when it had a turn last. */
  readonly turns?: ReadonlyMap<string, number>;
  /** The size of its attempts, where it is not that of the active version. */
  ownSize(job: string): Size | null;
}

export interface JobsFollowed {
  /** What begins in new slots. */
  readonly arrivals: readonly Arrival[];
  readonly steps: readonly JobStep[];
  /** Slots whose attempt is being ended: nothing else is done about them. */
  readonly ending: ReadonlySet<string>;
}

const NOTHING: JobsFollowed = { arrivals: [], steps: [], ending: new Set() };

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
  const alive = slots.filter(({ attempt }) => attempt?.isOver === false).length;
  const open = jobs.open(Math.max(0, jobs.most - alive), now);
  const { steps, begins, wakeAt } = planJobs({ ...jobs, jobs: open.jobs, live: liveOf(slots), now });
  for (const at of [wakeAt, open.wakeAt]) if (at !== null) wakeups.push(at);
  const kept: JobStep[] = [];
  const ending = new Set<string>();
  for (const step of steps) {
    if (step.action.type !== "stop") {
      kept.push(step);
      continue;
    }
    const slot = slotOf(slots, step.job, step.action.attempt);
    if (slot === undefined) continue;
    ending.add(slot.id);
    // With its container, where it has one; else at once.
    actions.push({
      type: slot.phase === "pending" ? "end-attempt" : "stop",
      id: slot.id,
      reason: step.action.reason,
    });
  }
  const free = slots.filter((slot) => slot.attempt?.isOver === true && slot.phase === "pending");
  const rest = [...begins];
  let { waiting } = open;
  for (const slot of free) {
    if (delivery.isInFlight(slot.id)) {
      wakeups.push(now + RECHECK_MS);
      continue;
    }
    const begin = desired.isMisplaced?.(slot) === true ? undefined : rest[0];
    if (begin === undefined) {
      // Whoever hears of the end may have the next one for it, which the next round sees.
      if (kept.some(({ action }) => action.type === "finish")) continue;
      // It is for one that is to be tried again: cheaper than a new one, whose object would begin with nothing.
      if (waiting > 0 && desired.isMisplaced?.(slot) !== true) {
        waiting -= 1;
        continue;
      }
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
  return { arrivals, steps: kept, ending };
}

/**
 * What there is room for of a job is always its next attempt: indexes are begun in their order, so that one number says
 * which have been. Size and version are the job's, so that each of its arrivals fits where another does.
 */
export class JobQueues {
  /** By job. */
  readonly #waiting: Map<string | undefined, Arrival[]>;

  constructor(arrivals: readonly Arrival[]) {
    this.#waiting = Map.groupBy(arrivals, ({ begin }) => begin?.job);
  }

  /** In the place of that one. */
  next<T extends Pick<Arrival, "begin" | "reason">>(arrival: T): T {
    if (arrival.begin === undefined) return arrival;
    const { begin, reason } = this.#waiting.get(arrival.begin.job)?.shift() ?? arrival;
    return { ...arrival, ...(begin === undefined ? {} : { begin }), reason };
  }
}

/** How soon a deployment is looked at again about which a message is under way, when nothing else wakes the scheduler. */
export const RECHECK_MS = 10_000;

function reasonOf({ past }: Begin): string {
  if (past.failures > 0) return "RetryAfterFailure";
  return past.losses > 0 ? "RetryAfterLoss" : "JobAttempt";
}

function liveOf(slots: readonly Deployment[]): Map<string, Attempt[]> {
  const live = slots.flatMap(({ attempt }) => (attempt === undefined || attempt.isOver ? [] : [attempt]));
  return Map.groupBy(live, ({ job }) => job);
}

function slotOf(slots: readonly Deployment[], job: string, number: number): Deployment | undefined {
  return slots.find(({ attempt }) => attempt?.job === job && attempt.number === number && !attempt.isOver);
}

/** It begins an attempt of a job, which is told of with its end. */
export function isBegin(
  action: Action,
): action is Extract<Action, { type: "place" | "start" }> & { readonly begin: Begin } {
  return (action.type === "place" || action.type === "start") && action.begin !== undefined;
}
