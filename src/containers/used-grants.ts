/**
 * Numbers of the grants that were honoured here, so that none is honoured twice, also by a later lifetime of the object.
 * A grant names its instance, so that this object is the only one that ever sees it.
 */
import type { Database } from "../database.ts";
import type { Grant } from "../grant.ts";

export const USED_GRANTS_SCHEMA = `CREATE TABLE used_grants (nonce TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID`;

/** False when it was used before, or has expired. Costs a row, and one later for each that was used before and has expired. */
export function useGrant(db: Database, { nonce, expiresAt }: Pick<Grant, "nonce" | "expiresAt">, now: number): boolean {
  if (expiresAt <= now) return false;
  return db.transaction(() => {
    db.run("DELETE FROM used_grants WHERE until <= ?", now);
    if (db.one("SELECT nonce FROM used_grants WHERE nonce = ?", nonce) !== undefined) return false;
    db.run("INSERT INTO used_grants VALUES (?, ?)", nonce, expiresAt);
    return true;
  });
}
