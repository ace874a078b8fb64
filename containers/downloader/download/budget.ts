/** How much memory the bytes of all downloads may take together, and how much of it one layer. */

const MIB = 1024 * 1024;
const MOST = 32 * MIB;
/** Read ahead of the slowest reader. */
const WINDOW = 4 * MIB;
/** When memory is short: less would make every reading wait for every writing. */
const SMALL_WINDOW = 1 * MIB;
/** Of the beginning of a layer, for those who want it a moment later. */
const KEPT = 4 * MIB;

export class Budget {
  #used = 0;

  add(bytes: number): void {
    this.#used += bytes;
  }

  get used(): number {
    return this.#used;
  }

  get isShort(): boolean {
    return this.#used >= MOST;
  }

  get window(): number {
    return this.isShort ? SMALL_WINDOW : WINDOW;
  }

  get kept(): number {
    return this.#used < MOST / 2 ? KEPT : 0;
  }
}
