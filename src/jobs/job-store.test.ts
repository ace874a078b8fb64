import { describe, it } from "vitest";
import { memoryDatabase } from "../../test/unit/sqlite-storage.ts";
import type { Database } from "../database.ts";
import { migrate } from "../migrations.ts";
import { DeploymentStore } from "../orchestrator/deployment-store.ts";
import { intendPlacement } from "../orchestrator/intents.ts";
import { JOB_SLOT } from "../orchestrator/plan/deployment.ts";
import { APPLICATION_MIGRATIONS } from "../orchestrator/storage/schema.ts";
import { begin, decide, finish, newJob } from "./intents.ts";
import { IDENTITY, SPEC } from "./job-world.ts";
import type { Job, Retry, SlotAttempt } from "./job.ts";
import {
  addAttempt,
  dropRetry,
  expiredJobs,
  findAttempt,
  findJob,
  firstRemoval,
  listAttempts,
  listJobs,
  putBegun,
  putJob,
  putRetry,
  removeJob,
  unfinishedJobs,
  type AttemptRecord,
} from "./job-store.ts";

function database() {
  const db = memoryDatabase();
  migrate(db, APPLICATION_MIGRATIONS);
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
  it("are there for the next lifetime of the object", ({ expect }) => {
    const db = database();
    putJob(db, job("a"));
    putJob(db, over("b"));
    const known = unfinishedJobs(db);
    db.memory.clear();
    expect(unfinishedJobs(db)).toEqual(known);
    expect(known).toEqual([{ job: job("a"), retries: [] }]);
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

  it("are found by name without a look at the others, and by state where they are not over", ({ expect }) => {
    const db = database();
    for (const id of ["a", "b", "c"]) putJob(db, { ...job(id), name: id === "c" ? "same" : "a" });
    putJob(db, { ...over("d"), name: "a" });
    const ids = (filter: Parameters<typeof listJobs>[1], before: number | null = null) =>
      listJobs(db, filter, before, 5).map(({ job: { id } }) => id);
    expect(ids({ name: "a" })).toEqual(["d", "b", "a"]);
    expect(ids({ state: "pending" })).toEqual(["c", "b", "a"]);
    expect(ids({ state: "pending", name: "a" }, 2)).toEqual(["a"]);
    expect([ids({ state: "failed" }), ids({ state: "running" })]).toEqual([["d"], []]);
    const plan = (where: string) =>
      db.all<{ detail: string }>(`EXPLAIN QUERY PLAN SELECT seq, body FROM jobs ${where} ORDER BY seq DESC LIMIT ?`, 1);
    expect(plan("WHERE name = 'a'").map(({ detail }) => detail)).toEqual([
      "SEARCH jobs USING INDEX jobs_by_name (name=?)",
    ]);
  });

  it("go when their time to live is over, and no sooner", ({ expect }) => {
    const db = database();
    for (const [id, ttlMs] of [
      ["a", 60_000],
      ["b", null],
      ["c", 5_000],
      ["at once", 0],
    ] as const) {
      putJob(db, { ...over(id), spec: { ...SPEC, ttlMs } });
    }
    expect([firstRemoval(db), expiredJobs(db, 2_000, 9)]).toEqual([2_000, ["at once"]]);
    removeJob(db, "at once");
    expect(firstRemoval(db)).toBe(7_000);
    expect([6_999, 7_000, 62_000].map((now) => expiredJobs(db, now, 9))).toEqual([[], ["c"], ["c", "a"]]);
    expect(expiredJobs(db, 62_000, 1)).toEqual(["c"]);
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

const FAILED = { state: "failed", reason: "ExitedWithCode", exitCode: 1, endedAt: 9 } as const;

/** A job whose attempts begin in slots and end, as the scheduler writes them. */
class Slots {
  readonly db: Database = database();
  readonly rows = new DeploymentStore(this.db);
  #job: Job = newJob({ ...IDENTITY, spec: { ...SPEC, completions: 300, parallelism: 300 } }, 1_000);

  constructor() {
    putJob(this.db, this.#job);
  }

  begin(slot: string, index: number): SlotAttempt {
    const begun = begin(this.#job, { index, past: { failures: 0, losses: 0 } }, 2_000);
    const attempt = { ...begun.attempt, job: "j", name: "job", isOver: false };
    dropRetry(this.db, "j", index);
    putBegun(this.db, this.#job, begun.job);
    this.#job = begun.job;
    this.rows.put({ ...intendPlacement(slot, JOB_SLOT, 1, 2_000).next, attempt });
    return attempt;
  }

  fail(slot: string, { number, index, ...attempt }: SlotAttempt, retry: Omit<Retry, "index"> | null): void {
    const { job: _, name: __, isOver: ___, stopping: ____, ...rest } = attempt;
    const kept = {
      ...rest,
      number,
      index,
      ...FAILED,
      deployment: slot,
      generation: 1,
      ...(retry === null ? {} : { retry }),
    };
    this.#job = { ...this.#job, tally: { ...this.#job.tally, failed: this.#job.tally.failed + 1 } };
    putJob(this.db, this.#job);
    if (retry !== null) putRetry(this.db, "j", { index, ...retry });
    addAttempt(this.db, "j", kept, null);
    const before = this.rows.get(slot);
    if (before === undefined) throw new Error("no such slot");
    this.rows.put({ ...before, phase: "pending", attempt: { ...attempt, number, index, isOver: true } });
  }

  /** As the next lifetime of the object finds it. */
  forgotten(): { slots: (readonly [string, string, boolean | undefined])[]; jobs: ReturnType<typeof unfinishedJobs> } {
    this.db.memory.clear();
    const slots = new DeploymentStore(this.db).all();
    return {
      slots: slots.map(({ id, phase, attempt }) => [id, phase, attempt?.isOver]),
      jobs: unfinishedJobs(this.db),
    };
  }
}

const after = (failures: number) => ({ past: { failures, losses: 0 }, notBefore: failures * 10_000 });

describe("what a lifetime of the object knows without rows of its own", () => {
  it("is how far attempts that run have brought their job", ({ expect }) => {
    const slots = new Slots();
    for (const index of [0, 1, 2]) slots.begin(`s${index}`, index);
    const known = unfinishedJobs(slots.db);
    expect(known[0]?.job).toMatchObject({ attempts: 3, nextIndex: 3, startedAt: 2_000 });
    expect(slots.forgotten().jobs).toEqual(known);
  });

  it("is which slots are done with theirs", ({ expect }) => {
    const slots = new Slots();
    slots.fail("s0", slots.begin("s0", 0), null);
    slots.begin("s1", 1);
    expect(slots.forgotten().slots).toEqual([
      ["s0", "pending", true],
      ["s1", "starting", false],
    ]);
  });

  it("is that a slot is done whose job is gone", ({ expect }) => {
    const slots = new Slots();
    slots.fail("s0", slots.begin("s0", 0), null);
    removeJob(slots.db, "j");
    expect(slots.forgotten()).toEqual({ slots: [["s0", "pending", true]], jobs: [] });
  });

  it("is what waits to be tried again, as its latest attempt says, however long ago that was", ({ expect }) => {
    const slots = new Slots();
    slots.fail("s0", slots.begin("s0", 0), after(1));
    slots.fail("s1", slots.begin("s1", 1), after(1));
    slots.fail("s1", slots.begin("s1", 1), after(2));
    slots.fail("s2", slots.begin("s2", 2), after(1));
    slots.begin("s2", 2);
    for (let index = 3; index < 250; index += 1) slots.fail("s3", slots.begin("s3", index), after(1));
    const known = unfinishedJobs(slots.db).map((open) => ({
      ...open,
      retries: open.retries.toSorted((a, b) => a.index - b.index),
    }));
    expect(known[0]?.retries.slice(0, 3)).toEqual([
      { index: 0, ...after(1) },
      { index: 1, ...after(2) },
      { index: 3, ...after(1) },
    ]);
    expect(slots.forgotten().jobs).toEqual(known);
  });
});
