/** Applications with tasks, as tests make and watch them. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import type { Application } from "../../src/orchestrator/application.ts";
import { applicationStub } from "../../src/stubs.ts";
import { call, createApplication, eventually, testEnv, untilReady } from "./client.ts";
import { containerOf } from "./fake-container.ts";

/** In a container of its own, with what the fake's `TASK` says. */
export function run(script: string, more: object = {}) {
  const environment = [{ name: "TASK", value: script }];
  return {
    mode: "run",
    run: { entrypoint: ["/bin/sh", "-c"], command: ["true"], environment_variables: environment, ...more },
  };
}

export function http(path: string, more: object = {}) {
  return { mode: "http", http: { path, ...more } };
}

/** With one member in its pool. */
export async function pool(body: Record<string, unknown> = {}) {
  const app = await createApplication({ instances: 1, ...body });
  const [instance] = await untilReady(app.id, 1);
  return { ...app, container: containerOf(instance?.id ?? "") };
}

export async function send(id: string, body: Record<string, unknown>) {
  const { status, result, errors } = await call("POST", `/applications/${id}/tasks`, body);
  if (status !== 201) throw new Error(JSON.stringify(errors));
  return result;
}

export async function taskOf(id: string, task: string) {
  return (await call("GET", `/applications/${id}/tasks/${task}`)).result;
}

export async function tasksOf(id: string, query = "") {
  return (await call("GET", `/applications/${id}/tasks?per_page=100${query}`)).result;
}

export async function until(id: string, task: string, state: string) {
  return await eventually(async () => {
    const found = await taskOf(id, task);
    return found.state === state && found;
  });
}

export async function sql(id: string, query: string): Promise<Record<string, unknown>[]> {
  return await runInDurableObject(applicationStub(testEnv, id), (_: Application, state) =>
    state.storage.sql.exec(query).toArray(),
  );
}

/** Whatever it waits for is due now. */
export async function ring(id: string): Promise<void> {
  await sql(id, "UPDATE timers SET due_at = 0");
  await runDurableObjectAlarm(applicationStub(testEnv, id));
}

/** The object of its application dies at once, whatever it has under way. */
export async function crash(id: string): Promise<void> {
  await runInDurableObject(applicationStub(testEnv, id), (_: Application, state) => state.abort("a crash")).then(
    () => undefined,
    () => undefined,
  );
}

/** So many tasks that begin in an hour. */
export async function fill(id: string, count: number): Promise<void> {
  const [task] = [await send(id, { ...http("/later"), delay: "1h" })];
  await sql(
    id,
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count - 1})
     INSERT INTO tasks SELECT 1000 + i, 'filler-' || i, state, mode, fairness_key, NULL,
       replace(replace(body, '${task.id}', 'filler-' || i), '"seq":1,', '"seq":' || (1000 + i) || ','), work
     FROM n, tasks WHERE id = '${task.id}'`,
  );
}
