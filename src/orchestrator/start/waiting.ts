/**
 * Choices that callers of `start` wait with, by the name that they start: in memory, until the intent of that start takes
 * the choice along in its own write. So what is refused, or is given up, has changed nothing.
 */
import type { Override, StartChoice } from "./choice.ts";
import type { KeptChoice } from "./kept.ts";

export interface WaitingChoice {
  readonly override: Override;
  readonly choice: StartChoice;
  /** As it is going to be kept. */
  readonly kept: KeptChoice;
}

export class WaitingChoices {
  readonly #byName = new Map<string, { readonly waiting: WaitingChoice; callers: number }>();

  get size(): number {
    return this.#byName.size;
  }

  get(name: string): WaitingChoice | undefined {
    return this.#byName.get(name)?.waiting;
  }

  /** What is going to be started under other names. */
  overridesBut(name: string): WaitingChoice["override"][] {
    return [...this.#byName].flatMap(([other, { waiting }]) => (other === name ? [] : [waiting.override]));
  }

  /** One more caller waits with it. Of another choice for that name nobody may wait meanwhile. */
  join(name: string, waiting: WaitingChoice): void {
    const known = this.#byName.get(name);
    if (known === undefined) this.#byName.set(name, { waiting, callers: 1 });
    else known.callers += 1;
  }

  /** True when nobody is left who waits with it. */
  leave(name: string): boolean {
    const known = this.#byName.get(name);
    if (known === undefined) return true;
    known.callers -= 1;
    if (known.callers > 0) return false;
    this.#byName.delete(name);
    return true;
  }
}
