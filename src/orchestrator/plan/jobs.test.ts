import { describe, it } from "vitest";
import { begin, cancel, newJob } from "../../jobs/intents.ts";
import { IDENTITY, SPEC } from "../../jobs/job-world.ts";
import { NO_PAST, type Job, type SlotAttempt } from "../../jobs/job.ts";
import { intendPlacement } from "../intents.ts";
import { isPooled, JOB_SLOT, STOP, type Deployment } from "./deployment.ts";
import { DEFAULT_LIMITS, plan, type Action, type Delivery, type PlanInput } from "./plan.ts";
import type { Where } from "../placement/placing.ts";
import type { Desired } from "./selection.ts";

const NOW = 1_000_000;
const HEARD: Delivery = {
  isAcknowledged: () => true,
  isInFlight: () => false,
  retryAt: () => 0,
  lastSentAt: () => NOW,
  isSilent: () => false,
};

const ENAM = { code: "enam", name: "", region: "ENAM", city: null, pop: null, weight: 1, enabled: true } as const;
const TWO_PLACES: Where = {
  locations: [ENAM, { ...ENAM, code: "weur", region: "WEUR" }],
  constraints: {},
  companions: null,
  failing: new Set(),
};
const twoInWeur = (location: string) => (location === "weur" ? 2 : 0);

function job(completions = 1, parallelism = completions): Job {
  return newJob({ ...IDENTITY, spec: { ...SPEC, completions, parallelism } }, NOW);
}

/** The job with so many attempts begun, and a slot for each. */
function withSlots(of: Job, count: number, fields: Partial<Deployment> = {}): { job: Job; slots: Deployment[] } {
  let current = of;
  const slots: Deployment[] = [];
  for (let index = 0; index < count; index += 1) {
    const begun = begin(current, { index, past: NO_PAST }, NOW);
    current = begun.job;
    const attempt: SlotAttempt = { ...begun.attempt, job: of.id, name: of.name, isOver: false };
    const placed = intendPlacement(`s${index}`, JOB_SLOT, 1, NOW).next;
    slots.push({ ...placed, attempt, phase: "running", ready: true, readyAt: NOW, ...fields });
  }
  return { job: current, slots };
}

function over(slot: Deployment): Deployment {
  const { attempt } = slot;
  if (attempt === undefined) throw new Error("it runs no job");
  return { ...slot, phase: "pending", ready: false, readyAt: null, attempt: { ...attempt, isOver: true } };
}

const inHand = (jobs: readonly Job[], waiting = 0) => ({
  jobs: jobs.map((one) => ({ job: one, retries: [] })),
  wakeAt: null,
  waiting,
});

function run(
  jobs: readonly Job[],
  deployments: readonly Deployment[],
  fields: Partial<PlanInput> = {},
  desired: Partial<Desired> = {},
) {
  return plan({
    desired: { instances: 0, version: 1, isOutdated: () => false, strategy: "rolling", deleting: false, ...desired },
    deployments,
    delivery: HEARD,
    limits: DEFAULT_LIMITS,
    jobs: { open: () => inHand(jobs), most: 10, ownSize: () => null },
    now: NOW,
    ...fields,
  });
}

const summary = (actions: readonly Action[]) =>
  actions.map((action) => `${action.type}${"id" in action ? ` ${action.id}` : ""}`);

