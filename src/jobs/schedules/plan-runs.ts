/**
 * What a schedule comes to at a moment: the slots that run, those that do not and why, and the schedule afterwards. Pure;
 * carried out in the transaction that stores the schedule, so that a slot is dealt with once or not at all.
 */
import { dueRuns, type MissReason } from "../cron/due-runs.ts";
import { policyOf, runId, type Schedule } from "./schedule.ts";

/** `AlreadyRunning`: forbidden beside an earlier run. `Replaced`: a later slot of the same moment runs in its place. */
export type SkipReason = "AlreadyRunning" | "Replaced" | "TooManyUnfinished" | "JobsNotAllowed" | "Refused";

export interface Skip {
  readonly slot: number;
  readonly reason: SkipReason;
  readonly message: string;
}

export interface Refusal {
  readonly reason: "JobsNotAllowed" | "Refused";
  readonly message: string;
}

export interface RunsInput {
  /** Jobs of the schedule that are not over. */
  readonly active: readonly string[];
  /** Why nothing of it can run now; null: it can. */
  readonly refusal: Refusal | null;
  readonly now: number;
}

export interface RunsPlan {
  readonly runs: readonly { readonly slot: number; readonly job: string }[];
  /** Jobs that are cancelled for those that run. */
  readonly replaced: readonly string[];
  readonly skipped: readonly Skip[];
  readonly missed: readonly { readonly slot: number; readonly reason: MissReason }[];
  readonly hasMissedMore: boolean;
  readonly next: Schedule;
}

/** Jobs of one schedule that may wait or run: beyond it, its runs take longer than the time between them. */
export const MAX_UNFINISHED = 100;

export function planRuns(schedule: Schedule, { active, refusal, now }: RunsInput): RunsPlan {
  const due = dueRuns(policyOf(schedule), schedule.state.cursor, now);
  const { slots, skipped } = admitted(schedule, due.slots, active.length, refusal);
  const runs = slots.map((slot) => ({ slot, job: runId(schedule, slot) }));
  const { state } = schedule;
  const next: Schedule = {
    ...schedule,
    state: {
      ...state,
      cursor: due.cursor,
      wakeAt: schedule.suspended ? null : due.wakeAt,
      lateBefore: state.lateBefore !== null && due.cursor < state.lateBefore ? state.lateBefore : null,
      fired: state.fired + runs.length,
      skipped: state.skipped + skipped.length,
      missed: state.missed + due.missed.length,
      lastSlot: slots.at(-1) ?? state.lastSlot,
    },
  };
  const replaced = schedule.spec.concurrency === "replace" && runs.length > 0 ? active : [];
  return { runs, replaced, skipped, missed: due.missed, hasMissedMore: due.hasMissedMore, next };
}

function admitted(
  { spec: { concurrency } }: Schedule,
  slots: readonly number[],
  active: number,
  refusal: Refusal | null,
): { slots: readonly number[]; skipped: readonly Skip[] } {
  if (refusal !== null) return { slots: [], skipped: slots.map((slot) => ({ slot, ...refusal })) };
  switch (concurrency) {
    case "allow": {
      return split(slots, Math.max(0, MAX_UNFINISHED - active), {
        reason: "TooManyUnfinished",
        message: `${MAX_UNFINISHED} jobs of it are not over`,
      });
    }
    case "forbid": {
      return split(slots, active === 0 ? 1 : 0, {
        reason: "AlreadyRunning",
        message: "an earlier run is not over, and concurrency is forbid",
      });
    }
    case "replace": {
      const message = "a later run is begun at the same moment, and concurrency is replace";
      return {
        slots: slots.slice(-1),
        skipped: slots.slice(0, -1).map((slot) => ({ slot, reason: "Replaced", message })),
      };
    }
  }
}

function split(slots: readonly number[], room: number, why: Omit<Skip, "slot">) {
  return { slots: slots.slice(0, room), skipped: slots.slice(room).map((slot) => ({ slot, ...why })) };
}
