import { describe, it } from "vitest";
import { memoryDatabase } from "../../test/unit/sqlite-storage.ts";
import { begin, decide, finish, newJob } from "./intents.ts";
import { IDENTITY, SPEC } from "./job-world.ts";
import {
  addAttempt,
  dropRetry,
  findAttempt,
  findJob,
  JOBS_SCHEMA,
  listAttempts,
  listJobs,
  putJob,
  putRetry,
  removeJob,
  unfinishedJobs,
  type AttemptRecord,
} from "./job-store.ts";

function database() {
  const db = memoryDatabase();
  db.run(JOBS_SCHEMA);
  return db;
}

const job = (id: string) => newJob({ ...IDENTITY, id, name: id, spec: SPEC }, 1_000);
const over = (id: string) => {
  const verdict = { outcome: "failed", reason: "Cancelled", message: "", at: 5 } as const;
  return finish(decide(job(id), verdict), 2_000);
};
const record = (number: number): AttemptRecord => {
  const { attempt } = begin(job("a"), { index: number, past: { failures: 0, losses: 0 } }, 5);
  const { stopping: _, ...rest } = attempt;
  const end = { state: "succeeded", reason: "Completed", exitCode: 0, endedAt: 9 } as const;
  return { ...rest, number, ...end, deployment: "d", generation: 1 };
};

describe("jobs in storage", () => {
  it("are there for the next lifetime of the object, with what is to be tried again", ({ expect }) => {
    const db = database();
    putJob(db, job("a"));
    putJob(db, job("b"));
    putRetry(db, "a", { index: 3, notBefore: 99, past: { failures: 2, losses: 1 } });
    putRetry(db, "a", { index: 4, notBefore: 98, past: { failures: 1, losses: 0 } });
    dropRetry(db, "a", 4);
    putJob(db, over("b"));
    const known = unfinishedJobs(db);
    db.memory.clear();
    expect(unfinishedJobs(db)).toEqual(known);
    expect(known).toEqual([
      { job: job("a"), retries: [{ index: 3, notBefore: 99, past: { failures: 2, losses: 1 } }] },
    ]);
    expect(findJob(db, "b")).toEqual(over("b"));
    expect(findJob(db, "c")).toBeUndefined();
  });

  it("are as they were when a transaction is rolled back", ({ expect }) => {
    const db = database();
    putJob(db, job("a"));
    const fail = () =>
      db.transaction(() => {
        putJob(db, over("a"));
        putRetry(db, "a", { index: 1, notBefore: 1, past: { failures: 1, losses: 0 } });
        throw new Error("no");
      });
    expect(fail).toThrow("no");
    expect(unfinishedJobs(db)).toEqual([{ job: job("a"), retries: [] }]);
  });

  it("are listed page by page, also while others come and go", ({ expect }) => {
    const db = database();
    for (const id of ["b", "d", "f", "h"]) putJob(db, job(id));
    const page = (before: number | null, limit: number) => listJobs(db, {}, before, limit);
    const first = page(null, 2);
    putJob(db, job("a"));
    removeJob(db, "f");
    putJob(db, job("g"));
    const ids = [...first, ...page(first.at(-1)?.seq ?? null, 5)].map(({ job: { id } }) => id);
    expect(ids).toEqual(["h", "f", "d", "b"]);
  });

  it("go with all that is kept of them", ({ expect }) => {
    const db = database();
    putJob(db, job("a"));
    for (const number of [1, 2, 3]) addAttempt(db, "a", record(number), null);
    expect(listAttempts(db, "a", 1, 5).map(({ number }) => number)).toEqual([2, 3]);
    expect(findAttempt(db, "a", 2)).toEqual(record(2));
    removeJob(db, "a");
    expect([findJob(db, "a"), listAttempts(db, "a", 0, 5), unfinishedJobs(db)]).toEqual([undefined, [], []]);
  });
});
