/**
 * Images that are just being deleted from the account's registry, or that lose what they name. Their index is another object, so that nothing can be
 * decided here and done there in one turn: between the two nobody may claim them. In memory, since it lasts for one call.
 */

/** A delete that has not ended after this was cut off. */
const LASTS_MS = 30_000;

export class ImageRemovals {
  readonly #going = new Map<string, { readonly until: number; readonly removals: number }>();

  begin(name: string, now: number): void {
    for (const [other, { until }] of this.#going) if (until <= now) this.#going.delete(other);
    this.#going.set(name, { until: now + LASTS_MS, removals: (this.#going.get(name)?.removals ?? 0) + 1 });
  }

  end(names: readonly string[]): void {
    for (const name of names) {
      const { until, removals } = this.#going.get(name) ?? { until: 0, removals: 1 };
      if (removals > 1) this.#going.set(name, { until, removals: removals - 1 });
      else this.#going.delete(name);
    }
  }

  isGoing(name: string, now: number): boolean {
    return (this.#going.get(name)?.until ?? Number.NEGATIVE_INFINITY) > now;
  }
}
