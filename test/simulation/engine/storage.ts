/**
 * An object's storage on Node's SQLite. It outlives the object: each lifetime gets a view of its own, and what a lifetime
 * that crashed still tries to write is dropped. What one lifetime writes without an await in between is kept together,
 * as the platform promises, because crashes happen only between such stretches.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { Database } from "../../../src/database.ts";
import type { AlarmClock } from "../../../src/timers.ts";

/** One stay of an object in memory. */
export interface Lifetime {
  alive: boolean;
  /** An alarm's handler has begun and not ended. */
  isInAlarm?: boolean;
}

const WRITES = /^\s*(?:INSERT|UPDATE|DELETE|CREATE|DROP|ALTER)/i;

interface Prepared {
  readonly statement: StatementSync;
  readonly isWrite: boolean;
}

export class SimulatedStorage {
  readonly #sqlite = new DatabaseSync(":memory:");
  readonly #prepared = new Map<string, Prepared>();
  readonly #onWrite: (lifetime: Lifetime) => void;
  readonly #onAlarm: (at: number) => void;
  /** When the object's one alarm is due; null without one. */
  alarmAt: number | null = null;
  /** Grows with every write, so that whoever looks knows whether there is anything new. */
  writes = 0;
  /** Rows that were read. */
  reads = 0;
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
    this.#prepared.clear();
    const tables = this.#sqlite.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
    for (const { name } of tables) this.#sqlite.exec(`DROP TABLE "${String(name)}"`);
    this.alarmAt = null;
    this.writes += 1;
  }

  close(): void {
    this.#prepared.clear();
    this.#sqlite.close();
  }

  #exec(lifetime: Lifetime, sql: string, values: (string | number | null)[]) {
    if (values.length === 0 && sql.includes(";")) {
      if (!lifetime.alive) return NOTHING;
      this.#wrote(lifetime);
      this.#sqlite.exec(sql);
      return NOTHING;
    }
    const { statement, isWrite } = this.#prepare(sql);
    if (!isWrite) {
      const rows = statement.all(...values);
      this.reads += rows.length;
      return { toArray: () => rows, rowsWritten: 0 };
    }
    if (!lifetime.alive) return NOTHING;
    this.#wrote(lifetime);
    statement.run(...values);
    return NOTHING;
  }

  #wrote(lifetime: Lifetime): void {
    this.writes += 1;
    this.#onWrite(lifetime);
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const prepared = { statement: this.#sqlite.prepare(sql), isWrite: WRITES.test(sql) };
    this.#prepared.set(sql, prepared);
    return prepared;
  }

  #transaction<T>(body: () => T): T {
    const name = `s${this.#savepoints}`;
    this.#savepoints += 1;
    this.#run(`SAVEPOINT ${name}`);
    try {
      const result = body();
      this.#run(`RELEASE ${name}`);
      return result;
    } catch (error) {
      this.#run(`ROLLBACK TO ${name}`);
      this.#run(`RELEASE ${name}`);
      throw error;
    } finally {
      this.#savepoints -= 1;
    }
  }

  #run(sql: string): void {
    this.#prepare(sql).statement.run();
  }
}

const NOTHING = { toArray: () => [], rowsWritten: 0 };
