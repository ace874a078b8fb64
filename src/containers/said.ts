/**
 * What a placement has said over the bridge: progress, result, and the last lines of its log, bounded, in one row. A
 * result is written at once; of the rest a moment is gathered, so that a chatty container costs a row every so often.
 */
import { bytesOf, type BridgeMessage, type LogLine, type Progress } from "../bridge/messages.ts";
import type { Database } from "../database.ts";

export const SAID_SCHEMA = `CREATE TABLE said (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL);`;

/** All lines together, as JSON. */
export const LOG_BYTES = 65_536;

export interface SaidLine {
  readonly at: number;
  readonly level: LogLine["level"];
  readonly message: string;
  /** JSON. */
  readonly fields: string;
}

export interface Said {
  readonly generation: number;
  /** When it was last heard. */
  readonly heardAt: number;
  readonly progress: (Progress & { readonly at: number }) | null;
  /** `value` is JSON. */
  readonly result: { readonly at: number; readonly value: string } | null;
  readonly lines: readonly SaidLine[];
  /** Older ones, which are gone. */
  readonly droppedLines: number;
}

/** What is worth keeping. */
export type Saying = Extract<BridgeMessage, { type: "heartbeat" | "progress" | "result" | "log" }>;

export function nothingSaid(generation: number): Said {
  return { generation, heardAt: 0, progress: null, result: null, lines: [], droppedLines: 0 };
}

export function saying(said: Said, message: Saying, now: number): Said {
  const heard = { ...said, heardAt: now };
  switch (message.type) {
    case "heartbeat": {
      return heard;
    }
    case "progress": {
      return { ...heard, progress: { ...message.progress, at: now } };
    }
    case "result": {
      return { ...heard, result: { at: now, value: message.result } };
    }
    case "log": {
      const { level, message: text, fields } = message;
      return withLine(heard, { at: now, level, message: text, fields });
    }
  }
}

function withLine(said: Said, line: SaidLine): Said {
  const lines = [...said.lines, line];
  let size = lines.reduce((sum, each) => sum + sizeOf(each), 0);
  let dropped = 0;
  while (size > LOG_BYTES) {
    const [oldest] = lines.splice(0, 1);
    size -= oldest === undefined ? 0 : sizeOf(oldest);
    dropped += 1;
  }
  return { ...said, lines, droppedLines: said.droppedLines + dropped };
}

const ROW_OVERHEAD = 64;

function sizeOf({ message, fields }: SaidLine): number {
  return bytesOf(message) + bytesOf(fields) + ROW_OVERHEAD;
}

export function readSaid(db: Database): Said | null {
  const row = db.one<{ body: string }>("SELECT body FROM said");
  // Written by `writeSaid` only.
  return row === undefined ? null : (JSON.parse(row.body) as Said);
}

export function writeSaid(db: Database, said: Said): void {
  db.run(
    "INSERT INTO said (id, body) VALUES (1, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
    JSON.stringify(said),
  );
}
