/**
 * How a rollout goes on by itself: from step to step while what is at the target is healthy, to its end when all of it is,
 * and back when nothing becomes healthy for too long. Pure; asking again over what it says changes nothing.
 */
import { assertNever } from "../../assert-never.ts";
import { isOver, type Rollout, type RolloutReason } from "./rollout.ts";
import { stepTarget } from "./targets.ts";

/** What is seen of the instances at one moment. */
export interface Observed {
  /** How many the application wants. */
  readonly wanted: number;
  /** At the target, ready for at least `minHealthyMs`. */
  readonly healthy: number;
  /** When the next of those that are ready will have been so for long enough; null: none is on its way. */
  readonly nextHealthyAt: number | null;
  /** Live instances that do not report the target, by name. */
  readonly others: readonly string[];
  /** Live instances that do not report `fromVersion`. */
  readonly notBack: readonly string[];
}

/** What the gates of the step say: `pending` until they have measured for long enough. */
export type Analysis = "none" | "pending" | "passed" | "failed" | "inconclusive";

export type RolloutStepped =
  | { readonly type: "step-done"; readonly step: number }
  | { readonly type: "completed" }
  | { readonly type: "failed"; readonly reason: RolloutReason; readonly goesBack: boolean }
  | { readonly type: "paused"; readonly reason: RolloutReason }
  | { readonly type: "reverted" };

export interface Advanced {
  readonly rollout: Rollout;
  /** What has happened, in order. */
  readonly happened: readonly RolloutStepped[];
  /** When time alone may change it; null: it cannot. */
  readonly wakeAt: number | null;
}

/** At the target, of what is wanted. */
export function targetOf(rollout: Rollout, wanted: number): number {
  switch (rollout.phase) {
    case "reverting":
    case "reverted": {
      return 0;
    }
    case "completed": {
      return wanted;
    }
    // What is stalled stays as it is: it neither goes on nor back.
    case "stalled":
    case "paused":
    case "waiting":
    case "gating":
    case "progressing":
    case "replaced": {
      const { percentage = 100 } = rollout.spec.steps[rollout.step] ?? {};
      return stepTarget(percentage, wanted);
    }
    default: {
      return assertNever(rollout.phase);
    }
  }
}

export function advance(before: Rollout, observed: Observed, analysis: Analysis, now: number): Advanced {
  const happened: RolloutStepped[] = [];
  let rollout = before;
  for (let round = 0; round <= before.spec.steps.length + 1; round += 1) {
    // What was measured is of the step that it was measured in.
    const measured = round === 0 || analysis === "none" ? analysis : "pending";
    const next = advanceOnce(rollout, observed, measured, now, happened);
    if (next === rollout) break;
    rollout = next;
  }
  return { rollout, happened, wakeAt: wakeAtOf(rollout, observed, now) };
}

function advanceOnce(
  rollout: Rollout,
  observed: Observed,
  analysis: Analysis,
  now: number,
  happened: RolloutStepped[],
): Rollout {
  switch (rollout.phase) {
    case "progressing": {
      return progress(rollout, observed, analysis, now, happened);
    }
    case "gating": {
      return judge(rollout, analysis, now, happened);
    }
    case "reverting": {
      if (observed.notBack.length > 0) return rollout;
      happened.push({ type: "reverted" });
      return { ...rollout, phase: "reverted", updatedAt: now };
    }
    case "waiting":
    case "paused":
    case "stalled":
    case "completed":
    case "reverted":
    case "replaced": {
      return rollout;
    }
    default: {
      return assertNever(rollout.phase);
    }
  }
}

