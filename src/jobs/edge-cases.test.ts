/** Where rules of a job meet: what Kubernetes' jobs are known to do at these edges. */
import { describe, it } from "vitest";
import { resume, suspend } from "./intents.ts";
import { formatIndexes, parseIndexes } from "./index-set.ts";
import { exited, JobWorld, LOST, STOPPED } from "./job-world.ts";
import { stateOf, type JobSpec } from "./job.ts";

const world = (spec: Partial<JobSpec> = {}) => new JobWorld(spec);
const live = ({ live: attempts }: JobWorld) => attempts.map(({ index }) => index);

describe("the replacement of an attempt", () => {
  it("begins only when the one before it is gone, however long that takes to be stopped", ({ expect }) => {
    const job = world({ timeoutMs: 1_000, backoffMs: 0, maxBackoffMs: 0 });
    job.start(1);
    job.wake();
    expect(job.live).toMatchObject([{ number: 1, stopping: "TimedOut" }]);
    job.now += 3_600_000;
    job.pass();
    expect(live(job)).toEqual([0]);
    job.end(1, STOPPED);
    expect(job.live).toMatchObject([{ number: 2, index: 0 }]);
  });

  it("begins before indexes that are new, the one that waits longest first", ({ expect }) => {
    const job = world({ completions: 5, parallelism: 2, backoffMs: 0, maxBackoffMs: 0 });
    job.end(2, exited(1));
    expect(live(job)).toEqual([0, 1]);
    job.end(1, exited(0));
    expect(live(job)).toEqual([1, 2]);
  });
});

describe("what decides a job", () => {
  it("is its success, where that and its deadline come at once", ({ expect }) => {
    const job = world({ deadlineMs: 1_000 });
    job.now += 5_000;
    job.end(1, exited(0));
    expect(job.job.verdict).toMatchObject({ outcome: "succeeded", reason: "CompletionsReached" });
  });

  it("is the first rule of the success policy that is met, before too many failures", ({ expect }) => {
    const successPolicy = [{ indexes: parseIndexes("0"), count: null }];
    const job = world({ completions: 3, parallelism: 3, retries: 1, backoffMs: 0, maxBackoffMs: 0, successPolicy });
    job.end(2, exited(1));
    job.end(1, exited(0));
    expect(job.job.verdict).toMatchObject({ outcome: "succeeded", reason: "SuccessPolicy" });
  });

  it("stays, whatever those say that are stopped for it: they are no failures", ({ expect }) => {
    const job = world({ completions: 3, parallelism: 3, retries: 0, successPolicy: [{ indexes: null, count: 1 }] });
    job.end(1, exited(0));
    expect(stateOf(job.job)).toBe("finishing");
    job.end(2, exited(3));
    expect([stateOf(job.job), job.job.finishedAt]).toEqual(["finishing", null]);
    job.end(3, LOST);
    expect(job.job).toMatchObject({
      verdict: { outcome: "succeeded", reason: "SuccessPolicy" },
      tally: { succeeded: 1, failed: 0, lost: 0, cancelled: 2 },
    });
    expect([stateOf(job.job), job.live]).toEqual(["succeeded", []]);
  });

  it("is not undone by an attempt that succeeds all the same: that is counted, and the job has failed", ({
    expect,
  }) => {
    const job = world({ completions: 2, parallelism: 2, retries: 0 });
    job.end(1, exited(1));
    expect(stateOf(job.job)).toBe("finishing");
    job.end(2, exited(0));
    expect(job.job).toMatchObject({ tally: { succeeded: 1, failed: 1 }, verdict: { reason: "BackoffLimitExceeded" } });
    expect(stateOf(job.job)).toBe("failed");
  });

  it("comes at the deadline while nothing but a retry waits", ({ expect }) => {
    const job = world({ deadlineMs: 5_000 });
    job.end(1, exited(1));
    expect(job.wakeAt).toBe(job.job.startedAt === null ? null : job.job.startedAt + 5_000);
    job.wake();
    expect(job.job).toMatchObject({ verdict: { reason: "DeadlineExceeded" }, attempts: 1 });
    expect(stateOf(job.job)).toBe("failed");
  });
});

describe("limits of each index", () => {
  it("are not the job's: an index may fail more often than others, and none of them uses up another's", ({
    expect,
  }) => {
    const limits = { retries: null, retriesPerIndex: 1, backoffMs: 0, maxBackoffMs: 0 };
    const job = world({ completions: 3, parallelism: 1, ...limits });
    job.end(1, exited(1));
    job.end(2, exited(1));
    expect(formatIndexes(job.job.failedIndexes)).toBe("0");
    job.end(3, exited(1));
    job.end(4, exited(0));
    job.end(5, exited(0));
    expect(job.job).toMatchObject({ verdict: { reason: "FailedIndexes" }, tally: { failed: 3, succeeded: 2 } });
  });

  it("hold beside that of the whole job, whichever is met first", ({ expect }) => {
    const limits = { retries: 2, retriesPerIndex: 2, backoffMs: 0, maxBackoffMs: 0 };
    const job = world({ completions: 3, parallelism: 3, ...limits });
    for (const number of [1, 2, 3]) job.end(number, exited(1));
    expect(job.job).toMatchObject({ verdict: { reason: "BackoffLimitExceeded" }, tally: { failed: 3 } });
  });

  it("let the index fail by its last attempt alone, and the job by the index after the most that may", ({ expect }) => {
    const limits = { retries: null, retriesPerIndex: 0, maxFailedIndexes: 1 };
    const job = world({ completions: 4, parallelism: 1, ...limits });
    job.end(1, exited(1));
    expect(job.job.verdict).toBeNull();
    job.end(2, exited(1));
    expect(job.job.verdict).toMatchObject({ reason: "MaxFailedIndexesExceeded" });
  });
});

describe("a suspension", () => {
  it("gives no retry back, and none away", ({ expect }) => {
    const job = world({ retries: 1, backoffMs: 0, maxBackoffMs: 0 });
    job.end(1, exited(1));
    job.job = suspend(job.job) ?? job.job;
    job.pass();
    job.end(2, STOPPED);
    expect(job.job.tally).toMatchObject({ failed: 1, cancelled: 1 });
    job.job = resume(job.job) ?? job.job;
    job.pass();
    job.end(3, exited(1));
    expect(job.job).toMatchObject({ verdict: { reason: "BackoffLimitExceeded" }, tally: { failed: 2 } });
  });

  it("does not shorten the wait of what had failed before it", ({ expect }) => {
    const job = world();
    job.end(1, exited(1));
    const due = job.wakeAt;
    job.job = suspend(job.job) ?? job.job;
    job.pass();
    expect(job.wakeAt).toBeNull();
    job.job = resume(job.job) ?? job.job;
    job.pass();
    expect([live(job), job.wakeAt]).toEqual([[], due]);
  });
});

describe("what is ignored", () => {
  it("uses up no retry, and waits as a failure does", ({ expect }) => {
    const failurePolicy = [{ action: "ignore", exitCodes: { operator: "in", values: [9] } }] as const;
    const job = world({ retries: 0, failurePolicy });
    for (const number of [1, 2, 3]) {
      job.end(number, exited(9));
      expect(job.wakeAt).toBe(job.now + 10_000);
      job.wake();
    }
    expect(job.job).toMatchObject({ verdict: null, tally: { ignored: 3, failed: 0 } });
  });
});
