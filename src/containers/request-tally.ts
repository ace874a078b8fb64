/**
 * How many requests a container has answered, and how many of them with a failure, from any moment on: what a rollout's
 * gates read. In memory only, of one generation: what begins again, or loses its object, begins at 0. The moment is
 * found to within a second, and ever more roughly the longer ago it is; it is never taken too late.
 */

export interface RequestTotals {
  readonly answered: number;
  /** Of those: 5xx, or no answer at all. */
  readonly failed: number;
}

/** What the totals were before the first request of a stretch of time. */
interface Mark extends RequestTotals {
  readonly at: number;
  /** Its last request was before. */
  readonly until: number;
}

const MARK_EVERY_MS = 1_000;
const MOST_MARKS = 256;
const NOTHING: RequestTotals = { answered: 0, failed: 0 };

export class RequestTally {
  #generation = 0;
  #totals = NOTHING;
  /** Oldest first. */
  #marks: Mark[] = [];

  /** One more was answered. */
  count(generation: number, isFailure: boolean, now: number): void {
    // An answer of what is over says nothing about what runs.
    if (generation < this.#generation) return;
    if (generation > this.#generation) this.#begin(generation);
    const last = this.#marks.at(-1);
    if (last === undefined || now - last.at >= MARK_EVERY_MS) this.#mark(now);
    const { answered, failed } = this.#totals;
    this.#totals = { answered: answered + 1, failed: failed + (isFailure ? 1 : 0) };
  }

  /** Of that generation, since then. Whoever asks again from now on gets exactly what came after. */
  since(generation: number, then: number, now: number): RequestTotals {
    if (generation !== this.#generation) return NOTHING;
    const { answered, failed } = this.#before(then);
    const totals = this.#totals;
    this.#mark(now);
    return { answered: totals.answered - answered, failed: totals.failed - failed };
  }

  #before(then: number): RequestTotals {
    const index = this.#marks.findLastIndex(({ at }) => at <= then);
    const mark = this.#marks[index];
    if (mark === undefined) return NOTHING;
    return then < mark.until ? mark : (this.#marks[index + 1] ?? this.#totals);
  }

  #begin(generation: number): void {
    this.#generation = generation;
    this.#totals = NOTHING;
    this.#marks = [];
  }

  #mark(at: number): void {
    this.#marks.push({ at, until: at + MARK_EVERY_MS, ...this.#totals });
    if (this.#marks.length <= MOST_MARKS) return;
    // The older half gets half as dense.
    this.#marks = this.#marks.flatMap((mark, index) => {
      if (index >= MOST_MARKS / 2) return [mark];
      return index % 2 === 1 ? [] : [{ ...mark, until: this.#marks[index + 1]?.until ?? mark.until }];
    });
  }
}
