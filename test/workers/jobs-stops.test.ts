/** What ends the containers of a job before they end by themselves: its times, cancel, suspend, delete. Nothing else does. */
import { describe, it } from "vitest";
import { call, createApplication, domainError, eventsOf, eventually, instancesOf, raw } from "./client.ts";
import { turned } from "./turns.ts";
import {
  attemptsOf,
  containerOfAttempt,
  containerOfRunning,
  ended,
  jobOf,
  jobsApplication,
  running,
  startsOf,
  submit,
  task,
} from "./jobs-world.ts";

const patch = (id: string, job: string, body: object) => call("PATCH", `/applications/${id}/jobs/${job}`, body);
const cancel = (id: string, job: string) => patch(id, job, { terminate: true });

describe.concurrent("the time of a job", () => {
  it("is over at its deadline: SIGTERM, and SIGKILL after the grace where that is ignored", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task("after=never trap=ignore print=late", { deadline: 1, retries: 5 }));
    const container = await containerOfRunning(id, job);
    const done = await ended(id, job);
    expect(done.status).toMatchObject({ state: "failed", reason: "DeadlineExceeded", cancelled: 1, active: 0 });
    expect(container.signals).toEqual([15]);
    expect(container.running).toBe(false);
    expect(Date.parse(done.finished_at) - Date.parse(done.started_at)).toBeGreaterThanOrEqual(1_060);
    const [attempt, ...others] = await attemptsOf(id, job);
    expect([attempt?.state, attempt?.reason, others]).toEqual(["cancelled", "DeadlineExceeded", []]);
    const logs = await call("GET", `/applications/${id}/jobs/${job}/attempts/1/logs`);
    expect(logs.result.stdout).toBe("late");
  });

  it("goes before retries", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task("exit=1", { deadline: 1, retries: 100, backoff: "1h", max_backoff: "1h" })); // prettier-ignore
    expect((await ended(id, job)).status).toMatchObject({ state: "failed", reason: "DeadlineExceeded", failed: 1 });
  });

  it("of an attempt is over after its timeout, which is a failure that is tried again", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task("after=never trap=0 after-second=2", { timeout: "1500ms", retries: 1 }));
    const container = await containerOfRunning(id, job);
    await eventually(async () => (await jobOf(id, job)).status.failed === 1);
    expect(container.signals).toEqual([15]);
    expect((await ended(id, job)).status).toMatchObject({ state: "succeeded", failed: 1, succeeded: 1 });
    const [attempt] = await attemptsOf(id, job);
    expect([attempt?.state, attempt?.reason]).toEqual(["failed", "TimedOut"]);
  });

  it("that it is kept is its ttl, and then nothing of it is left", async ({ expect }) => {
    const id = await jobsApplication();
    const kept = await submit(id, task("exit=0"));
    const gone = await submit(id, task("exit=0", { ttl: 0 }));
    await ended(id, kept.id);
    await eventually(async () => (await call("GET", `/applications/${id}/jobs/${gone.id}`)).status === 404);
    const { result } = await call("GET", `/applications/${id}/jobs`);
    expect(result.map((job: { id: string }) => job.id)).toEqual([kept.id]);
    expect((await call("GET", `/applications/${id}/jobs/${gone.id}/attempts`)).status).toBe(404);
  });
});

