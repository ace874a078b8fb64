/** What a rollout is at, in a sentence, and as conditions. */
import { assertNever } from "../../assert-never.ts";
import { percentageOf } from "../../orchestrator/rollouts/advance.ts";
import type { Rollout, RolloutPhase, RolloutReason } from "../../orchestrator/rollouts/rollout.ts";
import { stepTarget } from "../../orchestrator/rollouts/targets.ts";
import type { RolloutView } from "../../orchestrator/views.ts";
import { wantedOf } from "../../orchestrator/warm.ts";

/** Enough to look at the first of them. */
const MOST_NAMES = 5;

const WHY: Readonly<Record<RolloutReason, string>> = {
  ProgressDeadlineExceeded: "nothing became healthy in time",
  AnalysisFailed: "a gate failed",
  AnalysisInconclusive: "a gate could not tell",
  Aborted: "it was aborted",
  PausedByUser: "it was paused",
  Reverted: "it was reverted",
  Replaced: "another rollout took its place",
  NothingToDo: "the version ran already",
};

/** Null: nothing is wrong with it. */
export function whyOf({ reason, message }: Pick<Rollout, "reason" | "message">): string | null {
  return message ?? (reason === null ? null : WHY[reason]);
}

export function explainRollout(view: RolloutView): string {
  const { rollout } = view;
  const { fromVersion, toVersion, phase } = rollout;
  const reason = whyOf(rollout);
  const because = reason === null ? "" : `: ${reason}`;
  switch (phase) {
    case "progressing": {
      const why = view.failing.length === 0 ? heldBy(view) : `; ${view.failing.join("; ")}`;
      return `${stepOf(rollout)}: ${healthOf(view)}${why}`;
    }
    case "waiting": {
      const goes = "next goes on, promote goes to the end, abort goes back";
      return `${stepOf(rollout)} is done (${healthOf(view)}): ${goes}`;
    }
    case "gating": {
      const gates = rollout.spec.gates.map(({ name }) => name).join(", ");
      return `${stepOf(rollout)} is done, and is measured: ${gates}`;
    }
    case "switching": {
      return `requests are handed on from version ${fromVersion} to version ${toVersion}`;
    }
    case "paused": {
      const told = rollout.reason === "PausedByUser" ? "" : because;
      return `paused in ${stepOf(rollout)}${told}; resume goes on, abort goes back`;
    }
    case "stalled": {
      return `failed${because}; it does not go back by itself: retry begins again, abort goes back`;
    }
    case "reverting": {
      return `going back to version ${fromVersion}${because}`;
    }
    case "completed": {
      return fromVersion === toVersion ? `version ${toVersion} ran already` : `version ${toVersion} is what runs`;
    }
    case "reverted": {
      return `version ${fromVersion} runs again${because}`;
    }
    case "replaced": {
      return "another change of what runs took its place";
    }
    default: {
      return assertNever(phase);
    }
  }
}

/** How many of how many are healthy at the target, and what the others are at. */
export function healthOf({ rollout, healthy, old, application }: RolloutView): string {
  const total = wantedOf(application.row.spec);
  const others = old === 0 ? "" : `, ${old} ${old === 1 ? "is" : "are"} at another version`;
  const mark = stepTarget(percentageOf(rollout), total);
  const short = rollout.phase === "progressing" && mark < total ? ` (${mark} needed)` : "";
  return `${healthy} of ${total} instances are healthy at version ${rollout.toVersion}${short}${others}`;
}

function stepOf({ step, spec }: Rollout): string {
  return `step ${step + 1} of ${spec.steps.length} (${spec.steps[step]?.percentage ?? 100} %)`;
}

function heldBy({ rollout, holding }: RolloutView): string {
  const isLast = rollout.step >= rollout.spec.steps.length - 1;
  if (!isLast || holding.length === 0) return "";
  const more = holding.length > MOST_NAMES ? ` and ${holding.length - MOST_NAMES} more` : "";
  return `; waits for ${holding.slice(0, MOST_NAMES).join(", ")}${more}`;
}

const CONDITION = {
  progressing: "Progressing",
  waiting: "Waiting",
  gating: "Analyzing",
  switching: "Switching",
  paused: "Paused",
  stalled: "Stalled",
  reverting: "Reverting",
  completed: "Completed",
  reverted: "Reverted",
  replaced: "Replaced",
} as const satisfies Record<RolloutPhase, string>;

export const CONDITIONS = [...Object.values(CONDITION), "Aborting", "Failed"] as const;

/** Those that hold: what it is at, and whether it has failed. */
export function conditionsOf(view: RolloutView) {
  const { phase, reason, updatedAt, doneAt } = view.rollout;
  const isAborting = phase === "reverting" && reason === "Aborted";
  const type: (typeof CONDITIONS)[number] = isAborting ? "Aborting" : CONDITION[phase];
  // Each measurement is news of it; that it is measured is not.
  const since = phase === "gating" ? (doneAt.at(-1) ?? updatedAt) : updatedAt;
  const conditions = [{ type, reason, message: explainRollout(view), since }];
  const hasFailed = reason === "ProgressDeadlineExceeded" || reason === "AnalysisFailed";
  if (!hasFailed) return conditions;
  return [...conditions, { type: "Failed" as const, reason, message: WHY[reason], since: updatedAt }];
}
