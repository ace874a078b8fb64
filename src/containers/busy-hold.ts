/** The busy lease of the placement that runs, in memory; its beginning and its end are in the run record. */
import { GantryError } from "../errors.ts";
import { DEFAULT_MAX_HOLD_MS, heldUntil, renewed, resumed, type Hold } from "./busy.ts";
import type { RunRecord } from "./run-record.ts";
import type { RunState } from "./run-state.ts";

export interface BusyHoldDeps {
  readonly state: RunState;
  readonly clock: () => number;
  /** It has begun, or ended before its time. */
  readonly onChange: () => void;
}

export class BusyHold {
  readonly #deps: BusyHoldDeps;
  #hold: (Hold & { readonly generation: number }) | null = null;
  /** When a hold that is over has ended. */
  #endedAt = 0;
  readonly #waiting = new Set<() => void>();

  constructor(deps: BusyHoldDeps) {
    this.#deps = deps;
  }

  /** When it was last held in this lifetime of the object; now, while it is. */
  get activeAt(): number {
    return Math.max(this.#endedAt, Math.min(this.#deps.clock(), this.#until ?? 0));
  }

  get isHeld(): boolean {
    return (this.#until ?? 0) > this.#deps.clock();
  }

  /** Until when it is held unless it is renewed; null when it is not. */
  get until(): number | null {
    return this.isHeld ? this.#until : null;
  }

  /** The latest time at which what is held now ends, however often it is renewed. */
  deadlineOf(record: RunRecord): number {
    return this.isHeld && this.#hold !== null ? this.#hold.since + maxHoldOf(record) : this.#deps.clock();
  }

  /** Takes or renews it. Returns until when it is held. */
  hold(record: RunRecord, ttlMs: number): number {
    const { state, clock, onChange } = this.#deps;
    const now = clock();
    const { generation } = record;
    if (record.phase === "stopping" && !this.isHeld) {
      throw new GantryError("INSTANCE_LEAVING", "the instance is being stopped: it takes up nothing new", {});
    }
    const before = this.#hold?.generation === generation ? this.#hold : null;
    const hold = renewed(before, ttlMs, now);
    const until = heldUntil(hold, maxHoldOf(record));
    this.#hold = { ...hold, generation };
    if (until <= now) {
      const seconds = maxHoldOf(record) / 1_000;
      const message = `it has been held for ${seconds} s, which is configuration.max_hold: release it before you take it again`;
      throw new GantryError("HOLD_EXPIRED", message, { max_hold: seconds });
    }
    if (record.busy?.since !== hold.since || record.busy.ttlMs !== ttlMs) {
      state.write({ ...record, busy: { since: hold.since, ttlMs } });
      onChange();
    }
    return until;
  }

  release(record: RunRecord): void {
    this.#endedAt = this.activeAt;
    this.#hold = null;
    this.#wake();
    if (record.busy === undefined) return;
    this.#forget(record);
    this.#deps.onChange();
  }

  /** After the object came into memory. */
  resume({ busy, generation }: RunRecord): void {
    if (busy !== undefined) this.#hold = { ...resumed(busy, this.#deps.clock()), generation };
  }

  /** One that was not renewed is written off, once. */
  look(record: RunRecord): RunRecord {
    if (record.busy === undefined || this.isHeld) return record;
    return this.#forget(record);
  }

  /** Resolves when nothing is held, or at `deadline`. */
  async freed(deadline: number): Promise<void> {
    const { clock } = this.#deps;
    while (this.isHeld && clock() < deadline) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      const timer = setTimeout(resolve, Math.min(this.#until ?? 0, deadline) - clock());
      await promise;
      clearTimeout(timer);
      this.#waiting.delete(resolve);
    }
  }

  #forget(record: RunRecord): RunRecord {
    const { busy: _, ...rest } = record;
    this.#deps.state.write(rest);
    return rest;
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
  }

  get #until(): number | null {
    const { record } = this.#deps.state;
    if (this.#hold === null || record === null || record.generation !== this.#hold.generation) return null;
    return record.phase === "ended" ? null : heldUntil(this.#hold, maxHoldOf(record));
  }
}

function maxHoldOf({ maxHoldMs }: RunRecord): number {
  return maxHoldMs ?? DEFAULT_MAX_HOLD_MS;
}
