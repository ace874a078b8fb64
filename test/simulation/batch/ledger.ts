/**
 * What the application has stored, as it was written: each transaction as a whole, when it is kept. So the rules know what
 * there is without asking the code under test, and what was rolled back never was.
 */
import type { Database, SqlValue } from "../../../src/database.ts";
import type { Job } from "../../../src/jobs/job.ts";
import type { AttemptRecord } from "../../../src/jobs/job-store.ts";
import type { Schedule, ScheduleState } from "../../../src/jobs/schedules/schedule.ts";
import type { Task, TaskWork } from "../../../src/jobs/tasks/task.ts";
import type { StoredEvent } from "../../../src/orchestrator/events.ts";
import type { Lifetime } from "../engine/storage.ts";
import { sqlText } from "./sql-text.ts";

export type Written =
  | { readonly table: "jobs"; readonly job: Job }
  | { readonly table: "attempts"; readonly job: string; readonly attempt: AttemptRecord }
  | { readonly table: "schedules"; readonly schedule: Omit<Schedule, "state"> }
  | { readonly table: "states"; readonly name: string; readonly state: ScheduleState }
  | { readonly table: "tasks"; readonly task: Task; readonly work: TaskWork | null }
  | { readonly table: "events"; readonly event: StoredEvent }
  | { readonly table: "gone"; readonly from: "jobs" | "tasks" | "schedules"; readonly id: string };

/** `onKept` hears of what one transaction has written, or one statement without one. */
export function watchWrites(db: Database, life: Lifetime, onKept: (written: readonly Written[]) => void): void {
  const run = db.run.bind(db);
  const transaction = db.transaction.bind(db);
  let depth = 0;
  let pending: Written[] = [];
  db.run = (sql, ...values) => {
    run(sql, ...values);
    if (!life.alive) return;
    const written = writtenBy(sql, values);
    if (written === null) return;
    if (depth === 0) onKept([written]);
    else pending.push(written);
  };
  db.transaction = <T>(body: () => T): T => {
    const before = pending.length;
    depth += 1;
    let isKept = false;
    try {
      const result = transaction(body);
      isKept = true;
      return result;
    } finally {
      depth -= 1;
      if (!isKept) pending.length = before;
      else if (depth === 0 && pending.length > 0) {
        const kept = pending;
        pending = [];
        onKept(kept);
      }
    }
  };
}

/** Each statement starts with what it does, and says so in the order of its table's columns. */
function writtenBy(sql: string, values: readonly SqlValue[]): Written | null {
  if (sql.startsWith("INSERT INTO jobs ")) return { table: "jobs", job: parsed(values[6]) };
  if (sql.startsWith("INSERT INTO job_attempts ")) {
    return { table: "attempts", job: sqlText(values[0]), attempt: parsed(values[2]) };
  }
  if (sql.startsWith("INSERT INTO schedules ")) return { table: "schedules", schedule: parsed(values[1]) };
  if (sql.startsWith("INSERT INTO schedule_states ")) {
    return { table: "states", name: sqlText(values[0]), state: parsed(values[1]) };
  }
  if (sql.startsWith("INSERT INTO tasks ")) return { table: "tasks", task: parsed(values[5]), work: parsed(values[6]) };
  if (sql.startsWith("UPDATE tasks ")) return { table: "tasks", task: parsed(values[2]), work: null };
  if (sql.startsWith("INSERT INTO events ")) {
    const text = sqlText(values[2]);
    return text.includes('"Schedule') ? { table: "events", event: parsed(text) } : null;
  }
  for (const from of ["jobs", "tasks", "schedules"] as const) {
    if (sql.startsWith(`DELETE FROM ${from} `)) return { table: "gone", from, id: sqlText(values[0]) };
  }
  return null;
}

/** Written by the code under test as JSON of that shape. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what the column holds
function parsed<T>(text: SqlValue | undefined): T {
  return JSON.parse(sqlText(text)) as T;
}
