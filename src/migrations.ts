/**
 * Append-only schema migrations for an object's database. Each object runs them in its constructor, synchronously, so
 * that no request sees an older schema. An applied id that the code does not know means that newer code has written
 * here, and nothing may be read or written by guesswork: that throws.
 */
import type { Database } from "./database.ts";

export interface Migration {
  /** `001_create_tables`: never renamed, never reordered, never edited once released. */
  readonly id: string;
  readonly sql: string;
}

export function migrate(db: Database, migrations: readonly Migration[]): void {
  const hasTable = db.one("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'migrations'") !== undefined;
  const applied = hasTable ? db.all<{ id: string }>("SELECT id FROM migrations ORDER BY id").map((row) => row.id) : [];
  applied.forEach((id, index) => {
    const known = migrations[index]?.id;
    if (known !== id) {
      throw new Error(`schema migration ${id} is applied here, but this code has ${known ?? "none"} in its place`);
    }
  });
  const pending = migrations.slice(applied.length);
  if (pending.length === 0) return;
  db.transaction(() => {
    if (!hasTable) db.run("CREATE TABLE migrations (id TEXT PRIMARY KEY) WITHOUT ROWID");
    for (const migration of pending) {
      db.run(migration.sql);
      db.run("INSERT INTO migrations (id) VALUES (?)", migration.id);
    }
  });
}
