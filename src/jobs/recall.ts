/**
 * What no row says by itself, since others that are written anyway do: how far the attempts that run have brought their
 * job, which slots are done with theirs, and which indexes wait to be tried again. For an object that came into memory.
 */
import type { Database, Row } from "../database.ts";
import { hasIndex } from "./index-set.ts";
import type { Job, Retry, SlotAttempt } from "./job.ts";
import type { AttemptRecord } from "./job-store.ts";

interface BodyRow extends Row {
  body: string;
}

/** Attempts whose records are read at a time, the latest first: what waits has mostly ended not long ago. */
const READ_AT_ONCE = 100;

/** It has a record, or its job is gone: the row of its slot, which says that it runs, was not worth another write. */
export function isOver(db: Database, { job, number, isOver: isWritten }: SlotAttempt): boolean {
  if (isWritten) return true;
  if (db.one("SELECT 1 AS one FROM job_attempts WHERE job = ? AND number = ?", job, number) !== undefined) return true;
  return db.one("SELECT 1 AS one FROM jobs WHERE id = ?", job) === undefined;
}

/** Those that slots hold and that are not over. */
export function liveAttempts(db: Database): SlotAttempt[] {
  return (
    db
      .all<{ attempt: string }>("SELECT attempt FROM deployments WHERE attempt IS NOT NULL")
      // Written by the store of deployments only.
      .map(({ attempt }) => JSON.parse(attempt) as SlotAttempt)
      .filter((attempt) => !isOver(db, attempt))
  );
}

/** With the attempts that began since its row was written. */
export function withLive(job: Job, live: readonly SlotAttempt[]): Job {
  return live.reduce((known, { number, index }) => {
    return { ...known, attempts: Math.max(known.attempts, number), nextIndex: Math.max(known.nextIndex, index + 1) };
  }, job);
}

/** The indexes that have been begun, are not alive, and not at their end: each waits as its latest attempt says. */
export function waitingRetries(db: Database, job: Job, live: readonly SlotAttempt[]): Retry[] {
  const alive = new Set(live.map(({ index }) => index));
  const open = new Set<number>();
  for (let index = 0; index < job.nextIndex; index += 1) {
    if (!alive.has(index) && !hasIndex(job.doneIndexes, index) && !hasIndex(job.failedIndexes, index)) open.add(index);
  }
  const retries: Retry[] = [];
  let before = Number.MAX_SAFE_INTEGER;
  while (open.size > 0) {
    const sql = "SELECT body FROM job_attempts WHERE job = ? AND number < ? ORDER BY number DESC LIMIT ?";
    const records = db
      .all<BodyRow>(sql, job.id, before, READ_AT_ONCE)
      .map(({ body }) => JSON.parse(body) as AttemptRecord);
    for (const { number, index, past, endedAt, retry } of records) {
      before = number;
      if (open.delete(index))
        retries.push({ index, past: retry?.past ?? past, notBefore: retry?.notBefore ?? endedAt });
    }
    if (records.length < READ_AT_ONCE) break;
  }
  return retries.toSorted((a, b) => a.index - b.index);
}
