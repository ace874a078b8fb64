/**
 * The rollouts of an application: the one under way, and those that were. A row is written when a rollout begins, with each
 * step and each action, and when it ends; what it knows beyond that is kept in memory and found again from the instances.
 */
import type { Database, Row } from "../../database.ts";
import { DEFAULT_POLICY, isOver, wireStatus, type Rollout } from "./rollout.ts";

export const ROLLOUTS_SCHEMA = `CREATE TABLE rollouts (
  id TEXT PRIMARY KEY,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  status TEXT NOT NULL,
  record TEXT NOT NULL
) WITHOUT ROWID;`;

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
  /** The one under way, as far as this lifetime has looked; newer than its row by what is worth none. */
  #current: Rollout | null | undefined;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The one under way. */
  current(): Rollout | null {
    if (this.#current === undefined) {
      const row = this.#db.one<RolloutRow>("SELECT * FROM rollouts WHERE status = 'progressing'");
      this.#current = row === undefined ? null : toRollout(row);
    }
    return this.#current;
  }

  get(id: string): Rollout | null {
    const current = this.current();
    if (current?.id === id) return current;
    const row = this.#db.one<RolloutRow>("SELECT * FROM rollouts WHERE id = ?", id);
    return row === undefined ? null : toRollout(row);
  }

  /** Newest first. */
  list(): Rollout[] {
    const current = this.current();
    return this.#db
      .all<RolloutRow>("SELECT * FROM rollouts ORDER BY created_at DESC, id DESC")
      .map((row) => (row.id === current?.id ? current : toRollout(row)));
  }

  put(rollout: Rollout): void {
    const { id, createdAt, updatedAt } = rollout;
    this.#db.run(
      `INSERT INTO rollouts VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
        updated_at = excluded.updated_at, status = excluded.status, record = excluded.record`,
      id,
      createdAt,
      updatedAt,
      wireStatus(rollout),
      JSON.stringify(rollout),
    );
    if (!isOver(rollout)) this.#current = rollout;
    else if (this.#current === undefined || this.#current?.id === id) this.#current = null;
  }

  /** Worth no row: it is found again. */
  note(rollout: Rollout): void {
    if (this.#current?.id === rollout.id) this.#current = rollout;
  }

  begin(rollout: Rollout): void {
    this.put(rollout);
    this.#db.run(
      "DELETE FROM rollouts WHERE id IN (SELECT id FROM rollouts ORDER BY created_at DESC, id DESC LIMIT -1 OFFSET ?)",
      ROLLOUTS_KEPT,
    );
  }

  remove(id: string): void {
    this.#db.run("DELETE FROM rollouts WHERE id = ?", id);
  }

  /** Memory may be ahead of the rows: look again. */
  forget(): void {
    this.#current = undefined;
  }
}

/** As `put` has written it; one of an earlier version of this Worker has only its steps. */
function toRollout(row: RolloutRow): Rollout {
  const stored = JSON.parse(row.record) as Partial<Rollout> & Pick<Rollout, "fromVersion" | "toVersion">;
  if (stored.spec !== undefined) return stored as Rollout;
  const { description, steps, ...rest } = stored as unknown as Pick<Rollout["spec"], "description" | "steps">;
  return {
    ...BLANK,
    ...rest,
    id: row.id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    fromVersion: stored.fromVersion,
    toVersion: stored.toVersion,
    spec: { ...DEFAULT_POLICY, description, strategy: "rolling", kind: "full_auto", steps, gates: [], sticky: null },
    // What was under way goes on with the version that is active, and is told of no more.
    phase: row.status === "completed" ? "completed" : "replaced",
    step: steps.length - 1,
    stepStartedAt: row.created_at,
    progressedAt: row.created_at,
  };
}

const BLANK = {
  isFromStable: false,
  frozen: null,
  serving: "from",
  switchTo: null,
  pausedFrom: null,
  reason: null,
  message: null,
  mostHealthy: 0,
  measurements: [],
  doneAt: [],
} as const;
