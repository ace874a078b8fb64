/** What people do to a rollout. Pure. What cannot be is refused with what to do instead. */
import { assertNever } from "../../assert-never.ts";
import { beyond, frozen, maySwitch, nextStep, type Observed, type RolloutStepped } from "./advance.ts";
import { isOver, type Rollout } from "./rollout.ts";

export const ROLLOUT_ACTIONS = ["next", "previous", "revert", "pause", "resume", "promote", "abort", "retry"] as const;
export type RolloutAction = (typeof ROLLOUT_ACTIONS)[number];

export type RolloutDecision =
  | { readonly type: "changed"; readonly rollout: Rollout; readonly happened: readonly RolloutStepped[] }
  | { readonly type: "refused"; readonly message: string };

/** What has to be known of the instances to stop where they are, and to hand requests on to them. */
export type Standing = Pick<Observed, "fresh" | "wanted" | "held" | "healthy">;

export function decideRollout(rollout: Rollout, action: RolloutAction, seen: Standing, now: number): RolloutDecision {
  if (isOver(rollout)) {
    const retry = rollout.phase === "reverted" ? "begin another with the same configuration" : "begin another one";
    return refused(`it is ${rollout.phase}: ${retry}`);
  }
  if (rollout.phase === "reverting" && action !== "retry") {
    return refused(`it is on its way back (${rollout.reason ?? "Reverted"}): retry begins again at its first step`);
  }
  if (rollout.switchTo !== null) return refused("it is handing requests on to the other side: try again in a moment");
  switch (action) {
    case "next": {
      return next(rollout, seen, now);
    }
    case "previous": {
      if (rollout.step === 0) return refused("it is at its first step: abort goes back to the old version");
      return toStep(rollout, rollout.step - 1, now);
    }
    case "revert": {
      if (rollout.step === 0 && rollout.phase === "waiting") {
        return refused("it is at its first step already: abort goes back to the old version");
      }
      return toStep(rollout, 0, now);
    }
    case "pause": {
      return pause(rollout, seen, now);
    }
    case "resume": {
      return resume(rollout, seen, now);
    }
    case "promote": {
      return promote(rollout, seen, now);
    }
    case "abort": {
      if (rollout.fromVersion === rollout.toVersion) return refused("there is no version to go back to");
      return changed({
        ...rollout,
        phase: "reverting",
        frozen: null,
        pausedFrom: null,
        reason: "Aborted",
        message: null,
        updatedAt: now,
      });
    }
    case "retry": {
      if (rollout.phase !== "stalled" && rollout.phase !== "reverting") {
        return refused("it has not failed: there is nothing to try again");
      }
      return changed({ ...nextStep({ ...rollout, step: -1 }, now), mostHealthy: 0, doneAt: [] });
    }
    default: {
      return assertNever(action);
    }
  }
}

function next(rollout: Rollout, seen: Standing, now: number): RolloutDecision {
  if (rollout.phase === "waiting") return going(rollout, seen, now);
  const { percentage = 100 } = rollout.spec.steps[rollout.step] ?? {};
  if (rollout.phase === "paused") return refused("it is paused: resume goes on");
  if (rollout.phase === "stalled") return refused("its step has failed: retry begins again, abort goes back");
  return refused(`step ${rollout.step + 1} (${percentage} %) is not done yet: next is possible when it is`);
}

function going(rollout: Rollout, seen: Standing, now: number): RolloutDecision {
  if (!maySwitch(rollout, seen)) {
    const { healthy, wanted, held } = seen;
    return refused(
      `only ${healthy} of its ${Math.max(0, wanted - held)} instances are healthy: try again when all are`,
    );
  }
  const happened: RolloutStepped[] = [];
  return { type: "changed", rollout: beyond(rollout, now, happened), happened };
}

/** Skips steps, gates and pauses, and never what makes an instance healthy. */
function promote(rollout: Rollout, seen: Standing, now: number): RolloutDecision {
  const { spec, serving, phase, doneAt, pausedFrom } = rollout;
  if (spec.strategy === "blue_green" && serving === "from") {
    const isStanding = doneAt.length > 0 && [phase, pausedFrom].some((at) => at === "waiting" || at === "gating");
    return isStanding
      ? going(rollout, seen, now)
      : refused("its instances are not healthy yet: promote is possible when they are");
  }
  return changed(nextStep({ ...rollout, step: spec.steps.length - 1 }, now));
}

function pause(rollout: Rollout, seen: Standing, now: number): RolloutDecision {
  const { phase } = rollout;
  if (phase === "paused") return changed(rollout);
  if (phase !== "progressing" && phase !== "waiting" && phase !== "gating") {
    return refused("it has failed and does nothing by itself: retry begins again, abort goes back");
  }
  return changed({
    ...frozen(rollout, seen, now),
    phase: "paused",
    pausedFrom: phase,
    reason: "PausedByUser",
    message: null,
  });
}

/** The time that it was paused does not count against its deadline. */
function resume(rollout: Rollout, seen: Standing, now: number): RolloutDecision {
  const { phase, pausedFrom } = rollout;
  if (phase !== "paused" || pausedFrom === null) return refused("it is not paused");
  // A person has looked at what said nothing: that is the measurement.
  if (rollout.reason === "AnalysisInconclusive") return going(rollout, seen, now);
  const on: Rollout = { ...rollout, phase: pausedFrom, frozen: null, pausedFrom: null, reason: null, message: null };
  return changed({ ...on, progressedAt: now, updatedAt: now });
}

/** Back to a mark that it has passed: what is beyond goes back to the old version. */
function toStep(rollout: Rollout, step: number, now: number): RolloutDecision {
  const doneAt = rollout.doneAt.slice(0, step);
  return changed({ ...nextStep({ ...rollout, step: step - 1 }, now), mostHealthy: 0, doneAt });
}

function changed(rollout: Rollout): RolloutDecision {
  return { type: "changed", rollout, happened: [] };
}

function refused(message: string): RolloutDecision {
  return { type: "refused", message };
}
