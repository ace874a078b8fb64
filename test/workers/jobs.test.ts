/** Jobs inside workerd, on the fake container: what ends them, how their attempts are counted, what is kept of them. */
import { describe, it } from "vitest";
import { call, domainError, eventsOf, eventually, instancesOf } from "./client.ts";
import {
  attemptsOf,
  containerOfAttempt,
  ended,
  evictApplication,
  evictInstance,
  jobOf,
  jobsApplication,
  post,
  run,
  running,
  startsOf,
  submit,
  task,
} from "./jobs-world.ts";

const logsOf = (id: string, job: string, attempt: number) =>
  call("GET", `/applications/${id}/jobs/${job}/attempts/${attempt}/logs`);

describe.concurrent("a job", () => {
  it("runs to its end, keeps exit code and output, and leaves no container", async ({ expect }) => {
    const id = await jobsApplication();
    const job = await submit(id, { name: "once", ...task("exit=0 print=hello") });
    expect(job).toMatchObject({ name: "once", completions: 1, terminate: false });
    const done = await ended(id, job.id);
    expect(done.status).toMatchObject({ state: "succeeded", health: "stopped", succeeded: 1, failed: 0, active: 0 });
    const logs = await logsOf(id, job.id, 1);
    expect(logs.result).toMatchObject({ number: 1, state: "succeeded", exit_code: 0, stdout: "hello", stderr: "" });
    await eventually(async () => (await instancesOf(id)).length === 0);
    expect((await attemptsOf(id, job.id)).map((one) => containerOfAttempt(one).running)).toEqual([false]);
  });

  it("says when each attempt began, however short it was", async ({ expect }) => {
    const id = await jobsApplication();
    const jobs = [
      await run(id, task("exit=1 after=0", { completions: 12, parallelism: 4, retries: 99, retries_per_index: 0 })),
      await run(id, task("after=0", { completions: 12, parallelism: 4, shell: false })),
    ];
    for (const job of jobs) {
      const attempts = await attemptsOf(id, job.id);
      expect(attempts).toHaveLength(12);
      for (const { begun_at: begun, started_at: started, ended_at: end } of attempts) {
        expect([begun, started, end]).toEqual([begun, started ?? "", end ?? ""].toSorted());
        expect(started).not.toBeNull();
      }
    }
  });

  it("runs so many completions, so many at a time, each index once and told which it is", async ({ expect }) => {
    const id = await jobsApplication();
    const job = await submit(id, task("after=15", { completions: 7, parallelism: 3 }));
    const most = { alive: 0 };
    const done = await eventually(async () => {
      const now = await jobOf(id, job.id);
      most.alive = Math.max(most.alive, now.status.active);
      return now.finished_at !== null && now;
    });
    expect(most.alive).toBeGreaterThan(0);
    expect(most.alive).toBeLessThanOrEqual(3);
    expect(done.status).toMatchObject({ succeeded: 7, failed: 0, lost: 0, completed_indexes: "0-6", active: 0 });
    const attempts = await attemptsOf(id, job.id);
    expect(attempts.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(mostAtOnce(attempts)).toBeLessThanOrEqual(3);
    const starts = await startsOf(id, job.id);
    expect(starts.map(({ env }) => env["GANTRY_ATTEMPT"])).toEqual(["1", "2", "3", "4", "5", "6", "7"]);
    for (const { env } of starts) {
      expect(env).toMatchObject({ GANTRY_JOB: job.id, GANTRY_JOB_NAME: job.name, GANTRY_JOB_COUNT: "7" });
      expect(env["JOB_COMPLETION_INDEX"]).toBe(env["GANTRY_JOB_INDEX"]);
    }
  });

  it("that exits 3 runs once per attempt, and its code and output are kept of each", async ({ expect }) => {
    const id = await jobsApplication();
    const done = await run(id, task("exit=3 print=why", { retries: 1 }));
    expect(done.status).toMatchObject({ state: "failed", reason: "BackoffLimitExceeded", failed: 2, succeeded: 0 });
    const attempts = await attemptsOf(id, done.id);
    expect(attempts.map(({ state, exit_code: code }) => `${state} ${code}`)).toEqual(["failed 3", "failed 3"]);
    expect((await startsOf(id, done.id)).map(({ env }) => env["GANTRY_ATTEMPT"])).toEqual(["1", "2"]);
    for (const number of [1, 2]) {
      expect((await logsOf(id, done.id, number)).result).toMatchObject({ exit_code: 3, stdout: "why" });
    }
    expect(done.events.map(({ message }: { message: string }) => message)).toEqual([
      "attempt 1 (index 0) failed: ExitedWithCode",
      "attempt 2 (index 0) failed: ExitedWithCode",
    ]);
  });

  it("tells of its beginning, of each attempt and of its end as events of the application", async ({ expect }) => {
    const id = await jobsApplication();
    const done = await run(id, task("fail-until=2 exit=0", { retries: 1 }));
    const names = (await eventsOf(id)).filter(({ details }) => details["job"] === done.id).map(({ name }) => name);
    expect(names).toEqual(["JobCreated", "AttemptFailed", "AttemptSucceeded", "JobSucceeded"]);
  });

  it("whose container vanishes is lost, not failed: it is tried again and has used up no retry", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task("after=never", { retries: 0 }));
    const [first] = await running(id, job);
    if (first === undefined) throw new Error("nothing runs");
    containerOfAttempt(first).vanish();
    const second = await eventually(async () => {
      const live = (await attemptsOf(id, job)).find(({ number, state }) => number === 2 && state === "running");
      return live !== undefined && live;
    });
    expect((await jobOf(id, job)).status).toMatchObject({ state: "running", lost: 1, failed: 0, succeeded: 0 });
    containerOfAttempt(second).finish(0);
    expect((await ended(id, job)).status).toMatchObject({ state: "succeeded", lost: 1, failed: 0, succeeded: 1 });
    const attempts = await attemptsOf(id, job);
    expect(attempts.map(({ state, exit_code: code }) => [state, code])).toEqual([["lost", null], ["succeeded", 0]]); // prettier-ignore
  });

  it("that loses more than loss_retries has failed, with the reason that it is not its own", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task("after=never", { loss_retries: 0, retries: 5 }));
    const [first] = await running(id, job);
    if (first === undefined) throw new Error("nothing runs");
    containerOfAttempt(first).vanish();
    const done = await ended(id, job);
    expect(done.status).toMatchObject({ state: "failed", reason: "LossLimitExceeded", lost: 1, failed: 0 });
  });

  it("is not over before what still runs of it is gone", async ({ expect }) => {
    const id = await jobsApplication({}, { stop_grace: 60 });
    const success = [{ count: 1 }];
    const variables = [{ name: "TASK", value: "after=never trap=ignore" }];
    const body = { completions: 2, parallelism: 2, success_policy: success, environment_variables: variables };
    const { id: job } = await submit(id, task("", body));
    const [first, second] = await running(id, job, 2);
    if (first === undefined || second === undefined) throw new Error("two are to run");
    containerOfAttempt(first).finish(0);
    const finishing = await eventually(async () => {
      const now = await jobOf(id, job);
      return now.status.state === "finishing" && now;
    });
    expect(finishing).toMatchObject({ finished_at: null, status: { reason: "SuccessPolicy", active: 1 } });
    expect(containerOfAttempt(second).signals).toEqual([15]);
    containerOfAttempt(second).finish(1);
    const done = await ended(id, job);
    expect(done.status).toMatchObject({ state: "succeeded", succeeded: 1, cancelled: 1, failed: 0, active: 0 });
    expect(containerOfAttempt(second).running).toBe(false);
  });

  it("keeps its code and its output when its objects die at any moment of an attempt", async ({ expect }) => {
    const id = await jobsApplication();
    const flows = Array.from({ length: 6 }, async (_, moment) => {
      const { id: job } = await submit(id, task(`exit=3 after=40 print=said-${moment}`));
      const seen = new Set<string>();
      await eventually(async () => {
        const [attempt] = await attemptsOf(id, job);
        if (attempt === undefined) return false;
        seen.add(attempt.deployment_id);
        if (moment % 2 === 0) await evictInstance(attempt.deployment_id);
        else await evictApplication(id);
        return (await jobOf(id, job)).finished_at !== null;
      });
      const done = await jobOf(id, job);
      const { result } = await logsOf(id, job, 1);
      const starts = await startsOf(id, job);
      return { status: done.status, logs: result, starts: starts.length, deployments: seen.size, moment };
    });
    for (const { status, logs, starts, deployments, moment } of await Promise.all(flows)) {
      expect(status).toMatchObject({ state: "failed", failed: 1, lost: 0, succeeded: 0 });
      expect(logs).toMatchObject({ exit_code: 3, stdout: `said-${moment}` });
      expect([starts, deployments]).toEqual([1, 1]);
    }
  });

  it("of an image without a shell is run bare, says its code, and why there is no output", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task("exit=4 shell=none"));
    expect((await ended(id, job)).status).toMatchObject({ state: "failed", failed: 1 });
    const [attempt, ...others] = await attemptsOf(id, job);
    expect([attempt?.exit_code, others]).toEqual([4, []]);
    const starts = await startsOf(id, job);
    expect(starts.map(({ entrypoint }) => entrypoint?.[3] === "gantry")).toEqual([true, false]);
    const logs = await logsOf(id, job, 1);
    expect([logs.status, domainError(logs).error]).toEqual([404, "LOGS_NOT_AVAILABLE"]);
    expect(domainError(logs).message).toContain("attempt 1 has no output: ");
  });

  it("of an image without a shell is started once, when an earlier job has shown that", async ({ expect }) => {
    const id = await jobsApplication();
    const jobs = [await run(id, task("exit=0 shell=none")), await run(id, task("exit=4 shell=none"))];
    const starts = await Promise.all(jobs.map(async (job) => (await startsOf(id, job.id)).length));
    expect([starts, jobs.map((job) => job.status.state)]).toEqual([
      [2, 1],
      ["succeeded", "failed"],
    ]);
    // Who only wants none has shown nothing about the image.
    const other = await jobsApplication();
    await run(other, task("exit=0", { shell: false }));
    expect(await run(other, task("exit=0"))).toMatchObject({ shell: true });
  });

  it("with shell: false is run as it is, and only its code is kept", async ({ expect }) => {
    const id = await jobsApplication();
    const done = await run(id, task("exit=5 print=unheard", { shell: false }));
    expect((await startsOf(id, done.id)).map(({ entrypoint }) => entrypoint)).toEqual([["/bin/sh", "-c", "true"]]);
    expect((await attemptsOf(id, done.id)).map(({ exit_code: code }) => code)).toEqual([5]);
    expect(domainError(await logsOf(id, done.id, 1)).error).toBe("LOGS_NOT_AVAILABLE");
  });

  it("whose image cannot be started has failed at once, and says so", async ({ expect }) => {
    const id = await jobsApplication({}, { image: "never-boots" });
    const done = await run(id, { retries: 5, backoff: "5ms" });
    expect(done.status).toMatchObject({ state: "failed", reason: "StartRefused", failed: 1, lost: 0 });
  });

  it("is not taken by an application that runs none", async ({ expect }) => {
    const id = await jobsApplication({ jobs: false });
    const refused = await post(id, task("exit=0"));
    expect([refused.status, domainError(refused).error]).toEqual([400, "JOB_CREATE_NOT_ALLOWED"]);
    expect(domainError(refused).message).toContain("set jobs: true, or job_instances");
    await call("PATCH", `/applications/${id}`, { jobs: true });
    expect((await run(id, task("exit=0"))).status.state).toBe("succeeded");
  });
});

/** From the times that are kept of them. */
function mostAtOnce(attempts: readonly { begun_at: string; ended_at: string | null }[]): number {
  const spans = attempts.map((one) => ({ from: Date.parse(one.begun_at), to: Date.parse(one.ended_at ?? "") }));
  return Math.max(...spans.map(({ from }) => spans.filter((other) => other.from <= from && from < other.to).length));
}
