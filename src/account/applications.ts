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
  /** The application itself, or who holds what was asked for. */
  readonly entry: ApplicationEntry;
  /** What the holder holds, when it is not reserved. */
  readonly conflict: "name" | "namespace" | null;
  /** How long ago the name was taken. */
  readonly ageMs: number;
}

interface EntryRow extends Row {
  id: string;
  name: string;
  kind: ApplicationKind;
}

interface HolderRow extends EntryRow {
  created_at: number;
}

/**
 * Takes a name for a new application, and with it the Durable Object namespace that it is to belong to, if any. When one
 * of them is taken, `reserved` is false and the entry is the holder; when it was taken for this very id, by an earlier
 * try, it is reserved.
 */
export function reserveName(
  db: Database,
  name: string,
  id: string,
  kind: ApplicationKind,
  now: number,
  namespaceId: string | null = null,
): Reservation {
  const byName = db.one<HolderRow>("SELECT * FROM applications WHERE name = ?", name);
  if (byName !== undefined && byName.id !== id) return taken("name", byName, now);
  const sql = "SELECT * FROM applications WHERE namespace_id = ?";
  const byNamespace = namespaceId === null ? undefined : db.one<HolderRow>(sql, namespaceId);
  if (byNamespace !== undefined && byNamespace.id !== id) return taken("namespace", byNamespace, now);
  if (byName !== undefined)
    return { reserved: true, entry: entryOf(byName), conflict: null, ageMs: now - byName.created_at };
  db.run(
    "INSERT INTO applications (id, name, created_at, kind, namespace_id) VALUES (?, ?, ?, ?, ?)",
    id,
    name,
    now,
    kind,
    namespaceId,
  );
  return { reserved: true, entry: { id, name, kind }, conflict: null, ageMs: 0 };
}

function taken(conflict: "name" | "namespace", holder: HolderRow, now: number): Reservation {
  return { reserved: false, entry: entryOf(holder), conflict, ageMs: now - holder.created_at };
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
