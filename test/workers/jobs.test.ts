/** Jobs inside workerd, on the fake container: run, retried, lost, stopped, cancelled, listed. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import type { Instance } from "../../src/containers/instance.ts";
import { applicationStub, instanceStub } from "../../src/stubs.ts";
import { call, createApplication, eventually, testEnv } from "./client.ts";
import type { FakeContainer } from "./fake-container.ts";

const SHELL = { entrypoint: ["/bin/sh", "-c"], command: ["true"] };

async function application(body: Record<string, unknown> = {}) {
  return await createApplication({ instances: 0, jobs: true, ...body });
}

const task = (script: string) => ({ ...SHELL, environment_variables: [{ name: "TASK", value: script }] });

async function submit(id: string, body: Record<string, unknown>) {
  const { status, result, errors } = await call("POST", `/applications/${id}/jobs`, body);
  if (status !== 201) throw new Error(JSON.stringify(errors));
  return result;
}

const ended = async (id: string, job: string) =>
  await eventually(async () => {
    const { result } = await call("GET", `/applications/${id}/jobs/${job}`);
    return result.finished_at !== null && result;
  });

const attemptsOf = async (id: string, job: string) =>
  (await call("GET", `/applications/${id}/jobs/${job}/attempts`)).result;

async function within<T>(deploymentId: string, act: (container: FakeContainer) => T | Promise<T>): Promise<T> {
  return await runInDurableObject(instanceStub(testEnv, deploymentId), async (instance: Instance) => {
    return await act((instance as unknown as { fake: FakeContainer }).fake);
  });
}

describe("a job", () => {
  it("runs to its end, keeps exit code and output, and leaves no container", async ({ expect }) => {
    const { id } = await application();
    const job = await submit(id, { name: "once", ...task("exit=0 print=hello") });
    expect(job).toMatchObject({ name: "once", completions: 1, terminate: false });
    const done = await ended(id, job.id);
    expect(done.status).toMatchObject({ state: "succeeded", health: "stopped", succeeded: 1, failed: 0, active: 0 });
    const logs = await call("GET", `/applications/${id}/jobs/${job.id}/attempts/1/logs`);
    expect(logs.result).toMatchObject({ number: 1, state: "succeeded", exit_code: 0, stdout: "hello", stderr: "" });
    await eventually(async () => (await call("GET", `/applications/${id}/instances-v2`)).result.length === 0);
  });
});
