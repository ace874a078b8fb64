/** As much of an object's storage as `Database` uses, on Node's own SQLite. */
import { DatabaseSync } from "node:sqlite";
import { Database, type SqlValue } from "../../src/database.ts";

export function memoryDatabase(): Database {
  const sqlite = new DatabaseSync(":memory:");
  const exec = (sql: string, ...values: SqlValue[]) => {
    // Only a script of several statements is never read from and has no values.
    if (values.length === 0 && !/^\s*SELECT/i.test(sql)) {
      sqlite.exec(sql);
      return { toArray: () => [], rowsWritten: 0 };
    }
    const rows = sqlite
      .prepare(sql)
      .all(...values.map((value) => (value instanceof ArrayBuffer ? new Uint8Array(value) : value)));
    return { toArray: () => rows, rowsWritten: 0 };
  };
  const transactionSync = <T>(body: () => T): T => {
    sqlite.exec("SAVEPOINT step");
    try {
      const result = body();
      sqlite.exec("RELEASE step");
      return result;
    } catch (error) {
      sqlite.exec("ROLLBACK TO step; RELEASE step");
      throw error;
    }
  };
  const storage: unknown = { sql: { exec }, transactionSync };
  return new Database(storage as DurableObjectStorage);
}
