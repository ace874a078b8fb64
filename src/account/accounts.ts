/** The accounts of this deployment, kept by the first of them. */
import type { Database, Row } from "../database.ts";

export interface AccountEntry {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
}

interface AccountRow extends Row {
  id: string;
  name: string;
  created_at: number;
}

export function putAccount(db: Database, entry: AccountEntry): AccountEntry {
  db.run("INSERT INTO accounts VALUES (?, ?, ?) ON CONFLICT DO NOTHING", entry.id, entry.name, entry.createdAt);
  return getAccount(db, entry.id) ?? entry;
}

export function getAccount(db: Database, id: string): AccountEntry | null {
  const row = db.one<AccountRow>("SELECT * FROM accounts WHERE id = ?", id);
  return row === undefined ? null : toEntry(row);
}

export function listAccounts(db: Database, cursor: string, limit: number): AccountEntry[] {
  return db.all<AccountRow>("SELECT * FROM accounts WHERE id > ? ORDER BY id LIMIT ?", cursor, limit).map(toEntry);
}

export function removeAccount(db: Database, id: string): void {
  db.run("DELETE FROM accounts WHERE id = ?", id);
}

function toEntry({ id, name, created_at: createdAt }: AccountRow): AccountEntry {
  return { id, name, createdAt };
}
