/**
 * What a change will do to what runs, in numbers: the planner itself is asked, against a world in which every start
 * succeeds and every stop ends at once. Pure. What would happen without the change as well is not counted.
 */
import { emptySlot } from "./intents.ts";
import { isAvailable, isLeaving, isLive, STOP, type Deployment } from "./plan/deployment.ts";
import { plan, DEFAULT_LIMITS, type Action, type Delivery } from "./plan/plan.ts";
import type { Desired } from "./plan/selection.ts";

export interface InstanceCounts {
  /** Containers that are started and replace none. */
  readonly start: number;
  /** Containers that are stopped and not replaced. */
  readonly stop: number;
  /** Containers that are stopped and started again with what is wanted. */
  readonly update: number;
  /** Deployments that nothing happens to. */
  readonly unchanged: number;
}

/**
 * Those that are replaced one after another all fare alike, so that more of them than this are counted and not played
 * through: the work is bounded, whatever the count.
 */
const PLAYED = 64;
/** Rounds beside those of replacing one after another. */
const MAX_ROUNDS = 64;

/** `most`: of those that are replaced one after another, so many are played through. */
export function countChange(
  deployments: readonly Deployment[],
  wanted: Desired,
  now: number,
  most = PLAYED,
): InstanceCounts {
  const desired = withNewInPlace(wanted);
  const present = deployments.filter((deployment) => !isLeaving(deployment)).map((d) => atRest(d, desired, now));
  const { played, instances, replaced } = shortened(present, desired, most);
  const world = new Map(played.map((deployment) => [deployment.id, deployment]));
  const tally = { starts: 0, stops: 0, outdated: 0 };
  const touched = new Set<string>();
  // Each round replaces one at least; the bound is for a planner that would never rest.
  for (let round = 0; round < 4 * (most + MAX_ROUNDS); round += 1) {
    const { actions } = plan({
      desired: { ...desired, instances },
      deployments: [...world.values()],
      delivery: ANSWERED,
      limits: { ...DEFAULT_LIMITS, startsPerPass: Number.POSITIVE_INFINITY },
      now,
    });
    if (actions.every(({ type }) => type === "finish-delete")) break;
    for (const action of actions) perform(action, world, tally, touched, now);
  }
  const update = Math.min(tally.outdated, tally.starts);
  return {
    start: tally.starts - update,
    stop: tally.stops - update,
    update: update + replaced,
    unchanged: played.filter(({ id }) => !touched.has(id)).length,
  };
}

const NEW = "new ";

/** What is placed meanwhile is where it may be. */
function withNewInPlace(desired: Desired): Desired {
  const { isMisplaced } = desired;
  if (isMisplaced === undefined) return desired;
  return { ...desired, isMisplaced: (deployment) => !deployment.id.startsWith(NEW) && isMisplaced(deployment) };
}

function isReplaced(deployment: Deployment, desired: Desired): boolean {
  return desired.isOutdated(deployment.version) || desired.isMisplaced?.(deployment) === true;
}

/** Every message was answered just now. */
const ANSWERED: Delivery = {
  isAcknowledged: () => true,
  isInFlight: () => false,
  retryAt: () => 0,
  lastSentAt: () => Number.MAX_SAFE_INTEGER,
  isSilent: () => false,
};

/** What is under way is taken as done, since it happens in any case. */
function atRest(deployment: Deployment, desired: Desired, now: number): Deployment {
  if (isLive(deployment)) {
    if (isReplaced(deployment, desired)) return { ...deployment, since: now };
    return { ...deployment, phase: "running", ready: true, since: now };
  }
  const isDue = deployment.phase === "stopping" || deployment.nextStartAt <= now;
  if (deployment.held) return { ...deployment, phase: "pending", stopReason: null };
  if (!isDue) return deployment;
  return { ...deployment, phase: "running", ready: true, cordoned: false, version: desired.version, stopReason: null };
}

function shortened(present: readonly Deployment[], desired: Desired, most: number) {
  const old = present.filter((d) => isPlain(d) && isReplaced(d, desired));
  // There is room for each of these beside all others, so each is replaced: fewer of them, both there and wanted, change
  // nothing about the rest.
  const room = desired.deleting ? 0 : desired.instances - (present.length - old.length) - most;
  const replaced = Math.max(0, Math.min(old.length - most, room));
  const dropped = new Set(old.slice(0, replaced));
  const played = present.filter((deployment) => !dropped.has(deployment));
  return { played, instances: desired.instances - replaced, replaced };
}

function isPlain(deployment: Deployment): boolean {
  return isAvailable(deployment) && !deployment.held;
}

function perform(
  action: Action,
  world: Map<string, Deployment>,
  tally: { starts: number; stops: number; outdated: number },
  touched: Set<string>,
  now: number,
): void {
  if (action.type === "place") {
    const id = `${NEW}${tally.starts}`;
    tally.starts += 1;
    world.set(id, started(emptySlot(id, action.slot, action.version, undefined, now), action.version, now));
    return;
  }
  if (!("id" in action)) return;
  const deployment = world.get(action.id);
  if (deployment === undefined) return;
  touched.add(action.id);
  if (action.type === "start") {
    tally.starts += 1;
    world.set(action.id, started(deployment, action.version, now));
  } else if (action.type === "stop") {
    tally.stops += 1;
    const isUpdate = action.reason === STOP.updating;
    if (isUpdate || action.reason === STOP.outdated) tally.outdated += 1;
    if (isUpdate) world.set(action.id, { ...deployment, phase: "pending", ready: false, nextStartAt: now });
    else world.delete(action.id);
  } else {
    world.delete(action.id);
  }
}

function started(deployment: Deployment, version: number, now: number): Deployment {
  return { ...deployment, phase: "running", ready: true, readyAt: now, since: now, version };
}
