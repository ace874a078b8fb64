/**
 * Tasks in the storage of their application's object. What is open is known in memory too, without what is to be done; the
 * index of what is over finds at once what is not kept any longer, and what is open.
 */
import type { Database, Row } from "../../database.ts";
import { Remembered } from "../../remembered.ts";
import { TaskLines } from "./task-lines.ts";
import { removalOf, type Task, type TaskMode, type TaskState, type TaskWork } from "./task.ts";

/** `work` is written once, and is most of a task's bytes: no later write touches it. */
export const TASKS_SCHEMA = `
CREATE TABLE tasks (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL,
  mode TEXT NOT NULL,
  fairness_key TEXT NOT NULL,
  remove_at INTEGER,
  body TEXT NOT NULL,
  work TEXT NOT NULL
);
CREATE INDEX tasks_by_removal ON tasks (remove_at);`;

interface BodyRow extends Row {
  body: string;
}

const lines = new Remembered<TaskLines>((db) => {
  const open = new TaskLines();
  for (const { body } of db.all<BodyRow>("SELECT body FROM tasks WHERE remove_at IS NULL ORDER BY seq")) {
    // Written by `putTask` and `insertTask` only.
    open.put(JSON.parse(body) as Task);
  }
  return open;
});

const lastSeq = new Remembered<number>(
  (db) => db.one<{ seq: number | null }>("SELECT MAX(seq) AS seq FROM tasks")?.seq ?? 0,
);
const removal = new Remembered<number | null>((db) => {
  const sql = "SELECT remove_at FROM tasks WHERE remove_at IS NOT NULL ORDER BY remove_at LIMIT 1";
  return db.one<{ remove_at: number }>(sql)?.remove_at ?? null;
});

export function openTasks(db: Database): TaskLines {
  return lines.get(db);
}

export function nextSeq(db: Database): number {
  const seq = lastSeq.get(db) + 1;
  lastSeq.set(db, seq);
  return seq;
}

/** 3 rows. */
export function insertTask(db: Database, task: Task, work: TaskWork): void {
  db.run(
    "INSERT INTO tasks (seq, id, state, mode, fairness_key, remove_at, body, work) VALUES (?, ?, ?, ?, ?, NULL, ?, ?)",
    task.seq,
    task.id,
    task.state,
    task.mode,
    task.fairnessKey,
    JSON.stringify(task),
    JSON.stringify(work),
  );
  lines.get(db).put(task);
}

/** A changed one: 1 row, and its place in the index when it ends or is open again. */
export function putTask(db: Database, task: Task): void {
  const removeAt = removalOf(task);
  const sql = "UPDATE tasks SET state = ?, remove_at = ?, body = ? WHERE id = ?";
  db.run(sql, task.state, removeAt, JSON.stringify(task), task.id);
  lines.get(db).put(task);
  removal.forget(db);
}

export function findTask(db: Database, id: string): Task | undefined {
  const known = lines.get(db).get(id);
  if (known !== undefined) return known;
  const row = db.one<BodyRow>("SELECT body FROM tasks WHERE id = ?", id);
  return row === undefined ? undefined : (JSON.parse(row.body) as Task);
}

export function findWork(db: Database, id: string): TaskWork | undefined {
  const row = db.one<{ work: string }>("SELECT work FROM tasks WHERE id = ?", id);
  return row === undefined ? undefined : (JSON.parse(row.work) as TaskWork);
}

export interface TaskFilter {
  readonly state?: TaskState;
  readonly mode?: TaskMode;
  readonly fairness_key?: string;
}

export interface ListedTask {
  readonly task: Task;
  readonly work: TaskWork;
}

/**
 * Newest first, from the one before `before` on. Those that are open are in memory. There is no index by state of the others:
 * each change of state would write two rows of it, and reading a thousand costs as much as writing one.
 */
export function listTasks(db: Database, filter: TaskFilter, before: number | null, limit: number): ListedTask[] {
  if (filter.state === "queued" || filter.state === "running") {
    const open = lines.get(db).newest((task) => fits(task, filter), before, limit);
    return open.flatMap((task) => {
      const work = findWork(db, task.id);
      return work === undefined ? [] : [{ task, work }];
    });
  }
  const wanted = Object.entries(filter).filter(([, value]) => value !== undefined);
  const terms = [...wanted.map(([column]) => `${column} = ?`), ...(before === null ? [] : ["seq < ?"])];
  const where = terms.length === 0 ? "" : `WHERE ${terms.join(" AND ")}`;
  const values = [...wanted.map(([, value]) => String(value)), ...(before === null ? [] : [before])];
  return db
    .all<BodyRow & { work: string }>(
      `SELECT body, work FROM tasks ${where} ORDER BY seq DESC LIMIT ?`,
      ...values,
      limit,
    )
    .map(({ body, work }) => ({ task: JSON.parse(body) as Task, work: JSON.parse(work) as TaskWork }));
}

function fits({ state, mode, fairnessKey }: Task, wanted: TaskFilter): boolean {
  const { fairness_key: key = fairnessKey } = wanted;
  return state === wanted.state && mode === (wanted.mode ?? mode) && key === fairnessKey;
}

/** When the first of those that are over is not to be kept any more; null: none. */
export function firstTaskRemoval(db: Database): number | null {
  return removal.get(db);
}

/** Those whose time to live is over, so many at most. */
export function expiredTasks(db: Database, now: number, limit: number): Task[] {
  const sql = "SELECT body FROM tasks WHERE remove_at IS NOT NULL AND remove_at <= ? ORDER BY remove_at LIMIT ?";
  return db.all<BodyRow>(sql, now, limit).map(({ body }) => JSON.parse(body) as Task);
}

/** 3 rows. */
export function removeTask(db: Database, id: string): void {
  db.run("DELETE FROM tasks WHERE id = ?", id);
  lines.get(db).drop(id);
  removal.forget(db);
}