function progress(
  before: Rollout,
  { wanted, healthy, others }: Observed,
  analysis: Analysis,
  now: number,
  happened: RolloutStepped[],
): Rollout {
  // Only what becomes healthy moves the deadline, so that a start that fails again and again does not.
  const rollout = healthy > before.mostHealthy ? { ...before, mostHealthy: healthy, progressedAt: now } : before;
  const isLast = rollout.step === rollout.spec.steps.length - 1;
  const isAtMark = healthy >= targetOf(rollout, wanted);
  // Complete is what runs nothing else: an instance that still serves the old version holds it up, and is named.
  if (isAtMark && (!isLast || others.length === 0)) return stepDone(rollout, isLast, analysis, now, happened);
  const { progressDeadlineMs } = rollout.spec;
  if (progressDeadlineMs === null || now < rollout.progressedAt + progressDeadlineMs) return rollout;
  return fail(rollout, "ProgressDeadlineExceeded", overdue(rollout, healthy, wanted, others), now, happened);
}

function stepDone(
  rollout: Rollout,
  isLast: boolean,
  analysis: Analysis,
  now: number,
  happened: RolloutStepped[],
): Rollout {
  happened.push({ type: "step-done", step: rollout.step });
  const done: Rollout = { ...rollout, updatedAt: now, doneAt: [...rollout.doneAt, now] };
  if (isLast) {
    happened.push({ type: "completed" });
    return { ...done, phase: "completed" };
  }
  if (analysis !== "none") return judge({ ...done, phase: "gating" }, analysis, now, happened);
  return done.spec.kind === "full_manual" ? { ...done, phase: "waiting" } : nextStep(done, now);
}

/** What the measurements come to. One that says nothing is left to a person. */
function judge(rollout: Rollout, analysis: Analysis, now: number, happened: RolloutStepped[]): Rollout {
  switch (analysis) {
    case "pending": {
      return rollout;
    }
    case "none":
    case "passed": {
      return rollout.spec.kind === "full_manual" ? { ...rollout, phase: "waiting" } : nextStep(rollout, now);
    }
    case "inconclusive": {
      happened.push({ type: "paused", reason: "AnalysisInconclusive" });
      return { ...rollout, phase: "paused", pausedFrom: "gating", reason: "AnalysisInconclusive", updatedAt: now };
    }
    case "failed": {
      return fail(rollout, "AnalysisFailed", null, now, happened);
    }
    default: {
      return assertNever(analysis);
    }
  }
}

/** To a version that has served, or, where there is none to go back to, as it is. */
export function fail(
  rollout: Rollout,
  reason: RolloutReason,
  message: string | null,
  now: number,
  happened: RolloutStepped[],
): Rollout {
  const goesBack = rollout.spec.autoRevert && rollout.isFromStable && rollout.fromVersion !== rollout.toVersion;
  happened.push({ type: "failed", reason, goesBack });
  return { ...rollout, phase: goesBack ? "reverting" : "stalled", reason, message, updatedAt: now };
}

export function nextStep(rollout: Rollout, now: number): Rollout {
  const step = Math.min(rollout.step + 1, rollout.spec.steps.length - 1);
  return {
    ...rollout,
    phase: "progressing",
    reason: null,
    message: null,
    step,
    stepStartedAt: now,
    progressedAt: now,
    failedMeasurements: 0,
    updatedAt: now,
  };
}

function overdue({ toVersion, spec }: Rollout, healthy: number, wanted: number, others: readonly string[]): string {
  const within = `within ${(spec.progressDeadlineMs ?? 0) / 1_000} s`;
  const held = others.length === 0 ? "" : `; still at another version: ${others.slice(0, 5).join(", ")}`;
  return `no further instance became healthy at version ${toVersion} ${within}: ${healthy} of ${wanted} are${held}`;
}

function wakeAtOf(rollout: Rollout, { nextHealthyAt }: Observed, now: number): number | null {
  if (isOver(rollout) || rollout.phase !== "progressing") return null;
  const { progressDeadlineMs } = rollout.spec;
  const deadline = progressDeadlineMs === null ? null : rollout.progressedAt + progressDeadlineMs;
  const times = [deadline, nextHealthyAt].filter((at) => at !== null && at > now) as number[];
  return times.length === 0 ? null : Math.min(...times);
}
