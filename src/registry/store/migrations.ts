/** Tables of the Registry object. `docs/storage.md` says who writes each. Append-only. */
import type { Migration } from "../../migrations.ts";
import { TIMERS_SCHEMA } from "../../timers.ts";

export const REGISTRY_MIGRATIONS: readonly Migration[] = [
  {
    id: "001_create_tables",
    sql: `
CREATE TABLE repositories (
  name TEXT PRIMARY KEY,
  is_public INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE blobs (
  digest TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  upload TEXT NOT NULL,
  links INTEGER NOT NULL,
  segments TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE links (
  repository TEXT NOT NULL,
  digest TEXT NOT NULL,
  held_until INTEGER NOT NULL,
  PRIMARY KEY (repository, digest)
) WITHOUT ROWID;
CREATE TABLE uploads (
  id TEXT PRIMARY KEY,
  repository TEXT NOT NULL,
  size INTEGER NOT NULL,
  ticket TEXT NOT NULL,
  is_open INTEGER NOT NULL,
  has_strays INTEGER NOT NULL,
  written_at INTEGER NOT NULL,
  hash TEXT NOT NULL,
  replaced TEXT NOT NULL,
  segments TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE manifests (
  repository TEXT NOT NULL,
  digest TEXT NOT NULL,
  media_type TEXT NOT NULL,
  size INTEGER NOT NULL,
  subject TEXT,
  artifact_type TEXT,
  pushed_at INTEGER NOT NULL,
  names TEXT NOT NULL,
  bytes BLOB NOT NULL,
  PRIMARY KEY (repository, digest)
) WITHOUT ROWID;
CREATE INDEX manifests_by_subject ON manifests (repository, subject) WHERE subject IS NOT NULL;
CREATE TABLE manifest_parts (
  repository TEXT NOT NULL,
  digest TEXT NOT NULL,
  part INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  PRIMARY KEY (repository, digest, part)
) WITHOUT ROWID;
CREATE TABLE tags (
  repository TEXT NOT NULL,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (repository, name)
) WITHOUT ROWID;
CREATE TABLE doomed (id INTEGER PRIMARY KEY, keys TEXT NOT NULL);
CREATE TABLE sweeps (
  upload TEXT PRIMARY KEY,
  digest TEXT,
  ended_at INTEGER NOT NULL,
  looks INTEGER NOT NULL
) WITHOUT ROWID;
${TIMERS_SCHEMA}`,
  },
  { id: "002_add_tag_checks", sql: "ALTER TABLE tags ADD COLUMN checked_at INTEGER;" },
  { id: "003_create_erased", sql: "CREATE TABLE erased (at INTEGER PRIMARY KEY);" },
];
