/**
 * The planner: what must be done so that what runs becomes what is wanted. Synchronous and pure; time is an argument.
 *
 * It only ever says what to do next. The shell writes the intents of a plan in one transaction, performs them, and
 * feeds what comes back into the rows; planning again over unchanged rows gives an empty plan.
 */
import type { Size } from "../../account/amounts.ts";
import type { Shortage } from "../../account/capacity/statement.ts";
import { ANYWHERE } from "../../account/locations.ts";
import { assertNever } from "../../assert-never.ts";
import type { StopReason } from "../../jobs/job.ts";
import type { Begin, JobStep } from "../../jobs/job-turns.ts";
import { Allowed, type Allowance } from "../capacity/allowance.ts";
import type { Decision } from "../placement/place.ts";
import type { Location } from "../placement/location.ts";
import { blockedRetryMs, type BlockedReason, type Where } from "../placement/placing.ts";
import { isLeaving, isLive, isNamed, isPooled, runsJobs, STOP, type Deployment } from "./deployment.ts";
import { followJobs, RECHECK_MS, type JobsInHand } from "./jobs.ts";
import { admitted } from "./named.ts";
import { placeMissing, type Arrival } from "./place-missing.ts";
import { select, type Desired } from "./selection.ts";

/** What this lifetime of the scheduler knows of its own messages; empty after an eviction, and safe to be so. */
export interface Delivery {
  /** The instance answered this generation's current intent, so that it need not be sent again. */
  isAcknowledged(deploymentId: string, generation: number, phase: Deployment["phase"]): boolean;
  /** A message about this deployment is under way: nothing else is sent, and its row is not removed. */
  isInFlight(deploymentId: string): boolean;
  /** When an unanswered message may be sent again; 0 when none failed. */
  retryAt(deploymentId: string): number;
  /** When a message about this deployment was last sent; 0 when not by this lifetime. */
  lastSentAt(deploymentId: string): number;
  /** The instance has been silent for too long. */
  isSilent(deploymentId: string): boolean;
}

export interface PlanLimits {
  /** Most placements begun in one pass: a bound on the pass, and on the burst that the platform sees. */
  readonly startsPerPass: number;
  /** A start that has not proved itself by then is destroyed and placed again. */
  readonly startDeadlineMs: number;
  /** A stop that is not confirmed by then is sent again. */
  readonly stopDeadlineMs: number;
}

/** What a version's configuration says instead. */
export type Deadlines = Pick<PlanLimits, "startDeadlineMs" | "stopDeadlineMs">;

export interface PlanInput {
  readonly desired: Desired;
  readonly deployments: readonly Deployment[];
  readonly delivery: Delivery;
  readonly limits: PlanLimits;
  readonly deadlinesOf?: (deployment: Deployment) => Deadlines;
  /** Where new slots may go. Null: not known at present, so that nothing is placed. Absent: it does not matter. */
  readonly where?: Where | null | undefined;
  /** Since when placements are blocked; null: they are not. */
  readonly blockedSince?: number | null;
  /** Names that somebody waits for, longest first. */
  readonly called?: readonly string[];
  /** Absent: there are none. */
  readonly jobs?: JobsInHand;
  /** The size of what starts under that name, where it is not its version's. Absent: of none. */
  readonly ownSize?: (name: string) => Size | null;
  /** What may begin, as granted. Absent: nothing limits it. */
  readonly allowance?: Allowance | undefined;
  /** The numbers that new slots may have: every `step`th from `first` on. Absent: all. */
  readonly slots?: { readonly first: number; readonly step: number };
  readonly now: number;
}

/** Where a new slot goes, by which decision. */
export interface Placing {
  readonly location: Location;
  readonly decision: Decision;
  /** How many in a row before it were found in a wrong place. */
  readonly misplaced: number;
}

export interface BlockedPlacing {
  readonly reason: BlockedReason;
  /** Absent when no location is at fault. */
  readonly decision?: Decision;
  /** Absent when there is room. */
  readonly shortage?: Shortage;
}

