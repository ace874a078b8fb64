/** Events of an application: what happened, in order, for people and for clients that know Cloudflare's names. */
import type { Database, Row, SqlValue } from "../database.ts";
import { GantryError } from "../errors.ts";
import { Remembered } from "../remembered.ts";
import { addToTotals, NO_EVENTS, type EventTotals } from "./event-totals.ts";

export const EVENT_TYPES = ["Info", "Warn", "Error", "UserError", "SystemError"] as const;
export type EventType = (typeof EVENT_TYPES)[number];

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

/** Which events are wanted. What is not given does not narrow. */
export interface EventFilter {
  readonly types?: readonly EventType[] | undefined;
  readonly names?: readonly string[] | undefined;
  readonly deployment?: string | undefined;
  /** Epoch ms: events from then on. */
  readonly since?: number | undefined;
}

export interface EventPage {
  readonly events: StoredEvent[];
  /** Everything up to here was looked at, whether it passed the filter or not. */
  readonly cursor: number;
  /** Ids of what is kept; both are 0 when there is nothing. */
  readonly oldest: number;
  readonly newest: number;
}

const listeners = new WeakMap<Database, Set<(drafts: readonly EventDraft[]) => void>>();

/** `listener` is called within the turn that appends, which may still be rolled back. */
export function onAppended(db: Database, listener: (drafts: readonly EventDraft[]) => void): void {
  const known = listeners.get(db) ?? new Set();
  listeners.set(db, known.add(listener));
}

export function appendEvents(db: Database, drafts: readonly EventDraft[], now: number): number[] {
  return append(
    db,
    drafts.map((draft) => ({ draft, time: now })),
  );
}

/** Events of another log, which keep their times and get numbers of this one. */
export function appendForwarded(db: Database, events: readonly StoredEvent[]): void {
  append(
    db,
    events.map((event) => {
      const { id: _, time, ...draft } = event;
      return { draft, time };
    }),
  );
}

function append(db: Database, events: readonly { readonly draft: EventDraft; readonly time: number }[]): number[] {
  if (events.length === 0) return [];
  const ids: number[] = [];
  const newest = tail.get(db);
  let { totals } = newest;
  let next = newest.id + 1;
  for (const { draft, time } of events) {
    totals = addToTotals(totals, draft);
    db.run("INSERT INTO events (id, time, body) VALUES (?, ?, ?)", next, time, JSON.stringify({ ...draft, totals }));
    ids.push(next);
    if (next % TRIM_BATCH === 0) db.run("DELETE FROM events WHERE id <= ?", next - EVENTS_KEPT);
    next += 1;
  }
  tail.set(db, { id: next - 1, totals });
  const drafts = events.map(({ draft }) => draft);
  for (const listener of listeners.get(db) ?? []) listener(drafts);
  return ids;
}

export function lastEventId(db: Database): number {
  return tail.get(db).id;
}

export function eventTotals(db: Database): EventTotals {
  return tail.get(db).totals;
}

/** Events after `cursor`, oldest first. 0 means all that are kept; any other cursor that is not kept is refused. */
export function listEvents(db: Database, cursor: number, limit: number, filter: EventFilter = {}): EventPage {
  const oldest = db.one<{ id: number | null }>("SELECT MIN(id) AS id FROM events")?.id ?? 0;
  const newest = lastEventId(db);
  refuseExpired(cursor, oldest, newest);
  const { sql, values } = conditionsOf(filter);
  const rows = db.all<EventRow>(
    `SELECT * FROM events WHERE id > ?${sql} ORDER BY id LIMIT ?`,
    cursor,
    ...values,
    limit,
  );
  const scanned = rows.length < limit ? newest : (rows.at(-1)?.id ?? cursor);
  return { events: rows.map(toEvent), cursor: scanned, oldest, newest };
}

function refuseExpired(cursor: number, oldest: number, newest: number): void {
  const details = { after: String(cursor), oldest: String(oldest), newest: String(newest) };
  if (cursor > newest) {
    const message = `event ${cursor} is not of this application, whose newest is ${newest}: begin anew with after=0`;
    throw new GantryError("CURSOR_EXPIRED", message, details);
  }
  if (cursor > 0 && cursor < oldest - 1) {
    const message = `events after ${cursor} are no longer kept, the oldest is ${oldest}: look at the state, then go on with after=${oldest - 1}`;
    throw new GantryError("CURSOR_EXPIRED", message, details);
  }
}

function conditionsOf({ types, names, deployment, since }: EventFilter): { sql: string; values: SqlValue[] } {
  const parts = [
    oneOf("type", types ?? []),
    oneOf("name", names ?? []),
    oneOf("deployment", deployment === undefined ? [] : [deployment]),
    { sql: since === undefined ? "" : " AND time >= ?", values: since === undefined ? [] : [since] },
  ];
  return { sql: parts.map(({ sql }) => sql).join(""), values: parts.flatMap(({ values }) => values) };
}

function oneOf(field: string, values: readonly string[]): { sql: string; values: readonly SqlValue[] } {
  if (values.length === 0) return { sql: "", values };
  return { sql: ` AND json_extract(body, '$.${field}') IN (${values.map(() => "?").join(", ")})`, values };
}

/** The newest event's id, 0 when there is none, and the totals up to it. */
const tail = new Remembered((db) => {
  const newest = db.one<EventRow>("SELECT * FROM events ORDER BY id DESC LIMIT 1");
  return { id: newest?.id ?? 0, totals: totalsOf(db, newest) };
});

/** Written by `appendEvents` only, so the stored JSON has that shape; rows of the first version have no totals. */
type StoredBody = EventDraft & { readonly totals?: EventTotals };

function totalsOf(db: Database, newest: EventRow | undefined): EventTotals {
  if (newest === undefined) return NO_EVENTS;
  const { totals } = JSON.parse(newest.body) as StoredBody;
  if (totals !== undefined) return totals;
  return db.all<EventRow>("SELECT * FROM events").map(toEvent).reduce(addToTotals, NO_EVENTS);
}

function toEvent(row: EventRow): StoredEvent {
  const { totals: _, ...draft } = JSON.parse(row.body) as StoredBody;
  return { ...draft, id: row.id, time: row.time };
}
