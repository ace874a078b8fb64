/**
 * A value that is read from an object's storage once and then known in memory: reads are on the bill, and on the clock
 * of every pass. Whoever writes it says so; a transaction that is rolled back forgets it.
 */
import type { Database } from "./database.ts";

export class Remembered<T> {
  readonly #read: (db: Database) => T;

  constructor(read: (db: Database) => T) {
    this.#read = read;
  }

  get(db: Database): T {
    // Only `set` puts anything under this key.
    if (db.memory.has(this)) return db.memory.get(this) as T;
    const value = this.#read(db);
    this.set(db, value);
    return value;
  }

  /** What is stored from now on, as it would be read. */
  set(db: Database, value: T): void {
    db.memory.set(this, value);
  }

  forget(db: Database): void {
    db.memory.delete(this);
  }
}
