/**
 * How a rollout goes on by itself: from step to step while what is at the target is healthy, to its end when all of it is,
 * and back when nothing becomes healthy for too long. Pure; asking again over what it says changes nothing.
 */
import { assertNever } from "../../assert-never.ts";
import type { Analysed } from "./gates.ts";
import { isOver, type Rollout, type RolloutReason } from "./rollout.ts";
import { stepTarget } from "./targets.ts";

/** What is seen of the instances at one moment. */
export interface Observed {
  /** How many the application wants. */
  readonly wanted: number;
  /** Of those, that a user holds stopped: they stay as they are, and nothing waits for them. */
  readonly held: number;
  /** Slots at the target, whether anything runs in them or not. */
  readonly fresh: number;
  /** At the target, ready for at least `minHealthyMs`. */
  readonly healthy: number;
  /** When the last of those became so; null: none has. */
  readonly healthySince: number | null;
  /** When those will be healthy that are ready and not yet so, ascending. */
  readonly ripening: readonly number[];
  /** Take traffic at `fromVersion`. */
  readonly oldReady: number;
  /** Live instances that do not report the target, by name. */
  readonly others: readonly string[];
  /** The same of those that are called by name, which are replaced when they are idle. */
  readonly named: readonly string[];
  /** What those at the target that are not ready say of it, by name; the first of them. */
  readonly failing: readonly string[];
  /** Live instances that do not report `fromVersion`. */
  readonly notBack: readonly string[];
}

export type RolloutStepped =
  | { readonly type: "step-done"; readonly step: number }
  | { readonly type: "switching"; readonly side: "from" | "to" }
  | { readonly type: "completed" }
  | { readonly type: "failed"; readonly reason: RolloutReason; readonly goesBack: boolean }
  | { readonly type: "paused"; readonly reason: RolloutReason }
  | { readonly type: "reverted" };

export interface Advanced {
  readonly rollout: Rollout;
  /** What has happened, in order. Nothing, and yet another rollout: what it knows in memory is enough. */
  readonly happened: readonly RolloutStepped[];
  /** When it fails if nothing happens; null: it does not by time. */
  readonly deadlineAt: number | null;
  /** When time alone may bring it on; null: it cannot. */
  readonly ripeAt: number | null;
}

/** What the gates of the step come to. */
export type Found = Pick<Analysed, "analysis" | "message">;

const PENDING: Found = { analysis: "pending", message: null };

export function percentageOf({ spec, step }: Pick<Rollout, "spec" | "step">): number {
  return spec.steps[step]?.percentage ?? 100;
}

export function advance(before: Rollout, observed: Observed, analysis: Found, now: number): Advanced {
  const happened: RolloutStepped[] = [];
  let rollout = before;
  for (let round = 0; round <= before.spec.steps.length + 3; round += 1) {
    // What was measured is of the step that it was measured in.
    const isMeasured = rollout.step === before.step || analysis.analysis === "none";
    const next = advanceOnce(rollout, observed, isMeasured ? analysis : PENDING, now, happened);
    if (next === rollout) break;
    rollout = next;
  }
  const deadlineAt = awaitsNames(rollout, observed) ? null : deadlineOf(rollout);
  return { rollout, happened, deadlineAt, ripeAt: ripeAtOf(rollout, observed) };
}

