/**
 * The schedules of an application in its object's storage, all known in memory. What a user wrote and what runs change are
 * apart, so that a run writes one small row and not its job's template again.
 */
import type { Database, Row } from "../../database.ts";
import { Remembered } from "../../remembered.ts";
import type { Schedule, ScheduleState } from "./schedule.ts";

export const SCHEDULES_SCHEMA = `
CREATE TABLE schedules (
  name TEXT PRIMARY KEY,
  body TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE schedule_states (
  name TEXT PRIMARY KEY,
  body TEXT NOT NULL
) WITHOUT ROWID;`;

type Written = Omit<Schedule, "state">;

interface StoredSchedule extends Row {
  written: string;
  state: string;
}

const stored = new Remembered<Map<string, Schedule>>((db) => {
  const sql = `SELECT s.body AS written, t.body AS state FROM schedules s JOIN schedule_states t USING (name) ORDER BY name`;
  const rows = db.all<StoredSchedule>(sql).map(({ written, state }) => {
    // Written by the functions below only.
    return { ...(JSON.parse(written) as Written), state: JSON.parse(state) as ScheduleState };
  });
  return new Map(rows.map((schedule) => [schedule.name, schedule]));
});

/** By name. */
export function listSchedules(db: Database): Schedule[] {
  return [...stored.get(db).values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

export function findSchedule(db: Database, name: string): Schedule | undefined {
  return stored.get(db).get(name);
}

/** As a user has written it: 2 rows. */
export function putSchedule(db: Database, schedule: Schedule): void {
  const { state, ...written } = schedule;
  put(db, "schedules", schedule.name, written);
  put(db, "schedule_states", schedule.name, state);
  stored.get(db).set(schedule.name, schedule);
}

/** As a run has left it: 1 row. */
export function putScheduleState(db: Database, schedule: Schedule): void {
  put(db, "schedule_states", schedule.name, schedule.state);
  stored.get(db).set(schedule.name, schedule);
}

/** 2 rows. */
export function removeSchedule(db: Database, name: string): void {
  db.run("DELETE FROM schedules WHERE name = ?", name);
  db.run("DELETE FROM schedule_states WHERE name = ?", name);
  stored.get(db).delete(name);
}

function put(db: Database, table: "schedules" | "schedule_states", name: string, body: object): void {
  const sql = `INSERT INTO ${table} VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body`;
  db.run(sql, name, JSON.stringify(body));
}
