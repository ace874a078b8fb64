/**
 * A deployment as the scheduler keeps it: one durable slot of an application, and what is known of the container
 * lifetime (placement) in it. The planner, the observer and the wire views all read this one shape.
 */
import type { SlotAttempt } from "../../jobs/job.ts";
import type { CheckState } from "../check-state.ts";
import type { PlacementRecord } from "../placement/placing.ts";
import type { Override } from "../start/choice.ts";
import type { StoredSnapshot } from "../start/snapshots.ts";
import type { StopTimeline } from "../stop-timeline.ts";

/**
 * - `pending`: no container; starts at `nextStartAt`.
 * - `starting`: the start of `generation` is intended and may have happened; the process has not proved itself.
 * - `running`: the process proved itself; `ready` says whether it takes traffic.
 * - `stopping`: the stop of `generation` is intended and may have happened.
 */
export type DeploymentPhase = "pending" | "starting" | "running" | "stopping";

/**
 * How a placement ended. The user's: `exited`, `killed` (its checks said that it does not work), `refused` (what it is to
 * start with cannot be). The platform's, never a success and never held against the user: `lost`, `unknown` (it said
 * something new), `unavailable` (no container to be had now), `never-started`. Ours: `stopped`.
 */
export type OutcomeKind =
  | "exited"
  | "killed"
  | "stopped"
  | "lost"
  | "unknown"
  | "refused"
  | "unavailable"
  | "never-started";

export interface Outcome {
  readonly kind: OutcomeKind;
  readonly exitCode: number | null;
  /** Machine-readable: `ExitedWithCode`, `Vanished`, `ImageDoesNotBoot`, `ScaledDown`… */
  readonly reason: string;
  readonly at: number;
  /** What went wrong in words for people, where the reason alone does not say it. */
  readonly message?: string;
  /** How the stop went, where there was one. */
  readonly stop?: StopTimeline;
}

export interface Deployment {
  readonly id: string;
  readonly slot: number;
  readonly createdAt: number;
  readonly phase: DeploymentPhase;
  readonly ready: boolean;
  /** Number of the current or last placement; 0 before the first. Every answer carries it, older ones are dropped. */
  readonly generation: number;
  /** Version whose configuration the current or last placement was started with; 0 before the first. */
  readonly version: number;
  /** When `phase` was entered. */
  readonly since: number;
  /** When the current placement first became ready, else null. */
  readonly readyAt: number | null;
  /** Consecutive ends that are the user's (exits, images that do not boot): the crash-loop back-off counts these. */
  readonly failures: number;
  /** Consecutive ends that are the platform's (lost, never started): a short back-off of their own. */
  readonly losses: number;
  readonly nextStartAt: number;
  /** Why `stopping`, a `STOP` reason, else null. */
  readonly stopReason: string | null;
  readonly last: Outcome | null;
  /** A user stopped it: it stays stopped, keeps its slot and counts towards what is wanted. */
  readonly held: boolean;
  /** Keeps running without new traffic. Of the placement: the next start clears it. */
  readonly cordoned: boolean;
  /** Why the container that runs is not ready, in words for people. */
  readonly detail?: string;
  /** How the checks of the container that runs stand, as it last said. */
  readonly checks?: readonly CheckState[];
  /** Code of the location that it was asked to be at. Absent from what was placed before there were locations. */
  readonly location?: string;
  readonly placement?: PlacementRecord;
  /** What it is called by: an identity of its own, and no member of the pool. */
  readonly name?: string;
  /** Of a named one: nobody calls it, and until somebody does it runs no container. */
  readonly isAsleep?: boolean;
  /** Of a named one: what its `start` was given. */
  readonly override?: Override;
  /** Of a named one: what of its disk was kept. */
  readonly snapshots?: readonly StoredSnapshot[];
  /** What the stop that is under way begins with, where it is not SIGTERM. */
  readonly stopSignal?: number;
  /** Not needed since a rollout, and kept out of traffic until then, so that going back would start nothing. */
  readonly parkedUntil?: number;
  /** Digest of the launch spec that its container says it was started with. */
  readonly revision?: string;
  /** Of one that runs jobs: the attempt that its placement is of. */
  readonly attempt?: SlotAttempt;
  /** It holds a busy lease, as it last said. Not stored. */
  readonly isBusy?: boolean;
}

