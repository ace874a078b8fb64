/**
 * The jobs of an application in its object's storage. What is not over is known in memory, since every pass reads it; what
 * is over is read when somebody asks. Each write is of the rows that changed.
 */
import type { Database, Row } from "../database.ts";
import { Remembered } from "../remembered.ts";
import { stateOf, type Attempt, type Job, type JobState, type Retry } from "./job.ts";
import type { OpenJob } from "./job-turns.ts";
import { OpenJobs, type InHand } from "./open-jobs.ts";
import type { JobLaunch } from "./launch.ts";
import { liveAttempts, waitingRetries, withLive } from "./recall.ts";
import type { AttemptState } from "./settle.ts";

/**
 * WITHOUT ROWID: a text key on a rowid table costs a second row for every write; `jobs` has one, which is written once,
 * so that jobs stand in the order in which they were made. So is the index of what is over and not kept for ever.
 */
export const JOBS_SCHEMA = `
CREATE TABLE jobs (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  source TEXT,
  finished_at INTEGER,
  remove_at INTEGER,
  body TEXT NOT NULL
);
CREATE INDEX jobs_by_removal ON jobs (remove_at) WHERE remove_at IS NOT NULL;
CREATE TABLE job_launches (
  job TEXT PRIMARY KEY,
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
  stdout TEXT,
  stderr TEXT,
  PRIMARY KEY (job, number)
) WITHOUT ROWID;`;

/**
 * What waits to be tried again is known from the attempts themselves. By name a job is asked for again and again, also where
 * thousands are kept: the index costs one row for each job. None by state: what is not over is in memory, and what is over
 * is read a page at a time, of which a million rows cost as much as the thousand writes of an index.
 */
export const JOB_NAMES_SCHEMA = `
DROP TABLE job_retries;
CREATE INDEX jobs_by_name ON jobs (name);`;

/** An attempt that is over. */
export interface AttemptRecord extends Omit<Attempt, "stopping"> {
  readonly state: AttemptState;
  readonly reason: string;
  readonly exitCode: number | null;
  readonly endedAt: number;
  readonly deployment: string;
  readonly generation: number;
  /** Its index is to be tried again; absent: it is not. */
  readonly retry?: Omit<Retry, "index">;
}

/** The end of what it printed: 64 KiB of each stream at most. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

interface BodyRow extends Row {
  body: string;
}

interface ListedRow extends BodyRow {
  seq: number;
}

/** Changed in place: a transaction that is rolled back forgets all of it. */
const unfinished = new Remembered<OpenJobs>((db) => {
  const jobs = new OpenJobs();
  const live = Map.groupBy(liveAttempts(db), ({ job }) => job);
  for (const { seq, body } of db.all<ListedRow>("SELECT seq, body FROM jobs WHERE finished_at IS NULL ORDER BY seq")) {
    // Written by `putJob` only.
    const stored = JSON.parse(body) as Job;
    const own = live.get(stored.id) ?? [];
    const job = withLive(stored, own);
    jobs.put(job, seq);
    for (const retry of waitingRetries(db, job, own)) jobs.retries(job.id)?.set(retry.index, retry);
  }
  return jobs;
});

/** So many keys are known; one whose last turn was long ago counts as one that had none. */
const TURNS_KNOWN = 1_000;
/** Kept in memory only: who forgets it begins the round anew. In the order of their last turns. */
const turns = new Remembered<{ last: number; readonly keys: Map<string, number> }>(() => ({
  last: 0,
  keys: new Map(),
}));

/** By fairness key: when one of its attempts began last, counted in attempts. */
export function turnsOf(db: Database): ReadonlyMap<string, number> {
  return turns.get(db).keys;
}

function noteTurn(db: Database, key: string): void {
  const known = turns.get(db);
  const { keys } = known;
  known.last += 1;
  keys.delete(key);
  keys.set(key, known.last);
  const [oldest] = keys.keys();
  if (keys.size > TURNS_KNOWN && oldest !== undefined) keys.delete(oldest);
}

