/**
 * The jobs of an application in its object's storage. What is not over is known in memory, since every pass reads it; what
 * is over is read when somebody asks. Each write is of the rows that changed.
 */
import type { Database, Row } from "../database.ts";
import { Remembered } from "../remembered.ts";
import type { Attempt, Job, Retry } from "./job.ts";
import type { AttemptState } from "./settle.ts";

/** WITHOUT ROWID: a text key on a rowid table costs a second row for every write. */
export const JOBS_SCHEMA = `
CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  created_at INTEGER NOT NULL,
  finished_at INTEGER,
  body TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE job_retries (
  job TEXT NOT NULL,
  idx INTEGER NOT NULL,
  not_before INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  losses INTEGER NOT NULL,
  PRIMARY KEY (job, idx)
) WITHOUT ROWID;
CREATE TABLE job_attempts (
  job TEXT NOT NULL,
  number INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (job, number)
) WITHOUT ROWID;`;

/** An attempt that is over. */
export interface AttemptRecord extends Omit<Attempt, "stopping"> {
  readonly state: AttemptState;
  readonly reason: string;
  readonly exitCode: number | null;
  readonly endedAt: number;
  readonly deployment: string;
  readonly generation: number;
}

interface BodyRow extends Row {
  body: string;
}

interface RetryRow extends Row {
  job: string;
  idx: number;
  not_before: number;
  failures: number;
  losses: number;
}

interface Unfinished {
  job: Job;
  readonly retries: Map<number, Retry>;
}

/** Changed in place: a transaction that is rolled back forgets all of it. */
const unfinished = new Remembered<Map<string, Unfinished>>((db) => {
  const jobs = new Map<string, Unfinished>();
  for (const { body } of db.all<BodyRow>("SELECT body FROM jobs WHERE finished_at IS NULL ORDER BY created_at, id")) {
    // Written by `putJob` only.
    const job = JSON.parse(body) as Job;
    jobs.set(job.id, { job, retries: new Map() });
  }
  for (const { job, idx, not_before: notBefore, ...past } of db.all<RetryRow>("SELECT * FROM job_retries")) {
    jobs.get(job)?.retries.set(idx, { index: idx, notBefore, past });
  }
  return jobs;
});

/** Those that are not over, oldest first, with what of them is to be tried again. */
export function unfinishedJobs(db: Database): readonly { job: Job; retries: readonly Retry[] }[] {
  return [...unfinished.get(db).values()].map(({ job, retries }) => ({ job, retries: [...retries.values()] }));
}

export function findJob(db: Database, id: string): Job | undefined {
  const known = unfinished.get(db).get(id);
  if (known !== undefined) return known.job;
  const row = db.one<BodyRow>("SELECT body FROM jobs WHERE id = ?", id);
  return row === undefined ? undefined : (JSON.parse(row.body) as Job);
}

/** A new job, or a changed one. 1 row. */
export function putJob(db: Database, job: Job): void {
  db.run(
    "INSERT INTO jobs VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET finished_at = excluded.finished_at, body = excluded.body",
    job.id,
    job.createdAt,
    job.finishedAt,
    JSON.stringify(job),
  );
  const jobs = unfinished.get(db);
  const known = jobs.get(job.id);
  if (job.finishedAt !== null) jobs.delete(job.id);
  else if (known === undefined) jobs.set(job.id, { job, retries: new Map() });
  else known.job = job;
}

/** 1 row. */
export function putRetry(db: Database, job: string, retry: Retry): void {
  const { index, notBefore, past } = retry;
  db.run("INSERT INTO job_retries VALUES (?, ?, ?, ?, ?)", job, index, notBefore, past.failures, past.losses);
  unfinished.get(db).get(job)?.retries.set(index, retry);
}

/** 1 row if there is one, else none. */
export function dropRetry(db: Database, job: string, index: number): void {
  if (unfinished.get(db).get(job)?.retries.delete(index) !== true) return;
  db.run("DELETE FROM job_retries WHERE job = ? AND idx = ?", job, index);
}

/** What nobody tries again, once the job is over. As many rows as there are. */
export function dropRetries(db: Database, job: string): void {
  db.run("DELETE FROM job_retries WHERE job = ?", job);
  unfinished.get(db).get(job)?.retries.clear();
}

/** 1 row. */
export function addAttempt(db: Database, job: string, attempt: AttemptRecord): void {
  db.run("INSERT INTO job_attempts VALUES (?, ?, ?)", job, attempt.number, JSON.stringify(attempt));
}

export function findAttempt(db: Database, job: string, number: number): AttemptRecord | undefined {
  const row = db.one<BodyRow>("SELECT body FROM job_attempts WHERE job = ? AND number = ?", job, number);
  return row === undefined ? undefined : (JSON.parse(row.body) as AttemptRecord);
}

/** Attempts that are over, by number, from the one after `after` on. */
export function listAttempts(db: Database, job: string, after: number, limit: number): AttemptRecord[] {
  return db
    .all<BodyRow>(
      "SELECT body FROM job_attempts WHERE job = ? AND number > ? ORDER BY number LIMIT ?",
      job,
      after,
      limit,
    )
    .map(({ body }) => JSON.parse(body) as AttemptRecord);
}

/** In the order of their ids, which stays the same while others come and go. */
export function listJobs(db: Database, afterId: string, limit: number): Job[] {
  return db
    .all<BodyRow>("SELECT body FROM jobs WHERE id > ? ORDER BY id LIMIT ?", afterId, limit)
    .map(({ body }) => JSON.parse(body) as Job);
}

/** Finished ones whose time to live may be over: what keeps them is in memory only as the earliest such time. */
export function finishedJobs(db: Database): Job[] {
  return db
    .all<BodyRow>("SELECT body FROM jobs WHERE finished_at IS NOT NULL ORDER BY finished_at, id")
    .map(({ body }) => JSON.parse(body) as Job);
}

/** With all that is kept of it. */
export function removeJob(db: Database, id: string): void {
  db.run("DELETE FROM job_attempts WHERE job = ?", id);
  dropRetries(db, id);
  db.run("DELETE FROM jobs WHERE id = ?", id);
  unfinished.get(db).delete(id);
}
