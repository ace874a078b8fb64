/** How many containers jobs may have: of their application, in the account's limits, in their own size, by turns. */
import { describe, it } from "vitest";
import { freshAccount } from "./accounts.ts";
import { call, createApplication, domainError, eventually } from "./client.ts";
import {
  attemptsOf,
  containerOfAttempt,
  ended,
  jobOf,
  jobsApplication,
  running,
  SHELL,
  submit,
  task,
} from "./jobs-world.ts";

async function shown(body: Record<string, unknown>): Promise<unknown[]> {
  const { id } = await createApplication({ instances: 0, ...body });
  const { result } = await call("GET", `/applications/${id}`);
  return [result.jobs, result.job_instances];
}

const cancel = (id: string, job: string) => call("PATCH", `/applications/${id}/jobs/${job}`, { terminate: true });

describe.concurrent("job_instances", () => {
  it("is how many containers of jobs are alive at a time, of all jobs", async ({ expect }) => {
    const id = await jobsApplication({ jobs: undefined, job_instances: 3 });
    const body = task("after=never", { completions: 2, parallelism: 2 });
    const [first, second] = [await submit(id, body), await submit(id, body)];
    await running(id, first.id, 2);
    const [attempt] = await running(id, second.id, 1);
    expect((await jobOf(id, second.id)).status.active).toBe(1);
    await call("PATCH", `/applications/${id}`, { job_instances: 4 });
    await running(id, second.id, 2);
    if (attempt !== undefined) containerOfAttempt(attempt).finish(0);
    for (const { id: job } of [first, second]) {
      await cancel(id, job);
      await ended(id, job);
    }
  });

  it("is 10 with jobs: true, and 0 with jobs: false, unless it is said", async ({ expect }) => {
    expect(await shown({ jobs: true })).toEqual([true, 10]);
    expect(await shown({ jobs: false })).toEqual([undefined, undefined]);
    expect(await shown({})).toEqual([undefined, undefined]);
    expect(await shown({ jobs: true, job_instances: 3 })).toEqual([true, 3]);
    const id = await jobsApplication();
    for (const [body, field] of [
      [{ jobs: false, job_instances: 3 }, "jobs"],
      [{ job_instances: -1 }, "job_instances"],
    ] as const) {
      const refused = await call("PATCH", `/applications/${id}`, body);
      expect([refused.status, Object.keys(domainError(refused).details)]).toEqual([400, [field]]);
    }
  });

  it("is shared between fairness keys, however many jobs one of them has", async ({ expect }) => {
    const id = await jobsApplication({ jobs: undefined, job_instances: 1 });
    const blocking = await submit(id, task("after=never"));
    const [attempt] = await running(id, blocking.id);
    const names = [];
    for (let job = 0; job < 8; job += 1) names.push((await submit(id, task("after=3", { fairness_key: "many" }))).id);
    const few = await submit(id, task("after=3", { fairness_key: "few" }));
    if (attempt !== undefined) containerOfAttempt(attempt).finish(0);
    const done = await Promise.all([...names, few.id].map((job: string) => ended(id, job)));
    const order = done.toSorted((a, b) => Date.parse(a.started_at) - Date.parse(b.started_at)).map((job) => job.id);
    expect(order.indexOf(few.id)).toBeLessThanOrEqual(2);
  });

  it("is held in the account's limits, also while no job runs", async ({ expect }) => {
    const account = await freshAccount();
    await account.call("PATCH", "/me", { limits: { total_instances: 4 } });
    const { result } = await account.create({ instances: 1, job_instances: 2 });
    const { usage } = (await account.call("GET", "/me")).result;
    expect(usage).toMatchObject({ instances: 3, vcpu: 3 * 0.0625, memory_mib: 3 * 256 });
    const refused = await account.call("PATCH", `/applications/${result.id}`, { job_instances: 4 });
    expect([refused.status, domainError(refused).error]).toEqual([400, "SURPASSED_TOTAL_LIMITS"]);
    expect((await account.call("PATCH", `/applications/${result.id}`, { job_instances: 3 })).status).toBe(200);
    await account.call("PATCH", `/applications/${result.id}`, { job_instances: 0 });
    expect((await account.call("GET", "/me")).result.usage.instances).toBe(1);
  });
});

