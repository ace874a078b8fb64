/** The load of an application over the last minute, as a staircase: each report is a step. In memory only. */

interface Step {
  readonly at: number;
  readonly total: number;
}

export class LoadSeries {
  readonly #windowMs: number;
  #steps: Step[] = [];

  /** Nothing is known of what was before `bornAt`: it is not averaged over. */
  constructor(windowMs: number, bornAt: number) {
    this.#windowMs = windowMs;
    this.#steps.push({ at: bornAt, total: 0 });
  }

  put(total: number, now: number): void {
    this.#steps.push({ at: now, total });
    const start = now - this.#windowMs;
    // The last step before the window is how it begins.
    const first = this.#steps.findLastIndex(({ at }) => at <= start);
    if (first > 0) this.#steps = this.#steps.slice(first);
  }

  /** Over the last `windowMs`, or as long as anything is known. */
  average(windowMs: number, now: number): number {
    const start = Math.max(now - windowMs, this.#steps[0]?.at ?? now);
    if (now <= start) return this.#steps.at(-1)?.total ?? 0;
    let area = 0;
    for (const [index, { at, total }] of this.#steps.entries()) {
      const end = this.#steps[index + 1]?.at ?? now;
      area += total * Math.max(0, Math.min(end, now) - Math.max(at, start));
    }
    return area / (now - start);
  }
}