describe.concurrent("cancelling", () => {
  it("ends what runs, and is said once and for all", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task("after=never", { completions: 3, retries: 3 }));
    const container = await containerOfRunning(id, job);
    const { result, status } = await cancel(id, job);
    expect([status, result.terminate]).toEqual([200, true]);
    const done = await ended(id, job);
    expect(done.status).toMatchObject({ state: "cancelled", reason: "Cancelled", cancelled: 1, failed: 0, active: 0 });
    expect(done.status.message).toBe("cancelled by operator");
    expect([container.signals, container.running]).toEqual([[15], false]);
    expect((await cancel(id, job)).status).toBe(200);
    const names = (await eventsOf(id)).filter(({ details }) => details["job"] === job).map(({ name }) => name);
    expect(names).toEqual(["JobCreated", "JobCancelling", "AttemptCancelled", "JobCancelled"]);
  });

  it("that comes at any moment of a start ends it: it never runs afterwards", async ({ expect }) => {
    const id = await jobsApplication({ jobs: undefined, job_instances: 30 });
    const jobs = await Promise.all(
      Array.from({ length: 24 }, async (_, moment) => {
        const { id: job } = await submit(id, task("after=never", { retries: 3 }));
        await turned(moment);
        await cancel(id, job);
        const done = await ended(id, job);
        const starts = (await startsOf(id, job)).length;
        return { job, done, starts };
      }),
    );
    for (const { job, done, starts } of jobs) {
      expect(done.status).toMatchObject({ state: "cancelled", succeeded: 0, failed: 0, lost: 0, active: 0 });
      expect((await attemptsOf(id, job)).map((one) => containerOfAttempt(one).running)).not.toContain(true);
      const later = (await startsOf(id, job)).length;
      expect(starts).toBeLessThanOrEqual(1);
      expect(later).toBe(starts);
    }
    await eventually(async () => (await instancesOf(id)).length === 0);
  });

  it("ends an attempt that waits for a container, at once", async ({ expect }) => {
    const id = await jobsApplication({}, { image: "too-many-instances" });
    const { id: job } = await submit(id, { retries: 3 });
    await eventually(async () => (await attemptsOf(id, job)).length === 1);
    await cancel(id, job);
    const done = await ended(id, job);
    expect(done.status).toMatchObject({ state: "cancelled", cancelled: 1, failed: 0, lost: 0 });
    expect((await attemptsOf(id, job)).map(({ state }) => state)).toEqual(["cancelled"]);
  });

  it("ends a retry that waits", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task("exit=1", { retries: 1, backoff: "1h", max_backoff: "1h" }));
    await eventually(async () => (await jobOf(id, job)).status.failed === 1);
    await cancel(id, job);
    expect((await ended(id, job)).status).toMatchObject({ state: "cancelled", failed: 1, cancelled: 0 });
    expect(await attemptsOf(id, job)).toHaveLength(1);
  });

  it("what is over is refused, and its end stays what it was", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task("exit=0"));
    await ended(id, job);
    for (const body of [{ terminate: true }, { suspend: true }, { suspend: false }]) {
      const refused = await patch(id, job, body);
      expect([refused.status, domainError(refused).error]).toEqual([409, "JOB_FINISHED"]);
    }
    expect((await jobOf(id, job)).status.state).toBe("succeeded");
  });

  it("that is answered with exit 0 is no success: whoever is told to end may end well", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task("after=never trap=0"));
    await containerOfRunning(id, job);
    await cancel(id, job);
    expect((await ended(id, job)).status).toMatchObject({ state: "cancelled", succeeded: 0, cancelled: 1 });
    expect((await attemptsOf(id, job)).map(({ state, exit_code: code }) => [state, code])).toEqual([["cancelled", 0]]);
  });
});

describe.concurrent("suspending", () => {
  it("ends what runs, which is no failure, and resuming goes on with what is left", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task("after=never", { completions: 2, retries: 0 }));
    const [first] = await running(id, job);
    if (first === undefined) throw new Error("nothing runs");
    containerOfAttempt(first).finish(0);
    const container = await eventually(async () => {
      const live = (await attemptsOf(id, job)).find(({ number, state }) => number === 2 && state === "running");
      return live !== undefined && containerOfAttempt(live);
    });
    expect((await patch(id, job, { suspend: true })).result).toMatchObject({ suspend: true, started_at: null });
    await eventually(async () => (await jobOf(id, job)).status.active === 0);
    expect(container.running).toBe(false);
    const suspended = await jobOf(id, job);
    expect(suspended.status).toMatchObject({ state: "suspended", succeeded: 1, cancelled: 1, failed: 0 });
    expect((await patch(id, job, { suspend: true })).status).toBe(200);
    await patch(id, job, { suspend: false });
    const third = await eventually(async () => {
      const live = (await attemptsOf(id, job)).find(({ number, state }) => number === 3 && state === "running");
      return live !== undefined && live;
    });
    expect(third.index).toBe(1);
    containerOfAttempt(third).finish(0);
    expect((await ended(id, job)).status).toMatchObject({ state: "succeeded", succeeded: 2, cancelled: 1 });
  });

  it("from the beginning waits to be resumed, and the deadline does not run", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job, status } = await submit(id, task("exit=0", { suspend: true, deadline: 1 }));
    expect(status.state).toBe("suspended");
    expect((await jobOf(id, job)).started_at).toBeNull();
    expect(await attemptsOf(id, job)).toEqual([]);
    await patch(id, job, { suspend: false });
    expect((await ended(id, job)).status.state).toBe("succeeded");
  });
});

