/** When the registry that a tag is a copy of was last asked for it. It goes with the tag. */
import type { Database } from "../../database.ts";

/** Null: never, or there is no such tag. */
export function tagCheckedAt(db: Database, repository: string, tag: string): number | null {
  const sql = "SELECT checked_at FROM tags WHERE repository = ? AND name = ?";
  return db.one<{ checked_at: number | null }>(sql, repository, tag)?.checked_at ?? null;
}

export function tagChecked(db: Database, repository: string, tag: string, now: number): void {
  db.run("UPDATE tags SET checked_at = ? WHERE repository = ? AND name = ?", now, repository, tag);
}
