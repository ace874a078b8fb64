/** The account's one secrets store, as Cloudflare's Secrets Store clients see its secrets. */
import type { Database, Row } from "../database.ts";
import { createSecret, type NewSecret, type Secret } from "./secrets.ts";

export interface SecretsStore {
  readonly id: string;
  readonly createdAt: number;
}

/** The row was made with its table. */
export function secretsStore(db: Database): SecretsStore {
  const row = db.one<{ id: string; created_at: number }>("SELECT id, created_at FROM secrets_store");
  if (row === undefined) throw new Error("the account has no secrets store");
  return { id: row.id, createdAt: row.created_at };
}

/** All of them or none. */
export function createSecrets(db: Database, secrets: readonly NewSecret[], now: number): Secret[] {
  return db.transaction(() => {
    // A name that is there twice exists at its second.
    return secrets.map((secret) => createSecret(db, secret, now));
  });
}

export function searchSecrets(db: Database, search: string, offset: number, limit: number): Secret[] {
  const rows = db.all<
    Row & { name: string; id: string; version: number; comment: string; created: number; updated: number }
  >(
    `SELECT name, id, version, comment, created_at AS created, updated_at AS updated FROM secrets
      WHERE instr(lower(name), lower(?)) > 0 ORDER BY name LIMIT ? OFFSET ?`,
    search,
    limit,
    offset,
  );
  return rows.map(({ created, updated, ...secret }) => ({ ...secret, createdAt: created, updatedAt: updated }));
}

export function countSecrets(db: Database, search: string): number {
  const sql = "SELECT COUNT(*) AS count FROM secrets WHERE instr(lower(name), lower(?)) > 0";
  return db.one<{ count: number }>(sql, search)?.count ?? 0;
}

/** The name of the secret with this id, written with or without dashes. */
export function nameOfSecret(db: Database, id: string): string | null {
  const sql = "SELECT name FROM secrets WHERE replace(id, '-', '') = ?";
  return db.one<{ name: string }>(sql, id.replaceAll("-", ""))?.name ?? null;
}
