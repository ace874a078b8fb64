/**
 * A rollout as the scheduler keeps it: from one version to another, in steps that each have to be healthy. Pure data;
 * `advance.ts` says how it goes on by itself, `actions.ts` what people do to it.
 */
import type { Gate, Measurement } from "./gates.ts";
import type { Amount } from "./targets.ts";

export type RolloutStrategy = "rolling" | "new_instances" | "blue_green";
export type RolloutKind = "full_auto" | "full_manual";

export interface RolloutStep {
  /** Share of the instances that are to be at the target; ascending, the last one 100. */
  readonly percentage: number;
  readonly description: string;
  /** At its end somebody says `next`, whatever the kind. */
  readonly waits?: boolean;
}

/** How instances are replaced, where a rollout does not say it: of an application, and of each rollout. */
export interface RolloutPolicy {
  readonly maxSurge: Amount;
  readonly maxUnavailable: Amount;
  /** Ready for so long is healthy. */
  readonly minHealthyMs: number;
  /** Nothing became healthy for so long: it has failed. Null: it never does by time. */
  readonly progressDeadlineMs: number | null;
  /** What has failed goes back by itself. */
  readonly autoRevert: boolean;
  /** How long the old instances stay, out of traffic, once they are not needed. */
  readonly scaleDownDelayMs: number;
}

export const DEFAULT_POLICY: RolloutPolicy = {
  maxSurge: { percentage: 25 },
  maxUnavailable: { count: 0 },
  minHealthyMs: 10_000,
  progressDeadlineMs: 600_000,
  autoRevert: true,
  scaleDownDelayMs: 0,
};

/** By which a client stays with the version that it was given: a cookie of ours, or a header that it sends itself. */
export type Sticky = { readonly by: "cookie" } | { readonly by: "header"; readonly name: string };

export interface RolloutSpec extends RolloutPolicy {
  readonly description: string;
  readonly strategy: RolloutStrategy;
  readonly kind: RolloutKind;
  readonly steps: readonly RolloutStep[];
  /** What is measured at the end of each step but the last, and of a blue-green one before it switches. */
  readonly gates: readonly Gate[];
  /** Of `new_instances`: null where each request is shared out by itself. */
  readonly sticky: Sticky | null;
}

/**
 * - `progressing`: instances are brought to the mark of the current step.
 * - `waiting`: the step is done; somebody says `next`.
 * - `gating`: the step is done; its measurements are not.
 * - `switching`: both sides are ready, and requests are handed on from one to the other. Of a blue-green one.
 * - `paused`: by a person, or by a measurement that said nothing.
 * - `stalled`: has failed, and does not go back by itself.
 * - `reverting`: on its way back to `fromVersion`.
 * - `completed`, `reverted`, `replaced`: over, for good.
 */
export type RolloutPhase =
  | "progressing"
  | "waiting"
  | "gating"
  | "switching"
  | "paused"
  | "stalled"
  | "reverting"
  | "completed"
  | "reverted"
  | "replaced";

export type RolloutReason =
  | "ProgressDeadlineExceeded"
  | "AnalysisFailed"
  | "AnalysisInconclusive"
  | "Aborted"
  | "PausedByUser"
  | "Reverted"
  | "Replaced"
  | "NothingToDo";

export type RolloutSide = "from" | "to";

export interface Proportion {
  readonly fresh: number;
  readonly wanted: number;
}

export interface Rollout {
  readonly id: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly spec: RolloutSpec;
  readonly fromVersion: number;
  readonly toVersion: number;
  /** `fromVersion` has served for long enough to go back to; a first deployment has nothing to go back to. */
  readonly isFromStable: boolean;
  readonly phase: RolloutPhase;
  /** How many were at the target, of how many, when it stopped by itself or by a person: that proportion is kept. */
  readonly frozen: Proportion | null;
  /** The side that takes requests, of a blue-green one. */
  readonly serving: RolloutSide;
  /** To whom requests are being handed on. */
  readonly switchTo: RolloutSide | null;
  /** What it was at before it was paused. */
  readonly pausedFrom: "progressing" | "waiting" | "gating" | null;
  readonly reason: RolloutReason | null;
  /** In words for people; null: the reason says it. */
  readonly message: string | null;
  /** Of `spec.steps`. */
  readonly step: number;
  readonly stepStartedAt: number;
  /** Since when nothing has become healthy: what the deadline is counted from. */
  readonly progressedAt: number;
  /** Most that have been healthy at the target, by which progress is known. */
  readonly mostHealthy: number;
  /** Of the gates of the step, oldest first. */
  readonly measurements: readonly Measurement[];
  /** When each step was done, in their order. */
  readonly doneAt: readonly number[];
  /** By which somebody has acted on it last. */
  readonly lastRequest?: string;
}

export function isOver({ phase }: Pick<Rollout, "phase">): boolean {
  return phase === "completed" || phase === "reverted" || phase === "replaced";
}

/** It does nothing more until somebody acts on it, or at all. */
export function isResting(rollout: Pick<Rollout, "phase">): boolean {
  return isOver(rollout) || ["waiting", "paused", "stalled"].includes(rollout.phase);
}

export function isFailing({ phase }: Pick<Rollout, "phase">): boolean {
  return phase === "stalled" || phase === "reverting" || phase === "reverted";
}

/** Cloudflare's word for it: what is paused, stalled or on its way back is `progressing` there. */
export function wireStatus({ phase }: Pick<Rollout, "phase">): "progressing" | "completed" | "reverted" | "replaced" {
  return phase === "completed" || phase === "reverted" || phase === "replaced" ? phase : "progressing";
}

export interface NewRollout {
  readonly id: string;
  readonly spec: RolloutSpec;
  readonly fromVersion: number;
  readonly toVersion: number;
  readonly isFromStable: boolean;
  /** Nobody serves whom it could endanger, or nothing is to change: steps, gates and strategies are skipped. */
  readonly isFirst: boolean;
}

export function newRollout({ spec, isFirst, ...given }: NewRollout, now: number): Rollout {
  return {
    ...given,
    spec,
    createdAt: now,
    updatedAt: now,
    phase: "progressing",
    frozen: null,
    serving: isFirst ? "to" : "from",
    switchTo: null,
    pausedFrom: null,
    reason: null,
    message: null,
    step: isFirst ? spec.steps.length - 1 : 0,
    stepStartedAt: now,
    progressedAt: now,
    mostHealthy: 0,
    measurements: [],
    doneAt: [],
  };
}
