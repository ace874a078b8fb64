/**
 * A small wrapper of an object's SQLite storage: typed reads, and a count of the rows written, which are the users'
 * bill. Everything that touches SQL goes through it.
 */

export type SqlValue = string | number | null;
export type Row = Record<string, SqlValue>;

export class Database {
  readonly #storage: DurableObjectStorage;
  #rowsWritten = 0;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
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
    return this.#storage.transactionSync(body);
  }
}
