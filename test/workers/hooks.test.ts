/** Hooks: a bound Worker hears what becomes of containers, at least once, in order for each instance. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, it } from "vitest";
import type { Application } from "../../src/orchestrator/application.ts";
import { createHooks, eventKey } from "../../src/sdk/hooks.ts";
import { heardEvents, hookFailures } from "./bound-workers.ts";
import { call, createApplication, eventsOf, eventually, instancesOf, raw, untilReady } from "./client.ts";
import { containerOf } from "./fake-container.ts";

const hooks = { binding: "EVENTS" };
const heard = (name: string) => heardEvents.filter(({ application }) => application === name);
const typesOf = (name: string) => heard(name).map(({ type, generation }) => `${type} ${generation}`);

const untilHeard = (name: string, count: number) =>
  eventually(async () => heard(name).length >= count && heard(name).slice(0, count));

const applicationOf = (id: string) => env.APPLICATION.getByName(id);

async function reset(id: string): Promise<void> {
  await runInDurableObject(applicationOf(id), (_: Application, state: DurableObjectState) =>
    state.abort("reset by the test"),
  ).catch(() => undefined);
}

async function rowsOf(id: string): Promise<{ hooks: number; timers: number }> {
  return await runInDurableObject(applicationOf(id), (_: Application, { storage }) => {
    const count = (sql: string) => storage.sql.exec<{ n: number }>(sql).one().n;
    return {
      hooks: count("SELECT COUNT(*) AS n FROM hooks"),
      timers: count("SELECT COUNT(*) AS n FROM timers WHERE key = 'hooks'"),
    };
  });
}

describe.concurrent("the hooks of an application", () => {
  it("hear a start and a stop once, in the form that the SDK reads, and leave nothing behind", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 0, named_instances: 1, hooks });
    await raw("GET", `http://control.test/a/${name}/@bob/x`);
    const [instance] = await instancesOf(id);
    await call("POST", `/applications/${id}/instances/${instance?.id}/stop`);
    const events = await untilHeard(name, 2);
    const said = { application: name, instance: instance?.id, name: "bob", generation: 1, at: expect.any(String) };
    expect(events).toEqual([
      { ...said, type: "start" },
      { ...said, type: "stop", exitCode: expect.anything(), reason: "StoppedByUser" },
    ]);
    const read: string[] = [];
    const deliver = createHooks({
      [name]: { onStart: (e) => read.push(eventKey(e)), onStop: (e) => read.push(e.type) },
    });
    for (const event of events) await deliver(event, { env: {}, ctx: { waitUntil: () => undefined } });
    expect(read).toEqual([`${instance?.id}:1:start`, "stop"]);
    await eventually(async () => (await rowsOf(id)).hooks === 0);
    expect(await rowsOf(id)).toEqual({ hooks: 0, timers: 0 });
    expect(heard(name)).toHaveLength(2);
  });

  it("hear of failures, each start for itself and in order", async ({ expect }) => {
    const { id, name } = await createApplication({ hooks });
    const [instance] = await untilReady(id, 1);
    containerOf(instance?.id ?? "").exit(3);
    const events = await untilHeard(name, 4);
    expect(events.map(({ type, generation }) => `${type} ${generation}`)).toEqual([
      "start 1",
      "error 1",
      "stop 1",
      "start 2",
    ]);
    expect(events[1]).toMatchObject({ code: "ExitedWithCode", message: expect.stringContaining("exit code 3") });
    expect(events[2]).toMatchObject({ exitCode: 3, reason: "ExitedWithCode" });
  });

  it("hear of a start that came to nothing, which nothing stops", async ({ expect }) => {
    const { name } = await createApplication({ hooks }, "refused-by-platform");
    const [event] = await untilHeard(name, 1);
    expect(event).toMatchObject({ type: "error", generation: 1, message: expect.stringContaining("did not start") });
    expect(typesOf(name).filter((type) => type.startsWith("stop"))).toEqual([]);
  });

  it("hear that its time was over, before they hear of its stop", async ({ expect }) => {
    const { name } = await createApplication({
      hooks,
      check_every: 1,
      configuration: { image: "hello-world", hard_timeout: 1 },
    });
    const events = await untilHeard(name, 3);
    expect(events.map(({ type }) => type)).toEqual(["start", "hard_timeout", "stop"]);
    expect(events[1]).toMatchObject({ afterMs: 1_000 });
    expect(events[2]).toMatchObject({ reason: "HardTimeout" });
  });

  it("that fail are called again until they return, and what follows waits for them", async ({ expect }) => {
    const name = `app-${crypto.randomUUID().slice(0, 8)}`;
    hookFailures.set(name, 2);
    const { id } = await createApplication({ name, hooks });
    const [instance] = await untilReady(id, 1);
    await untilHeard(name, 1);
    await call("POST", `/applications/${id}/instances/${instance?.id}/stop`);
    await eventually(async () => typesOf(name).includes("stop 1"));
    expect(typesOf(name)).toEqual(["start 1", "start 1", "start 1", "stop 1"]);
    await eventually(async () => (await rowsOf(id)).hooks === 0);
  });

  it("hear what an object that died had still to say", async ({ expect }) => {
    const name = `app-${crypto.randomUUID().slice(0, 8)}`;
    hookFailures.set(name, 1);
    const { id } = await createApplication({ name, hooks });
    await untilHeard(name, 1);
    await eventually(async () => (await rowsOf(id)).timers === 1);
    await reset(id);
    await eventually(async () => {
      await runDurableObjectAlarm(applicationOf(id));
      return heard(name).length === 2;
    });
    expect(typesOf(name)).toEqual(["start 1", "start 1"]);
  });

  it("hear the last stop of a deleted application, before it is gone", async ({ expect }) => {
    const name = `app-${crypto.randomUUID().slice(0, 8)}`;
    const { id } = await createApplication({ name, hooks });
    const [instance] = await untilReady(id, 1);
    await untilHeard(name, 1);
    hookFailures.set(name, 1);
    await call("DELETE", `/applications/${id}`);
    await eventually(async () => !containerOf(instance?.id ?? "").running);
    await eventually(async () => heard(name).length === 3);
    expect(typesOf(name)).toEqual(["start 1", "stop 1", "stop 1"]);
    await eventually(async () =>
      runInDurableObject(applicationOf(id), async (_: Application, state) => {
        return state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'hooks'").toArray().length === 0;
      }),
    );
  });

  it("of a Worker that has none fail, are kept, and go when hooks are taken away", async ({ expect }) => {
    const { id } = await createApplication({ hooks: { binding: "SILENT" } });
    await untilReady(id, 1);
    await eventually(async () => {
      return await runInDurableObject(applicationOf(id), (_: Application, { storage }) => {
        const [row] = storage.sql.exec<{ error: string | null }>("SELECT error FROM hooks").toArray();
        return row?.error?.includes("containerEvent") === true;
      });
    });
    expect((await call("PATCH", `/applications/${id}`, { hooks: null })).result).not.toHaveProperty("hooks");
    await eventually(async () => {
      await runDurableObjectAlarm(applicationOf(id));
      return (await rowsOf(id)).hooks === 0;
    });
  });

  it("that nobody takes for a day are given up, which an event says", async ({ expect }) => {
    const { id } = await createApplication({ hooks: { binding: "SILENT" } });
    await untilReady(id, 1);
    await eventually(async () => (await rowsOf(id)).hooks === 1);
    await runInDurableObject(applicationOf(id), (_: Application, { storage }) => {
      storage.sql.exec("UPDATE hooks SET created_at = created_at - 86400000, due_at = 0");
    });
    await eventually(async () => {
      await runDurableObjectAlarm(applicationOf(id));
      return (await rowsOf(id)).hooks === 0;
    });
    const given = (await eventsOf(id)).filter((event) => event.name === "HookGivenUp");
    expect(given).toEqual([
      expect.objectContaining({
        type: "Warn",
        message: expect.stringContaining("hook start of generation 1 is given up"),
        details: expect.objectContaining({ hook: "start", binding: "SILENT" }),
      }),
    ]);
  });

  it("that are not there cost no row", async ({ expect }) => {
    const { id } = await createApplication();
    await untilReady(id, 1);
    expect(await rowsOf(id)).toEqual({ hooks: 0, timers: 0 });
  });
});
