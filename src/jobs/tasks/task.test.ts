import { describe, it } from "vitest";
import { taskMessageSchema, createTaskSchema } from "../../api/schemas/task.ts";
import { taskDraft, taskIdOf } from "./draft.ts";
import {
  beginTry,
  DEAD_TTL_MS,
  MAX_LOSSES,
  newTask,
  removalOf,
  reviveTask,
  settleJob,
  settleTry,
  type Task,
  type TryEnd,
} from "./task.ts";

const WORK = { retries: 2, backoffMs: 10_000, maxBackoffMs: 15_000 };
const FAILED: TryEnd = { kind: "failed", reason: "Answer", message: "it answered 503", status: 503 };
const LOST: TryEnd = { kind: "lost", message: "gone" };
const draft = { id: "t", key: "k", mode: "http", fairnessKey: "", ttlMs: 60_000, delayMs: 500 } as const;
const fresh = newTask({ ...draft, work: { fingerprint: "", payload: null, run: null, http: null } }, 1, 1_000);

/** After a job that ended so. */
function after(outcome: "succeeded" | "failed" | "cancelled"): Task {
  return settleJob(fresh, { verdict: { outcome, reason: "FailurePolicy", message: "why", at: 0 } }, 5_000);
}

/** A try that ends so, as soon as it may begin. */
function tried(task: Task, end: TryEnd): Task {
  return settleTry(beginTry(task, null, task.notBefore), WORK, end, task.notBefore);
}

describe("a task", () => {
  it("begins after its delay, and is over with an answer of 2xx", ({ expect }) => {
    expect(fresh).toMatchObject({ state: "queued", notBefore: 1_500 });
    const done = tried(fresh, { kind: "succeeded", status: 204 });
    expect(done).toMatchObject({ state: "succeeded", status: 204, tries: 1, finishedAt: 1_500 });
    expect([removalOf(fresh), removalOf(done)]).toEqual([null, 61_500]);
  });

  it("waits longer after each failure, up to a limit, and is dead when its retries are used up", ({ expect }) => {
    const first = tried(fresh, FAILED);
    const second = tried(first, FAILED);
    const third = tried(second, FAILED);
    expect([first.notBefore, second.notBefore]).toEqual([11_500, 26_500]);
    expect(third).toMatchObject({ state: "dead", reason: "RetriesExhausted", failures: 3, tries: 3 });
    expect(third.message).toBe("3 tries failed; the last: it answered 503");
    expect(removalOf(third)).toBe(26_500 + DEAD_TTL_MS);
    expect(reviveTask(third, 30_000)).toMatchObject({ state: "queued", notBefore: 30_000, failures: 0, tries: 3 });
  });

  it("is tried again when nobody knows, which uses up no retry, and not for ever", ({ expect }) => {
    const lost = tried(fresh, LOST);
    expect(lost).toMatchObject({ state: "queued", failures: 0, losses: 1, notBefore: 2_500 });
    expect(tried(lost, FAILED)).toMatchObject({ failures: 1, losses: 0 });
    let task: Task = fresh;
    for (let n = 0; n <= MAX_LOSSES; n += 1) task = tried(task, LOST);
    expect(task).toMatchObject({ state: "dead", reason: "LossLimitExceeded" });
  });

  it("that no container has seen is not counted as failed", ({ expect }) => {
    const next = tried(fresh, { kind: "undelivered", message: "nobody" });
    expect(next).toMatchObject({ state: "queued", failures: 0, losses: 0, notBefore: 2_500 });
  });

  it("comes to what its job came to", ({ expect }) => {
    expect(after("succeeded")).toMatchObject({ state: "succeeded", finishedAt: 5_000 });
    expect(after("failed")).toMatchObject({ state: "dead", reason: "FailurePolicy", message: "why" });
    expect(after("cancelled")).toMatchObject({ state: "cancelled" });
  });
});

const request = (more: object = {}) => createTaskSchema.parse({ mode: "http", ...more });

async function printOf(more: object): Promise<string> {
  return (await taskDraft("app", request(more), { kind: "message", id: "1" })).work.fingerprint;
}

describe("a draft", () => {
  it("has the id of its key, and without one that of what it came with", async ({ expect }) => {
    const keyed = request({ idempotency_key: "k" });
    const [a, b] = await Promise.all([
      taskDraft("app", keyed, { kind: "message", id: "1" }),
      taskDraft("app", keyed, { kind: "request", id: "2" }),
    ]);
    expect([a.id, b.id]).toEqual([await taskIdOf("app", "k"), a.id]);
    expect(await taskIdOf("other", "k")).not.toBe(a.id);
    const own = await Promise.all(
      ["1", "1", "2"].map(async (id) => (await taskDraft("app", request(), { kind: "message", id })).id),
    );
    expect([own[0] === own[1], own[0] === own[2]]).toEqual([true, false]);
    expect(own[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it("is told from another one by what is asked for, and not by how it is written", async ({ expect }) => {
    const print = await printOf({ payload: { a: 1, b: 2 } });
    expect(await printOf({ payload: { b: 2, a: 1 }, idempotency_key: "k" })).toBe(print);
    expect(await printOf({ payload: { a: 1, b: 3 } })).not.toBe(print);
    expect(await printOf({ payload: { a: 1, b: 2 }, fairness_key: "x" })).not.toBe(print);
  });

  it("has defaults for all that is not said", async ({ expect }) => {
    const { work } = await taskDraft("app", request(), { kind: "request", id: "1" });
    expect(work).toMatchObject({
      payload: null,
      run: null,
      http: { path: "/", method: "POST", timeoutMs: 60_000, retries: 3 },
    });
    const run = await taskDraft("app", createTaskSchema.parse({ mode: "run" }), { kind: "request", id: "1" });
    expect(run.work.run).toMatchObject({
      retries: 3,
      lossRetries: 10,
      backoffMs: 10_000,
      timeoutMs: null,
      isBare: false,
    });
  });

  it("of a message is a task and whose", ({ expect }) => {
    const message = { application: "web", mode: "run", payload: "x" };
    expect(taskMessageSchema.safeParse(message).success).toBe(true);
    expect(taskMessageSchema.safeParse({ ...message, account_id: "1" }).success).toBe(false);
    expect(taskMessageSchema.safeParse({ mode: "run" }).success).toBe(false);
  });
});