/** Those that are not over, oldest first, with what of them is to be tried again. */
export function unfinishedJobs(db: Database): readonly OpenJob[] {
  return unfinished.get(db).all();
}

/** Those of them about which something may be to be done where so many attempts may begin. */
export function jobsInHand(db: Database, room: number, now: number): InHand {
  return unfinished.get(db).inHand(room, turnsOf(db), now);
}

/** Jobs of tasks that do nothing now but wait to be tried again. */
export function restingTasks(db: Database, now: number): number {
  return unfinished.get(db).resting(({ origin }) => origin.kind === "task", now);
}

export function findJob(db: Database, id: string): Job | undefined {
  const known = unfinished.get(db).get(id);
  if (known !== undefined) return known;
  const row = db.one<BodyRow>("SELECT body FROM jobs WHERE id = ?", id);
  return row === undefined ? undefined : (JSON.parse(row.body) as Job);
}

/** A new job: 4 rows. */
export function insertJob(db: Database, job: Job, launch: JobLaunch): void {
  db.run("INSERT INTO job_launches VALUES (?, ?)", job.id, JSON.stringify(launch));
  putJob(db, job);
}

/** What its attempts start with. */
export function findLaunch(db: Database, id: string): JobLaunch | undefined {
  const row = db.one<BodyRow>("SELECT body FROM job_launches WHERE job = ?", id);
  return row === undefined ? undefined : (JSON.parse(row.body) as JobLaunch);
}

/** A new job, or a changed one: 1 row, 2 more of a new one, and 1 when it ends and is not kept for ever. */
export function putJob(db: Database, job: Job): void {
  const { ttlMs } = job.spec;
  const jobs = unfinished.get(db);
  const known = jobs.get(job.id);
  db.run(
    `INSERT INTO jobs (id, name, state, source, finished_at, remove_at, body) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
      state = excluded.state, finished_at = excluded.finished_at, remove_at = excluded.remove_at, body = excluded.body`,
    job.id,
    job.name,
    stateOf(job),
    sourceOf(job),
    job.finishedAt,
    job.finishedAt === null || ttlMs === null ? null : job.finishedAt + ttlMs,
    JSON.stringify(job),
  );
  if (job.finishedAt !== null) jobs.delete(job.id);
  else jobs.put(job, known === undefined ? seqOf(db, job.id) : undefined);
}

function seqOf(db: Database, id: string): number | undefined {
  return db.one<{ seq: number }>("SELECT seq FROM jobs WHERE id = ?", id)?.seq;
}

/** An attempt begins, as its slot says too. A row of the job's own only where nothing else says it: 1, or none. */
export function putBegun(db: Database, before: Job, job: Job): void {
  noteTurn(db, job.fairnessKey);
  if (before.startedAt !== job.startedAt) putJob(db, job);
  else unfinished.get(db).put(job);
}

/** Until it begins again. What is stored of it is a part of its latest attempt. */
export function putRetry(db: Database, job: string, retry: Retry): void {
  unfinished.get(db).retries(job)?.set(retry.index, retry);
}

export function dropRetry(db: Database, job: string, index: number): void {
  unfinished.get(db).retries(job)?.delete(index);
}

/** By which schedule or task it was made, to be asked for. */
function sourceOf({ origin }: Job): string | null {
  if (origin.kind === "schedule") return origin.schedule;
  return origin.kind === "task" ? origin.task : null;
}

/** 1 row. */
export function addAttempt(db: Database, job: string, attempt: AttemptRecord, output: Output | null): void {
  const { stdout = null, stderr = null } = output ?? {};
  db.run(
    "INSERT INTO job_attempts VALUES (?, ?, ?, ?, ?)",
    job,
    attempt.number,
    JSON.stringify(attempt),
    stdout,
    stderr,
  );
}

/** Null: nothing of it was kept. */
export function findOutput(db: Database, job: string, number: number): Output | null {
  const sql = "SELECT stdout, stderr FROM job_attempts WHERE job = ? AND number = ?";
  const row = db.one<{ stdout: string | null; stderr: string | null }>(sql, job, number);
  return row?.stdout == null || row.stderr === null ? null : { stdout: row.stdout, stderr: row.stderr };
}