export type Action =
  /** A new slot, with its first start intended. */
  | {
      readonly type: "place";
      readonly slot: number;
      readonly version: number;
      readonly placing: Placing | null;
      readonly reason: string;
      /** Of one that is called by name. */
      readonly name?: string;
      /** Of one that runs jobs. */
      readonly begin?: Begin;
    }
  /** A new placement in an existing slot. `forgive`: what failed there was another revision. */
  | {
      readonly type: "start";
      readonly id: string;
      readonly version: number;
      readonly forgive: boolean;
      readonly reason: string;
      /** Of one that runs jobs: the next attempt. Absent: the same one again. */
      readonly begin?: Begin;
    }
  | { readonly type: "stop"; readonly id: string; readonly reason: string }
  /** An attempt that has no container is over. */
  | { readonly type: "end-attempt"; readonly id: string; readonly reason: StopReason }
  /** Sends the start or stop that is already intended. */
  | { readonly type: "resend"; readonly id: string; readonly reason: string }
  /** Asks the instance how it is. */
  | { readonly type: "verify"; readonly id: string; readonly reason: string }
  /** Takes no traffic any more, and goes on running until then. */
  | { readonly type: "park"; readonly id: string; readonly until: number; readonly reason: string }
  /** Takes traffic again. */
  | { readonly type: "recall"; readonly id: string; readonly reason: string }
  /** The slot is not wanted and holds nothing. */
  | { readonly type: "remove"; readonly id: string; readonly reason: string }
  /** Nothing is left of a deleted application. */
  | { readonly type: "finish-delete"; readonly reason: string };

export interface Plan {
  readonly actions: readonly Action[];
  /** When time alone will change the plan, else null. */
  readonly requeueAt: number | null;
  /** When it is worth another look while instances run; they report now and then, so that it needs no alarm. */
  readonly lookAt?: number | null;
  /** Counts by kind, for one log line and for people. */
  readonly explain: Readonly<Record<Action["type"] | "unchanged", number>>;
  /** What is decided about jobs. */
  readonly jobSteps: readonly JobStep[];
  /** Something is to be placed, and where it may go has to be found out first. */
  readonly needsPlaces: boolean;
  /** What is to be placed cannot be, and why; the first such reason. */
  readonly blocked: BlockedPlacing | null;
  /** What is wanted and not begun, by location, where that has to be granted. Null: not known before `needsPlaces`. */
  readonly unbegun: ReadonlyMap<string, number> | null;
  /** Those of them that have a size of their own: one for each location. */
  readonly unbegunOwn: ReadonlyMap<string, Size>;
}

export const DEFAULT_LIMITS: PlanLimits = { startsPerPass: 200, startDeadlineMs: 120_000, stopDeadlineMs: 60_000 };

export function plan(input: PlanInput): Plan {
  const hasOthers = input.deployments.some((deployment) => !isPooled(deployment));
  const pool = hasOthers ? input.deployments.filter(isPooled) : input.deployments;
  const selection = select(pool, input.desired, input.now);
  const actions: Action[] = [];
  const wakeups: number[] = [];
  const starts = { left: input.limits.startsPerPass };
  const misplaced = new Set<Deployment>();
  const allowed = new Allowed(input.allowance);

  for (const { deployment, until } of selection.park ?? [])
    actions.push({ type: "park", id: deployment.id, until, reason: "NotNeeded" });
  for (const { id } of selection.recall ?? []) actions.push({ type: "recall", id, reason: "WantedAgain" });
  for (const { deployment, reason: why } of selection.leave) retire(deployment, why, input, actions, wakeups);
  for (const deployment of selection.keep) {
    // Nobody comes for what stands aside.
    const isOutside = deployment.parkedUntil === undefined && input.desired.isFoundOutside?.(deployment) === true;
    if (isLive(deployment) && isOutside) misplaced.add(deployment);
    else maintain(deployment, input, actions, wakeups, starts, allowed);
  }
  const calls = admitted(input.deployments, input.called ?? [], input.desired);
  const jobs = followJobs(input, actions, wakeups, starts, allowed);
  if (hasOthers) {
    for (const deployment of input.deployments) {
      if (isNamed(deployment)) followName(deployment, calls.woken, input, actions, wakeups, starts, allowed);
      else if (runsJobs(deployment) && !jobs.ending.has(deployment.id)) {
        followSlot(deployment, input, actions, wakeups, starts, allowed);
      }
    }
  }
  const arrivals = [...calls.arrivals.map((name) => arrivalOf(name, input)), ...jobs.arrivals];
  const placed = placeMissing(input, arrivals, selection, [...misplaced], actions, wakeups, starts, allowed);
  const unsatisfied = selection.keep.some((deployment) => isUnsatisfied(deployment, input.desired));
  const { shortage } = allowed;
  const short = shortage === null ? null : { reason: shortage.reason, shortage };
  const blocked = placed.blocked ?? short ?? (unsatisfied ? ({ reason: "LocationUnsatisfied" } as const) : null);
  if (placed.blocked !== null) wakeups.push(input.now + blockedRetryMs(input.blockedSince ?? input.now, input.now));
  if (input.desired.deleting && input.deployments.length === 0) {
    actions.push({ type: "finish-delete", reason: "NothingLeft" });
  }
  return {
    actions,
    requeueAt: wakeups.length === 0 ? null : wakeups.reduce((a, b) => Math.min(a, b)),
    lookAt: selection.lookAt ?? null,
    explain: count(actions, input.deployments.length),
    jobSteps: jobs.steps,
    needsPlaces: placed.needsPlaces,
    blocked,
    unbegun: placed.needsPlaces ? null : allowed.unbegun,
    unbegunOwn: allowed.unbegunOwn,
  };
}

