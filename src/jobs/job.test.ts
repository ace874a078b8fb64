import { array, assert, constantFrom, integer, nat, option, property, record, tuple } from "fast-check";
import { describe, it } from "vitest";
import { countOf, formatIndexes, parseIndexes } from "./index-set.ts";
import { cancel, resume, suspend } from "./intents.ts";
import { stateOf, type JobSpec } from "./job.ts";
import { exited, JobWorld, LOST, NEVER_LAUNCHED, STOPPED, UNAVAILABLE } from "./job-world.ts";
import { settle, type AttemptEnd } from "./settle.ts";

const failureRule = (
  action: "fail_job" | "fail_index" | "ignore" | "count",
  operator: "in" | "not_in",
  values: number[],
) => {
  return { action, exitCodes: { operator, values } };
};

const world = (spec: Partial<JobSpec> = {}) => new JobWorld(spec);

describe("a job of one", () => {
  it("succeeds when its container exits with 0", ({ expect }) => {
    const job = world();
    expect(stateOf(job.job)).toBe("running");
    job.end(1, exited(0));
    expect(job.job).toMatchObject({ verdict: { reason: "CompletionsReached" }, tally: { succeeded: 1, failed: 0 } });
    expect(stateOf(job.job)).toBe("succeeded");
  });

  it("that always fails with retries 1 is tried twice, ten seconds apart", ({ expect }) => {
    const job = world({ retries: 1 });
    job.end(1, exited(3));
    expect(job.live).toEqual([]);
    const failedAt = job.now;
    job.wake();
    expect(job.now - failedAt).toBe(10_000);
    job.end(2, exited(3));
    expect(job.job.verdict).toMatchObject({ outcome: "failed", reason: "BackoffLimitExceeded" });
    expect(job.job.tally).toMatchObject({ failed: 2, succeeded: 0 });
    expect(job.ended).toHaveLength(2);
  });

  it("waits twice as long after each failure, and no longer than six minutes", ({ expect }) => {
    const job = world({ retries: 8 });
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 8; attempt += 1) {
      job.end(attempt, exited(1));
      const failedAt = job.now;
      job.wake();
      waits.push((job.now - failedAt) / 1_000);
    }
    expect(waits).toEqual([10, 20, 40, 80, 160, 320, 360, 360]);
  });

  it("that never came to life goes on, and is lost where no shell says that nothing has run", ({ expect }) => {
    const { job, live, now } = world();
    const [attempt] = live;
    const end: AttemptEnd = { kind: "never-started", exitCode: null, reason: "NeverStarted" };
    if (attempt === undefined) throw new Error("nothing is alive");
    expect(settle(job, attempt, end, now)).toBeNull();
    expect(settle({ ...job, isBare: true }, attempt, end, now)).toMatchObject({
      state: "lost",
      job: { tally: { lost: 1 } },
    });
  });

  it("that a boot of workerd ended is tried again at once, whatever the platform may lose", ({ expect }) => {
    const job = world({ retries: 0, lossRetries: 0 });
    job.end(1, { kind: "lost", exitCode: null, reason: "SessionEnded" });
    expect([job.live.length, job.job.verdict, job.job.tally.lost]).toEqual([1, null, 1]);
    job.end(2, LOST);
    expect(job.job.verdict).toMatchObject({ reason: "LossLimitExceeded", message: expect.stringContaining("lost 1 ") });
  });

  it("that the platform loses is tried again without being blamed, as often as the platform may", ({ expect }) => {
    const job = world({ retries: 0, lossRetries: 2 });
    job.end(1, LOST);
    job.wake();
    job.end(2, LOST);
    job.wake();
    expect(job.job).toMatchObject({ tally: { lost: 2, failed: 0 }, verdict: null });
    job.end(3, LOST);
    expect(job.job.verdict).toMatchObject({ outcome: "failed", reason: "LossLimitExceeded" });
  });

  it("goes on with its attempt when there was no container for it", ({ expect }) => {
    const job = world({ retries: 0 });
    expect(job.end(1, UNAVAILABLE)).toBe(false);
    expect(job.end(1, NEVER_LAUNCHED)).toBe(false);
    expect(job.live.map(({ number }) => number)).toEqual([1]);
    job.end(1, exited(0));
    expect(job.job.attempts).toBe(1);
  });

  it("that cannot be started at all has failed", ({ expect }) => {
    const job = world();
    job.end(1, { kind: "refused", exitCode: null, reason: "IMAGE_NOT_FOUND", message: "there is no such image" });
    expect(job.job.verdict).toMatchObject({ reason: "StartRefused", message: "there is no such image" });
  });
});

