/** Tables of the Account object. `docs/storage.md` says who writes each. Append-only. */
import type { Migration } from "../migrations.ts";
import { CAPACITY_SCHEMA } from "./capacity/claims.ts";
import { CRON_WATCH_SCHEMA } from "./cron-watch.ts";

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
  {
    id: "003_create_secrets",
    sql: `
CREATE TABLE secrets (
  name TEXT PRIMARY KEY,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  comment TEXT NOT NULL,
  sealed TEXT NOT NULL,
  last_write TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE secrets_store (
  id TEXT PRIMARY KEY,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO secrets_store VALUES (lower(hex(randomblob(16))), unixepoch() * 1000);
CREATE TABLE ssh_keys (
  name TEXT PRIMARY KEY,
  id TEXT NOT NULL,
  public_key TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE registries (
  domain TEXT PRIMARY KEY,
  id TEXT NOT NULL,
  entry TEXT NOT NULL,
  sealed_key TEXT,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE protocols (
  proto TEXT PRIMARY KEY,
  id TEXT NOT NULL,
  domains TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE uses (
  application TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  claim TEXT NOT NULL,
  PRIMARY KEY (application, kind, name)
) WITHOUT ROWID;
CREATE TABLE claims (
  id TEXT PRIMARY KEY,
  application TEXT NOT NULL,
  at INTEGER NOT NULL
) WITHOUT ROWID;`,
  },
  {
    id: "004_create_quota",
    sql: `
CREATE TABLE settings (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  body TEXT NOT NULL
);
CREATE TABLE ledger (
  application TEXT NOT NULL,
  location TEXT NOT NULL,
  instances INTEGER NOT NULL,
  vcpu REAL NOT NULL,
  memory_mib INTEGER NOT NULL,
  disk_mb INTEGER NOT NULL,
  ipv4s INTEGER NOT NULL,
  entry TEXT NOT NULL,
  open_since INTEGER,
  PRIMARY KEY (application, location)
) WITHOUT ROWID;
CREATE TABLE addresses (
  address TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  strategy TEXT NOT NULL,
  application TEXT,
  deployment TEXT,
  ports TEXT,
  written_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX addresses_by_deployment ON addresses (deployment, type) WHERE deployment IS NOT NULL;
CREATE TABLE address_blocks (
  prefix TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  account TEXT NOT NULL
) WITHOUT ROWID;`,
  },
  {
    id: "005_add_namespaces",
    sql: `
ALTER TABLE applications ADD COLUMN namespace_id TEXT;
CREATE UNIQUE INDEX applications_by_namespace ON applications (namespace_id) WHERE namespace_id IS NOT NULL;`,
  },
  { id: "006_create_capacity", sql: CAPACITY_SCHEMA },
  {
    id: "007_create_hostnames",
    sql: "CREATE TABLE hostnames (hostname TEXT PRIMARY KEY, application TEXT NOT NULL) WITHOUT ROWID;",
  },
  {
    id: "008_create_owners",
    sql: `
CREATE TABLE owners (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  at INTEGER NOT NULL
) WITHOUT ROWID;`,
  },
  { id: "009_create_cron_watch", sql: CRON_WATCH_SCHEMA },
];
