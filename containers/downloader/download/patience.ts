/** How long one client may keep others waiting that read the same layer, in all of its download. */

const MOST_MS = 1_000;

export class Patience {
  #leftMs: number;

  constructor(ms = MOST_MS) {
    this.#leftMs = ms;
  }

  get leftMs(): number {
    return this.#leftMs;
  }

  spend(ms: number): void {
    this.#leftMs = Math.max(0, this.#leftMs - ms);
  }
}