describe("a time limit", () => {
  it("of an attempt ends it, which is a failure whatever it then says", ({ expect }) => {
    const job = world({ timeoutMs: 5_000, retries: 1 });
    job.start(1);
    expect(job.wakeAt).toBe(job.now + 5_000);
    job.wake();
    expect(job.live[0]?.stopping).toBe("TimedOut");
    job.end(1, STOPPED);
    expect(job.job.tally.failed).toBe(1);
    expect(job.live).toEqual([]);
  });

  it("of an attempt does not run before its process does", ({ expect }) => {
    const job = world({ timeoutMs: 5_000 });
    job.now += 60_000;
    job.pass();
    expect(job.live[0]?.stopping).toBeNull();
  });

  it("of the job beats what may be tried again", ({ expect }) => {
    const job = world({ deadlineMs: 15_000, retries: 100 });
    job.end(1, exited(1));
    job.wake();
    expect(job.live).toHaveLength(1);
    job.wake();
    expect(job.job.verdict).toMatchObject({ reason: "DeadlineExceeded" });
    expect(stateOf(job.job)).toBe("finishing");
    job.end(2, STOPPED);
    expect(job.job.tally).toMatchObject({ failed: 1, cancelled: 1 });
    expect(stateOf(job.job)).toBe("failed");
  });
});

