/**
 * Virtual time. Everything that waits, waits here, also the code under test: its `setTimeout` is replaced while a
 * simulation runs. Steps are taken in order of time, then of their number, so a seed gives one order.
 */
interface Step {
  readonly at: number;
  readonly number: number;
  readonly run: () => void;
}

/** What the code under test gets for `AbortSignal.timeout`: whoever keeps it waiting ends it at its deadline. */
export interface Deadline {
  readonly at: number;
  aborted: boolean;
}

export class VirtualTime {
  now = 1_000_000;
  #number = 0;
  readonly #steps: Step[] = [];
  readonly #cancelled = new Set<number>();

  after(ms: number, run: () => void): number {
    const number = (this.#number += 1);
    const step = { at: this.now + Math.max(0, ms), number, run };
    // A binary search keeps the list sorted; worlds are small.
    let low = 0;
    let high = this.#steps.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#steps[middle];
      if (other !== undefined && other.at <= step.at) low = middle + 1;
      else high = middle;
    }
    this.#steps.splice(low, 0, step);
    return number;
  }

  cancel(number: number): void {
    this.#cancelled.add(number);
  }

  /** Takes the next step that is due by `until`. False when there is none. */
  step(until: number): boolean {
    for (;;) {
      const next = this.#steps[0];
      if (next === undefined || next.at > until) {
        this.now = Math.max(this.now, until);
        return false;
      }
      this.#steps.shift();
      if (this.#cancelled.size > 0 && this.#cancelled.delete(next.number)) continue;
      this.now = next.at;
      next.run();
      return true;
    }
  }

  /** Puts this clock in the place of the real one. Returns how to put that back. */
  install(): () => void {
    const { setTimeout: realSet, clearTimeout: realClear } = globalThis;
    const realNow = Date.now;
    const realAbort = AbortSignal.timeout.bind(AbortSignal);
    globalThis.setTimeout = ((run: () => void, ms = 0) => this.after(ms, run)) as unknown as typeof setTimeout;
    globalThis.clearTimeout = ((number: number) => this.cancel(number)) as typeof clearTimeout;
    Date.now = () => this.now;
    AbortSignal.timeout = (ms) => {
      const deadline: Deadline = { at: this.now + ms, aborted: false };
      return deadline as unknown as AbortSignal;
    };
    return () => {
      globalThis.setTimeout = realSet;
      globalThis.clearTimeout = realClear;
      Date.now = realNow;
      AbortSignal.timeout = realAbort;
    };
  }
}

/** Lets every promise that can settle now do so: a tick comes after all microtasks, and far cheaper than a turn. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}
