/** Applications whose count follows their load: what instances report, who waits, and what users say about it. */
import { describe, it } from "vitest";
import { applicationStub } from "../../src/stubs.ts";
import {
  call,
  createApplication,
  domainError,
  eventsOf,
  eventually,
  instancesOf,
  raw,
  testEnv,
  untilReady,
} from "./client.ts";
import { containerOf } from "./fake-container.ts";

async function scaled(autoscaling: Record<string, unknown>, instances = 1) {
  const { id, name } = await createApplication({ instances, autoscaling });
  return { id, host: `http://${name}.localhost`, application: applicationStub(testEnv, id) };
}

const countOf = async (id: string): Promise<number> => (await call("GET", `/applications/${id}`)).result.instances;

async function scalings(id: string) {
  const events = await eventsOf(id);
  return events.filter(({ name }) => name === "ApplicationScaled").map(({ details }) => details);
}

/** Streams that go on until their containers are told otherwise. */
async function openStreams(host: string, count: number): Promise<Response[]> {
  return await Promise.all(Array.from({ length: count }, () => raw("GET", `${host}/stream`)));
}

describe.concurrent("an application that follows its load", () => {
  it("goes up to what its load asks for, and no further than its most", async ({ expect }) => {
    const { id, host } = await scaled({ min: 1, max: 3, target_concurrency: 2 });
    await untilReady(id, 1);
    const streams = await openStreams(host, 12);
    // Its instance says so within two seconds.
    await eventually(async () => (await countOf(id)) === 3);
    await untilReady(id, 3);
    expect((await scalings(id)).at(-1)).toMatchObject({ to: 3 });
    for (const { id: instance } of await instancesOf(id)) containerOf(instance).streams = false;
    await Promise.all(streams.map((stream) => stream.text()));
    expect(await countOf(id)).toBe(3);
  });

  it("follows requests a second where that is its target", async ({ expect }) => {
    const { id, host } = await scaled({ min: 1, max: 4, target_rps: 2 });
    await untilReady(id, 1);
    await eventually(async () => {
      await Promise.all(Array.from({ length: 10 }, async () => (await raw("GET", `${host}/`)).text()));
      return (await countOf(id)) > 1;
    });
    expect(await countOf(id)).toBeLessThanOrEqual(4);
  });

  it("sleeps with none when nothing has come for idle_after, and comes back for the next request", async ({
    expect,
  }) => {
    const { id, host, application } = await scaled({ min: 0, max: 2, target_concurrency: 5, idle_after: "1s" });
    await untilReady(id, 1);
    await (await raw("GET", `${host}/`)).text();
    await eventually(async () => {
      // A report of another instance makes it look again, as its own timer would.
      await application.load("nobody", { inFlight: 0, requestsPerSecond: 0, at: Date.now() });
      return (await countOf(id)) === 0;
    });
    await eventually(async () => (await instancesOf(id)).length === 0);
    expect((await raw("GET", `${host}/again`)).status).toBe(200);
    expect(await countOf(id)).toBe(1);
  });

  it("begins with as many as those who wait ask for", async ({ expect }) => {
    const { id, host } = await scaled({ min: 0, max: 5, queue_depth: 2, idle_after: "1m" }, 0);
    const answers = await Promise.all(Array.from({ length: 6 }, () => raw("GET", `${host}/`)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    expect(await countOf(id)).toBeGreaterThanOrEqual(1);
    expect((await scalings(id))[0]).toMatchObject({ from: 0 });
  });

  it("keeps its count when its specification is written again, and within new bounds", async ({ expect }) => {
    const autoscaling = { min: 1, max: 3, target_concurrency: 10 };
    const { id, application } = await scaled(autoscaling);
    await untilReady(id, 1);
    const before = (await call("GET", `/applications/${id}`)).result;
    await eventually(async () => {
      await application.load("busy", { inFlight: 100, requestsPerSecond: 0, at: Date.now() });
      return (await countOf(id)) === 3;
    });
    const put = await call("PUT", `/applications/${id}`, before);
    expect([put.status, put.result.instances]).toEqual([200, 3]);
    const lower = await call("PATCH", `/applications/${id}`, { autoscaling: { ...autoscaling, max: 2 } });
    expect(lower.result.instances).toBe(2);
    const off = await call("PATCH", `/applications/${id}`, { autoscaling: null });
    expect([off.result.autoscaling, off.result.instances]).toEqual([undefined, 2]);
    await application.load("busy", { inFlight: 0, requestsPerSecond: 0, at: Date.now() });
    expect(await countOf(id)).toBe(2);
  });

  it("asks its instances for their load from the moment that it is told to follow it", async ({ expect }) => {
    const { id, name } = await createApplication({ check_every: "1s" });
    await untilReady(id, 1);
    await call("PATCH", `/applications/${id}`, { autoscaling: { min: 1, max: 2, target_concurrency: 1 } });
    const host = `http://${name}.localhost`;
    const streams = await openStreams(host, 4);
    await eventually(async () => {
      await (await raw("GET", `${host}/`)).text();
      return (await countOf(id)) === 2;
    });
    for (const { id: instance } of await instancesOf(id)) containerOf(instance).streams = false;
    await Promise.all(streams.map((stream) => stream.text()));
    expect(await countOf(id)).toBe(2);
  });

  it.for([
    [{ min: 1, max: 2 }, "autoscaling.target_concurrency"],
    [{ min: 1, max: 2, target_concurrency: 1, target_rps: 1 }, "autoscaling.target_rps"],
    [{ min: 3, max: 2, target_rps: 1 }, "autoscaling.min"],
    [{ min: 1, max: 2, target_rps: 1, idle_after: "5m" }, "autoscaling.idle_after"],
    [{ min: 0, max: 0, target_rps: 1 }, "autoscaling.max"],
    [{ min: 0, max: 9, target_rps: 0 }, "autoscaling.target_rps"],
  ] as const)("%j is refused by %s", async ([autoscaling, field], { expect }) => {
    const body = { name: "refused", instances: 1, autoscaling, configuration: { image: "hello-world" } };
    const refusal = await call("POST", "/applications", body);
    expect(refusal.status).toBe(400);
    expect(Object.keys(domainError(refusal).details)).toContain(field);
  });

  it("may not come to more than max_instances", async ({ expect }) => {
    const { id } = await createApplication({ max_instances: 3 });
    const refusal = await call("PATCH", `/applications/${id}`, { autoscaling: { min: 1, max: 4, target_rps: 1 } });
    expect(domainError(refusal).details).toHaveProperty(["autoscaling.max"]);
    await call("PATCH", `/applications/${id}`, { autoscaling: { min: 1, max: 3, target_rps: 1 } });
    const lowered = await call("PATCH", `/applications/${id}`, { max_instances: 2 });
    expect(domainError(lowered).details).toHaveProperty(["max_instances"]);
  });
});
