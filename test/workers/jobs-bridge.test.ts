/** What the attempt of a job hears and says over the bridge. */
import { runInDurableObject } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { describe, it } from "vitest";
import { createBridge, type Bridge } from "../../src/sdk/bridge/index.ts";
import { instanceStub } from "../../src/stubs.ts";
import { call, eventually, testEnv } from "./client.ts";
import type { FakeContainer } from "./fake-container.ts";
import {
  attemptsOf,
  containerOfAttempt,
  containerOfRunning,
  ended,
  jobsApplication,
  running,
  submit,
  task,
} from "./jobs-world.ts";

/** As its container's program speaks: its requests come from the placement that it is. */
function bridgeIn(container: FakeContainer): Bridge {
  const { workload } = container.intercepted.at(-1) ?? {};
  if (workload === undefined) throw new Error("nothing is intercepted");
  return createBridge({ fetch: async (request) => await exports.Egress({ props: workload }).fetch(request) });
}

async function failureOf(work: Promise<unknown>): Promise<{ code?: string; details?: unknown }> {
  return await work.then(
    () => ({}),
    (error: { code?: string; details?: unknown }) => error,
  );
}

/** Drops the object from memory, as the platform may at any time. */
async function reset(deployment: string): Promise<void> {
  await runInDurableObject(instanceStub(testEnv, deployment), (_, state) => state.abort("reset by the test")).catch(
    () => undefined,
  );
}

// oxlint-disable-next-line typescript/no-explicit-any -- a test's view of JSON
async function attempt(id: string, job: string, number = 1): Promise<any> {
  return (await attemptsOf(id, job)).find((one) => one.number === number);
}

const HOLDS = "exit=0 after=never print=out";

describe.concurrent("the attempt of a job", () => {
  it("reads what it is, and what the job was submitted with", async ({ expect }) => {
    const id = await jobsApplication();
    const payload = '{"size": 3}\n';
    const body = task(HOLDS, { name: "resize", completions: 2, parallelism: 2, payload });
    const { id: job } = await submit(id, body);
    const heard = await Promise.all(
      (await running(id, job, 2)).map(async (one) => await bridgeIn(containerOfAttempt(one)).payload()),
    );
    const known = { job, name: "resize", count: 2, payload };
    expect(heard.toSorted((a, b) => a.index - b.index)).toEqual([
      { ...known, index: 0, attempt: 1 },
      { ...known, index: 1, attempt: 2 },
    ]);
    const bare = await submit(id, task(HOLDS));
    expect(await bridgeIn(await containerOfRunning(id, bare.id)).payload()).toMatchObject({ payload: null, count: 1 });
  });

  it("shows its progress and its result while it runs, and keeps the last of both with its end", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task(HOLDS));
    const container = await containerOfRunning(id, job);
    expect(await attempt(id, job)).toMatchObject({ progress: null, result: null });
    const bridge = bridgeIn(container);
    await bridge.progress({ fraction: 0.25, message: "one of four" });
    await bridge.result({ rows: 1 });
    await eventually(async () => (await attempt(id, job)).result !== null);
    expect(await attempt(id, job)).toMatchObject({
      state: "running",
      progress: { fraction: 0.25, message: "one of four", at: expect.any(String) },
      result: { value: { rows: 1 }, at: expect.any(String) },
    });
    const { deployment_id: deployment } = await attempt(id, job);
    await reset(deployment);
    await bridge.result({ rows: 4 });
    container.finish(3);
    expect((await ended(id, job)).status).toMatchObject({ state: "failed", failed: 1 });
    expect(await attempt(id, job)).toMatchObject({
      state: "failed",
      exit_code: 3,
      progress: { fraction: 0.25 },
      result: { value: { rows: 4 } },
    });
    const { result } = await call("GET", `/applications/${id}/jobs/${job}/attempts/1/logs`);
    expect(result).toMatchObject({ stdout: "out", result: { value: { rows: 4 } } });
  });

  it("has a result of up to 16 KiB", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task(HOLDS));
    const bridge = bridgeIn(await containerOfRunning(id, job));
    const longest = "x".repeat(16_384 - 2);
    expect(await failureOf(bridge.result(`${longest}x`))).toMatchObject({
      code: "VALIDATE_INPUT",
      details: { result: expect.stringContaining("16384 bytes") },
    });
    await bridge.result(longest);
    await eventually(async () => (await attempt(id, job)).result?.value === longest);
  });

  it("that was replaced says no result any more, which is shown once", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task(HOLDS, { retries: 1 }));
    const container = await containerOfRunning(id, job);
    const before = bridgeIn(container);
    container.finish(1);
    await eventually(async () => (await attempt(id, job, 2))?.state === "running");
    for (const result of ["late", "later"]) {
      expect(await failureOf(before.result(result))).toMatchObject({ code: "PLACEMENT_ENDED" });
    }
    await bridgeIn(await containerOfRunning(id, job)).result("own");
    (await containerOfRunning(id, job)).finish(0);
    expect((await ended(id, job)).status).toMatchObject({ state: "succeeded", failed: 1, succeeded: 1 });
    expect((await attemptsOf(id, job)).map((one) => (one as { result?: unknown }).result)).toMatchObject([
      null,
      { value: "own" },
    ]);
    const { result: events } = await call("GET", `/applications/${id}/events?per_page=1000`);
    const refused = events.filter(({ name }: { name: string }) => name === "ResultRefused");
    expect(refused).toMatchObject([{ type: "Warn", details: { job, attempt: 1 } }]);
  });

  it("without a shell has the lines of its log for its output", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task(HOLDS, { shell: false }));
    const container = await containerOfRunning(id, job);
    const bridge = bridgeIn(container);
    await bridge.log("info", "one");
    await bridge.log("error", "two", { code: 7 });
    await bridge.log("debug", "three");
    container.finish(0);
    await ended(id, job);
    const { result } = await call("GET", `/applications/${id}/jobs/${job}/attempts/1/logs`);
    expect(result).toMatchObject({ stdout: "one\nthree\n", stderr: "two\n" });
  });

  it("is not spared by its busy lease", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task(HOLDS));
    const container = await containerOfRunning(id, job);
    await bridgeIn(container).busy({ ttlMs: 60_000 });
    await call("PATCH", `/applications/${id}/jobs/${job}`, { terminate: true });
    expect((await ended(id, job)).status).toMatchObject({ state: "cancelled", cancelled: 1 });
    expect(container.signals).toEqual([15]);
  });
});
