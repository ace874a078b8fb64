/** What the planner may begin of what is wanted, as far as its account has granted it; and what comes of the rest. Pure. */
import type { Shortage } from "../../account/capacity/statement.ts";

export interface Allowance {
  /** How many more may begin in a location. */
  readonly room: (location: string) => number;
  /** How many more would fit into each limited location, beyond `room`. */
  readonly free: ReadonlyMap<string, number>;
  /** Containers that may be started now. */
  readonly starts: number;
  /** Why there is no more. Null: that has not been said, and nothing is blocked. */
  readonly shortage: Shortage | null;
}

/** Hands out an allowance within one plan. */
export class Allowed {
  readonly #allowance: Allowance | undefined;
  readonly #begun = new Map<string, number>();
  readonly unbegun = new Map<string, number>();
  #starts: number;

  constructor(allowance: Allowance | undefined) {
    this.#allowance = allowance;
    this.#starts = allowance?.starts ?? Number.POSITIVE_INFINITY;
  }

  /** How many more fit, by location; undefined where nothing is limited. */
  get free(): ReadonlyMap<string, number> | undefined {
    const { free, room } = this.#allowance ?? {};
    if (free === undefined || room === undefined || free.size === 0) return undefined;
    return new Map([...free].map(([location, more]) => [location, more + room(location)]));
  }

  /** One more in that location may begin. What may not is counted. */
  begin(location: string): boolean {
    if (this.#allowance === undefined) return true;
    const begun = this.#begun.get(location) ?? 0;
    if (this.#starts < 1 || this.#allowance.room(location) - begun < 1) {
      this.wait(location);
      return false;
    }
    this.#begun.set(location, begun + 1);
    this.#starts -= 1;
    return true;
  }

  /** It is wanted, and does not begin now. */
  wait(location: string): void {
    if (this.#allowance !== undefined) this.unbegun.set(location, (this.unbegun.get(location) ?? 0) + 1);
  }

  /** Why something that is wanted did not begin; null when that is not known yet, or nothing waits. */
  get shortage(): Shortage | null {
    return this.unbegun.size === 0 ? null : (this.#allowance?.shortage ?? null);
  }
}
