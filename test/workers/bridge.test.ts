/** The bridge: what containers say to Gantry, from inside by interception and from outside with a token. */
import { runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { describe, it } from "vitest";
import type { Workload } from "../../src/bridge/workload.ts";
import type { Instance } from "../../src/containers/instance.ts";
import { createBridge, type Bridge } from "../../src/sdk/bridge/index.ts";
import { functionCalls } from "./bound-workers.ts";
import { call, createApplication, domainError, eventually, instancesOf, raw, untilReady } from "./client.ts";
import { containerOf } from "./fake-container.ts";

interface Running {
  readonly id: string;
  readonly name: string;
  readonly instance: string;
  readonly deployment: string;
}

async function running(body: Record<string, unknown> = {}): Promise<Running> {
  const { id, name } = await createApplication(body);
  const [instance] = await untilReady(id, 1);
  return { id, name, instance: instance?.id ?? "", deployment: instance?.deployment_id ?? "" };
}

/** What the platform was told last about the container's requests. */
function interceptionOf(instance: string): { reach: string; workload: Workload; isRunning: boolean } {
  const last = containerOf(instance).intercepted.at(-1);
  if (last === undefined) throw new Error("nothing is intercepted");
  return last;
}

/** A request of the container, as the platform brings it to Gantry. */
function inside(workload: Workload): (request: Request) => Promise<Response> {
  return async (request) => await exports.Egress({ props: workload }).fetch(request);
}

function bridgeOf(instance: string): Bridge {
  return createBridge({ fetch: inside(interceptionOf(instance).workload) });
}

async function ask(workload: Workload, path: string, init: RequestInit = {}) {
  const response = await inside(workload)(new Request(`http://control.gantry.internal${path}`, init));
  return { status: response.status, headers: response.headers, body: await response.json<Answer>() };
}

interface Answer {
  readonly result?: Record<string, unknown>;
  readonly error?: { code: string; message: string; retryable?: boolean; details?: Record<string, unknown> };
}

async function failureOf(work: Promise<unknown>): Promise<{ code?: string; status?: number; details?: unknown }> {
  return await work.then(
    () => ({}),
    (error: { code?: string; status?: number }) => error,
  );
}

/** Drops the object from memory, as the platform may at any time. */
async function reset(deployment: string): Promise<void> {
  await runInDurableObject(env.INSTANCE.getByName(deployment), (_: Instance, state: DurableObjectState) =>
    state.abort("reset by the test"),
  ).catch(() => undefined);
}

async function said({ id, instance }: Running) {
  return (await call("GET", `/applications/${id}/instances/${instance}/bridge`)).result;
}

const restart = async ({ id, instance }: Running) => {
  await call("POST", `/applications/${id}/instances/${instance}/restart`);
  await eventually(async () => (await instancesOf(id)).some(({ ready, generation }) => ready && generation === 2));
};

describe.concurrent("a container", () => {
  it("is known by where it calls from, whatever it says of itself", async ({ expect }) => {
    const [one, other] = await Promise.all([running(), running()]);
    const { reach, workload, isRunning } = interceptionOf(one.instance);
    expect([reach, isRunning]).toEqual(["http", false]);
    const forged = {
      authorization: "Bearer test-token",
      "gantry-instance": other.instance,
      "x-gantry-props": JSON.stringify(interceptionOf(other.instance).workload),
    };
    const { body } = await ask(workload, "/identity", { headers: forged });
    expect(body.result).toEqual({
      application: one.name,
      instance: one.instance,
      name: null,
      deployment: one.deployment,
      generation: 1,
    });
  });

  it("learns which of its credentials could be set, and not what they are", async ({ expect }) => {
    const name = `key-${crypto.randomUUID().slice(0, 8)}`;
    const credentials = [{ hosts: ["api.test"], header: "X-Key", secret: name, optional: true }];
    const app = await running({ egress: { allow: ["api.test"], credentials } });
    const { workload } = interceptionOf(app.instance);
    const known = async () => (await ask(workload, "/credentials")).body.result as unknown as { available: boolean }[];
    expect(await known()).toEqual([
      { hosts: ["api.test"], header: "x-key", available: false, reason: expect.stringContaining("no such secret") },
    ]);
    await call("POST", "/secrets", { name, value: "never-shown" });
    await eventually(async () => (await known()).every(({ available }) => available));
    expect(await known()).toEqual([{ hosts: ["api.test"], header: "x-key", available: true }]);
    const none = await running();
    expect((await ask(interceptionOf(none.instance).workload, "/credentials")).body.result).toEqual([]);
  });

  it("reaches nothing else by that way", async ({ expect }) => {
    const { instance } = await running();
    const { workload } = interceptionOf(instance);
    const response = await inside(workload)(new Request("http://example.com/"));
    expect(response.status).toBe(403);
    expect(domainError(await response.json())).toMatchObject({
      error: "EGRESS_DENIED",
      details: { host: "example.com" },
    });
  });

  it("that has ended says nothing any more, and its successor is another", async ({ expect }) => {
    const app = await running({ configuration: { image: "hello-world", bridge_token: true } });
    const { workload } = interceptionOf(app.instance);
    const before = bridgeOf(app.instance);
    const token = containerOf(app.instance).starts.at(-1)?.env["GANTRY_BRIDGE_TOKEN"] ?? "";
    await before.progress({ message: "first" });
    await restart(app);
    const late = await ask(workload, "/result", { method: "PUT", body: '{"result":1}' });
    expect(late).toMatchObject({
      status: 410,
      body: { error: { code: "PLACEMENT_ENDED", retryable: false, details: { generation: 1, current: 2 } } },
    });
    expect(late.headers.get("gantry-error")).toBe("PLACEMENT_ENDED");
    const outside = await raw("GET", "http://control.test/bridge/identity", undefined, {
      authorization: `Bearer ${token}`,
    });
    expect(outside.status).toBe(410);
    expect(interceptionOf(app.instance).workload.generation).toBe(2);
    await bridgeOf(app.instance).progress({ message: "second" });
    expect(await said(app)).toMatchObject({ generation: 2, progress: { message: "second" }, result: null });
  });

  it("says what it does, and what it says is shown", async ({ expect }) => {
    const app = await running();
    expect(await said(app)).toEqual({
      generation: 0,
      heard_at: null,
      busy_until: null,
      progress: null,
      result: null,
      log: [],
      dropped_lines: 0,
    });
    const bridge = bridgeOf(app.instance);
    await bridge.heartbeat();
    await bridge.progress({ fraction: 0.5, message: "half" });
    await bridge.log("info", "hello", { a: [1] });
    await bridge.log("error", "broken");
    await bridge.result({ ok: true });
    expect(await said(app)).toMatchObject({
      generation: 1,
      heard_at: expect.any(String),
      progress: { fraction: 0.5, message: "half" },
      result: { value: { ok: true } },
      log: [
        { level: "info", message: "hello", fields: { a: [1] } },
        { level: "error", message: "broken", fields: {} },
      ],
    });
    // An acknowledged result is kept, and what was said before comes along.
    await reset(app.deployment);
    expect(await said(app)).toMatchObject({ result: { value: { ok: true } }, log: [{}, {}] });
  });

  it("keeps the end of a long log, and says how much is gone", async ({ expect }) => {
    const app = await running();
    const bridge = bridgeOf(app.instance);
    for (let i = 0; i < 20; i += 1) await bridge.log("debug", `${i} ${"x".repeat(4_000)}`);
    const { log, dropped_lines: dropped } = await said(app);
    expect(log.length + dropped).toBe(20);
    expect(log.at(-1).message).toMatch(/^19 /);
    expect(JSON.stringify(log).length).toBeLessThan(70_000);
  });

  it("without a job is told so", async ({ expect }) => {
    const bridge = bridgeOf((await running()).instance);
    expect(await failureOf(bridge.payload())).toMatchObject({ code: "NO_JOB", status: 404 });
  });

  it("makes tasks of its own application, and of no other", async ({ expect }) => {
    const app = await running();
    const bridge = bridgeOf(app.instance);
    const { id } = await bridge.enqueue({ a: 1 }, { key: "k", path: "/work" });
    expect(await bridge.enqueue({ a: 1 }, { key: "k", path: "/work", application: app.name })).toEqual({ id });
    const done = await eventually(async () => {
      const { result } = await call("GET", `/applications/${app.id}/tasks/k`);
      return result.state === "succeeded" && result;
    });
    expect(done).toMatchObject({ id, mode: "http", payload: { a: 1 }, http: { path: "/work" } });
    const later = await bridge.enqueue("x", { delayMs: 60_000 });
    const { result: delayed } = await call("GET", `/applications/${app.id}/tasks/${later.id}`);
    expect(Date.parse(delayed.not_before) - Date.parse(delayed.created_at)).toBe(60_000);
    expect(await failureOf(bridge.enqueue(1, { application: "other" }))).toMatchObject({ code: "FORBIDDEN" });
    expect(await failureOf(bridge.enqueue(2, { key: "k" }))).toMatchObject({ code: "IDEMPOTENCY_KEY_REUSED" });
    expect(await failureOf(bridge.enqueue(2, { mode: "run" }))).toMatchObject({ code: "JOB_CREATE_NOT_ALLOWED" });
    await call("PATCH", `/applications/${app.id}`, { jobs: true });
    // What an application has is known for moments.
    await eventually(async () => {
      const { result } = await call("GET", `/applications/${app.id}/tasks/${(await bridge.enqueue(3)).id}`);
      return result.mode === "run";
    });
  });

  it("is told what is wrong with what it sends, by field", async ({ expect }) => {
    const { workload } = interceptionOf((await running()).instance);
    const wrong: [string, string, string, string][] = [
      ["PUT", "/lease", '{"ttlMs":1}', "ttlMs"],
      ["PUT", "/lease", "{}", "ttlMs"],
      ["PUT", "/progress", '{"fraction":2}', "fraction"],
      ["PUT", "/progress", '{"percent":2}', "percent"],
      ["PUT", "/result", "{}", "result"],
      ["PUT", "/result", JSON.stringify({ result: "x".repeat(70_000) }), "result"],
      ["POST", "/log", '{"level":"loud","message":"a"}', "level"],
      ["POST", "/log", `{"level":"info","message":"${"x".repeat(5_000)}"}`, "message"],
      ["POST", "/enqueue", '{"delayMs":1}', "payload"],
      ["POST", "/rpc", '{"functionPath":" "}', "functionPath"],
      ["POST", "/rpc", '{"functionPath":"a","kind":"b"}', "kind"],
      ["POST", "/heartbeat", "no", "body"],
      ["POST", "/heartbeat", "", "body"],
    ];
    for (const [method, path, body, field] of wrong) {
      const answer = await ask(workload, path, { method, body });
      expect([path, body.slice(0, 40), answer.status]).toEqual([path, body.slice(0, 40), 400]);
      expect(answer.body.error).toMatchObject({ code: "VALIDATE_INPUT", details: { [field]: expect.any(String) } });
    }
    expect((await ask(workload, "/progress")).headers.get("allow")).toBe("PUT");
    expect(await ask(workload, "/nowhere")).toMatchObject({
      status: 404,
      body: { error: { code: "ROUTE_NOT_FOUND" } },
    });
    const large = await ask(workload, "/rpc", { method: "POST", body: "x".repeat(1_100_000) });
    expect(large).toMatchObject({ status: 413, body: { error: { code: "BODY_TOO_LARGE" } } });
  });
});

const outside = async (path: string, token: string, init: { method?: string; body?: string } = {}) => {
  const response = await raw(init.method ?? "GET", `http://control.test/bridge${path}`, init.body, {
    authorization: `Bearer ${token}`,
  });
  return { status: response.status, headers: response.headers, body: await response.json<Answer>() };
};

describe.concurrent("a token of the bridge", () => {
  it("is given only to a container whose application asks for it, and is as good as being inside", async ({
    expect,
  }) => {
    const [without, app] = await Promise.all([
      running(),
      running({ configuration: { image: "hello-world", bridge_token: true }, bridge: { binding: "FUNCTIONS" } }),
    ]);
    expect(containerOf(without.instance).starts.at(-1)?.env).not.toHaveProperty("GANTRY_BRIDGE_TOKEN");
    const token = containerOf(app.instance).starts.at(-1)?.env["GANTRY_BRIDGE_TOKEN"] ?? "";
    const bridge = createBridge({
      baseUrl: "http://control.test/bridge",
      token,
      fetch: async (request) => await exports.default.fetch(request),
    });
    await bridge.progress({ message: "from outside" });
    expect(await bridge.call("echo", { a: 1 })).toMatchObject({ echo: { a: 1 }, caller: { instance: app.instance } });
    expect(await said(app)).toMatchObject({ progress: { message: "from outside" } });
    expect((await outside("/identity", token)).body.result).toMatchObject({ instance: app.instance, generation: 1 });
    // It is not in the answers about the application.
    expect(JSON.stringify((await call("GET", `/applications/${app.id}`)).result)).not.toContain(token);
  });

  it("that was made up, changed, or is of another kind is refused, and wakes nobody", async ({ expect }) => {
    const app = await running({ configuration: { image: "hello-world", bridge_token: true } });
    const other = await running();
    const token = containerOf(app.instance).starts.at(-1)?.env["GANTRY_BRIDGE_TOKEN"] ?? "";
    const bad = [
      "test-token",
      token.replace(app.deployment, other.deployment),
      token.replace(`${app.deployment}_1_`, `${app.deployment}_2_`),
      `${token.slice(0, -1)}${token.endsWith("0") ? "1" : "0"}`,
      "gtw_x_1_00",
    ];
    for (const each of bad) {
      expect(await outside("/identity", each)).toMatchObject({
        status: 401,
        body: { error: { code: "UNAUTHORIZED" } },
      });
    }
    const none = await exports.default.fetch(new Request("http://control.test/bridge/identity"));
    expect([none.status, none.headers.get("gantry-error")]).toEqual([401, "UNAUTHORIZED"]);
  });
});

describe.concurrent("a function", () => {
  it("of the bound Worker is called once, with who calls, and its answer is passed on", async ({ expect }) => {
    const app = await running({ bridge: { binding: "FUNCTIONS" } });
    const bridge = bridgeOf(app.instance);
    const caller = { application: app.name, instance: app.instance, name: null, generation: 1 };
    expect(await bridge.call("jobs:markDone", { id: 7 }, "mutation")).toEqual({
      echo: { id: 7 },
      kind: "mutation",
      caller,
    });
    expect(await bridge.call("nothing")).toBeNull();
    expect(await failureOf(bridge.call("stock:take"))).toMatchObject({
      name: "FunctionError",
      code: "OUT_OF_STOCK",
      message: "none left",
      details: { sku: 7 },
    });
    expect(await failureOf(bridge.call("plain:failure"))).toMatchObject({
      name: "FunctionError",
      code: "FUNCTION_FAILED",
      message: "something else",
    });
    expect(await failureOf(bridge.call("much"))).toMatchObject({
      name: "GantryError",
      code: "BRIDGE_RESULT_TOO_LARGE",
    });
    const paths = functionCalls.filter((each) => each.caller.application === app.name).map((each) => each.functionPath);
    expect(paths).toEqual(["jobs:markDone", "nothing", "stock:take", "plain:failure", "much"]);
  });

  it("without a Worker that has any is refused with the fix", async ({ expect }) => {
    const [none, silent] = await Promise.all([running(), running({ bridge: { binding: "SILENT" } })]);
    for (const { instance } of [none, silent]) {
      expect(await failureOf(bridgeOf(instance).call("a:b"))).toMatchObject({
        name: "GantryError",
        code: "NO_BRIDGE_TARGET",
        status: 409,
      });
    }
  });

  it("of a Worker that is not bound is refused when the application is written", async ({ expect }) => {
    const configuration = { image: "hello-world" };
    for (const field of ["bridge", "hooks"]) {
      for (const binding of ["NOBODY", "ASSETS", "INSTANCE", "GANTRY_ADMIN_TOKEN", "constructor"]) {
        const refused = await call("POST", "/applications", {
          name: "never",
          instances: 0,
          configuration,
          [field]: { binding },
        });
        expect(refused.status).toBe(400);
        expect(domainError(refused).details).toEqual({
          [`${field}.binding`]: expect.stringContaining("it has EVENTS, FUNCTIONS, SILENT"),
        });
      }
    }
    const { id } = await createApplication({ instances: 0, bridge: { binding: "FUNCTIONS" } });
    expect((await call("PATCH", `/applications/${id}`, { bridge: { binding: "NOBODY" } })).status).toBe(400);
    expect((await call("GET", `/applications/${id}`)).result.bridge).toEqual({ binding: "FUNCTIONS" });
    expect((await call("PATCH", `/applications/${id}`, { bridge: null })).result).not.toHaveProperty("bridge");
  });
});

const stateOf = async (id: string) => (await instancesOf(id))[0]?.status.state;

describe.concurrent("a busy container", () => {
  const sleepers = { instances: 0, named_instances: 2 };

  async function named(configuration: Record<string, unknown> = {}): Promise<Running> {
    const { id, name } = await createApplication({
      ...sleepers,
      check_every: 1,
      configuration: { image: "hello-world", sleep_after: 1, stop_grace: 1, ...configuration },
    });
    await raw("GET", `http://control.test/a/${name}/@bob/x`);
    const [instance] = await instancesOf(id);
    return { id, name, instance: instance?.id ?? "", deployment: instance?.deployment_id ?? "" };
  }

  it("does not sleep, and does when it is not busy any more", async ({ expect }) => {
    const app = await named();
    const bridge = bridgeOf(app.instance);
    const lease = await bridge.busy({ ttlMs: 60_000 });
    expect((await bridge.call("who").catch((error: { code: string }) => error.code)) as string).toBe(
      "NO_BRIDGE_TARGET",
    );
    const { busy_until: until } = await said(app);
    expect(Date.parse(until)).toBeGreaterThan(Date.now() + 50_000);
    // Two looks later it would be asleep.
    const { fires } = await looks(app.deployment, 3);
    expect(fires).toBe(3);
    expect(await stateOf(app.id)).toBe("running");
    await lease.release();
    expect((await said(app)).busy_until).toBeNull();
    await eventually(async () => (await stateOf(app.id)) === "stopped");
    expect(containerOf(app.instance).signals).toEqual([15]);
  });

  it("is waited for in a stop, and stopped as soon as it lets go, also over an eviction", async ({ expect }) => {
    const app = await running({ configuration: { image: "hello-world", drain_timeout: 0, max_hold: "2h" } });
    const bridge = bridgeOf(app.instance);
    const lease = await bridge.busy({ ttlMs: 60_000 });
    await call("POST", `/applications/${app.id}/instances/${app.instance}/stop`);
    expect(await stateOf(app.id)).toBe("stopping");
    await reset(app.deployment);
    expect(await failureOf(bridge.heartbeat())).toEqual({});
    expect(containerOf(app.instance).signals).toEqual([]);
    await lease.release();
    await eventually(async () => containerOf(app.instance).signals.length > 0);
    expect(await failureOf(bridge.busy())).toMatchObject({ code: expect.stringMatching(/LEAVING|ENDED/) });
    await eventually(async () => (await stateOf(app.id)) === "stopped");
  });

  it("is not waited for longer than max_hold, and not at all by a delete", async ({ expect }) => {
    const [held, deleted] = await Promise.all([
      running({ configuration: { image: "hello-world", drain_timeout: 0, max_hold: 1 } }),
      running({ configuration: { image: "hello-world", drain_timeout: 0 } }),
    ]);
    await bridgeOf(held.instance).busy({ ttlMs: 60_000 });
    await bridgeOf(deleted.instance).busy({ ttlMs: 60_000 });
    await call("POST", `/applications/${held.id}/instances/${held.instance}/stop`);
    // Also when something that does wait for it has begun to stop it.
    await call("PATCH", `/applications/${deleted.id}`, { instances: 0 });
    await eventually(async () => (await stateOf(deleted.id)) === "stopping");
    await call("DELETE", `/applications/${deleted.id}`);
    await eventually(async () => containerOf(deleted.instance).signals.length > 0);
    await eventually(async () => (await stateOf(held.id)) === "stopped");
    expect(containerOf(held.instance).signals).toEqual([15]);
  });

  it("is not the one that goes when there are to be fewer", async ({ expect }) => {
    const { id } = await createApplication({ instances: 3 });
    const members = await untilReady(id, 3);
    const last = members.find(({ name }) => name.endsWith("-2"));
    await bridgeOf(last?.id ?? "").busy({ ttlMs: 60_000 });
    await call("PATCH", `/applications/${id}`, { instances: 1 });
    const left = await untilReady(id, 1);
    expect(left.map((instance) => instance.id)).toEqual([last?.id]);
  });
});

/** Lets the instance look at its container so many times. */
async function looks(deployment: string, count: number): Promise<{ fires: number }> {
  const stub = env.INSTANCE.getByName(deployment);
  let fires = 0;
  let armed = 0;
  while (fires < count) {
    const alarm = await runInDurableObject(stub, async (_: Instance, state) => await state.storage.getAlarm());
    if (alarm !== null && alarm !== armed) {
      if (armed !== 0) fires += 1;
      armed = alarm;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { fires };
}
