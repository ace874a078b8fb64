/**
 * Many timers on the one alarm that an object has: rows `timers(key, due_at, attempts)`, and the platform's alarm at
 * the earliest of them. A timer that fails keeps its row and comes back with back-off, so that nothing is done at most
 * once; a timer set again while it runs is not deleted afterwards. The platform's own alarm retries are never used.
 */
import type { Database } from "./database.ts";
import { Remembered } from "./remembered.ts";

export const TIMERS_SCHEMA = `CREATE TABLE timers (
  key TEXT PRIMARY KEY,
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;`;

/** The part of `DurableObjectStorage` that carries the alarm. */
export interface AlarmClock {
  setAlarm(at: number): Promise<void> | void;
  deleteAlarm(): Promise<void> | void;
}

interface TimerRow extends Record<string, string | number> {
  key: string;
  due_at: number;
  attempts: number;
}

/** They are few, and looked at with every pass and report. */
const stored = new Remembered((db) => new Map(db.all<TimerRow>("SELECT * FROM timers").map((row) => [row.key, row])));

/** 1 s doubling to one minute: a failing timer stays visible without becoming a hot loop. */
export function timerRetryDelayMs(attempts: number): number {
  return Math.min(60_000, 1_000 * 2 ** Math.min(attempts - 1, 6));
}

export class Timers {
  readonly #db: Database;
  readonly #clock: AlarmClock;
  /** What the platform's alarm is set to, as far as this lifetime of the object knows. `undefined`: not known. */
  #armed: number | null | undefined;
  #alarmsSet = 0;
  #isClosed = false;
  /** Set since the timer of that key began to run, maybe to the very time that it had. */
  readonly #setAgain = new Set<string>();

  constructor(db: Database, clock: AlarmClock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** Alarms set since the object came into memory: each is one row written on the bill. */
  get alarmsSet(): number {
    return this.#alarmsSet;
  }

  /** The object's storage is about to be erased: what is still under way here finds nothing, and sets nothing. */
  close(): void {
    this.#isClosed = true;
  }

  dueAt(key: string): number | null {
    if (this.#isClosed) return null;
    return this.#rows.get(key)?.due_at ?? null;
  }

  /** Sets or moves a timer. Setting it to the time that it already has writes nothing. */
  set(key: string, dueAt: number): void {
    if (this.#isClosed) return;
    this.#setAgain.add(key);
    const due = Math.ceil(dueAt);
    const row = this.#rows.get(key);
    if (row?.due_at !== due || row.attempts !== 0) this.#write({ key, due_at: due, attempts: 0 });
    this.rearm();
  }

  /** As `set`; an earlier time that it has already stays, if that is not before `now`: one look too many, for no row. */
  setBy(key: string, dueAt: number, now: number): void {
    const current = this.dueAt(key);
    if (current === null || current < now || current > dueAt) this.set(key, dueAt);
  }

  clear(key: string): void {
    if (this.dueAt(key) === null) return;
    this.#remove(key);
    this.rearm();
  }

  /** Puts the platform's alarm at the earliest timer. Overdue timers count, so none is ever left behind. */
  rearm(): void {
    if (this.#isClosed) return;
    const next = [...this.#rows.values()].reduce<number | null>(
      (earliest, { due_at: due }) => (earliest === null || due < earliest ? due : earliest),
      null,
    );
    if (next === this.#armed) return;
    this.#armed = next;
    if (next === null) {
      void this.#clock.deleteAlarm();
      return;
    }
    this.#alarmsSet += 1;
    void this.#clock.setAlarm(next);
  }

  /**
   * Runs what is due. `run` gets the key and the number of earlier failures. Always re-arms, whatever `run` does.
   */
  async fire(now: number, run: (key: string, attempts: number) => Promise<void>): Promise<void> {
    if (this.#isClosed) return;
    this.#armed = null;
    // Storage is the truth: once for each alarm it is looked at.
    stored.forget(this.#db);
    const due = [...this.#rows.values()].filter((timer) => timer.due_at <= now).toSorted(byTime);
    try {
      for (const timer of due) await this.#fireOne(timer, now, run);
    } finally {
      this.rearm();
    }
  }

  async #fireOne(timer: TimerRow, now: number, run: (key: string, attempts: number) => Promise<void>): Promise<void> {
    if (this.#isClosed) return;
    this.#setAgain.delete(timer.key);
    let failed = false;
    try {
      await run(timer.key, timer.attempts);
    } catch (error) {
      failed = true;
      console.warn({ message: "timer.failed", key: timer.key, attempts: timer.attempts + 1, error: String(error) });
    }
    if (this.#isClosed) return;
    if (this.#setAgain.has(timer.key)) return;
    // Set again, or cleared, while it ran: the newer wish stands.
    if (this.dueAt(timer.key) !== timer.due_at) return;
    if (failed) {
      const attempts = timer.attempts + 1;
      this.#write({ key: timer.key, due_at: now + timerRetryDelayMs(attempts), attempts });
    } else {
      this.#remove(timer.key);
    }
  }

  get #rows(): Map<string, TimerRow> {
    return stored.get(this.#db);
  }

  #write(row: TimerRow): void {
    const { key, due_at: due, attempts } = row;
    this.#db.run(
      "INSERT INTO timers VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET due_at = excluded.due_at, attempts = excluded.attempts",
      key,
      due,
      attempts,
    );
    this.#rows.set(key, row);
  }

  #remove(key: string): void {
    this.#db.run("DELETE FROM timers WHERE key = ?", key);
    this.#rows.delete(key);
  }
}

function byTime(a: TimerRow, b: TimerRow): number {
  return a.due_at - b.due_at || (a.key < b.key ? -1 : 1);
}
