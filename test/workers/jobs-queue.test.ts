/** `GET …/status`: the queue of jobs, as Cloudflare's clients ask for it. */
import { describe, it } from "vitest";
import { call, createApplication, eventually } from "./client.ts";
import { containerOfAttempt, ended, jobsApplication, running, submit, task } from "./jobs-world.ts";

const statusOf = async (id: string) => (await call("GET", `/applications/${id}/status`)).result;

describe.concurrent("the queue of an application", () => {
  it("tells how many jobs are where, what room there is, and the oldest of them", async ({ expect }) => {
    const id = await jobsApplication({ jobs: undefined, job_instances: 2 });
    const [first, second] = [await submit(id, task("after=never")), await submit(id, task("after=never"))];
    const [waiting, aside] = [await submit(id, task("")), await submit(id, task("", { suspend: true }))];
    const [attempt] = await running(id, first.id);
    await running(id, second.id);
    const full = await eventually(async () => {
      const status = await statusOf(id);
      return status.jobs.running === 2 && status;
    });
    expect(full.scheduler).toEqual({ job_instances: 2, active: 2, room: 0 });
    expect(full.jobs).toMatchObject({ queued: 2, scheduled: 0, placed: 0, running: 2, suspended: 1, open: 4 });
    expect(full.jobs.first).toMatchObject([
      { id: first.id, name: first.name, health: "running", state: "running", active: 1 },
      { id: second.id, health: "running", active: 1 },
      { id: waiting.id, health: "queued", state: "pending", active: 0 },
      { id: aside.id, health: "queued", state: "suspended", active: 0 },
    ]);
    if (attempt !== undefined) containerOfAttempt(attempt).finish(0);
    await ended(id, waiting.id);
    const later = await statusOf(id);
    expect(later.scheduler).toEqual({ job_instances: 2, active: 1, room: 1 });
    expect(later.jobs.first.map(({ id: job }: { id: string }) => job)).toEqual([second.id, aside.id]);
  });

  it("shows 100 jobs at most, and counts all", async ({ expect }) => {
    const id = await jobsApplication();
    await Promise.all(Array.from({ length: 105 }, () => submit(id, task("", { suspend: true }))));
    const { jobs } = await statusOf(id);
    expect([jobs.open, jobs.queued, jobs.suspended, jobs.first.length]).toEqual([105, 105, 105, 100]);
  });

  it("is empty, and without room, where no jobs are run", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const { scheduler, jobs } = await statusOf(id);
    expect(scheduler).toEqual({ job_instances: 0, active: 0, room: 0 });
    expect([jobs.open, jobs.first]).toEqual([0, []]);
  });
});
