/** Instances that are called by name: made by their first call, asleep without one, and the same whenever they are called. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import type { Instance } from "../../src/containers/instance.ts";
import { applicationStub, instanceStub } from "../../src/stubs.ts";
import { call, createApplication, domainError, eventsOf, eventually, instancesOf, raw, testEnv } from "./client.ts";
import type { Envelope, WireInstance } from "./client.ts";
import { containerOf } from "./fake-container.ts";

interface Echo {
  port: number;
  path: string;
  headers: Record<string, string>;
  body: string;
}

async function application(body: Record<string, unknown> = {}, configuration: Record<string, unknown> = {}) {
  const { id, name } = await createApplication({
    instances: 0,
    named_instances: 3,
    configuration: { image: "hello-world", ...configuration },
    ...body,
  });
  return { id, name, at: (instance: string) => `http://control.test/a/${name}/@${encodeURIComponent(instance)}` };
}

async function ask(url: string, init: { method?: string; body?: string } = {}) {
  const response = await raw(init.method ?? "GET", url, init.body);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return { echo: await response.json<Echo>(), instance: response.headers.get("gantry-instance") ?? "" };
}

async function refused(url: string, init: { method?: string; body?: string } = {}) {
  const response = await raw(init.method ?? "GET", url, init.body);
  return { status: response.status, ...domainError(await response.json<Envelope>()) };
}

async function only(id: string): Promise<WireInstance> {
  const [instance, ...others] = await instancesOf(id);
  if (instance === undefined || others.length > 0) throw new Error(`${others.length + 1} instances`);
  return instance;
}

const asleep = (id: string) =>
  eventually(async () => {
    const instances = await instancesOf(id);
    return instances.length > 0 && instances.every(({ status }) => status.state === "stopped") && instances;
  });

describe.concurrent("an instance that is called by name", () => {
  it("is made by its first call, and answers every later one", async ({ expect }) => {
    const { id, at } = await application();
    const first = await ask(`${at("alice")}/hello`);
    expect(first.echo).toMatchObject({
      path: "/hello",
      headers: { "x-forwarded-prefix": expect.stringMatching(/@alice$/) },
    });
    const second = await ask(`${at("alice")}/again`);
    expect(second.instance).toBe(first.instance);
    expect(await only(id)).toMatchObject({ id: first.instance, name: "alice", generation: 1 });
    expect(containerOf(first.instance).starts).toHaveLength(1);
    expect(containerOf(first.instance).starts[0]?.env).toMatchObject({ GANTRY_INSTANCE: "alice" });
  });

  it("is one, however many call it first at the same time", async ({ expect }) => {
    const { id, at } = await application();
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask(`${at("alice")}/`)));
    expect(new Set(answers.map(({ instance }) => instance)).size).toBe(1);
    const { id: instance } = await only(id);
    expect(containerOf(instance).starts).toHaveLength(1);
  });

  it("is another one for each name, and no member of the pool", async ({ expect }) => {
    const { id, name, at } = await application({ instances: 1 });
    const answers = await Promise.all(["alice", "bob@example.com"].map((who) => ask(`${at(who)}/`)));
    const named = answers.map(({ instance }) => instance);
    expect(new Set(named).size).toBe(2);
    const pool = await Promise.all(Array.from({ length: 10 }, () => ask(`http://${name}.localhost/`)));
    for (const { instance } of pool) expect(named).not.toContain(instance);
    expect((await instancesOf(id)).map((instance) => instance.name).toSorted()).toEqual(
      [`${name}-0`, "alice", "bob@example.com"].toSorted(),
    );
    expect((await call("GET", `/applications/${id}`)).result).toMatchObject({ instances: 1, named_instances: 3 });
  });

  it("sleeps when nobody has called it for sleep_after, and is started by the next call", async ({ expect }) => {
    const { id, at } = await application({}, { sleep_after: "1s" });
    const first = await ask(`${at("alice")}/`);
    const [sleeper] = await asleep(id);
    expect(sleeper).toMatchObject({ id: first.instance, name: "alice", status: { state: "stopped", reason: "Idle" } });
    expect(containerOf(first.instance).running).toBe(false);
    const second = await ask(`${at("alice")}/`);
    expect(second.instance).toBe(first.instance);
    expect(await only(id)).toMatchObject({ generation: 2, failures: 0, losses: 0 });
    const health = (await call("GET", `/applications/${id}`)).result.health.instances;
    expect(health).toMatchObject({ healthy: 1, failed: 0, scheduling: 0 });
  });

  it("does not sleep while a stream or a WebSocket is open", async ({ expect }) => {
    const { id, at } = await application({}, { sleep_after: "1s" });
    const { instance } = await ask(`${at("alice")}/`);
    const { webSocket } = await raw("GET", `${at("alice")}/ws`, undefined, { upgrade: "websocket" });
    webSocket?.accept();
    const { deployment_id: deployment } = await only(id);
    const stub = instanceStub(testEnv, deployment);
    const look = async () => {
      await runInDurableObject(stub, (_: Instance, state: DurableObjectState) => {
        state.storage.sql.exec("UPDATE timers SET due_at = 0");
      });
      await runDurableObjectAlarm(stub);
    };
    const opened = Date.now();
    // Longer than it may be idle.
    while (Date.now() - opened < 1_500) await look();
    expect(containerOf(instance).running).toBe(true);
    webSocket?.close();
    await asleep(id);
  });

  it("keeps a caller waiting who comes while it falls asleep, and answers when it is up again", async ({ expect }) => {
    const { id, at } = await application({}, { sleep_after: "1s", stop_grace: "1s", image: "ignores-sigterm" });
    await ask(`${at("alice")}/`);
    await eventually(async () => (await only(id)).status.state === "stopping");
    await ask(`${at("alice")}/`);
    expect(await only(id)).toMatchObject({ generation: 2 });
  });

  it("whose container dies is started for the next caller, not before", async ({ expect }) => {
    const { id, at } = await application();
    const { instance } = await ask(`${at("alice")}/`);
    containerOf(instance).exit(0);
    await eventually(async () => (await only(id)).status.state !== "running");
    expect(containerOf(instance).starts).toHaveLength(1);
    await ask(`${at("alice")}/`);
    expect(containerOf(instance).starts).toHaveLength(2);
  });

  it("that cannot be started says so at once, and is tried once", async ({ expect }) => {
    const { id, at } = await application({}, { image: "never-boots" });
    const refusal = await refused(`${at("alice")}/`);
    expect(refusal).toMatchObject({ status: 503, error: "INSTANCE_CANNOT_START", retryable: false });
    const { id: instance } = await only(id);
    expect(containerOf(instance).starts).toHaveLength(1);
  });

  it("waits for its turn when as many are awake as may be, and is told so when that takes too long", async ({
    expect,
  }) => {
    const { id, at } = await application({ named_instances: 1 }, { sleep_after: "2s" });
    await ask(`${at("alice")}/`);
    const late = await applicationStub(testEnv, id)
      .callInstance("bob", 10)
      .then(
        () => null,
        (error: unknown) => error,
      );
    expect(late).toMatchObject({ code: "INSTANCE_LIMIT_REACHED", details: { named_instances: 1 } });
    expect(await instancesOf(id)).toHaveLength(1);
    // As soon as the other sleeps.
    const { instance } = await ask(`${at("bob")}/`);
    expect((await instancesOf(id)).find((one) => one.name === "bob")?.id).toBe(instance);
  });

  it("is not made of a name that means another instance, nor where there are none", async ({ expect }) => {
    const { name, at } = await application();
    for (const wanted of [`${name}-7`, "f".repeat(64), "a".repeat(129), "über"]) {
      expect((await refused(`${at(wanted)}/`)).status).toBe(404);
    }
    const plain = await application({ named_instances: 0, instances: 1 });
    expect(await refused(`${plain.at("alice")}/`)).toMatchObject({ status: 404, error: "INSTANCE_NOT_FOUND" });
  });

  it("takes a body once, whatever has to be started for it", async ({ expect }) => {
    const { at } = await application();
    const { echo, instance } = await ask(`${at("alice")}/echo`, { method: "POST", body: "x".repeat(1_000) });
    expect(echo.body).toHaveLength(1_000);
    expect(containerOf(instance).received).toEqual(["POST /echo 1000"]);
  });

  it("that a user stopped stays so, and is called in vain", async ({ expect }) => {
    const { id, at } = await application();
    await ask(`${at("alice")}/`);
    await call("POST", `/applications/${id}/instances/alice/stop`);
    await eventually(async () => (await only(id)).status.state === "stopped");
    expect(await refused(`${at("alice")}/`)).toMatchObject({ error: "INSTANCE_HELD" });
    await call("POST", `/applications/${id}/instances/alice/start`);
    await ask(`${at("alice")}/`);
  });

  it("that is destroyed is gone, and the next call makes another", async ({ expect }) => {
    const { id, at } = await application();
    const { instance } = await ask(`${at("alice")}/`);
    await call("POST", `/applications/${id}/instances/alice/destroy`);
    const other = await eventually(async () => {
      const answer = await ask(`${at("alice")}/`);
      return answer.instance !== instance && answer.instance;
    });
    expect(await only(id)).toMatchObject({ id: other, generation: 1 });
  });

  it("goes with its application", async ({ expect }) => {
    const { id, at } = await application({}, { sleep_after: "1s" });
    const { instance } = await ask(`${at("alice")}/`);
    await asleep(id);
    const { instance: bob } = await ask(`${at("bob")}/`);
    expect((await call("DELETE", `/applications/${id}`)).status).toBe(200);
    await eventually(async () => !(await applicationStub(testEnv, id).exists()));
    expect([instance, bob].map((one) => containerOf(one).running)).toEqual([false, false]);
  });

  it("costs nothing while it sleeps, and a row for each look while it is called", async ({ expect }) => {
    const { id, at } = await application({}, { sleep_after: "1s" });
    await ask(`${at("alice")}/`);
    await asleep(id);
    const { deployment_id: deployment } = await only(id);
    await eventually(async () => (await alarmOf(deployment)) === null);
    const application_ = applicationStub(testEnv, id);
    const alarm = await runInDurableObject(application_, (_: unknown, state: DurableObjectState) =>
      state.storage.getAlarm(),
    );
    expect(alarm).toBeNull();
  });
});

function alarmOf(deployment: string): Promise<number | null> {
  return runInDurableObject(instanceStub(testEnv, deployment), (_: Instance, state: DurableObjectState) =>
    state.storage.getAlarm(),
  );
}

describe.concurrent("a container", () => {
  it("with a hard_timeout is ended by it, busy or not, and placed again", async ({ expect }) => {
    const { id, name } = await createApplication({ configuration: { image: "hello-world", hard_timeout: "1s" } });
    const again = await eventually(async () => {
      const [instance] = await instancesOf(id);
      return instance !== undefined && instance.generation > 1 && instance.ready && instance;
    });
    expect(again).toMatchObject({ name: `${name}-0`, failures: 0, losses: 0 });
    const ends = (await eventsOf(id)).filter((event) => event.name === "VMStopped");
    expect(ends[0]?.details).toMatchObject({ reason: "HardTimeout", outcome: "stopped" });
    await call("DELETE", `/applications/${id}`);
  });

  it("called by name that has had its time sleeps until it is called", async ({ expect }) => {
    const { id, at } = await application({}, { hard_timeout: "1s" });
    const { instance } = await ask(`${at("alice")}/`);
    const [sleeper] = await asleep(id);
    expect(sleeper).toMatchObject({ id: instance, status: { reason: "HardTimeout" } });
  });
});

describe("fields of named instances", () => {
  it.for([
    [
      "POST",
      "/applications",
      { name: "sleepless", instances: 1, configuration: { image: "hello-world", sleep_after: "5m" } },
    ],
    ["POST", "/deployments/v2", { image: "hello-world", sleep_after: "5m" }],
  ] as const)("%s %s refuses a sleep_after that nothing would follow", async ([method, path, body], { expect }) => {
    const refusal = await call(method, path, body);
    expect(refusal.status).toBe(400);
    expect(Object.keys(domainError(refusal).details).join()).toMatch(/sleep_after/);
  });

  it("changes with PATCH, and is what PUT says", async ({ expect }) => {
    const { id } = await application();
    expect((await call("PATCH", `/applications/${id}`, { named_instances: 5 })).result.named_instances).toBe(5);
    const patched = await call("PATCH", `/applications/${id}`, { configuration: { sleep_after: "5m" } });
    expect(patched.status).toBe(200);
    const off = await call("PATCH", `/applications/${id}`, {
      named_instances: 0,
      configuration: { sleep_after: "6m" },
    });
    expect(off.status).toBe(400);
  });
});