describe("an application with jobs", () => {
  it("places a slot for each attempt that may begin, beside the pool and not of it", ({ expect }) => {
    const { actions } = run([job(3)], [], {}, { instances: 1 });
    expect(summary(actions)).toEqual(["place", "place", "place", "place"]);
    expect(actions.filter((action) => action.type === "place" && action.slot === JOB_SLOT)).toHaveLength(3);
    expect(withSlots(job(), 1).slots.some(isPooled)).toBe(false);
  });

  it("gives the next attempt a slot that is free, and lets go of one for which there is nothing", ({ expect }) => {
    const { job: current, slots } = withSlots(job(2, 2), 1);
    const [slot] = slots;
    if (slot === undefined) throw new Error("there is one");
    const free = over(slot);
    const { actions } = run([{ ...current, doneIndexes: [{ first: 0, last: 0 }] }], [free]);
    expect(actions).toMatchObject([{ type: "start", id: "s0", begin: { index: 1 }, version: 1 }]);
    expect(summary(run([], [free]).actions)).toEqual(["remove s0"]);
  });

  it("leaves a slot alone about which a message is under way", ({ expect }) => {
    const { slots } = withSlots(job(), 1);
    const { actions, requeueAt } = run([], slots.map(over), { delivery: { ...HEARD, isInFlight: () => true } });
    expect(actions).toEqual([]);
    expect(requeueAt).toBeGreaterThan(NOW);
  });

  it("keeps as many free slots as there are indexes to be tried again, and lets the others go", ({ expect }) => {
    const { job: current, slots } = withSlots(job(3), 3);
    const open = () => ({ ...inHand([current], 2), jobs: [] });
    const { actions } = run([], slots.map(over), { jobs: { open, most: 10, ownSize: () => null } });
    expect(summary(actions)).toEqual(["remove s2"]);
  });

  it("keeps a slot that is free for whatever follows a job that ends, until the next round", ({ expect }) => {
    const { job: current, slots } = withSlots(job(), 1);
    const done = { ...current, doneIndexes: [{ first: 0, last: 0 }] };
    const { actions, jobSteps } = run([done], slots.map(over));
    expect(jobSteps.map(({ action }) => action.type)).toEqual(["finish"]);
    expect(actions).toEqual([]);
    const next = { ...job(), id: "next" };
    expect(run([next], slots.map(over)).actions).toMatchObject([{ type: "start", id: "s0", begin: { job: "next" } }]);
  });

  it("touches no attempt for a version, a count or a place that changes", ({ expect }) => {
    const { job: current, slots } = withSlots(job(2), 2, { location: "weur" });
    const others = { isOutdated: () => true, version: 9, isMisplaced: () => true, isFoundOutside: () => true };
    expect(run([current], slots, {}, others).actions).toEqual([]);
    expect(run([current], slots, {}, { ...others, strategy: "in-place" }).actions).toEqual([]);
  });

  it("starts the same attempt again, in its own version, when the platform had no container for it", ({ expect }) => {
    const { job: current, slots } = withSlots(job(), 1, { phase: "pending", ready: false, nextStartAt: NOW });
    const { actions } = run([current], slots, {}, { version: 9, isOutdated: () => true });
    expect(actions).toEqual([{ type: "start", id: "s0", version: 1, forgive: false, reason: "NotStarted" }]);
  });

  it("ends an attempt with its container, or at once where there is none", ({ expect }) => {
    const { job: current, slots } = withSlots(job(3), 3);
    const [running, stopping, waiting] = slots;
    if (running === undefined || stopping === undefined || waiting === undefined) throw new Error("there are three");
    const cancelled = cancel(current, "ann", NOW);
    if (cancelled === undefined) throw new Error("it is not over");
    const { actions, jobSteps } = run(
      [cancelled],
      [running, { ...stopping, phase: "stopping", stopReason: STOP.neverStarted }, { ...waiting, phase: "pending" }],
    );
    expect(actions.filter(({ reason }) => reason === STOP.cancelled)).toEqual([
      { type: "stop", id: "s0", reason: STOP.cancelled },
      { type: "stop", id: "s1", reason: STOP.cancelled },
      { type: "end-attempt", id: "s2", reason: STOP.cancelled },
    ]);
    // It is over when nothing of it is alive any more.
    expect(jobSteps).toEqual([]);
    expect(run([cancelled], []).jobSteps).toMatchObject([{ job: "j", action: { type: "finish" } }]);
  });

  it("asks how an attempt is that is not known to run, before it gives up its start", ({ expect }) => {
    const since = NOW - DEFAULT_LIMITS.startDeadlineMs;
    const { job: current, slots } = withSlots(job(), 1, { phase: "starting", ready: false, since });
    const unheard = { ...HEARD, isAcknowledged: () => false };
    const { actions, requeueAt } = run([current], slots, { delivery: unheard });
    expect(actions).toEqual([{ type: "resend", id: "s0", reason: "Unanswered" }]);
    expect(requeueAt).toBeGreaterThan(NOW);
    expect(run([current], slots).actions).toEqual([{ type: "stop", id: "s0", reason: STOP.neverStarted }]);
  });

  it("starts nothing that is cancelled", ({ expect }) => {
    const { job: current, slots } = withSlots(job(), 1, { phase: "pending", ready: false, nextStartAt: NOW });
    const cancelled = cancel(current, "ann", NOW);
    if (cancelled === undefined) throw new Error("it is not over");
    expect(summary(run([cancelled], slots).actions)).not.toContain("start s0");
  });

  it("stops all of them when it is deleted, and wants no more", ({ expect }) => {
    const { job: current, slots } = withSlots(job(5, 5), 2);
    expect(run([current], slots, {}, { deleting: true }).actions).toEqual([
      { type: "stop", id: "s0", reason: STOP.deleted },
      { type: "stop", id: "s1", reason: STOP.deleted },
    ]);
  });

  it("begins the indexes of a job in their order, whichever place there is room in", ({ expect }) => {
    const { actions } = run([job(4)], [], {
      where: TWO_PLACES,
      allowance: { room: twoInWeur, free: new Map(), starts: 99, shortage: null },
    });
    const placed = actions.flatMap((action) => (action.type === "place" ? [action] : []));
    expect(placed.map(({ placing, ...one }) => [placing?.location.code, one.begin?.index])).toEqual([
      ["weur", 0],
      ["weur", 1],
    ]);
  });

  it("runs no more than there is room for, of all jobs together", ({ expect }) => {
    const { job: current, slots } = withSlots(job(9, 9), 2);
    const jobs = { open: () => inHand([current]), most: 3, ownSize: () => null };
    expect(summary(run([], slots, { jobs }).actions)).toEqual(["place"]);
    expect(run([], slots, { jobs: { ...jobs, most: 1 } }).actions).toEqual([]);
  });
});
