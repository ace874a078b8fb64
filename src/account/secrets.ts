/**
 * Secrets of an account: write-only, versioned, sealed before they come here. Nothing in this file sees a value. Each
 * write grows the version, also one of the same value: telling the two apart would let values be guessed.
 */
import type { Database, Row } from "../database.ts";
import { GantryError } from "../errors.ts";
import { etagOf, requireMatch } from "../etag.ts";

export interface Secret {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly comment: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface NewSecret {
  readonly id: string;
  readonly name: string;
  readonly comment: string;
  readonly sealed: string;
}

interface SecretRow extends Row {
  name: string;
  id: string;
  version: number;
  comment: string;
  last_write: string;
  created_at: number;
  updated_at: number;
}

const COLUMNS = "name, id, version, comment, last_write, created_at, updated_at";

/** What a sealed value is bound to: moved to another name it does not open. */
export function secretContext(accountId: string, name: string): string {
  return `secret ${accountId} ${name}`;
}

export function secretEtag({ id, version }: Pick<Secret, "id" | "version">): string {
  return etagOf(id, version);
}

/** The one that an earlier try with the same id has made is returned as it is. */
export function createSecret(db: Database, { id, name, comment, sealed }: NewSecret, now: number): Secret {
  const existing = findRow(db, name);
  if (existing !== undefined) {
    if (existing.id === id) return toSecret(existing);
    throw alreadyExists(name);
  }
  db.run("INSERT INTO secrets VALUES (?, ?, 1, ?, ?, ?, ?, ?)", name, id, comment, sealed, id, now, now);
  return { id, name, version: 1, comment, createdAt: now, updatedAt: now };
}

/** `write` is the same for every try of one write: the second finds that the first was done. */
export function changeSecret(
  db: Database,
  { name, sealed, write, ifMatch }: { name: string; sealed: string; write: string; ifMatch: string | null },
  now: number,
): Secret {
  const existing = findRow(db, name);
  if (existing === undefined) throw notFound(name);
  if (existing.last_write === write) return toSecret(existing);
  requireMatch(ifMatch, secretEtag(existing));
  db.run(
    "UPDATE secrets SET sealed = ?, version = version + 1, last_write = ?, updated_at = ? WHERE name = ?",
    sealed,
    write,
    now,
    name,
  );
  return { ...toSecret(existing), version: existing.version + 1, updatedAt: now };
}

export function getSecret(db: Database, name: string): Secret | null {
  const row = findRow(db, name);
  return row === undefined ? null : toSecret(row);
}

export function listSecrets(db: Database, cursor: string, limit: number): Secret[] {
  const sql = `SELECT ${COLUMNS} FROM secrets WHERE name > ? ORDER BY name LIMIT ?`;
  return db.all<SecretRow>(sql, cursor, limit).map(toSecret);
}

export function sealedSecret(db: Database, name: string): { readonly sealed: string; readonly version: number } | null {
  const sql = "SELECT sealed, version FROM secrets WHERE name = ?";
  return db.one<{ sealed: string; version: number }>(sql, name) ?? null;
}

export function deleteSecret(db: Database, name: string): void {
  db.run("DELETE FROM secrets WHERE name = ?", name);
}

export function alreadyExists(name: string): GantryError {
  const message = `a secret named ${name} already exists: change its value with PATCH, or delete it first`;
  return new GantryError("SECRET_NAME_ALREADY_EXISTS", message, { name });
}

export function notFound(nameOrId: string): GantryError {
  const name = nameOrId.slice(0, 128);
  return new GantryError("SECRET_NAME_NOT_FOUND", `there is no secret ${name}`, { name });
}

function findRow(db: Database, name: string): SecretRow | undefined {
  return db.one<SecretRow>(`SELECT ${COLUMNS} FROM secrets WHERE name = ?`, name);
}

function toSecret({ id, name, version, comment, created_at, updated_at }: SecretRow): Secret {
  return { id, name, version, comment, createdAt: created_at, updatedAt: updated_at };
}
