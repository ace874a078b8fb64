/** What an application holds of its account's limits: what it is to run, at the size of the version that is active. */
import type { Usage } from "../account/amounts.ts";
import { beyondGrant, type Grant } from "../account/ledger.ts";
import { ANYWHERE } from "../account/locations.ts";
import type { Database } from "../database.ts";
import { GantryError } from "../errors.ts";
import type { StoredConfiguration } from "./configurations.ts";
import { sizeOf } from "./launch-spec.ts";
import { networkOf } from "./network.ts";
import { getVersion, readApplication, writeApplication, type ApplicationRow } from "./storage/application-row.ts";
import { mostWantedOf } from "./warm.ts";

export function usageOf(row: ApplicationRow, configuration: StoredConfiguration): Usage {
  const { namedInstances: named = 0, warm = 0, jobInstances: jobs = 0 } = row.spec;
  return {
    instances: row.kind === "deployment" ? 1 : mostWantedOf(row.spec) + named + jobs,
    ...(named === 0 ? {} : { named }),
    ...(warm === 0 ? {} : { warm }),
    ...(jobs === 0 ? {} : { jobs }),
    ...(row.spec.autoscaling == null ? {} : { isScaled: true }),
    size: sizeOf(configuration),
    ipv4s: networkOf(configuration).ipv4 === "none" ? 0 : 1,
    location: configuration.location ?? ANYWHERE,
    generation: row.generation,
  };
}

/** Does a write so that it is undone when it would come to more than was granted. Without a grant nothing is checked. */
export function withinGrant<T>(db: Database, grant: Grant | null, now: number, write: () => T): T {
  if (grant === null) return write();
  return db.transaction(() => {
    const result = write();
    const row = readApplication(db);
    const version = row === undefined ? undefined : getVersion(db, row.activeVersion);
    const why = row && version ? beyondGrant(grant, usageOf(row, version.configuration), now) : null;
    if (row && grant.isLimited === true && row.isLimited !== true) writeApplication(db, { ...row, isLimited: true });
    if (why === null) return result;
    const message = `another write came between: ${why}; try again`;
    throw new GantryError("WRITE_CONFLICT", message, { retry_after: 1 });
  });
}
