/** What attempts of jobs cost: rows written by both objects, each alarm counted as one. */
import { runInDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import type { Application } from "../../src/orchestrator/application.ts";
import { applicationStub, instanceStub } from "../../src/stubs.ts";
import { call, eventually, instancesOf, testEnv } from "./client.ts";
import {
  attemptsOf,
  containerOfAttempt,
  ended,
  jobsApplication,
  run,
  SHELL,
  submit,
  task,
  type WireAttempt,
} from "./jobs-world.ts";

interface Billed {
  billing(): Promise<{ rowsWritten: number; alarmsSet: number }>;
}

async function rows(stub: Billed): Promise<number> {
  const { rowsWritten, alarmsSet } = await stub.billing();
  return rowsWritten + alarmsSet;
}

/** Nothing is under way any more: the count of two looks is the same. */
async function settled(stub: Billed): Promise<number> {
  return await eventually(async () => {
    const before = await rows(stub);
    await call("GET", "/applications");
    const after = await rows(stub);
    return before === after && { after };
  }).then(({ after }) => after);
}

const applicationOf = (id: string) => applicationStub(testEnv, id);
const instanceOf = ({ deployment_id: deploymentId }: WireAttempt) => instanceStub(testEnv, deploymentId);

/** Of the application's object, and of all that its attempts ran in, from the first time that these are used. */
async function costOf(id: string, work: () => Promise<{ id: string }>) {
  const fresh = await rows(instanceStub(testEnv, `auto-0-${crypto.randomUUID()}`));
  const before = await settled(applicationOf(id));
  const { id: job } = await work();
  await eventually(async () => (await instancesOf(id)).length === 0);
  const application = (await settled(applicationOf(id))) - before;
  const attempts = await attemptsOf(id, job);
  const slots = new Map(attempts.map((attempt) => [attempt.deployment_id, instanceOf(attempt)]));
  let instances = 0;
  for (const slot of slots.values()) instances += (await settled(slot)) - fresh;
  return { application, instances, slots: slots.size };
}

/** Of the job itself: its rows, its two events, its slots and the timers of its application. */
const JOB = 12;
/** Of a task, beside its job: its row and its places in indexes, when it is made, begins and ends, and a timer. */
const TASK = 9;

/** So long that the application sets its alarm for it: no attempt begins in the turn in which another one ends. */
const GAP = { backoff: "60ms", max_backoff: "60ms" };

describe("an attempt of a job", () => {
  it("costs both objects 8 rows at most, those of its job among many included", async ({ expect }) => {
    const id = await jobsApplication();
    const body = task("exit=0 print=hello", { completions: 20, parallelism: 4 });
    const { application, instances, slots } = await costOf(id, () => run(id, body));
    // Whoever begins next takes the slot that is free.
    expect(slots).toBe(4);
    expect(application + instances).toBeLessThanOrEqual(20 * 8);
  });

  it("costs a job of one no more than 12, and its own", async ({ expect }) => {
    const id = await jobsApplication();
    const { application, instances } = await costOf(id, () => run(id, task("exit=0")));
    expect(application + instances).toBeLessThanOrEqual(12 + JOB);
  });

  it("costs no more than 12 that failed and is tried again after a while, by itself or beside others", async ({
    expect,
  }) => {
    const id = await jobsApplication();
    const alone = await costOf(id, () => run(id, task("exit=1", { retries: 9, ...GAP })));
    expect(alone.application + alone.instances).toBeLessThanOrEqual(10 * 12 + JOB);
    expect(alone.slots).toBe(1);
    const beside = task("exit=1 second=0", { completions: 10, parallelism: 5, retries: 10, ...GAP });
    const { application, instances } = await costOf(id, () => run(id, beside));
    expect(application + instances).toBeLessThanOrEqual(20 * 12);
  });

  it("costs no more than 12 that is one of an index which has its own retries", async ({ expect }) => {
    const id = await jobsApplication();
    const body = task("exit=0 exit-1=1 exit-3=1", { completions: 6, parallelism: 2, retries_per_index: 3, ...GAP });
    const { application, instances } = await costOf(id, () => run(id, body));
    expect(application + instances).toBeLessThanOrEqual(12 * 12);
  });

  it("costs no more than 12 that the platform lost", async ({ expect }) => {
    const id = await jobsApplication();
    const { application, instances } = await costOf(id, async () => {
      const { id: job } = await submit(id, task("after=never", { loss_retries: 1 }));
      for (let attempt = 1; attempt <= 2; attempt += 1) {
        const container = await eventually(async () => {
          const live = (await attemptsOf(id, job)).find(
            ({ number, state }) => number === attempt && state === "running",
          );
          return live !== undefined && containerOfAttempt(live);
        });
        container.vanish();
      }
      return await ended(id, job);
    });
    expect(application + instances).toBeLessThanOrEqual(2 * 12 + JOB);
  });

  it("costs no more than 12 that is a task's", async ({ expect }) => {
    const id = await jobsApplication({ job_instances: 4 });
    const how = { ...SHELL, ...GAP, retries: 1, environment_variables: [{ name: "TASK", value: "exit=1 second=0" }] };
    const before = await settled(applicationOf(id));
    const tasks = Array.from({ length: 8 }, () => ({ mode: "run", run: how }));
    const { result } = await call("POST", `/applications/${id}/tasks/batch`, { tasks });
    const jobs = await eventually(async () => {
      const found = (await call("GET", `/applications/${id}/tasks?state=succeeded`)).result;
      return found.length === result.length && found.map(({ job }: { job: string }) => job);
    });
    await eventually(async () => (await instancesOf(id)).length === 0);
    const fresh = await rows(instanceStub(testEnv, `auto-0-${crypto.randomUUID()}`));
    const attempts = (await Promise.all(jobs.map((job: string) => attemptsOf(id, job)))).flat();
    expect(attempts).toHaveLength(16);
    let instances = 0;
    const slots = new Map(attempts.map((attempt) => [attempt.deployment_id, instanceOf(attempt)]));
    for (const slot of slots.values()) instances += (await settled(slot)) - fresh;
    const application = (await settled(applicationOf(id))) - before;
    expect(application + instances).toBeLessThanOrEqual(16 * 12 + 8 * TASK);
  });

  it("costs no more than 12 that is of a schedule's run", async ({ expect }) => {
    const id = await jobsApplication();
    const job = task("exit=1 second=0", { retries: 1, ...GAP });
    await call("PUT", `/applications/${id}/schedules/nightly`, { cron: "0 3 1 1 *", job });
    const { application, instances } = await costOf(id, async () => {
      const { result } = await call("POST", `/applications/${id}/schedules/nightly/run`);
      return await ended(id, result.id);
    });
    expect(application + instances).toBeLessThanOrEqual(2 * 12 + JOB);
  });

  it("leaves no timer and no alarm when the last of its job is over", async ({ expect }) => {
    const id = await jobsApplication();
    await run(id, task("exit=1 second=0", { completions: 3, parallelism: 2, retries: 3 }));
    await eventually(async () => (await instancesOf(id)).length === 0);
    const left = await eventually(async () => {
      const found = await runInDurableObject(applicationOf(id), async (_: Application, { storage }) => ({
        alarm: await storage.getAlarm(),
        timers: storage.sql.exec("SELECT key FROM timers").toArray(),
      }));
      return found.timers.length === 0 && found;
    });
    expect(left).toEqual({ alarm: null, timers: [] });
  });

  it("that runs costs the application nothing while it runs", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task("after=never"));
    const [attempt] = await eventually(async () => {
      const attempts = await attemptsOf(id, job);
      return attempts[0]?.state === "running" && attempts;
    });
    const before = [await settled(applicationOf(id)), attempt === undefined ? 0 : await settled(instanceOf(attempt))];
    for (const path of ["", "/attempts", "/wait?timeout=0"])
      await call("GET", `/applications/${id}/jobs/${job}${path}`);
    const after = [await rows(applicationOf(id)), attempt === undefined ? 0 : await rows(instanceOf(attempt))];
    expect(after).toEqual(before);
    await call("PATCH", `/applications/${id}/jobs/${job}`, { terminate: true });
    await eventually(async () => (await instancesOf(id)).length === 0);
  });
});
