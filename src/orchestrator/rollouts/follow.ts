/**
 * What a rollout comes to is written: the rollout itself, what of it the planner and the router follow, the version that is
 * active, and what is told of it, in one transaction.
 */
import type { Database } from "../../database.ts";
import { appendEvents, type EventDraft } from "../events.ts";
import type { RolloutsLog } from "./rollouts-log.ts";
import { writeApplication, type ApplicationRow } from "../storage/application-row.ts";
import { percentageOf, type RolloutStepped } from "./advance.ts";
import { markOf, sameMark } from "./mark.ts";
import type { Rollout } from "./rollout.ts";

/** Stores a rollout that has changed. Returns the row as it is with it. */
export function keepRollout(
  db: Database,
  log: RolloutsLog,
  row: ApplicationRow,
  rollout: Rollout,
  told: readonly EventDraft[],
  now: number,
): ApplicationRow {
  const next = followedRow(row, rollout, now);
  db.transaction(() => {
    log.put(rollout);
    if (next !== row) writeApplication(db, next);
    appendEvents(db, told, now);
  });
  return next;
}

/** The row as that rollout wants it. */
export function followedRow(row: ApplicationRow, rollout: Rollout, now: number): ApplicationRow {
  const mark = markOf(rollout);
  const activeVersion = goesBack(rollout) ? rollout.fromVersion : rollout.toVersion;
  if (activeVersion === row.activeVersion && sameMark(mark, row.rollout ?? null)) return row;
  const { rollout: _, ...rest } = row;
  const { sharding } = row;
  const stableVersion = stableAfter(rollout);
  const isMoved = activeVersion !== row.activeVersion;
  const generation = isMoved ? row.generation + 1 : row.generation;
  return {
    ...rest,
    ...(mark === null ? {} : { rollout: mark }),
    ...(stableVersion === null ? {} : { stableVersion }),
    activeVersion,
    generation,
    observedGeneration: generation,
    updatedAt: isMoved ? now : row.updatedAt,
    // The other shards hear of what is new by its number.
    ...(sharding === undefined ? {} : { sharding: { ...sharding, turn: sharding.turn + 1 } }),
  };
}

/** Null: it leaves nothing that is known to have served. One of nothing but an empty application has tried nothing. */
function stableAfter({ phase, mostHealthy, isFromStable, toVersion, fromVersion }: Rollout): number | null {
  if (phase === "completed") return mostHealthy > 0 ? toVersion : null;
  return phase === "reverted" && isFromStable ? fromVersion : null;
}

function goesBack({ phase }: Rollout): boolean {
  return phase === "reverting" || phase === "reverted";
}

export function startedEvent({ id, fromVersion, toVersion, spec }: Rollout): EventDraft {
  const message = `rollout from version ${fromVersion} to ${toVersion} begun: ${spec.description}`;
  return info("RolloutStarted", message, { rollout: id, from: fromVersion, to: toVersion, strategy: spec.strategy });
}

export function replacedEvent({ id, toVersion }: Rollout, by: number): EventDraft {
  return info("RolloutReplaced", `rollout to version ${toVersion} is replaced by one to ${by}`, { rollout: id });
}

export function steppedEvents(rollout: Rollout, happened: readonly RolloutStepped[]): EventDraft[] {
  const { id, fromVersion, toVersion, spec } = rollout;
  const of = { rollout: id };
  return happened.map((step): EventDraft => {
    switch (step.type) {
      case "step-done": {
        const percentage = percentageOf({ spec, step: step.step });
        const message = `step ${step.step + 1} of ${spec.steps.length} of the rollout is done: ${percentage} % at version ${toVersion}`;
        return info("RolloutStepCompleted", message, { ...of, step: step.step + 1, percentage });
      }
      case "switching": {
        const version = step.side === "to" ? toVersion : fromVersion;
        return info("RolloutSwitching", `requests are handed on to version ${version}`, { ...of, version });
      }
      case "completed": {
        return info("RolloutCompleted", `every instance is at version ${toVersion}`, { ...of, version: toVersion });
      }
      case "failed": {
        const why = rollout.message ?? step.reason;
        const then = step.goesBack ? `going back to version ${fromVersion}` : "it stays as it is: retry, or abort";
        const message = `rollout to version ${toVersion} has failed: ${why}; ${then}`;
        return { type: "Error", name: "RolloutFailed", message, details: { ...of, reason: step.reason } };
      }
      case "paused": {
        const message = "paused: the measurements say nothing; look at them, then resume or abort";
        return { type: "Warn", name: "RolloutPaused", message, details: { ...of, reason: step.reason } };
      }
      case "reverted": {
        return info("RolloutReverted", `back at version ${fromVersion}`, { ...of, version: fromVersion });
      }
    }
  });
}

/** Of what somebody has done to it. */
export function actedEvent(rollout: Rollout, action: string, actor: string): EventDraft {
  const NAMES: Readonly<Record<string, string>> = { pause: "RolloutPaused", resume: "RolloutResumed" };
  const name = NAMES[action] ?? "RolloutActed";
  return info(name, `${action} by ${actor}: rollout to version ${rollout.toVersion}`, { rollout: rollout.id, action });
}

function info(name: string, message: string, details: Record<string, string | number>): EventDraft {
  return { type: "Info", name, message, details };
}
