/** Buckets of a duration, as Prometheus counts them: each holds all that were at most as long. */

/** From an answer out of memory to an archive that took an hour. */
export const SECONDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30, 120, 600, 3_600] as const;

export class Histogram {
  readonly #counts: number[] = SECONDS.map(() => 0);
  #sum = 0;
  #count = 0;

  observe(seconds: number): void {
    this.#sum += seconds;
    this.#count += 1;
    const bucket = SECONDS.findIndex((most) => seconds <= most);
    if (bucket >= 0) this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
  }

  /** Upper limit and how many were within it, the last without a limit; then the sum of all. */
  read(): { readonly buckets: readonly (readonly [most: string, count: number])[]; sum: number; count: number } {
    let within = 0;
    const buckets = SECONDS.map((most, index) => {
      within += this.#counts[index] ?? 0;
      return [String(most), within] as const;
    });
    return { buckets: [...buckets, ["+Inf", this.#count]], sum: this.#sum, count: this.#count };
  }
}
