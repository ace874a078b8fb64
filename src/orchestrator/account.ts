/**
 * The Account object: which applications an account has, and that no two share a name. It is on no request path of an
 * application: the Worker asks it once for a name and keeps the answer.
 */
import { DurableObject } from "cloudflare:workers";
import { Database, type Row } from "../database.ts";
import { migrate, type Migration } from "../migrations.ts";

const ACCOUNT_MIGRATIONS: readonly Migration[] = [
  {
    id: "001_create_applications",
    sql: `
CREATE TABLE applications (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;`,
  },
];

export interface ApplicationEntry {
  readonly id: string;
  readonly name: string;
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
}

export class Account extends DurableObject<Env> {
  readonly #db: Database;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#db = new Database(ctx.storage);
    migrate(this.#db, ACCOUNT_MIGRATIONS);
  }

  /** Takes a name for a new application. When it is taken, `reserved` is false and the entry is the holder. */
  reserveName(name: string, id: string): Reservation {
    const now = Date.now();
    const holder = this.#db.one<EntryRow & { created_at: number }>("SELECT * FROM applications WHERE name = ?", name);
    if (holder !== undefined) {
      return { reserved: false, entry: { id: holder.id, name }, ageMs: now - holder.created_at };
    }
    this.#db.run("INSERT INTO applications VALUES (?, ?, ?)", id, name, now);
    return { reserved: true, entry: { id, name }, ageMs: 0 };
  }

  removeApplication(id: string): void {
    this.#db.run("DELETE FROM applications WHERE id = ?", id);
  }

  /** By id, else by name. */
  findApplication(idOrName: string): ApplicationEntry | null {
    const byId = this.#db.one<EntryRow>("SELECT id, name FROM applications WHERE id = ?", idOrName);
    return byId ?? this.#byName(idOrName) ?? null;
  }

  /** In order of id, after `cursor`: stable while others come and go. */
  listApplications(cursor: string, limit: number): ApplicationEntry[] {
    return this.#db.all<EntryRow>("SELECT id, name FROM applications WHERE id > ? ORDER BY id LIMIT ?", cursor, limit);
  }

  /** What this lifetime of the object has cost so far. */
  billing(): { rowsWritten: number; alarmsSet: number } {
    return { rowsWritten: this.#db.rowsWritten, alarmsSet: 0 };
  }

  #byName(name: string): EntryRow | undefined {
    return this.#db.one<EntryRow>("SELECT id, name FROM applications WHERE name = ?", name);
  }
}