describe.concurrent("a job of a larger size", () => {
  it("reserves what it has beyond the application's, and gives it back at its end", async ({ expect }) => {
    const account = await freshAccount();
    const { result } = await account.create({ instances: 0, job_instances: 2 });
    const usage = async () => (await account.call("GET", "/me")).result.usage;
    expect(await usage()).toMatchObject({ instances: 2, vcpu: 0.125 });
    const jobs = `/applications/${result.id}/jobs`;
    const body = {
      ...SHELL,
      environment_variables: [{ name: "TASK", value: "after=never" }],
      vcpu: 1,
      memory_mib: 512,
    };
    const { result: job } = await account.call("POST", jobs, { ...body, completions: 2, parallelism: 2 });
    expect(job.vcpu).toBe(1);
    await eventually(async () => (await usage()).vcpu === 2);
    expect(await usage()).toMatchObject({ instances: 2, vcpu: 2, memory_mib: 1_024 });
    await account.call("PATCH", `${jobs}/${job.id}`, { terminate: true });
    await eventually(async () => (await usage()).vcpu === 0.125);
    expect((await account.call("GET", `${jobs}/${job.id}`)).result.status.state).toBe("cancelled");
  });

  it("is refused when the account has no room for it, or when it is larger than any may be", async ({ expect }) => {
    const account = await freshAccount();
    await account.call("PATCH", "/me", { limits: { total_vcpu: 1, vcpu_per_deployment: 2 } });
    const { result } = await account.create({ instances: 0, job_instances: 1 });
    const ask = (body: object) => account.call("POST", `/applications/${result.id}/jobs`, { ...SHELL, ...body });
    const large = await ask({ vcpu: 2, memory_mib: 512 });
    expect([large.status, domainError(large).error]).toEqual([400, "SURPASSED_TOTAL_LIMITS"]);
    const larger = await ask({ vcpu: 4, memory_mib: 512 });
    expect([larger.status, domainError(larger).error]).toEqual([400, "SURPASSED_BASE_LIMITS"]);
    expect((await account.call("GET", `/applications/${result.id}/jobs`)).result).toEqual([]);
    expect((await account.call("GET", "/me")).result.usage.vcpu).toBe(0.0625);
  });
});

describe.concurrent("preemption", () => {
  it("stops services of a lower priority, and never the container of a job", async ({ expect }) => {
    const account = await freshAccount();
    const low = await account.create({ instances: 1, job_instances: 1, priorities: { default: 1 } });
    const { result: application } = low;
    await account.ready(application.id, 1);
    const jobs = `/applications/${application.id}/jobs`;
    const body = { ...SHELL, environment_variables: [{ name: "TASK", value: "after=never" }] };
    const { result: job } = await account.call("POST", jobs, body);
    const attempt = await eventually(async () => {
      const { result } = await account.call("GET", `${jobs}/${job.id}/attempts`);
      return result[0]?.state === "running" && result[0];
    });
    await account.call("PUT", "/capacity", { instances: 2 });
    const high = await account.create({ instances: 2, priorities: { default: 100 } });
    expect(high.status).toBe(201);
    await eventually(async () => {
      const { result } = await account.call("GET", `/applications/${high.result.id}/instances-v2`);
      return result.some(({ ready }: { ready: boolean }) => ready);
    });
    const container = containerOfAttempt(attempt);
    expect([container.running, container.signals]).toEqual([true, []]);
    expect((await attemptsOfAccount(account, `${jobs}/${job.id}`))[0]?.state).toBe("running");
    await account.call("PATCH", `${jobs}/${job.id}`, { terminate: true });
  });
});

async function attemptsOfAccount(account: Awaited<ReturnType<typeof freshAccount>>, job: string) {
  return (await account.call("GET", `${job}/attempts`)).result as Awaited<ReturnType<typeof attemptsOf>>;
}
