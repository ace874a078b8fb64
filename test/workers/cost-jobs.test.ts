/** What attempts of jobs cost: rows written by both objects, each alarm counted as one. */
import { runInDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import type { Application } from "../../src/orchestrator/application.ts";
import { applicationStub, instanceStub } from "../../src/stubs.ts";
import { call, eventually, instancesOf, testEnv } from "./client.ts";
import { attemptsOf, jobsApplication, run, submit, task, type WireAttempt } from "./jobs-world.ts";

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

describe("an attempt of a job", () => {
  it("costs both objects 12 rows at most, those of its job among many included", async ({ expect }) => {
    const id = await jobsApplication();
    const body = task("exit=0 print=hello", { completions: 20, parallelism: 4 });
    const { application, instances, slots } = await costOf(id, () => run(id, body));
    expect(application + instances).toBeLessThanOrEqual(20 * 12);
    // Whoever begins next takes the slot that is free.
    expect(slots).toBe(4);
  });

  it("costs 4 more that waits to be tried again: what it waits for, and when", async ({ expect }) => {
    const id = await jobsApplication();
    const body = task("exit=1 second=0", { completions: 10, retries: 10 });
    const { application, instances } = await costOf(id, () => run(id, body));
    expect(application + instances).toBeLessThanOrEqual(20 * 12 + 10 * 4 + JOB);
  });

  it("costs a job of one no more than that and its own", async ({ expect }) => {
    const id = await jobsApplication();
    const { application, instances } = await costOf(id, () => run(id, task("exit=0")));
    expect(application + instances).toBeLessThanOrEqual(12 + JOB);
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
