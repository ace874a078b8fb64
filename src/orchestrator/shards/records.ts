/** What shard 0 knows for good of the other shards: what they have acknowledged, and which of their events it has. */
import type { Database, Row } from "../../database.ts";

export const SHARDS_SCHEMA = `CREATE TABLE shards (
  shard INTEGER PRIMARY KEY,
  generation INTEGER NOT NULL,
  turn INTEGER NOT NULL,
  version INTEGER NOT NULL,
  event INTEGER NOT NULL,
  gone INTEGER NOT NULL
);`;

export interface ShardRecord {
  /** Of the specification that it follows. */
  readonly generation: number;
  readonly turn: number;
  /** The newest version that it has. */
  readonly version: number;
  /** The last of its events that is in the application's log. */
  readonly event: number;
  readonly isGone: boolean;
}

interface StoredRecord extends Row {
  shard: number;
  generation: number;
  turn: number;
  version: number;
  event: number;
  gone: number;
}

/** Of a shard that has acknowledged nothing. */
export const NEW_SHARD: ShardRecord = { generation: 0, turn: -1, version: 0, event: 0, isGone: false };

export function readRecords(db: Database): Map<number, ShardRecord> {
  const rows = db.all<StoredRecord>("SELECT * FROM shards");
  return new Map(rows.map(({ shard, gone, ...rest }) => [shard, { ...rest, isGone: gone === 1 }]));
}

export function writeRecord(db: Database, shard: number, record: ShardRecord): void {
  const { generation, turn, version, event, isGone } = record;
  db.run(
    "INSERT OR REPLACE INTO shards VALUES (?, ?, ?, ?, ?, ?)",
    shard,
    generation,
    turn,
    version,
    event,
    isGone ? 1 : 0,
  );
}
