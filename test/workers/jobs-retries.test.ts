/** What is tried again, when, how often, and when a job is over by rule: retries, failure and success policy. */
import { runInDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import type { Application } from "../../src/orchestrator/application.ts";
import { applicationStub } from "../../src/stubs.ts";
import { eventually, testEnv } from "./client.ts";
import {
  attemptsOf,
  containerOfAttempt,
  ended,
  jobOf,
  jobsApplication,
  run,
  running,
  submit,
  task,
  type WireAttempt,
} from "./jobs-world.ts";

const statesOf = (attempts: readonly WireAttempt[]) => attempts.map(({ index, state }) => `${index} ${state}`);
const rule = (action: string, values: number[], operator = "in") => ({ action, exit_codes: { operator, values } });
/** Index 1 exits with 7, the others with 0. */
const ONE_FAILS = "exit=0 exit-1=7";

/** What is to be tried again, and when the application looks again. */
async function waitsOf(id: string): Promise<{ retries: { not_before: number }[]; alarm: number | null }> {
  return await runInDurableObject(applicationStub(testEnv, id), async (_: Application, { storage }) => ({
    retries: storage.sql
      .exec<{ not_before: number }>("SELECT body ->> '$.retry.notBefore' AS not_before FROM job_attempts")
      .toArray(),
    alarm: await storage.getAlarm(),
  }));
}

describe.concurrent("retries", () => {
  it("of tasks that fail once each end in exact counters, with never more than parallelism alive", async ({
    expect,
  }) => {
    const id = await jobsApplication();
    const script = "exit=1 after=10 second=0";
    const done = await run(id, task(script, { completions: 6, parallelism: 2, retries: 6, retries_per_index: 1 }));
    expect(done.status).toMatchObject({ state: "succeeded", reason: "CompletionsReached", completed_indexes: "0-5" });
    expect(done.status).toMatchObject({ succeeded: 6, failed: 6, lost: 0, cancelled: 0, ignored: 0, active: 0 });
    const attempts = await attemptsOf(id, done.id);
    expect(attempts.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const spans = attempts.map((one) => ({ ...one, from: Date.parse(one.begun_at), to: Date.parse(one.ended_at ?? "") })); // prettier-ignore
    for (const { from, to, index, number } of spans) {
      const beside = spans.filter((other) => other.from <= from && from < other.to);
      expect(beside.length).toBeLessThanOrEqual(2);
      const same = spans.filter((other) => other.index === index && other.number > number);
      expect(same.every((other) => other.from >= to)).toBe(true);
    }
  });

  it("end when they are used up: one retry is two attempts, and BackoffLimitExceeded", async ({ expect }) => {
    const id = await jobsApplication();
    const done = await run(id, task("exit=1", { retries: 1 }));
    expect(done.status).toMatchObject({ state: "failed", reason: "BackoffLimitExceeded", failed: 2, active: 0 });
    expect(statesOf(await attemptsOf(id, done.id))).toEqual(["0 failed", "0 failed"]);
  });

  it("are none unless they are asked for", async ({ expect }) => {
    const id = await jobsApplication();
    const done = await run(id, task("exit=1"));
    expect([done.retries, done.status.failed, done.status.reason]).toEqual([0, 1, "BackoffLimitExceeded"]);
  });

  it("come 10 s after the failure where nothing else is said", async ({ expect }) => {
    const id = await jobsApplication();
    const {
      id: job,
      backoff,
      max_backoff: most,
    } = await submit(id, task("exit=1", { retries: 1, backoff: undefined }));
    expect([backoff, most]).toEqual([10, 360]);
    const [attempt] = await eventually(async () => {
      const attempts = await attemptsOf(id, job);
      return attempts[0]?.state === "failed" && attempts;
    });
    const { retries, alarm } = await waitsOf(id);
    const dueAt = Date.parse(attempt?.ended_at ?? "") + 10_000;
    expect(retries).toEqual([{ not_before: dueAt }]);
    expect(alarm).toBe(dueAt);
    expect((await jobOf(id, job)).status).toMatchObject({ state: "running", active: 0, failed: 1 });
  });

  it("wait for backoff, doubled with each failure, and never longer than max_backoff", async ({ expect }) => {
    const id = await jobsApplication();
    const done = await run(id, task("exit=1", { retries: 3, backoff: "100ms", max_backoff: "250ms" }));
    const attempts = await attemptsOf(id, done.id);
    const waits = attempts.slice(1).map(({ begun_at: begun }, position) => {
      return Date.parse(begun) - Date.parse(attempts[position]?.ended_at ?? "");
    });
    expect(waits).toHaveLength(3);
    // How much longer is the machine's affair; that the third is not 400 ms is in the job's own arithmetic.
    expect(waits.map((ms, position) => ms >= ([100, 200, 250][position] ?? 0))).toEqual([true, true, true]);
  });

  it("of an index end at retries_per_index, and the others go on: FailedIndexes", async ({ expect }) => {
    const id = await jobsApplication();
    const done = await run(id, task(ONE_FAILS, { completions: 3, retries_per_index: 1 }));
    expect(done.status).toMatchObject({ state: "failed", reason: "FailedIndexes", succeeded: 2, failed: 2 });
    expect(done.status).toMatchObject({ completed_indexes: "0,2", failed_indexes: "1" });
    expect(done.retries).toBeNull();
  });

  it("end for all when more indexes than max_failed_indexes have failed", async ({ expect }) => {
    const id = await jobsApplication();
    const done = await run(id, task("exit=1", { completions: 5, retries_per_index: 0, max_failed_indexes: 1 }));
    expect(done.status).toMatchObject({ state: "failed", reason: "MaxFailedIndexesExceeded", failed: 2, succeeded: 0 });
  });
});

describe.concurrent("a failure policy", () => {
  it("fails the job by the exit code, retries or not", async ({ expect }) => {
    const id = await jobsApplication();
    const policy = [rule("count", [1]), rule("fail_job", [42])];
    const done = await run(id, task("exit=42", { retries: 5, failure_policy: policy }));
    expect(done.status).toMatchObject({ state: "failed", reason: "FailurePolicy", failed: 1 });
    expect(done.status.message).toContain("failure_policy[1]");
    expect(done.failure_policy).toEqual(policy);
  });

  it("fails the index by the exit code, and others go on", async ({ expect }) => {
    const id = await jobsApplication();
    const policy = [rule("fail_index", [7])];
    const body = { completions: 3, retries_per_index: 5, failure_policy: policy };
    const done = await run(id, task(ONE_FAILS, body));
    expect(done.status).toMatchObject({ reason: "FailedIndexes", failed: 1, succeeded: 2, failed_indexes: "1" });
  });

  it("ignores what it says: tried again, and not counted", async ({ expect }) => {
    const id = await jobsApplication();
    const policy = [rule("ignore", [9])];
    const done = await run(id, task("exit=9 second=0", { retries: 0, failure_policy: policy }));
    expect(done.status).toMatchObject({ state: "succeeded", ignored: 1, failed: 0, succeeded: 1 });
    expect(statesOf(await attemptsOf(id, done.id))).toEqual(["0 ignored", "0 succeeded"]);
  });

  it("is decided by the first rule that fits, and not_in is every other code", async ({ expect }) => {
    const id = await jobsApplication();
    const policy = [rule("count", [7, 8]), rule("fail_job", [7, 8], "not_in")];
    const counted = await run(id, task("exit=8", { retries: 1, failure_policy: policy }));
    expect(counted.status).toMatchObject({ reason: "BackoffLimitExceeded", failed: 2 });
    const other = await run(id, task("exit=9", { retries: 1, failure_policy: policy }));
    expect(other.status).toMatchObject({ reason: "FailurePolicy", failed: 1 });
  });
});

describe.concurrent("a success policy", () => {
  it("is met by the indexes that it names, and what else runs is ended", async ({ expect }) => {
    const id = await jobsApplication();
    const policy = [{ indexes: "0,2" }];
    const script = "after=never after-0=5 after-2=5";
    const { id: job } = await submit(id, task(script, { completions: 4, parallelism: 4, success_policy: policy }));
    const done = await ended(id, job);
    expect(done.status).toMatchObject({ state: "succeeded", reason: "SuccessPolicy", completed_indexes: "0,2" });
    expect(done.status).toMatchObject({ succeeded: 2, cancelled: 2, failed: 0, active: 0 });
    expect(done.success_policy).toEqual(policy);
    const others = (await attemptsOf(id, job)).filter(({ state }) => state === "cancelled");
    expect(others.map(({ reason }) => reason)).toEqual(["JobDecided", "JobDecided"]);
    expect(others.some((one) => containerOfAttempt(one).running)).toBe(false);
  });

  it("is met by so many of them, or of any", async ({ expect }) => {
    const id = await jobsApplication();
    const some = await submit(id, task("after=never", { completions: 3, parallelism: 3, success_policy: [{ count: 2 }] })); // prettier-ignore
    const live = await running(id, some.id, 3);
    for (const one of live.slice(0, 2)) containerOfAttempt(one).finish(0);
    expect((await ended(id, some.id)).status).toMatchObject({ reason: "SuccessPolicy", succeeded: 2, cancelled: 1 });
    const policy = [{ indexes: "1-2", count: 1 }];
    const named = await submit(id, task("after=never", { completions: 3, parallelism: 3, success_policy: policy }));
    const all = await running(id, named.id, 3);
    const of = (wanted: number) => all.find(({ index }) => index === wanted);
    containerOfAttempt(of(0) ?? raise()).finish(0);
    await eventually(async () => (await jobOf(id, named.id)).status.succeeded === 1);
    expect((await jobOf(id, named.id)).status.state).toBe("running");
    containerOfAttempt(of(2) ?? raise()).finish(0);
    expect((await ended(id, named.id)).status).toMatchObject({ reason: "SuccessPolicy", completed_indexes: "0,2" });
  });
});

function raise(): never {
  throw new Error("it is to run");
}
