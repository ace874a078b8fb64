/** Events of an application: what happened, in order, for people and for clients that know Cloudflare's names. */
import type { Database, Row } from "../database.ts";

export type EventType = "Info" | "Warn" | "Error" | "UserError" | "SystemError";

export interface EventDraft {
  readonly type: EventType;
  /** Cloudflare's placement event names where one exists, else ours (`ApplicationScaled`). */
  readonly name: string;
  readonly message: string;
  readonly deployment?: string;
  readonly generation?: number;
  readonly details?: Readonly<Record<string, string | number | boolean | null>>;
  readonly statusChange?: { readonly health: string; readonly ready: boolean };
}

export interface StoredEvent extends EventDraft {
  /** Grows by one per event of an application: the cursor of lists and streams. */
  readonly id: number;
  readonly time: number;
}

/** Kept per application. Older ones are dropped in batches, so that the delete is not one row per insert. */
export const EVENTS_KEPT = 10_000;
const TRIM_BATCH = 1_000;

export const EVENTS_SCHEMA = `CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  body TEXT NOT NULL
);`;

interface EventRow extends Row {
  id: number;
  time: number;
  body: string;
}

export function appendEvents(db: Database, drafts: readonly EventDraft[], now: number): number[] {
  const ids: number[] = [];
  let next = lastEventId(db) + 1;
  for (const draft of drafts) {
    db.run("INSERT INTO events (id, time, body) VALUES (?, ?, ?)", next, now, JSON.stringify(draft));
    ids.push(next);
    if (next % TRIM_BATCH === 0) db.run("DELETE FROM events WHERE id <= ?", next - EVENTS_KEPT);
    next += 1;
  }
  return ids;
}

export function lastEventId(db: Database): number {
  return db.one<{ id: number | null }>("SELECT MAX(id) AS id FROM events")?.id ?? 0;
}

/** Events after `cursor`, oldest first. `oldest` tells whether the cursor fell out of what is kept. */
export function listEvents(
  db: Database,
  cursor: number,
  limit: number,
): { readonly events: StoredEvent[]; readonly oldest: number } {
  const rows = db.all<EventRow>("SELECT * FROM events WHERE id > ? ORDER BY id LIMIT ?", cursor, limit);
  const oldest = db.one<{ id: number | null }>("SELECT MIN(id) AS id FROM events")?.id ?? 0;
  return { events: rows.map(toEvent), oldest };
}

function toEvent(row: EventRow): StoredEvent {
  // Written by `appendEvents` only, so the stored JSON has that shape.
  const draft = JSON.parse(row.body) as EventDraft;
  return { ...draft, id: row.id, time: row.time };
}
