/** What the planner may begin of what is wanted, as far as its account has granted it; and what comes of the rest. Pure. */
import type { Size } from "../../account/amounts.ts";
import { add, fits, loadOf, NO_LOAD, scaled, subtract, type Load } from "../../account/capacity/load.ts";
import type { Shortage } from "../../account/capacity/statement.ts";

export interface Allowance {
  /** How many more may begin in a location. */
  readonly room: (location: string) => number;
  /** What `room` is counted in: what is left of the grant in a location, and one more. Absent: any size fits. */
  readonly measured?: { readonly left: (location: string) => Load; readonly each: Load };
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
  /** Likewise of those that have a size of their own: one for each location, and its size. */
  readonly unbegunOwn = new Map<string, Size>();
  readonly #begunOwn = new Map<string, Load>();
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

  /** One more in that location may begin. What may not is counted. `own`: its size, where that is not everybody's. */
  begin(location: string, own: Size | null = null): boolean {
    if (this.#allowance === undefined) return true;
    if (this.#starts < 1 || !this.#fits(this.#allowance, location, own)) {
      this.wait(location, own);
      return false;
    }
    if (own === null) this.#begun.set(location, (this.#begun.get(location) ?? 0) + 1);
    else this.#begunOwn.set(location, add(this.#begunOwn.get(location) ?? NO_LOAD, loadOf(own, 1)));
    this.#starts -= 1;
    return true;
  }

  #fits({ room, measured }: Allowance, location: string, own: Size | null): boolean {
    const begun = this.#begun.get(location) ?? 0;
    const begunOwn = this.#begunOwn.get(location);
    if (measured === undefined || (own === null && begunOwn === undefined)) return room(location) - begun >= 1;
    const left = subtract(subtract(measured.left(location), scaled(measured.each, begun)), begunOwn ?? NO_LOAD);
    return fits(left, own === null ? measured.each : loadOf(own, 1)) >= 1;
  }

  /** It is wanted, and does not begin now. */
  wait(location: string, own: Size | null = null): void {
    if (this.#allowance === undefined) return;
    if (own === null) this.unbegun.set(location, (this.unbegun.get(location) ?? 0) + 1);
    // Another one of another size waits until this one has begun, or is told that it cannot.
    else if (!this.unbegunOwn.has(location)) this.unbegunOwn.set(location, own);
  }

  /** Why something that is wanted did not begin; null when that is not known yet, or nothing waits. */
  get shortage(): Shortage | null {
    return this.unbegun.size + this.unbegunOwn.size === 0 ? null : (this.#allowance?.shortage ?? null);
  }
}
