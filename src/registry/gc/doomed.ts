/**
 * Keys of objects that the index has forgotten, in the turn that forgot them: they are never named again, so they may be
 * deleted at any time, and twice. A row goes when R2 has said that its keys are gone.
 */
import type { Database } from "../../database.ts";

/** As many as R2 deletes in one call. */
const KEYS_PER_ROW = 1_000;

export function doom(db: Database, keys: readonly string[]): void {
  for (let start = 0; start < keys.length; start += KEYS_PER_ROW) {
    db.run("INSERT INTO doomed (keys) VALUES (?)", JSON.stringify(keys.slice(start, start + KEYS_PER_ROW)));
  }
}

export function hasDoomed(db: Database): boolean {
  return db.one("SELECT id FROM doomed LIMIT 1") !== undefined;
}

/** Deletes them all, those that are added meanwhile too. What fails, throws, and its row stays. */
export async function deleteDoomed(db: Database, bucket: R2Bucket): Promise<void> {
  for (;;) {
    const row = db.one<{ id: number; keys: string }>("SELECT id, keys FROM doomed ORDER BY id LIMIT 1");
    if (row === undefined) return;
    // oxlint-disable-next-line no-await-in-loop -- a thousand keys a call, one call after the other
    await bucket.delete(JSON.parse(row.keys) as string[]);
    db.run("DELETE FROM doomed WHERE id = ?", row.id);
  }
}