function advanceOnce(
  rollout: Rollout,
  observed: Observed,
  analysis: Found,
  now: number,
  happened: RolloutStepped[],
): Rollout {
  switch (rollout.phase) {
    case "progressing": {
      return progress(rollout, observed, analysis, now, happened);
    }
    case "gating": {
      return judge(rollout, observed, analysis, now, happened);
    }
    case "reverting": {
      return goBack(rollout, observed, now, happened);
    }
    case "switching":
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
  observed: Observed,
  analysis: Found,
  now: number,
  happened: RolloutStepped[],
): Rollout {
  const { healthy, healthySince, others, named } = observed;
  // Only what becomes healthy moves the deadline, so that a start that fails again and again does not.
  const rollout =
    healthy > before.mostHealthy
      ? { ...before, mostHealthy: healthy, progressedAt: Math.max(before.progressedAt, healthySince ?? now) }
      : before;
  const isAtMark = healthy >= markOf(rollout, observed);
  if (isAtMark && !isLastStep(rollout)) return stepDone(rollout, observed, analysis, now, happened);
  if (isAtMark && mustSwitch(rollout)) return stepDone(rollout, observed, analysis, now, happened);
  // Complete is what runs nothing else: an instance that still serves the old version holds it up, and is named.
  if (isAtMark && others.length + named.length === 0) return complete(rollout, now, happened);
  // Those that are called by name are busy for as long as they are: nothing of that is a failure.
  if (isAtMark && others.length === 0) return rollout.progressedAt >= now ? rollout : { ...rollout, progressedAt: now };
  const deadline = deadlineOf(rollout);
  if (deadline === null || now < deadline) return rollout;
  return fail(rollout, "ProgressDeadlineExceeded", overdue(rollout, observed), observed, now, happened);
}

/** What it takes for the step to be done. */
function markOf(rollout: Rollout, { wanted, held }: Pick<Observed, "wanted" | "held">): number {
  return Math.min(stepTarget(percentageOf(rollout), wanted), Math.max(0, wanted - held));
}

/** All that is missing is that somebody who is called by name falls idle. */
function awaitsNames(rollout: Rollout, observed: Observed): boolean {
  if (rollout.phase !== "progressing" || !isLastStep(rollout) || mustSwitch(rollout)) return false;
  return observed.healthy >= markOf(rollout, observed) && observed.others.length === 0;
}

function isLastStep({ step, spec }: Rollout): boolean {
  return step >= spec.steps.length - 1;
}

/** Both sides stand by, and requests still go to the old one. */
export function mustSwitch({ spec, serving }: Rollout): boolean {
  return spec.strategy === "blue_green" && serving === "from";
}

function stepDone(
  rollout: Rollout,
  observed: Observed,
  analysis: Found,
  now: number,
  happened: RolloutStepped[],
): Rollout {
  // It may have been done before, and its instances have not been healthy since.
  const isTold = rollout.doneAt.length > rollout.step;
  if (!isTold) happened.push({ type: "step-done", step: rollout.step });
  const done: Rollout = { ...rollout, updatedAt: now, doneAt: isTold ? rollout.doneAt : [...rollout.doneAt, now] };
  if (analysis.analysis === "none") return goOn(done, observed, now, happened);
  return judge({ ...done, phase: "gating" }, observed, analysis, now, happened);
}

function complete(rollout: Rollout, now: number, happened: RolloutStepped[]): Rollout {
  const isTold = rollout.doneAt.length === rollout.spec.steps.length;
  if (!isTold) happened.push({ type: "step-done", step: rollout.step });
  happened.push({ type: "completed" });
  const doneAt = isTold ? rollout.doneAt : [...rollout.doneAt, now];
  return { ...rollout, phase: "completed", reason: null, message: null, doneAt, updatedAt: now };
}

/** A step is done and nothing is held against it. */
function goOn(rollout: Rollout, observed: Observed, now: number, happened: RolloutStepped[]): Rollout {
  const { spec, step } = rollout;
  const isWaiting = spec.kind === "full_manual" || spec.steps[step]?.waits === true;
  if (isWaiting) return { ...rollout, phase: "waiting", updatedAt: now };
  // What was healthy before the measurements need not be any more.
  if (!maySwitch(rollout, observed)) return { ...rollout, phase: "progressing", progressedAt: now, updatedAt: now };
  return beyond(rollout, now, happened);
}

/** Requests are handed on only to as many as they need. */
export function maySwitch(rollout: Rollout, observed: Pick<Observed, "wanted" | "held" | "healthy">): boolean {
  return !mustSwitch(rollout) || observed.healthy >= markOf(rollout, observed);
}

/** To the next step, or to the other side. */
export function beyond(rollout: Rollout, now: number, happened: RolloutStepped[]): Rollout {
  if (!mustSwitch(rollout)) return nextStep(rollout, now);
  happened.push({ type: "switching", side: "to" });
  return {
    ...rollout,
    phase: "switching",
    switchTo: "to",
    pausedFrom: null,
    reason: null,
    message: null,
    updatedAt: now,
  };
}

/** What the measurements come to. One that says nothing is left to a person. */
function judge(
  rollout: Rollout,
  observed: Observed,
  analysis: Found,
  now: number,
  happened: RolloutStepped[],
): Rollout {
  switch (analysis.analysis) {
    case "pending": {
      return rollout;
    }
    case "none":
    case "passed": {
      return goOn(rollout, observed, now, happened);
    }
    case "inconclusive": {
      happened.push({ type: "paused", reason: "AnalysisInconclusive" });
      const reason = "AnalysisInconclusive";
      const { message } = analysis;
      return { ...frozen(rollout, observed, now), phase: "paused", pausedFrom: "gating", reason, message };
    }
    case "failed": {
      return fail(rollout, "AnalysisFailed", analysis.message, observed, now, happened);
    }
    default: {
      return assertNever(analysis.analysis);
    }
  }
}

/** To a version that has served, or, where there is none to go back to, as it is. */
function fail(
  rollout: Rollout,
  reason: RolloutReason,
  message: string | null,
  observed: Observed,
  now: number,
  happened: RolloutStepped[],
): Rollout {
  const goesBack = rollout.spec.autoRevert && rollout.isFromStable && rollout.fromVersion !== rollout.toVersion;
  happened.push({ type: "failed", reason, goesBack });
  if (goesBack) return { ...rollout, phase: "reverting", reason, message, updatedAt: now };
  return { ...frozen(rollout, observed, now), phase: "stalled", reason, message };
}

function goBack(
  rollout: Rollout,
  { oldReady, wanted, held, notBack, others }: Observed,
  now: number,
  happened: RolloutStepped[],
): Rollout {
  if (rollout.switchTo !== null) return rollout;
  if (rollout.spec.strategy === "blue_green" && rollout.serving === "to") {
    if (oldReady < wanted - held) return rollout;
    // Where both versions are the same, whoever serves is of either, and there is nobody else to hand requests on to.
    const isSame = oldReady > 0 && others.length === 0 && notBack.length === 0;
    if (!isSame) {
      happened.push({ type: "switching", side: "from" });
      return { ...rollout, switchTo: "from", updatedAt: now };
    }
  }
  if (notBack.length > 0) return rollout;
  happened.push({ type: "reverted" });
  return { ...rollout, phase: "reverted", updatedAt: now };
}

/** Requests go to the other side from here on. */
export function switched(rollout: Rollout, now: number): Rollout {
  if (rollout.switchTo === null) return rollout;
  const phase = rollout.phase === "switching" ? "progressing" : rollout.phase;
  return { ...rollout, phase, serving: rollout.switchTo, switchTo: null, progressedAt: now, updatedAt: now };
}

/** What it has come to stays in that proportion, whatever is wanted meanwhile. */
export function frozen(rollout: Rollout, { fresh, wanted }: Pick<Observed, "fresh" | "wanted">, now: number): Rollout {
  return { ...rollout, frozen: { fresh: Math.min(fresh, wanted), wanted }, updatedAt: now };
}

export function nextStep(rollout: Rollout, now: number): Rollout {
  const step = Math.min(rollout.step + 1, rollout.spec.steps.length - 1);
  return {
    ...rollout,
    phase: "progressing",
    frozen: null,
    pausedFrom: null,
    reason: null,
    message: null,
    step,
    stepStartedAt: now,
    progressedAt: now,
    measurements: [],
    updatedAt: now,
  };
}

function overdue({ toVersion, spec }: Rollout, { healthy, wanted, others, failing }: Observed): string {
  const within = `within ${(spec.progressDeadlineMs ?? 0) / 1_000} s`;
  // What went wrong with the new ones says more than which old ones are still there.
  const still = others.length === 0 ? "" : `; still at another version: ${others.slice(0, 5).join(", ")}`;
  const held = failing.length === 0 ? still : `; ${failing.join("; ")}`;
  return `no further instance became healthy at version ${toVersion} ${within}: ${healthy} of ${wanted} are${held}`;
}

export function deadlineOf(rollout: Rollout): number | null {
  const { progressDeadlineMs } = rollout.spec;
  if (isOver(rollout) || rollout.phase !== "progressing" || progressDeadlineMs === null) return null;
  return rollout.progressedAt + progressDeadlineMs;
}

/** When so many will be healthy that the step is done, if nothing else happens. */
function ripeAtOf(rollout: Rollout, observed: Observed): number | null {
  if (rollout.phase !== "progressing") return null;
  const { healthy, ripening } = observed;
  const missing = markOf(rollout, observed) - healthy;
  return missing < 1 ? null : (ripening[missing - 1] ?? null);
}
