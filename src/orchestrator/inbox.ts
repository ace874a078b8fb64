/**
 * What instances say, gathered: a pass looks at every deployment, so that 1,000 reports at a time would be as many looks
 * at 1,000 rows. The first word is taken at once; what comes within moments of it is taken together.
 *
 * Nothing is written before it is taken, and nobody is answered before that: what is lost in a crash was never heard, and
 * whoever said it says it again.
 */
import type { Report } from "./plan/observe.ts";

export interface Observation {
  readonly deploymentId: string;
  readonly generation: number;
  readonly report: Report;
}

export interface InboxDeps {
  readonly clock: () => number;
  /** Runs it in so many milliseconds. */
  readonly later: (run: () => void, ms: number) => void;
  /** Applies them in their order, in one turn. Of each: whether its instance is still wanted. */
  readonly take: (observations: readonly Observation[]) => readonly boolean[];
}

/** Nobody notices, and a busy scheduler hears of dozens of instances in it. */
export const GATHER_MS = 10;

interface Waiting {
  readonly observation: Observation;
  readonly resolve: (isOwned: boolean) => void;
  readonly reject: (error: unknown) => void;
}

export class Inbox {
  readonly #deps: InboxDeps;
  #waiting: Waiting[] = [];
  #takenAt = Number.NEGATIVE_INFINITY;
  #isGathering = false;

  constructor(deps: InboxDeps) {
    this.#deps = deps;
  }

  /** Resolves once it is applied: whether the instance is still wanted. */
  hear(observation: Observation): Promise<boolean> {
    const { clock, later } = this.#deps;
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    this.#waiting.push({ observation, resolve, reject });
    // A clock that was set back must not hold anything up.
    const isSoon = clock() >= this.#takenAt && clock() - this.#takenAt < GATHER_MS;
    if (!isSoon) {
      this.#take();
    } else if (!this.#isGathering) {
      this.#isGathering = true;
      later(() => {
        this.#isGathering = false;
        this.#take();
      }, GATHER_MS);
    }
    return promise;
  }

  #take(): void {
    const { clock, take } = this.#deps;
    if (this.#waiting.length === 0) return;
    const taken = this.#waiting;
    this.#waiting = [];
    this.#takenAt = clock();
    try {
      const owned = take(taken.map(({ observation }) => observation));
      for (const [index, { resolve }] of taken.entries()) resolve(owned[index] ?? false);
    } catch (error) {
      for (const { reject } of taken) reject(error);
    }
  }
}
