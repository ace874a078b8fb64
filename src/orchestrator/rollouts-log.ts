/**
 * The rollouts of an application: which activation of a version is under way, and which were. The planner replaces
 * instances one after another, each ready before the next goes; a rollout's steps are the marks that it passes. So a row
 * is written twice: when a rollout begins, and when it ends.
 */
import type { Database, Row } from "../database.ts";

export const ROLLOUTS_SCHEMA = `CREATE TABLE rollouts (
  id TEXT PRIMARY KEY,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  status TEXT NOT NULL,
  record TEXT NOT NULL
) WITHOUT ROWID;`;

export type RolloutStatus = "progressing" | "completed" | "replaced";

export interface RolloutRecord {
  readonly description: string;
  readonly fromVersion: number;
  readonly toVersion: number;
  /** Marks in percent, ascending, the last one 100. */
  readonly steps: readonly { readonly percentage: number; readonly description: string }[];
}

export interface Rollout extends RolloutRecord {
  readonly id: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly status: RolloutStatus;
}

interface RolloutRow extends Row {
  id: string;
  created_at: number;
  updated_at: number;
  status: string;
  record: string;
}

/** Kept per application. */
export const ROLLOUTS_KEPT = 100;

export class RolloutsLog {
  readonly #db: Database;
  /** Id of the one under way, as far as this lifetime has looked. */
  #active: string | null | undefined;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Id of the one under way. */
  active(): string | null {
    if (this.#active === undefined) {
      const row = this.#db.one<{ id: string }>("SELECT id FROM rollouts WHERE status = 'progressing'");
      this.#active = row?.id ?? null;
    }
    return this.#active;
  }

  get(id: string): Rollout | null {
    const row = this.#db.one<RolloutRow>("SELECT * FROM rollouts WHERE id = ?", id);
    return row === undefined ? null : toRollout(row);
  }

  /** Newest first. */
  list(): Rollout[] {
    return this.#db.all<RolloutRow>("SELECT * FROM rollouts ORDER BY created_at DESC, id DESC").map(toRollout);
  }

  /** One under way is replaced by it. */
  begin(id: string, record: RolloutRecord, now: number): void {
    this.replace(now);
    this.#db.run("INSERT INTO rollouts VALUES (?, ?, ?, 'progressing', ?)", id, now, now, JSON.stringify(record));
    this.#db.run(
      "DELETE FROM rollouts WHERE id IN (SELECT id FROM rollouts ORDER BY created_at DESC, id DESC LIMIT -1 OFFSET ?)",
      ROLLOUTS_KEPT,
    );
    this.#active = id;
  }

  complete(now: number): void {
    this.#end("completed", now);
  }

  /** What runs was changed in another way. */
  replace(now: number): void {
    this.#end("replaced", now);
  }

  /** Memory may be ahead of the rows: look again. */
  forget(): void {
    this.#active = undefined;
  }

  #end(status: RolloutStatus, now: number): void {
    const id = this.active();
    if (id === null) return;
    this.#db.run("UPDATE rollouts SET status = ?, updated_at = ? WHERE id = ?", status, now, id);
    this.#active = null;
  }
}

function toRollout(row: RolloutRow): Rollout {
  return {
    // Written by `begin` only, so the JSON has that shape.
    ...(JSON.parse(row.record) as RolloutRecord),
    id: row.id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    status: row.status as RolloutStatus,
  };
}
