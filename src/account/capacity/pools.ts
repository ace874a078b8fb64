/** An account's settings as the pools that its applications share, and what people read of them. Pure. */
import type { Settings } from "../limits.ts";
import { isLimited, type Capacity, type Load } from "./load.ts";
import type { Pools } from "./queue.ts";

export interface CapacityView {
  /** What is in force: as the account says, else as the control plane was configured. */
  readonly total: Capacity;
  /** Runs, or may begin any moment; and how many instances wait. Nothing is counted while nothing is limited. */
  readonly granted: Load & { readonly waiting: number };
  readonly grantedAt: readonly ({ readonly location: string; readonly waiting: number } & Load)[];
}

/** `most`: the control plane's own maximum of instances, for an account that names none. */
export function poolsOf({ capacity, locations }: Settings, most: string | undefined): Pools {
  return {
    total: { ...capacity, instances: capacity.instances ?? maximumIn(most) },
    locations: new Map(
      locations.filter((location) => isLimited(location.capacity)).map(({ code, capacity: own }) => [code, own]),
    ),
  };
}

/** Null when it says nothing. */
function maximumIn(text = ""): number | null {
  return /^\d{1,9}$/.test(text.trim()) ? Number(text) : null;
}
