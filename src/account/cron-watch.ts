/**
 * Which applications have schedules, and when each is to be looked at in case its alarm was lost: the index of the minute
 * watchdog, kept by the first account's object for all accounts. It holds a coarse bound, so that it costs nothing while
 * alarms come, and at most a row in half an hour for the look that finds so.
 */
import type { Database, Row } from "../database.ts";
import { Remembered } from "../remembered.ts";

export const CRON_WATCH_SCHEMA = `CREATE TABLE cron_watch (
  application TEXT PRIMARY KEY,
  look_at INTEGER NOT NULL
) WITHOUT ROWID;`;

/** A run that is so late has lost its alarm. */
export const LATE_MS = 2 * 60_000;
/** An application whose alarms come is looked at this often at most, however often it fires. */
export const LOOK_EVERY_MS = 30 * 60_000;
/** Of one look at the index; those who were overdue longest go first. */
const MOST_OVERDUE = 500;

export interface Overdue {
  readonly application: string;
  readonly lookAt: number;
}

/** What came of a look. `nextAt`: its next run; null: it has none. */
export interface Seen extends Overdue {
  readonly nextAt: number | null;
}

interface WatchRow extends Row {
  application: string;
  look_at: number;
}

const stored = new Remembered((db) => {
  const rows = db.all<WatchRow>("SELECT * FROM cron_watch");
  return new Map(rows.map(({ application, look_at: lookAt }) => [application, lookAt]));
});

/** Before an application stores that it fires at `nextAt`. At most a row; none while an earlier look is to come. */
export function watchCron(db: Database, application: string, nextAt: number, now: number): void {
  const lookAt = nextAt + LATE_MS;
  const known = stored.get(db).get(application);
  if (known !== undefined && known <= lookAt && known > now) return;
  // One that is overdue is being looked at, and what that finds is older than this. What it was overdue for is not lost
  // by it: another of its schedules may have lost its alarm, and this one come in a year.
  const isOverdue = known !== undefined && known <= now;
  put(db, application, isOverdue ? Math.min(lookAt, now + LOOK_EVERY_MS) : lookAt);
}

export function unwatchCron(db: Database, application: string): void {
  if (!stored.get(db).delete(application)) return;
  db.run("DELETE FROM cron_watch WHERE application = ?", application);
}

export function overdueCron(db: Database, now: number): Overdue[] {
  const overdue = [...stored.get(db)].filter(([, lookAt]) => lookAt <= now).toSorted(([, a], [, b]) => a - b);
  return overdue.slice(0, MOST_OVERDUE).map(([application, lookAt]) => ({ application, lookAt }));
}

/** A row for each. What has been written to since it was overdue stays. */
export function cronSeen(db: Database, seen: readonly Seen[], now: number): void {
  for (const { application, lookAt, nextAt } of seen) {
    if (stored.get(db).get(application) !== lookAt) continue;
    if (nextAt === null) unwatchCron(db, application);
    else put(db, application, Math.max(nextAt + LATE_MS, now + LOOK_EVERY_MS));
  }
}

function put(db: Database, application: string, lookAt: number): void {
  db.run(
    "INSERT INTO cron_watch VALUES (?, ?) ON CONFLICT DO UPDATE SET look_at = excluded.look_at",
    application,
    lookAt,
  );
  stored.get(db).set(application, lookAt);
}
