/** Which applications an account has, and that no two share a name. Standalone deployments are among them, by `kind`. */
import type { Database, Row } from "../database.ts";

export type ApplicationKind = "application" | "deployment";

export interface ApplicationEntry {
  readonly id: string;
  readonly name: string;
  readonly kind: ApplicationKind;
}

export interface Reservation {
  readonly reserved: boolean;
  readonly entry: ApplicationEntry;
  /** How long ago the name was taken. */
  readonly ageMs: number;
}

interface EntryRow extends Row {
  id: string;
  name: string;
  kind: ApplicationKind;
}

/**
 * Takes a name for a new application. When it is taken, `reserved` is false and the entry is the holder; when it was
 * taken for this very id, by an earlier try, it is reserved.
 */
export function reserveName(db: Database, name: string, id: string, kind: ApplicationKind, now: number): Reservation {
  const holder = db.one<EntryRow & { created_at: number }>("SELECT * FROM applications WHERE name = ?", name);
  if (holder !== undefined) {
    return { reserved: holder.id === id, entry: entryOf(holder), ageMs: now - holder.created_at };
  }
  db.run("INSERT INTO applications (id, name, created_at, kind) VALUES (?, ?, ?, ?)", id, name, now, kind);
  return { reserved: true, entry: { id, name, kind }, ageMs: 0 };
}

export function removeApplication(db: Database, id: string): void {
  db.run("DELETE FROM applications WHERE id = ?", id);
}

/** By id, else by name. */
export function findApplication(db: Database, idOrName: string): ApplicationEntry | null {
  const byId = db.one<EntryRow>("SELECT id, name, kind FROM applications WHERE id = ?", idOrName);
  const row = byId ?? db.one<EntryRow>("SELECT id, name, kind FROM applications WHERE name = ?", idOrName);
  return row === undefined ? null : entryOf(row);
}

/** In order of id, after `cursor`: stable while others come and go. */
export function listApplications(
  db: Database,
  kind: ApplicationKind | null,
  cursor: string,
  limit: number,
): ApplicationEntry[] {
  const sql = "SELECT id, name, kind FROM applications WHERE id > ? AND (? IS NULL OR kind = ?) ORDER BY id LIMIT ?";
  return db.all<EntryRow>(sql, cursor, kind, kind, limit).map(entryOf);
}

function entryOf({ id, name, kind }: EntryRow): ApplicationEntry {
  return { id, name, kind };
}
