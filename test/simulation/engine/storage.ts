/**
 * An object's storage on Node's SQLite. It outlives the object: each lifetime gets a view of its own, and what a lifetime
 * that crashed still tries to write is dropped. What one lifetime writes without an await in between is kept together,
 * as the platform promises, because crashes happen only between such stretches.
 */
import { DatabaseSync } from "node:sqlite";
import { Database } from "../../src/database.ts";
import type { AlarmClock } from "../../src/timers.ts";

/** One stay of an object in memory. */
export interface Lifetime {
  alive: boolean;
  /** An alarm's handler has begun and not ended. */
  isInAlarm?: boolean;
}

const WRITES = /^\s*(?:INSERT|UPDATE|DELETE|CREATE|DROP)/i;

export class SimulatedStorage {
  readonly #sqlite = new DatabaseSync(":memory:");
  readonly #onWrite: (lifetime: Lifetime) => void;
  readonly #onAlarm: (at: number) => void;
  /** When the object's one alarm is due; null without one. */
  alarmAt: number | null = null;
  #savepoints = 0;

  constructor(onWrite: (lifetime: Lifetime) => void, onAlarm: (at: number) => void) {
    this.#onWrite = onWrite;
    this.#onAlarm = onAlarm;
  }

  viewOf(lifetime: Lifetime): Database {
    const storage = {
      sql: { exec: (sql: string, ...values: (string | number | null)[]) => this.#exec(lifetime, sql, values) },
      transactionSync: <T>(body: () => T): T => this.#transaction(body),
    };
    // `Database` uses nothing else of it.
    return new Database(storage as unknown as DurableObjectStorage);
  }

  clockOf(lifetime: Lifetime): AlarmClock {
    return {
      setAlarm: (at) => {
        if (!lifetime.alive) return;
        this.alarmAt = at;
        this.#onAlarm(at);
      },
      deleteAlarm: () => {
        if (lifetime.alive) this.alarmAt = null;
      },
    };
  }

  deleteAll(): void {
    const tables = this.#sqlite.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
    for (const { name } of tables) this.#sqlite.exec(`DROP TABLE "${String(name)}"`);
    this.alarmAt = null;
  }

  #exec(lifetime: Lifetime, sql: string, values: (string | number | null)[]) {
    const isWrite = WRITES.test(sql);
    if (isWrite && !lifetime.alive) return { toArray: () => [], rowsWritten: 0 };
    if (isWrite) this.#onWrite(lifetime);
    if (values.length === 0 && sql.includes(";")) {
      this.#sqlite.exec(sql);
      return { toArray: () => [], rowsWritten: 0 };
    }
    const rows = this.#sqlite.prepare(sql).all(...values);
    return { toArray: () => rows, rowsWritten: 0 };
  }

  #transaction<T>(body: () => T): T {
    const name = `s${this.#savepoints}`;
    this.#savepoints += 1;
    this.#sqlite.exec(`SAVEPOINT ${name}`);
    try {
      const result = body();
      this.#sqlite.exec(`RELEASE ${name}`);
      return result;
    } catch (error) {
      this.#sqlite.exec(`ROLLBACK TO ${name}; RELEASE ${name}`);
      throw error;
    } finally {
      this.#savepoints -= 1;
    }
  }
}
