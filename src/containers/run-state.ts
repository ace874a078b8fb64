/** The record of an Instance's placement in memory, written through to its row. */
import type { Database } from "../database.ts";
import { readRecord, writeRecord, type RunRecord } from "./run-record.ts";

export class RunState {
  readonly #db: Database;
  #record: RunRecord | null;

  constructor(db: Database) {
    this.#db = db;
    this.#record = readRecord(db);
  }

  get record(): RunRecord | null {
    return this.#record;
  }

  write(next: RunRecord): void {
    this.#record = next;
    writeRecord(this.#db, next);
  }

  /** Known until the next write, which is about to come. */
  note(next: RunRecord): void {
    this.#record = next;
  }

  /** The record of this generation while it lives, else undefined: whoever comes late stops here. */
  live(generation: number): RunRecord | undefined {
    const record = this.#record;
    return record !== null && record.generation === generation && record.phase !== "ended" ? record : undefined;
  }
}