describe("many indexes", () => {
  it("are attempted no more at a time than parallelism says, each once", ({ expect }) => {
    const job = world({ completions: 7, parallelism: 3 });
    expect(job.live.map(({ index }) => index)).toEqual([0, 1, 2]);
    for (let attempt = 1; attempt <= 7; attempt += 1) job.end(attempt, exited(0));
    expect(formatIndexes(job.job.doneIndexes)).toBe("0-6");
    expect(job.ended.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it("that fail once each and then succeed are counted so", ({ expect }) => {
    const job = world({ completions: 3, parallelism: 3, retries: 6 });
    for (const attempt of [1, 2, 3]) job.end(attempt, exited(1));
    job.wake();
    for (const attempt of [4, 5, 6]) job.end(attempt, exited(0));
    expect(job.job).toMatchObject({ verdict: { outcome: "succeeded" }, tally: { succeeded: 3, failed: 3, lost: 0 } });
  });

  it("wait for room", ({ expect }) => {
    const job = world({ completions: 4, parallelism: 4 });
    job.room = 2;
    job.end(1, exited(0));
    expect(job.live).toHaveLength(3);
    job.end(2, exited(0));
    job.end(3, exited(0));
    expect(job.live.map(({ index }) => index)).toEqual([3]);
  });

  it("with limits of their own fail alone, until too many have", ({ expect }) => {
    const job = world({ completions: 4, parallelism: 4, retries: null, retriesPerIndex: 0, maxFailedIndexes: 1 });
    job.end(1, exited(1));
    expect(job.job).toMatchObject({ verdict: null, failedIndexes: [{ first: 0, last: 0 }] });
    job.end(2, exited(0));
    job.end(3, exited(1));
    expect(job.job.verdict).toMatchObject({ reason: "MaxFailedIndexesExceeded" });
    expect(job.live.map(({ stopping }) => stopping)).toEqual(["JobDecided"]);
  });

  it("that failed make the job fail when all others are done", ({ expect }) => {
    const job = world({ completions: 2, parallelism: 2, retries: null, retriesPerIndex: 0 });
    job.end(1, exited(1));
    job.end(2, exited(0));
    expect(job.job.verdict).toMatchObject({ outcome: "failed", reason: "FailedIndexes" });
  });
});

describe("a failure policy", () => {
  it.for([
    ["fail_job", 42, { failed: 1 }, "FailurePolicy"],
    ["fail_index", 43, { failed: 1 }, undefined],
    ["ignore", 44, { ignored: 1, failed: 0 }, undefined],
    ["count", 45, { failed: 1 }, undefined],
    ["no rule", 46, { failed: 1 }, undefined],
  ] as const)("has its first rule that fits: %s for %d", ([, exitCode, tally, reason], { expect }) => {
    const failurePolicy = [
      failureRule("fail_job", "in", [42]),
      failureRule("fail_index", "in", [43]),
      failureRule("ignore", "in", [44, 43]),
    ];
    const job = world({ completions: 2, parallelism: 2, failurePolicy });
    job.end(1, exited(exitCode));
    expect(job.job.tally).toMatchObject(tally);
    expect(job.job.verdict?.reason).toBe(reason);
    expect(formatIndexes(job.job.failedIndexes)).toBe(exitCode === 43 ? "0" : "");
  });

  it("may name the codes that it is not about", ({ expect }) => {
    const job = world({ failurePolicy: [failureRule("fail_job", "not_in", [75])] });
    job.end(1, exited(75));
    expect(job.job.verdict).toBeNull();
    job.wake();
    job.end(2, exited(1));
    expect(job.job.verdict).toMatchObject({ reason: "FailurePolicy" });
  });

  it("never is about what ended by us or the platform", ({ expect }) => {
    const job = world({ failurePolicy: [failureRule("fail_job", "not_in", [0])], timeoutMs: 1_000 });
    job.end(1, LOST);
    job.wake();
    job.start(2);
    job.wake();
    job.end(2, STOPPED);
    expect(job.job).toMatchObject({ verdict: null, tally: { lost: 1, failed: 1 } });
  });
});

describe("a success policy", () => {
  it.for([
    [{ indexes: null, count: 2 }, [1, 3]],
    [{ indexes: parseIndexes("0,2"), count: null }, [1, 3]],
    [{ indexes: parseIndexes("1-2"), count: 1 }, [1, 2]],
  ] as const)("%j is met by some, and ends the rest", ([rule, ended], { expect }) => {
    const job = world({ completions: 4, parallelism: 4, successPolicy: [rule] });
    job.end(ended[0], exited(0));
    expect(job.job.verdict).toBeNull();
    job.end(ended[1], exited(0));
    expect(job.job.verdict).toMatchObject({ outcome: "succeeded", reason: "SuccessPolicy" });
    expect(job.live.every(({ stopping }) => stopping === "JobDecided")).toBe(true);
    for (const { number } of job.live) job.end(number, STOPPED);
    expect(job.job.tally).toMatchObject({ succeeded: 2, cancelled: 2 });
  });
});

describe("a person", () => {
  it("suspends a job, which ends what runs and counts no failure, and resumes it with a new deadline", ({ expect }) => {
    const job = world({ completions: 2, parallelism: 2, deadlineMs: 60_000 });
    job.job = suspend(job.job) ?? job.job;
    job.pass();
    expect(job.live.map(({ stopping }) => stopping)).toEqual(["Suspended", "Suspended"]);
    job.end(1, STOPPED);
    job.end(2, exited(0));
    expect(stateOf(job.job)).toBe("suspended");
    expect(job.job.tally).toMatchObject({ cancelled: 1, succeeded: 1, failed: 0 });
    job.now += 3_600_000;
    job.pass();
    job.job = resume(job.job) ?? job.job;
    job.pass();
    expect(job.live.map(({ index }) => index)).toEqual([0]);
    expect(job.wakeAt).toBe(job.now + 60_000);
  });

  it("cancels a job, which is over when nothing of it lives", ({ expect }) => {
    const job = world({ completions: 2, parallelism: 2 });
    job.job = cancel(job.job, "token ci", job.now) ?? job.job;
    job.pass();
    expect(stateOf(job.job)).toBe("finishing");
    job.end(1, STOPPED);
    job.end(2, LOST);
    expect(stateOf(job.job)).toBe("cancelled");
    expect(job.job.tally.cancelled).toBe(2);
    expect(cancel(job.job, "token ci", job.now)).toBeUndefined();
    expect(suspend(job.job)).toBeUndefined();
  });
});

describe("whatever happens", () => {
  const ends: AttemptEnd[] = [exited(0), exited(1), exited(2), exited(3), LOST, STOPPED, UNAVAILABLE];
  const spec = record({
    completions: integer({ min: 1, max: 12 }),
    parallelism: integer({ min: 1, max: 5 }),
    retries: option(integer({ min: 0, max: 6 })),
    retriesPerIndex: option(integer({ min: 0, max: 2 })),
    maxFailedIndexes: option(integer({ min: 0, max: 3 })),
    lossRetries: integer({ min: 0, max: 5 }),
    timeoutMs: option(integer({ min: 1_000, max: 30_000 })),
    deadlineMs: option(integer({ min: 1_000, max: 300_000 })),
    failurePolicy: constantFrom(
      [],
      [{ action: "fail_index" as const, exitCodes: { operator: "in" as const, values: [2] } }],
      [{ action: "ignore" as const, exitCodes: { operator: "in" as const, values: [2] } }],
      [{ action: "fail_job" as const, exitCodes: { operator: "in" as const, values: [3] } }],
    ),
    successPolicy: constantFrom([], [{ indexes: null, count: 2 }], [{ indexes: parseIndexes("0,2-3"), count: null }]),
  });
  const steps = array(tuple(nat(9), nat(), nat(40_000)), { maxLength: 120 });

  it("every attempt is counted once, none of an index at one time, and what is over stays so", ({ expect }) => {
    assert(
      property(spec, steps, (given, script) => {
        const job = world(given);
        let before = job.job;
        for (const [what, which, ms] of script) {
          job.now += ms;
          const live = job.live[which % Math.max(1, job.live.length)];
          if (what === 0) job.job = suspend(job.job) ?? job.job;
          else if (what === 1) job.job = resume(job.job) ?? job.job;
          else if (what === 2 && which % 7 === 0) job.job = cancel(job.job, "user", job.now) ?? job.job;
          else if (what < 5 && live !== undefined) job.start(live.number);
          else if (live !== undefined) job.end(live.number, ends[which % ends.length] ?? LOST);
          job.pass();

          const { tally, attempts, doneIndexes, failedIndexes, verdict, finishedAt } = job.job;
          const ended = tally.succeeded + tally.failed + tally.lost + tally.cancelled + tally.ignored;
          expect(ended + job.live.length).toBe(attempts);
          expect(job.ended.map(({ number }) => number).toSorted((a, b) => a - b)).toEqual(
            [...new Set(job.ended.map(({ number }) => number))].toSorted((a, b) => a - b),
          );
          expect(tally.succeeded).toBe(countOf(doneIndexes));
          for (const key of ["succeeded", "failed", "lost", "cancelled", "ignored"] as const) {
            expect(tally[key]).toBeGreaterThanOrEqual(before.tally[key]);
          }
          expect(job.live.length).toBeLessThanOrEqual(given.parallelism);
          expect(new Set(job.live.map(({ index }) => index)).size).toBe(job.live.length);
          expect(countOf(doneIndexes) + countOf(failedIndexes)).toBeLessThanOrEqual(given.completions);
          if (before.verdict !== null) expect(verdict).toEqual(before.verdict);
          if (before.finishedAt !== null) expect([finishedAt, attempts]).toEqual([before.finishedAt, before.attempts]);
          if (finishedAt !== null) expect(job.live).toEqual([]);
          before = job.job;
        }
      }),
      { numRuns: 400 },
    );
  });

  it("a job ends, once its attempts do", ({ expect }) => {
    assert(
      property(spec, array(nat(), { minLength: 1, maxLength: 20 }), (given, codes) => {
        const job = world({ ...given, retries: given.retries ?? (given.retriesPerIndex === null ? 3 : null) });
        for (let step = 0; job.job.finishedAt === null; step += 1) {
          expect(step).toBeLessThan(2_000);
          const [live] = job.live;
          // Rule `ignore` tries for ever what never says anything else.
          const code = step > 200 ? 0 : (codes[step % codes.length] ?? 0) % 4;
          if (live === undefined) job.wake();
          else job.end(live.number, live.stopping === null ? exited(code) : STOPPED);
        }
        expect(["succeeded", "failed"]).toContain(stateOf(job.job));
      }),
      { numRuns: 400 },
    );
  });
});

describe("a set of indexes", () => {
  it.for(["", "0", "0-3", "1,3-5,7"])("%j is spelled as it was read", (text, { expect }) => {
    expect(formatIndexes(parseIndexes(text) ?? [])).toBe(text);
  });
  it.for(["a", "1,", "3-1", "2,1", "1,1", "-1", "1-2-3", " 1"])("%j is none", (text, { expect }) => {
    expect(parseIndexes(text)).toBeNull();
  });
  it("joins what touches", ({ expect }) => {
    expect(formatIndexes(parseIndexes("1,2,3-4") ?? [])).toBe("1-4");
  });
});
