/** What an order does to a shard's rows. Older than what is there, it does nothing. */
import type { Database } from "../../database.ts";
import {
  getVersion,
  insertVersion,
  readApplication,
  writeApplication,
  type ApplicationRow,
} from "../storage/application-row.ts";
import type { Order } from "./protocol.ts";

/** True when something is different. `session`: the shard's own. */
export function applyOrder(db: Database, order: Order, session: string): boolean {
  const before = readApplication(db);
  // Nothing of a shard that was never made has to be deleted.
  if (before === undefined && order.row.deleting) return false;
  const next = before === undefined ? { ...order.row, session } : followed(before, order.row);
  if (next === before) return false;
  db.transaction(() => {
    for (const version of order.versions) {
      if (getVersion(db, version.version) === undefined) insertVersion(db, version);
    }
    writeApplication(db, next);
  });
  return true;
}

function followed(before: ApplicationRow, wanted: ApplicationRow): ApplicationRow {
  const isNewer = wanted.generation > before.generation;
  const isTurn = (wanted.sharding?.turn ?? 0) > (before.sharding?.turn ?? 0);
  const isLimited = before.isLimited !== true && wanted.isLimited === true;
  if (!isNewer && !isTurn && !isLimited) return before;
  const { name, spec, activeVersion, generation, observedGeneration, updatedAt } = wanted;
  const { rollout: _, ...rest } = before;
  return {
    ...rest,
    ...(isNewer ? { name, spec, activeVersion, generation, observedGeneration, updatedAt } : {}),
    // A delete is never taken back.
    deleting: before.deleting || wanted.deleting,
    ...(isTurn && wanted.sharding !== undefined ? { sharding: wanted.sharding } : {}),
    ...(wanted.rollout === undefined ? {} : { rollout: wanted.rollout }),
    // What it has learned from its account since then stands.
    ...(isLimited ? { isLimited } : {}),
  };
}
