/**
 * Ends what has had its time, and tells of what nobody calls any more: with each look, so that neither has a timer, and no
 * request costs a row.
 */
import { HARD_TIMEOUT } from "../orchestrator/plan/observe.ts";
import type { BusyHold } from "./busy-hold.ts";
import type { InFlight } from "./in-flight.ts";
import { hardDeadlineOf, idleDeadlineOf } from "./lifespan.ts";
import type { RunRecord, Stop } from "./run-record.ts";
import type { RunState } from "./run-state.ts";

export interface LifespanWatchDeps {
  readonly state: RunState;
  readonly clock: () => number;
  readonly inFlight: () => InFlight;
  readonly busy: BusyHold;
  /** Begins the stop, and tells of it. */
  readonly end: (record: RunRecord, stop: Omit<Stop, "timeline">) => void;
}

export class LifespanWatch {
  readonly #deps: LifespanWatchDeps;

  constructor(deps: LifespanWatchDeps) {
    this.#deps = deps;
  }

  /** Something is under way again, for the first time since the last look. */
  active(): void {
    const { state, clock } = this.#deps;
    const { record } = state;
    if (record?.sleepAfterMs === undefined || state.live(record.generation) === undefined) return;
    const { isIdle: _, ...rest } = record;
    state.write({ ...rest, activeAt: clock() });
  }

  /** False: its time is over, and it is being stopped. */
  look(before: RunRecord): boolean {
    const { state, clock, inFlight, busy, end } = this.#deps;
    const record = busy.look(before);
    const active = inFlight();
    active.expectNews();
    if (clock() >= hardDeadlineOf(record)) {
      const message = `it has run for ${(record.hardTimeoutMs ?? 0) / 1_000} s, which is its hard_timeout`;
      console.log({ message: "container.timed-out", generation: record.generation, why: message });
      end(record, { kind: "stopped", reason: HARD_TIMEOUT, message, isOwn: true });
      return false;
    }
    // What is to be replaced waits for no more than its work.
    const isFree = record.isOutdated === true && active.count === 0 && record.busy === undefined;
    const isIdle = isFree || clock() >= idleDeadlineOf(record, active.activeAt);
    if (isIdle && record.isIdle !== true) state.write({ ...record, isIdle });
    return true;
  }
}