/** It and all that it replaced were found in wrong places: it waits for other constraints. */
function isUnsatisfied(deployment: Deployment, desired: Desired): boolean {
  const { phase, held, last, version } = deployment;
  const isOver = phase === "pending" && !held && last?.reason === STOP.unsatisfied;
  return isOver && !desired.isOutdated(version) && desired.isFoundOutside?.(deployment) === true;
}

function arrivalOf(name: string, { desired, ownSize }: PlanInput): Arrival {
  return {
    name,
    version: desired.versionOfName?.(name) ?? desired.version,
    own: ownSize?.(name) ?? null,
    reason: "Called",
  };
}

/** The attempt of a job is brought to its end in the version that it began with; what comes after is not decided here. */
function followSlot(
  slot: Deployment,
  input: PlanInput,
  actions: Action[],
  wakeups: number[],
  starts: { left: number },
  allowed: Allowed,
): void {
  if (input.desired.deleting) retire(slot, STOP.deleted, input, actions, wakeups);
  else if (slot.phase !== "pending" || slot.attempt?.isOver === false) {
    maintain(slot, input, actions, wakeups, starts, allowed);
  }
}

/** What is called by name runs while it is awake, is there while it sleeps, and leaves only when somebody says so. */
function followName(
  deployment: Deployment,
  woken: ReadonlySet<string>,
  input: PlanInput,
  actions: Action[],
  wakeups: number[],
  starts: { left: number },
  allowed: Allowed,
): void {
  if (input.desired.deleting || isLeaving(deployment)) retire(deployment, STOP.deleted, input, actions, wakeups);
  else if (deployment.phase !== "pending" || deployment.isAsleep !== true || woken.has(deployment.id)) {
    maintain(deployment, input, actions, wakeups, starts, allowed);
  }
}

/** Brings a deployment that is not wanted to its end. */
function retire(deployment: Deployment, reason: string, input: PlanInput, actions: Action[], wakeups: number[]): void {
  switch (deployment.phase) {
    case "pending": {
      if (input.delivery.isInFlight(deployment.id)) wakeups.push(input.now + RECHECK_MS);
      else actions.push({ type: "remove", id: deployment.id, reason: "NotWanted" });
      return;
    }
    case "starting":
    case "running": {
      actions.push({ type: "stop", id: deployment.id, reason });
      return;
    }
    case "stopping": {
      // It waits for a container that is busy, which a delete does not.
      const isHeldUp = input.desired.deleting && deployment.isBusy === true && deployment.stopReason !== STOP.deleted;
      if (isHeldUp) actions.push({ type: "stop", id: deployment.id, reason });
      else awaitIntent(deployment, input, deadlinesOf(deployment, input).stopDeadlineMs, actions, wakeups);
      return;
    }
    default: {
      assertNever(deployment.phase);
    }
  }
}