/** The slot of what has a name, and of what runs jobs: the pool's are counted from 0. */
export const NAMED_SLOT = -1;
export const JOB_SLOT = -2;

/** One of those that are alike and answer for the application. */
export function isPooled({ name, attempt }: Deployment): boolean {
  return name === undefined && attempt === undefined;
}

export function isNamed({ name }: Deployment): boolean {
  return name !== undefined;
}

/** It runs attempts of jobs, one after another. */
export function runsJobs({ attempt }: Deployment): boolean {
  return attempt !== undefined;
}

/** Why a placement is stopped by us. */
export const STOP = {
  scaledDown: "ScaledDown",
  deleted: "Deleted",
  outdated: "Outdated",
  destroyed: "Destroyed",
  neverStarted: "NeverStarted",
  updating: "Updating",
  stoppedByUser: "StoppedByUser",
  restarted: "Restarted",
  misplaced: "Misplaced",
  unsatisfied: "LocationUnsatisfied",
  preempted: "Preempted",
  idle: "Idle",
  timedOut: "TimedOut",
  deadlineExceeded: "DeadlineExceeded",
  cancelled: "Cancelled",
  suspended: "Suspended",
  jobDecided: "JobDecided",
} as const;

/** Why an attempt of a job is stopped. Nothing else stops one, but a delete and its own time. */
export const JOB_STOPS: ReadonlySet<string | null> = new Set([
  STOP.timedOut,
  STOP.deadlineExceeded,
  STOP.cancelled,
  STOP.suspended,
  STOP.jobDecided,
]);

const FINAL_STOPS: ReadonlySet<string | null> = new Set([
  STOP.scaledDown,
  STOP.deleted,
  STOP.outdated,
  STOP.destroyed,
  STOP.misplaced,
]);
const SLOT_KEEPING_STOPS: ReadonlySet<string | null> = new Set([
  STOP.neverStarted,
  STOP.updating,
  STOP.stoppedByUser,
  STOP.restarted,
  STOP.unsatisfied,
  STOP.preempted,
  STOP.idle,
  ...JOB_STOPS,
]);

/** On its way out: it never starts again, and its row goes with its container. */
export function isLeaving(deployment: Deployment): boolean {
  const { phase, stopReason, last } = deployment;
  if (phase === "stopping") return !SLOT_KEEPING_STOPS.has(stopReason);
  return phase === "pending" && last?.kind === "stopped" && isFinalStop(last.reason);
}

/** After a stop for this reason the deployment itself goes. */
export function isFinalStop(reason: string | null): boolean {
  return FINAL_STOPS.has(reason);
}

/** A container of it may live and is not on its way out. */
export function isLive({ phase }: Deployment): boolean {
  return phase === "starting" || phase === "running";
}

/** Takes new traffic. */
export function isAvailable({ ready, cordoned, parkedUntil }: Deployment): boolean {
  return ready && !cordoned && parkedUntil === undefined;
}

/** A deployment that waits after a failure of its own: shown as `failed`, and the application as degraded. */
export function isFailing(deployment: Deployment): boolean {
  return deployment.phase === "pending" && deployment.failures > 0;
}

/** Waits since its container came to a bad end more than once in a row. */
export function isCrashLooping({ phase, held, failures, last, since, nextStartAt }: Deployment): boolean {
  const isCrash = last?.kind === "exited" || last?.kind === "killed";
  return phase === "pending" && !held && isCrash && failures > 1 && nextStartAt > since;
}

/** The place may be at fault: the platform had no container there, or one that never came to life. */
export function isFailedStart({ last }: Deployment): boolean {
  return last?.kind === "unavailable" || last?.kind === "never-started" || last?.kind === "unknown";
}
