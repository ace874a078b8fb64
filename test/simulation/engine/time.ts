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
    const steps = this.#steps;
    const step = { at: this.now + Math.max(0, ms), number, run };
    // A heap: the earliest is first, and each is before those at twice its place.
    let place = steps.length;
    for (; place > 0; place = (place - 1) >>> 1) {
      const above = steps[(place - 1) >>> 1];
      if (above === undefined || !isBefore(step, above)) break;
      steps[place] = above;
    }
    steps[place] = step;
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
      this.#removeFirst();
      if (this.#cancelled.size > 0 && this.#cancelled.delete(next.number)) continue;
      this.now = next.at;
      next.run();
      return true;
    }
  }

  #removeFirst(): void {
    const steps = this.#steps;
    const last = steps.pop();
    if (last === undefined || steps.length === 0) return;
    let place = 0;
    for (;;) {
      const left = steps[2 * place + 1];
      const right = steps[2 * place + 2];
      const isRight = right !== undefined && left !== undefined && isBefore(right, left);
      const below = isRight ? right : left;
      if (below === undefined || isBefore(last, below)) break;
      steps[place] = below;
      place = 2 * place + (isRight ? 2 : 1);
    }
    steps[place] = last;
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

function isBefore(a: Step, b: Step): boolean {
  return a.at < b.at || (a.at === b.at && a.number < b.number);
}

/** Lets every promise that can settle now do so: a tick comes after all microtasks, and far cheaper than a turn. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}