describe.concurrent("deleting", () => {
  it("a job that is over leaves nothing of it, and its second delete finds none", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task("exit=0"));
    await ended(id, job);
    expect((await call("DELETE", `/applications/${id}/jobs/${job}`)).result).toEqual({ message: "deleted" });
    expect((await call("GET", `/applications/${id}/jobs/${job}`)).status).toBe(404);
    const again = await call("DELETE", `/applications/${id}/jobs/${job}`);
    expect([again.status, domainError(again).error]).toEqual([404, "JOB_NOT_FOUND"]);
  });

  it("a job that runs cancels it, and it goes when nothing of it is alive", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task("after=never"));
    const container = await containerOfRunning(id, job);
    const { result } = await call("DELETE", `/applications/${id}/jobs/${job}`);
    expect(result.message).toContain("being cancelled");
    await eventually(async () => (await call("GET", `/applications/${id}/jobs/${job}`)).status === 404);
    expect(container.running).toBe(false);
  });

  it("the application ends its jobs' containers with it", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task("after=never", { retries: 5 }));
    const container = await containerOfRunning(id, job);
    const waiting = await submit(id, task("after=never", { suspend: true }));
    await call("DELETE", `/applications/${id}`);
    await eventually(async () => (await call("GET", `/applications/${id}`)).status === 404);
    await eventually(async () => !container.running);
    expect(container.starts).toHaveLength(1);
    expect((await call("GET", `/applications/${id}/jobs/${waiting.id}`)).status).toBe(404);
  });
});

describe.concurrent("the container of a job", () => {
  it("is pinned to its version, and no rollout, scale, patch or action on instances touches it", async ({ expect }) => {
    const configuration = {
      image: "hello-world",
      stop_grace: "60ms",
      environment_variables: [{ name: "VERSION", value: "1" }],
    };
    const { id, name } = await createApplication({ instances: 2, jobs: true, configuration });
    const { id: job } = await submit(id, task("after=never", { completions: 2, retries: 0 }));
    const [attempt] = await running(id, job);
    if (attempt === undefined) throw new Error("nothing runs");
    const container = containerOfAttempt(attempt);
    const second = { ...configuration, environment_variables: [{ name: "VERSION", value: "2" }] };
    await call("PATCH", `/applications/${id}`, { configuration: second });
    const rollout = { description: "to 2", strategy: "rolling", target_configuration: second, step_percentage: 100 };
    const started = await call("POST", `/applications/${id}/rollouts`, rollout);
    expect([started.status, started.errors]).toEqual([200, []]);
    await call("PATCH", `/applications/${id}`, { instances: 0 });
    await call("PATCH", `/applications/${id}`, { instances: 1 });
    for (const action of ["start", "stop", "restart", "destroy", "cordon", "uncordon"]) {
      const refused = await call("POST", `/applications/${id}/instances/${attempt.deployment_id}/${action}`);
      expect([action, refused.status, domainError(refused).error]).toEqual([action, 409, "JOB_INSTANCE"]);
    }
    expect((await raw("GET", `http://${name}.localhost/`)).status).not.toBe(500);
    await eventually(async () => {
      const instances = (await instancesOf(id)).filter(({ deployment_id: one }) => one !== attempt.deployment_id);
      return instances.length === 1 && instances[0]?.ready === true;
    });
    expect([container.signals, container.running, container.starts.length]).toEqual([[], true, 1]);
    container.finish(0);
    const next = await eventually(async () => {
      const live = (await attemptsOf(id, job)).find(({ number, state }) => number === 2 && state === "running");
      return live !== undefined && live;
    });
    expect((await startsOf(id, job)).map(({ env }) => env["VERSION"])).toEqual(["1", "1"]);
    containerOfAttempt(next).finish(0);
    expect((await ended(id, job)).status).toMatchObject({ state: "succeeded", succeeded: 2, cancelled: 0, lost: 0 });
  });

  it("gets no request of the pool", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 0, jobs: true, ingress: { mode: "public" } });
    const { id: job } = await submit(id, task("after=never"));
    const container = await containerOfRunning(id, job);
    expect((await raw("GET", `http://${name}.localhost/`)).status).toBe(503);
    expect(container.received).toEqual([]);
    await cancel(id, job);
    await ended(id, job);
  });

  it("is not started again by a lower job_instances, nor stopped", async ({ expect }) => {
    const id = await jobsApplication({ jobs: undefined, job_instances: 2 });
    const { id: job } = await submit(id, task("after=never", { completions: 4, parallelism: 4 }));
    const live = await running(id, job, 2);
    await call("PATCH", `/applications/${id}`, { job_instances: 1 });
    expect(live.every((one) => containerOfAttempt(one).running && containerOfAttempt(one).signals.length === 0)).toBe(true); // prettier-ignore
    for (const one of live) containerOfAttempt(one).finish(0);
    await running(id, job, 1);
    expect((await jobOf(id, job)).status).toMatchObject({ active: 1, succeeded: 2 });
    await cancel(id, job);
    await ended(id, job);
  });
});
