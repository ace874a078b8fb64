/** Where whoever follows logs is: of each instance, the last line of both streams. As text, for `Last-Event-ID`. Pure. */
import type { Positions } from "./ring.ts";

export interface Place extends Positions {
  readonly generation: number;
}

/** By the first digits of the instance's id, which tell those of one application apart. */
export type LogCursor = ReadonlyMap<string, Place>;

const ID_DIGITS = 16;
const PART = /^([0-9a-f]{16})\.(\d{1,15})\.(\d{1,15})\.(\d{1,15})$/;

export function cursorKey(instanceId: string): string {
  return instanceId.slice(0, ID_DIGITS);
}

export function formatCursor(cursor: LogCursor): string {
  return [...cursor].map(([id, at]) => `${id}.${at.generation}.${at.stdout}.${at.stderr}`).join("_");
}

/** Null: that is none. */
export function parseCursor(text: string): LogCursor | null {
  const cursor = new Map<string, Place>();
  for (const part of text === "" ? [] : text.split("_")) {
    const [, id, ...numbers] = PART.exec(part) ?? [];
    if (id === undefined) return null;
    const [generation = 0, stdout = 0, stderr = 0] = numbers.map(Number);
    cursor.set(id, { generation, stdout, stderr });
  }
  return cursor;
}
