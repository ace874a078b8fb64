/** Tables of the Account object. `docs/storage.md` says who writes each. Append-only. */
import type { Migration } from "../migrations.ts";

export const ACCOUNT_MIGRATIONS: readonly Migration[] = [
  {
    id: "001_create_applications",
    sql: `
CREATE TABLE applications (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;`,
  },
  {
    id: "002_create_access",
    sql: `
ALTER TABLE applications ADD COLUMN kind TEXT NOT NULL DEFAULT 'application';
CREATE TABLE tokens (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  scopes TEXT NOT NULL,
  applications TEXT,
  rate_limit REAL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER
) WITHOUT ROWID;
CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  entry TEXT NOT NULL,
  status INTEGER,
  code TEXT
);
CREATE TABLE idempotency (
  key TEXT PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  seed TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  answer TEXT
) WITHOUT ROWID;
CREATE TABLE accounts (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;`,
  },
];
