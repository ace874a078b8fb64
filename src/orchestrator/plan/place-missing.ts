/**
 * Where what is missing goes: new slots of the pool, first deployments of names that are called, and what replaces one
 * that was found in a wrong place. A part of the planner.
 */
import type { Size } from "../../account/amounts.ts";
import { ANYWHERE } from "../../account/locations.ts";
import type { Begin } from "../../jobs/job-turns.ts";
import type { Allowed } from "../capacity/allowance.ts";
import { blockedBy, blockedRetryMs, MAX_MISPLACED, Placer } from "../placement/placing.ts";
import { isLive, JOB_SLOT, NAMED_SLOT, STOP, type Deployment } from "./deployment.ts";
import { JobQueues } from "./jobs.ts";
import type { Action, BlockedPlacing, PlanInput, Placing } from "./plan.ts";
import { outdatedOf, type Desired, type Selection } from "./selection.ts";

/** How soon a question for where to place is asked again when its answer is lost with this lifetime. */
const ASK_AGAIN_MS = 10_000;

const ALL_SLOTS = { first: 0, step: 1 };

/** What gets a deployment of its own beside the pool: the first of a name, or one for an attempt of a job. */
export interface Arrival {
  readonly name?: string;
  readonly begin?: Begin;
  readonly version: number;
  /** Its size, where that is not everybody's. */
  readonly own: Size | null;
  readonly reason: string;
}

/**
 * New slots for what is missing, and for what was found in a wrong place: that one goes when another comes, and no more
 * when too many before it have gone.
 */
export function placeMissing(
  input: PlanInput,
  arrivals: readonly Arrival[],
  { keep, missing, missingOld = 0, reason }: Selection,
  misplaced: readonly Deployment[],
  actions: Action[],
  wakeups: number[],
  starts: { left: number },
  allowed: Allowed,
): { readonly needsPlaces: boolean; readonly blocked: BlockedPlacing | null } {
  const NOTHING = { needsPlaces: false, blocked: null };
  const { where, desired } = input;
  for (const { id } of misplaced.filter(isExhausted)) actions.push({ type: "stop", id, reason: STOP.unsatisfied });
  const replaced = misplaced.filter((deployment) => !isExhausted(deployment));
  if (missing + replaced.length + arrivals.length === 0) return NOTHING;
  const slots = freeSlots(input, missing + replaced.length);
  if (where === null) {
    const { blockedSince: since = null, now } = input;
    wakeups.push(now + (since === null ? ASK_AGAIN_MS : blockedRetryMs(since, now)));
    return { needsPlaces: true, blocked: null };
  }
  const { free } = allowed;
  const placer =
    where === undefined ? null : new Placer(free === undefined ? where : { ...where, free }, usedBy(keep, desired));
  const queues = new JobQueues(arrivals);
  // What fits nowhere waits where it would be if there were room.
  let queue: Placer | null = null;
  let blocked: BlockedPlacing | null = null;
  const wanted: (Arrival & { readonly slot: number })[] = [
    ...arrivals.map((arrival) => ({ ...arrival, slot: arrival.begin === undefined ? NAMED_SLOT : JOB_SLOT })),
    ...slots.map((slot, index) => ({
      slot,
      version: versionAt(index, missing, missingOld, replaced, desired),
      own: null,
      reason,
    })),
  ];
  for (const [position, { slot, own, version, reason: why, ...whose }] of wanted.entries()) {
    const index = position - arrivals.length;
    if (starts.left === 0) wakeups.push(input.now + 1);
    if (starts.left === 0 && input.allowance === undefined) break;
    const outside = replaced[index - missing];
    let placing: Placing | null = null;
    if (placer !== null) {
      // Room is counted in everybody's size, which says nothing of another.
      if (own !== null && where !== undefined) queue ??= new Placer(where, usedBy(keep, desired));
      const chooser = own === null ? placer : (queue ?? placer);
      const decision = chooser.next();
      const location = chooser.locationOf(decision);
      if (location === undefined) {
        const closed = blockedBy(decision);
        queue ??= where === undefined || free === undefined ? null : new Placer(where, usedBy(keep, desired));
        const waits = closed === "NoCapacity" ? (queue?.next().location ?? null) : null;
        if (waits === null) return { needsPlaces: false, blocked: { reason: closed, decision } };
        allowed.wait(waits, own);
        blocked ??= { reason: closed, decision };
        continue;
      }
      placing = { location, decision, misplaced: outside === undefined ? 0 : (outside.placement?.misplaced ?? 0) + 1 };
    }
    const code = placing?.location.code ?? ANYWHERE;
    if (starts.left === 0) {
      allowed.wait(code, own);
      continue;
    }
    if (!allowed.begin(code, own)) continue;
    starts.left -= 1;
    if (outside !== undefined) actions.push({ type: "stop", id: outside.id, reason: STOP.misplaced });
    actions.push({
      type: "place",
      slot,
      version,
      placing,
      ...queues.next({ ...whose, reason: outside === undefined ? why : STOP.misplaced }),
    });
  }
  return { needsPlaces: false, blocked };
}

/** The missing ones come first, and among them those that a rollout brings; then what takes somebody's place. */
function versionAt(
  index: number,
  missing: number,
  missingOld: number,
  replaced: readonly Deployment[],
  { version, rollout }: Desired,
): number {
  if (rollout === undefined) return version;
  const outside = replaced[index - missing];
  if (outside !== undefined && rollout.sideOf(outside.version) !== "stray") return outside.version;
  return index >= missing - missingOld && index < missing ? rollout.fromVersion : rollout.toVersion;
}

function isExhausted({ placement }: Deployment): boolean {
  return (placement?.misplaced ?? 0) >= MAX_MISPLACED;
}

/** How many of those that stay are in each location. What is being replaced leaves its place to what replaces it. */
function usedBy(keep: readonly Deployment[], desired: Desired): Map<string, number> {
  const isOutdated = outdatedOf(desired);
  const used = new Map<string, number>();
  for (const deployment of keep) {
    const { location } = deployment;
    if (location === undefined || isOutdated(deployment)) continue;
    if (desired.isFoundOutside?.(deployment) === true && isLive(deployment)) continue;
    used.set(location, (used.get(location) ?? 0) + 1);
  }
  return used;
}

function freeSlots({ deployments, slots: { first, step } = ALL_SLOTS }: PlanInput, missing: number): number[] {
  const taken = new Set(deployments.map((d) => d.slot));
  const slots: number[] = [];
  for (let slot = first; slots.length < missing; slot += step) if (!taken.has(slot)) slots.push(slot);
  return slots;
}
