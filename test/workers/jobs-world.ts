/** What tests of jobs share: an application that runs them, jobs whose command is `TASK`, and their containers. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import type { Application } from "../../src/orchestrator/application.ts";
import { applicationStub, instanceStub, publicInstanceId } from "../../src/stubs.ts";
import { call, createApplication, eventually, testEnv, type Envelope } from "./client.ts";
import { containerOf, type FakeContainer } from "./fake-container.ts";

export const SHELL = { entrypoint: ["/bin/sh", "-c"], command: ["true"] };

type Json = Record<string, unknown>;
export interface WireAttempt {
  readonly number: number;
  readonly index: number;
  readonly state: string;
  readonly reason: string | null;
  readonly exit_code: number | null;
  readonly begun_at: string;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly deployment_id: string;
  readonly generation: number;
}

/** A job is quick to be stopped here, and to be tried again. */
export async function jobsApplication(body: Json = {}, configuration: Json = {}): Promise<string> {
  const { id } = await createApplication({
    instances: 0,
    jobs: true,
    configuration: { image: "hello-world", stop_grace: "60ms", ...configuration },
    ...body,
  });
  return id;
}

/** A command as `fake-command.ts` reads it; what is tried again is tried at once. */
export function task(script: string, more: Json = {}): Json {
  return { ...SHELL, backoff: "5ms", environment_variables: [{ name: "TASK", value: script }], ...more };
}

export const post = (id: string, body: Json): Promise<Envelope & { status: number }> =>
  call("POST", `/applications/${id}/jobs`, body);

// oxlint-disable-next-line typescript/no-explicit-any -- a test's view of JSON
export async function submit(id: string, body: Json): Promise<any> {
  const { status, result, errors } = await post(id, body);
  if (status !== 201) throw new Error(JSON.stringify(errors));
  return result;
}

// oxlint-disable-next-line typescript/no-explicit-any -- a test's view of JSON
export async function jobOf(id: string, job: string): Promise<any> {
  return (await call("GET", `/applications/${id}/jobs/${job}`)).result;
}

/** As it is when it is over. */
export const ended = (id: string, job: string) =>
  eventually(async () => {
    const result = await jobOf(id, job);
    return result.finished_at !== null && result;
  });

/** Submits, and waits for the end. */
export async function run(id: string, body: Json) {
  const { id: job } = await submit(id, body);
  return await ended(id, job);
}

/** All of them, by number. */
export async function attemptsOf(id: string, job: string): Promise<WireAttempt[]> {
  return (await call("GET", `/applications/${id}/jobs/${job}/attempts?per_page=500`)).result;
}

export const running = (id: string, job: string, count = 1) =>
  eventually(async () => {
    const attempts = (await attemptsOf(id, job)).filter(({ state }) => state === "running");
    return attempts.length === count && attempts;
  });

export function containerOfAttempt({ deployment_id: deploymentId }: Pick<WireAttempt, "deployment_id">): FakeContainer {
  return containerOf(publicInstanceId(testEnv, deploymentId));
}

/** The container of the one attempt that runs. */
export async function containerOfRunning(id: string, job: string): Promise<FakeContainer> {
  const [attempt] = await running(id, job);
  if (attempt === undefined) throw new Error("nothing runs");
  return containerOfAttempt(attempt);
}

/** With what every attempt of the job was started, by its number. */
export async function startsOf(id: string, job: string) {
  const containers = new Set((await attemptsOf(id, job)).map(containerOfAttempt));
  const starts = [...containers].flatMap((container) => container.starts);
  return starts
    .filter(({ env }) => env["GANTRY_JOB"] === job)
    .toSorted((a, b) => Number(a.env["GANTRY_ATTEMPT"]) - Number(b.env["GANTRY_ATTEMPT"]));
}

/** Whatever the application waits for is due now. */
export async function passTime(id: string): Promise<void> {
  await runInDurableObject(applicationStub(testEnv, id), (_: Application, { storage }) => {
    storage.sql.exec("UPDATE timers SET due_at = 0");
    return storage.setAlarm(Date.now() + 3_600_000);
  });
  await runDurableObjectAlarm(applicationStub(testEnv, id));
}

/** Takes the object out of memory, as the platform does; what asks for it next brings it back. */
export async function evictApplication(id: string): Promise<void> {
  await evictDurableObject(applicationStub(testEnv, id)).catch(() => undefined);
}

export async function evictInstance(deploymentId: string): Promise<void> {
  await evictDurableObject(instanceStub(testEnv, deploymentId)).catch(() => undefined);
}
