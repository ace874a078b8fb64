/**
 * Whose a resource is: the name of what manages it, such as a manifest, so that it knows what it may delete. A row is of
 * a resource's id, written before the resource is made: one whose write was cut off belongs to nothing, and what is
 * deleted and made again under the same name is nobody's.
 */
import type { Database, Row } from "../database.ts";
import { GantryError } from "../errors.ts";

export const OWNED_KINDS = ["application", "deployment", "secret", "ssh-key", "registry", "protocol"] as const;
export type OwnedKind = (typeof OWNED_KINDS)[number];

export interface Owned {
  readonly kind: OwnedKind;
  readonly name: string;
  readonly id: string;
  readonly owner: string;
}

interface OwnedRow extends Row {
  kind: OwnedKind;
  name: string;
  id: string;
  owner: string;
}

/** Standalone deployments stand among the applications, with this before their own name. */
const DEPLOYMENT = "deployment-";

const RESOURCES = `
SELECT kind, CASE kind WHEN 'deployment' THEN substr(name, ${DEPLOYMENT.length + 1}) ELSE name END AS name, id FROM applications
UNION ALL SELECT 'secret', name, id FROM secrets
UNION ALL SELECT 'ssh-key', name, id FROM ssh_keys
UNION ALL SELECT 'registry', domain, id FROM registries
UNION ALL SELECT 'protocol', proto, id FROM protocols`;

/** A write that has not made anything by then never will. */
const BEFOREHAND_MS = 86_400_000;

/** For what a write with this seed is about to make. */
export function ownBeforehand(db: Database, seed: string, owner: string, now: number): void {
  const dead = "SELECT id FROM owners WHERE at < ? AND id NOT IN (SELECT id FROM (" + RESOURCES + ")) LIMIT 100";
  db.run(`DELETE FROM owners WHERE id IN (${dead})`, now - BEFOREHAND_MS);
  db.run("INSERT INTO owners VALUES (?, ?, ?) ON CONFLICT DO NOTHING", seed, owner, now);
}

/** Of one owner, or of all. */
export function listOwned(db: Database, owner: string | null): Owned[] {
  const sql = `SELECT r.kind, r.name, r.id, o.owner FROM owners o JOIN (${RESOURCES}) r ON r.id = o.id
    WHERE ? IS NULL OR o.owner = ? ORDER BY r.kind, r.name`;
  return db.all<OwnedRow>(sql, owner, owner).map(({ kind, name, id, owner: of }) => ({ kind, name, id, owner: of }));
}

/** Null: there is no such resource. */
export function own(db: Database, kind: OwnedKind, name: string, owner: string, now: number): Owned | null {
  const found = find(db, kind, name);
  if (found === null) return null;
  const current = db.one<{ owner: string }>("SELECT owner FROM owners WHERE id = ?", found.id)?.owner;
  if (current !== undefined && current !== owner) {
    const text = `${kind} ${name.slice(0, 128)} belongs to ${current}: have that give it up first (DELETE /owners/${kind}/…)`;
    throw new GantryError("OWNED_BY_ANOTHER", text, { kind, name: name.slice(0, 128), owner: current });
  }
  if (current === undefined) db.run("INSERT INTO owners VALUES (?, ?, ?)", found.id, owner, now);
  return { kind, name: found.name, id: found.id, owner };
}

/** False: there is no such resource. */
export function disown(db: Database, kind: OwnedKind, name: string): boolean {
  const found = find(db, kind, name);
  if (found === null) return false;
  db.run("DELETE FROM owners WHERE id = ?", found.id);
  return true;
}

function find(db: Database, kind: OwnedKind, name: string): { id: string; name: string } | null {
  const sql = `SELECT name, id FROM (${RESOURCES}) WHERE kind = ? AND (name = ? OR id = ?) ORDER BY name = ? DESC`;
  return db.one<Row & { id: string; name: string }>(sql, kind, name, name, name) ?? null;
}