/** Keeps a wanted deployment running. */
function maintain(
  deployment: Deployment,
  input: PlanInput,
  actions: Action[],
  wakeups: number[],
  starts: { left: number },
  allowed: Allowed,
): void {
  const { id, location = ANYWHERE } = deployment;
  const own = ownSizeOf(deployment, input);
  const isPinned = runsJobs(deployment);
  const target = isPinned ? deployment.version : versionToStart(deployment, input.desired);
  const isOutdated = !isPinned && isBehind(deployment, target, input.desired);
  if (isOutdated && isLive(deployment) && input.desired.strategy === "in-place") {
    actions.push({ type: "stop", id, reason: STOP.updating });
    return;
  }
  switch (deployment.phase) {
    case "pending": {
      if (deployment.held || isUnsatisfied(deployment, input.desired)) return;
      const isDue = deployment.nextStartAt <= input.now;
      // Time decides first, so that a slot whose time has not come costs no start. A new revision need not wait for
      // what the old one did.
      if (!isDue && !isOutdated) {
        wakeups.push(deployment.nextStartAt);
      } else if (starts.left === 0) {
        wakeups.push(input.now + 1);
        allowed.wait(location, own);
      } else if (input.delivery.isInFlight(id)) {
        wakeups.push(input.now + RECHECK_MS);
        allowed.wait(location, own);
      } else if (allowed.begin(location, own)) {
        starts.left -= 1;
        const reason = isDue ? (deployment.last?.reason ?? "NotStarted") : "VersionActivated";
        actions.push({ type: "start", id, version: target, forgive: isOutdated, reason });
      }
      return;
    }
    case "starting": {
      const { startDeadlineMs } = deadlinesOf(deployment, input);
      const isOverdue = input.now >= deployment.since + startDeadlineMs;
      // Of an attempt an earlier lifetime of the scheduler may have heard that it runs, which is in no row.
      const isKnown = !isPinned || input.delivery.isAcknowledged(id, deployment.generation, deployment.phase);
      if (isOverdue && isKnown) {
        actions.push({ type: "stop", id, reason: STOP.neverStarted });
      } else {
        if (!isOverdue) wakeups.push(deployment.since + startDeadlineMs);
        awaitIntent(deployment, input, startDeadlineMs, actions, wakeups);
      }
      return;
    }
    case "running": {
      if (input.delivery.isSilent(id) && !input.delivery.isInFlight(id)) {
        const retryAt = Math.max(input.delivery.retryAt(id), input.delivery.lastSentAt(id) + RECHECK_MS);
        if (retryAt > input.now) wakeups.push(retryAt);
        else actions.push({ type: "verify", id, reason: "Silent" });
      }
      return;
    }
    // A stop that keeps its slot: its end makes it pending.
    case "stopping": {
      awaitIntent(deployment, input, deadlinesOf(deployment, input).stopDeadlineMs, actions, wakeups);
      return;
    }
    default: {
      assertNever(deployment.phase);
    }
  }
}

/** In a rollout, what is in its place starts again as it is: how many are of which version is decided elsewhere. */
function versionToStart({ name, version }: Deployment, { version: active, rollout, versionOfName }: Desired): number {
  if (name !== undefined) return versionOfName?.(name) ?? active;
  if (rollout === undefined) return active;
  return rollout.sideOf(version) === "stray" ? rollout.toVersion : version;
}

function isBehind({ name, version }: Deployment, target: number, { isOutdated, rollout }: Desired): boolean {
  if (name === undefined && rollout !== undefined) return version !== target;
  return rollout === undefined
    ? isOutdated(version)
    : version !== target && rollout.sideOf(version) !== rollout.sideOf(target);
}

function ownSizeOf({ name, attempt }: Deployment, { ownSize, jobs }: PlanInput): Size | null {
  if (name !== undefined) return ownSize?.(name) ?? null;
  return attempt === undefined ? null : (jobs?.ownSize(attempt.job) ?? null);
}

function deadlinesOf(deployment: Deployment, { deadlinesOf: own, limits }: PlanInput): Deadlines {
  return own?.(deployment) ?? limits;
}

/** An intent that is not answered is sent again; one that is answered is only waited for, and asked again at its deadline. */
function awaitIntent(
  deployment: Deployment,
  input: PlanInput,
  deadlineMs: number,
  actions: Action[],
  wakeups: number[],
): void {
  const { delivery, now } = input;
  const deadline = deployment.since + deadlineMs;
  if (delivery.isInFlight(deployment.id)) {
    wakeups.push(Math.max(deadline, now + RECHECK_MS));
    return;
  }
  const isAcknowledged = delivery.isAcknowledged(deployment.id, deployment.generation, deployment.phase);
  // An instance that answers and yet does not come to an end is asked again now and then, not at once.
  const patience = Math.max(deadline, delivery.lastSentAt(deployment.id) + RECHECK_MS);
  const due = Math.max(isAcknowledged ? patience : 0, delivery.retryAt(deployment.id));
  if (due > now) {
    wakeups.push(due);
  } else {
    actions.push({ type: "resend", id: deployment.id, reason: "Unanswered" });
    wakeups.push(now + RECHECK_MS);
  }
}

function count(actions: readonly Action[], deployments: number): Plan["explain"] {
  const counts = {
    place: 0,
    start: 0,
    stop: 0,
    "end-attempt": 0,
    resend: 0,
    verify: 0,
    park: 0,
    recall: 0,
    remove: 0,
    "finish-delete": 0,
  };
  for (const action of actions) counts[action.type] += 1;
  const touched = actions.length - counts.place - counts["finish-delete"];
  return { ...counts, unchanged: deployments - touched };
}
