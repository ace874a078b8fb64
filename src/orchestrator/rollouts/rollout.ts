/**
 * A rollout as the scheduler keeps it: from one version to another, in steps that each have to be healthy. Pure data;
 * `advance.ts` says how it goes on by itself, `actions.ts` what people do to it.
 */
import type { Amount } from "./targets.ts";

export type RolloutStrategy = "rolling" | "new_instances" | "blue_green";
export type RolloutKind = "full_auto" | "full_manual";

export interface RolloutStep {
  /** Share of the instances that are to be at the target; ascending, the last one 100. */
  readonly percentage: number;
  readonly description: string;
}

export interface RolloutSpec {
  readonly description: string;
  readonly strategy: RolloutStrategy;
  readonly kind: RolloutKind;
  readonly steps: readonly RolloutStep[];
  readonly maxSurge: Amount;
  readonly maxUnavailable: Amount;
  /** Ready for so long without a break is healthy. */
  readonly minHealthyMs: number;
  /** Nothing became healthy for so long: it has failed. Null: it never does by time. */
  readonly progressDeadlineMs: number | null;
  /** What has failed goes back by itself. */
  readonly autoRevert: boolean;
  /** So many measurements of a gate may fail before the rollout does. */
  readonly failureLimit: number;
  /** How long the old instances stay, out of traffic, once they are not needed. */
  readonly scaleDownDelayMs: number;
}

/**
 * - `progressing`: instances are brought to the mark of the current step.
 * - `waiting`: the step is done; somebody says `next`.
 * - `gating`: the step is done; its measurements are not.
 * - `paused`: by a person, or by a measurement that said nothing.
 * - `stalled`: has failed, and does not go back by itself.
 * - `reverting`: on its way back to `fromVersion`.
 * - `completed`, `reverted`, `replaced`: over, for good.
 */
export type RolloutPhase =
  | "progressing"
  | "waiting"
  | "gating"
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
  readonly failedMeasurements: number;
  /** When each step was done, in their order. */
  readonly doneAt: readonly number[];
}

export function isOver({ phase }: Pick<Rollout, "phase">): boolean {
  return phase === "completed" || phase === "reverted" || phase === "replaced";
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
}

/** A first deployment has nobody to spare: it skips its steps. */
export function newRollout({ spec, ...given }: NewRollout, now: number): Rollout {
  const isFirst = !given.isFromStable && given.fromVersion === given.toVersion;
  const last = spec.steps.length - 1;
  return {
    ...given,
    spec,
    createdAt: now,
    updatedAt: now,
    phase: "progressing",
    pausedFrom: null,
    reason: null,
    message: null,
    step: isFirst ? last : 0,
    stepStartedAt: now,
    progressedAt: now,
    mostHealthy: 0,
    failedMeasurements: 0,
    doneAt: [],
  };
}
