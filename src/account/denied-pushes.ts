/**
 * Which denied pushes are worth a row of the audit: a client sends one push as many requests, and whoever guesses names
 * of repositories would fill the audit at the account's cost. In memory: an eviction costs a row more.
 */

const MINUTE_MS = 60_000;
/** Rows in a minute, whoever is denied whatever. */
const MOST_A_MINUTE = 120;

export class DeniedPushes {
  readonly #seen = new Set<string>();
  #minute = Number.NEGATIVE_INFINITY;

  /** True once for each repository and actor in a minute of the clock. */
  isNew(repository: string, actor: string, now: number): boolean {
    const minute = Math.floor(now / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#seen.clear();
    }
    const key = `${repository} ${actor}`;
    if (this.#seen.has(key) || this.#seen.size >= MOST_A_MINUTE) return false;
    this.#seen.add(key);
    return true;
  }
}
