/**
 * A small wrapper of an object's SQLite storage: typed reads, and a count of the rows written, which are the users'
 * bill. Everything that touches SQL goes through it.
 */

export type SqlValue = string | number | null | ArrayBuffer;
export type Row = Record<string, SqlValue>;

/** One for each storage, whoever wraps it. */
const memories = new WeakMap<DurableObjectStorage, Map<object, unknown>>();

export class Database {
  /** What is known of the storage without reading it. Empty after writes were rolled back; `Remembered` fills it. */
  readonly memory: Map<object, unknown>;
  readonly #storage: DurableObjectStorage;
  #rowsWritten = 0;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.memory = memories.get(storage) ?? new Map<object, unknown>();
    memories.set(storage, this.memory);
  }

  /** Rows written through this wrapper since the object came into memory, index rows included. */
  get rowsWritten(): number {
    return this.#rowsWritten;
  }

  run(sql: string, ...values: SqlValue[]): void {
    const cursor = this.#storage.sql.exec(sql, ...values);
    cursor.toArray();
    this.#rowsWritten += cursor.rowsWritten;
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows the columns it asks for
  all<T extends Row>(sql: string, ...values: SqlValue[]): T[] {
    return this.#storage.sql.exec<T>(sql, ...values).toArray();
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows the columns it asks for
  one<T extends Row>(sql: string, ...values: SqlValue[]): T | undefined {
    return this.all<T>(sql, ...values)[0];
  }

  /** Runs `body` so that all of its writes are kept, or none. There is no await inside. */
  transaction<T>(body: () => T): T {
    try {
      return this.#storage.transactionSync(body);
    } catch (error) {
      this.memory.clear();
      throw error;
    }
  }
}
