/**
 * Whether an instance takes requests to the pool. A rollout that hands requests on from one version to the other at once
 * tells it so: other Workers have copies of the routing that are seconds old, and only the instance itself can refuse what
 * they still send. What it was told is in its record, so that a reset of the object keeps it. Calls that name the instance
 * are none of the pool's.
 */
import type { RunRecord } from "./run-record.ts";
import type { RunState } from "./run-state.ts";

export interface Told {
  readonly isClosed: boolean;
  /** The placement that was meant. */
  readonly generation: number;
  /** When it was said: what was said before that comes too late. */
  readonly at: number;
}

/** Between questions whether it is still so. */
const ASK_EVERY_MS = 250;

export class Admission {
  readonly #state: RunState;
  readonly #clock: () => number;
  #asking: Promise<void> | null = null;
  #askedAt = 0;
  /** How often it was told something in this lifetime. */
  #words = 0;

  constructor(state: RunState, clock: () => number) {
    this.#state = state;
    this.#clock = clock;
  }

  get isClosed(): boolean {
    return this.#state.record?.told?.isClosed === true;
  }

  /** Idempotent. False: something else was said later, which stands. */
  tell(generation: number, isOpen: boolean, at: number): boolean {
    const { record } = this.#state;
    this.#words += 1;
    // No copy has what was never started, and what was meant is over where another placement follows.
    if (record === null || generation < record.generation) return true;
    const { told } = record;
    const isSo = (told?.isClosed ?? false) === !isOpen && (isOpen || generation <= (told?.generation ?? 0));
    if (isSo) return true;
    if (told !== undefined && at < told.at) return false;
    this.#state.write({ ...record, told: { isClosed: !isOpen, generation, at } });
    return true;
  }

  /**
   * A request was turned away. Nobody sends any for long to an instance that is meant to refuse: it asks whether it may
   * answer, so that a word which was lost, or came too late, costs moments.
   */
  async turnedAway(mayServe: (record: RunRecord) => Promise<boolean>): Promise<void> {
    if (this.#asking === null && this.#clock() < this.#askedAt + ASK_EVERY_MS) return;
    this.#asking ??= this.#ask(mayServe).finally(() => {
      this.#asking = null;
      this.#askedAt = this.#clock();
    });
    await this.#asking;
  }

  async #ask(mayServe: (record: RunRecord) => Promise<boolean>): Promise<void> {
    const { record } = this.#state;
    const told = record?.told;
    if (record === null || told === undefined) return;
    const words = this.#words;
    if (!(await mayServe(record))) return;
    const after = this.#state.record;
    // What it was told meanwhile was decided later than the answer.
    if (after === null || after.told !== told || this.#words !== words) return;
    this.#state.write({ ...after, told: { ...told, isClosed: false } });
  }
}

/** A launch of the same thing in the same place is in the same old copies as what it follows. */
export function toldAtLaunch(
  previous: RunRecord | null,
  next: Pick<RunRecord, "generation" | "revision">,
): Pick<RunRecord, "told"> {
  const told = previous?.told;
  if (told?.isClosed !== true) return {};
  const isMeant = told.generation === next.generation || previous?.revision === next.revision;
  return isMeant ? { told: { ...told, generation: next.generation } } : {};
}
