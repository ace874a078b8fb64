/** What an account may use and what it does use, in one reading. */
import type { Database } from "../database.ts";
import type { Amounts } from "./amounts.ts";
import type { CapacityView } from "./capacity/pools.ts";
import { usedBy, usedLocations } from "./ledger.ts";
import type { Settings } from "./limits.ts";

export interface Quota {
  readonly capacity: CapacityView;
  readonly settings: Settings;
  readonly used: Amounts;
  readonly usedAt: readonly ({ readonly location: string } & Amounts)[];
}

export function quotaOf(db: Database, settings: Settings, capacity: CapacityView): Quota {
  const usedAt = usedLocations(db).map((location) => ({ location, ...usedBy(db, location) }));
  return { settings, capacity, used: usedBy(db, null), usedAt };
}