export function findAttempt(db: Database, job: string, number: number): AttemptRecord | undefined {
  const row = db.one<BodyRow>("SELECT body FROM job_attempts WHERE job = ? AND number = ?", job, number);
  return row === undefined ? undefined : (JSON.parse(row.body) as AttemptRecord);
}

export interface PlacedAttempt {
  readonly job: string;
  readonly number: number;
}

/** The one that is over and ran in that placement. Reads all of them: it is asked for when something is wrong. */
export function findPlacedAttempt(db: Database, deployment: string, generation: number): PlacedAttempt | undefined {
  const sql =
    "SELECT job, number FROM job_attempts WHERE body ->> 'deployment' = ? AND body ->> 'generation' = ? LIMIT 1";
  return db.one<{ job: string; number: number }>(sql, deployment, generation);
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

/** Those of the highest numbers that are over, by number. */
export function latestAttempts(db: Database, job: string, limit: number): AttemptRecord[] {
  const sql = "SELECT body FROM job_attempts WHERE job = ? ORDER BY number DESC LIMIT ?";
  const latest = db.all<BodyRow>(sql, job, limit).map(({ body }) => JSON.parse(body) as AttemptRecord);
  return latest.toReversed();
}

export interface JobFilter {
  readonly name?: string;
  readonly state?: JobState;
  /** Name of a schedule or id of a task. */
  readonly source?: string;
}

export interface ListedJob {
  /** Its place in the order, by which the next page begins. */
  readonly seq: number;
  readonly job: Job;
}

const UNFINISHED: ReadonlySet<JobState> = new Set(["pending", "running", "suspended", "finishing"]);

/** Newest first, from the one before `before` on: pages stay the same while others come and go. */
export function listJobs(db: Database, filter: JobFilter, before: number | null, limit: number): ListedJob[] {
  const open = unfinished.get(db);
  if (filter.state !== undefined && UNFINISHED.has(filter.state)) return open.newest(fits(filter), before, limit);
  const wanted = Object.entries(filter).filter(([, value]) => value !== undefined);
  const terms = [...wanted.map(([column]) => `${column} = ?`), ...(before === null ? [] : ["seq < ?"])];
  const where = terms.length === 0 ? "" : `WHERE ${terms.join(" AND ")}`;
  const values = [...wanted.map(([, value]) => String(value)), ...(before === null ? [] : [before])];
  return db
    .all<ListedRow>(`SELECT seq, body FROM jobs ${where} ORDER BY seq DESC LIMIT ?`, ...values, limit)
    .map(({ seq, body }) => {
      const job = JSON.parse(body) as Job;
      return { seq, job: open.get(job.id) ?? job };
    });
}

function fits({ name, state, source }: JobFilter): (job: Job) => boolean {
  return (job) =>
    (name === undefined || job.name === name) &&
    (state === undefined || stateOf(job) === state) &&
    (source === undefined || sourceOf(job) === source);
}

/** When the first of those that are over is not to be kept any more; null: none. */
export function firstRemoval(db: Database): number | null {
  const sql = "SELECT remove_at FROM jobs WHERE remove_at IS NOT NULL ORDER BY remove_at LIMIT 1";
  return db.one<{ remove_at: number }>(sql)?.remove_at ?? null;
}

/** Those whose time to live is over, so many at most. */
export function expiredJobs(db: Database, now: number, limit: number): string[] {
  const sql = "SELECT id FROM jobs WHERE remove_at IS NOT NULL AND remove_at <= ? ORDER BY remove_at LIMIT ?";
  return db.all<{ id: string }>(sql, now, limit).map(({ id }) => id);
}

/** With all that is kept of it. */
export function removeJob(db: Database, id: string): void {
  db.run("DELETE FROM job_attempts WHERE job = ?", id);
  db.run("DELETE FROM job_launches WHERE job = ?", id);
  db.run("DELETE FROM jobs WHERE id = ?", id);
  unfinished.get(db).delete(id);
}
