/** The entrypoint that other Workers bind to: calls of instances and pools, and what is done with named ones. */
import { exports } from "cloudflare:workers";
import { describe, it } from "vitest";
import { createApplication, eventually, instancesOf, untilReady } from "./client.ts";
import type { Envelope } from "./client.ts";
import { containerOf } from "./fake-container.ts";

interface Echo {
  port: number;
  path: string;
  search: string;
  headers: Record<string, string>;
  body: string;
}

const PORTS = [
  { name: "http", port: 8_080 },
  { name: "admin", port: 9_090 },
];

async function application(body: Record<string, unknown> = {}) {
  return await createApplication({
    instances: 0,
    named_instances: 5,
    ingress: { mode: "private" },
    configuration: { image: "hello-world", ports: PORTS },
    ...body,
  });
}

const gantry = () => exports.Gantry;

async function bound(path: string, init: RequestInit = {}, call?: Record<string, unknown>) {
  const headers = new Headers(init.headers);
  if (call !== undefined) headers.set("gantry-call", JSON.stringify(call));
  return await gantry().fetch(new Request(`http://gantry.internal${path}`, { ...init, headers }));
}

async function echoOf(response: Response): Promise<Echo & { instance: string }> {
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return { ...(await response.json<Echo>()), instance: response.headers.get("gantry-instance") ?? "" };
}

async function refusalOf(response: Response) {
  const { errors } = await response.json<Envelope>();
  return {
    status: response.status,
    code: response.headers.get("gantry-error"),
    isRetryable: response.headers.get("gantry-retryable"),
    error: errors[0]?.error,
  };
}

function errorOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => null,
    (error: unknown) => error,
  );
}

describe.concurrent("a call through the binding", () => {
  it("reaches a private application, with path, cookies and headers as they were sent", async ({ expect }) => {
    const { name } = await application();
    const headers = { cookie: "a=1", authorization: "Bearer mine" };
    const echo = await echoOf(await bound(`/a/${name}/@alice/x%20y/z?q=1`, { headers }));
    expect(echo).toMatchObject({ port: 8_080, path: "/x%20y/z", search: "?q=1", headers });
    expect(Object.keys(echo.headers).filter((header) => header.startsWith("gantry-"))).toEqual([]);
    expect(echo.headers["x-forwarded-prefix"]).toBeUndefined();
    expect((await echoOf(await bound(`/a/${name}/@alice`))).path).toBe("/");
  });

  it("goes to the port that it names, of one instance and of the pool", async ({ expect }) => {
    const { id, name } = await application({ instances: 1 });
    await untilReady(id, 1);
    expect((await echoOf(await bound(`/a/${name}/@alice/:9090/x`))).port).toBe(9_090);
    expect(await echoOf(await bound(`/a/${name}/:9090/x`))).toMatchObject({ port: 9_090, path: "/x" });
    expect(await refusalOf(await bound(`/a/${name}/:0/x`))).toMatchObject({ status: 400, code: "VALIDATE_INPUT" });
  });

  it("of the pool leaves out the members that were tried, and says when there is no other", async ({ expect }) => {
    const { id, name } = await application({ instances: 3 });
    await untilReady(id, 3);
    const tried: string[] = [];
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const { instance } = await echoOf(await bound(`/a/${name}/x`, {}, { mode: "pool", exclude: tried }));
      expect(tried).not.toContain(instance);
      tried.push(instance);
    }
    const refusal = await refusalOf(await bound(`/a/${name}/x`, {}, { mode: "pool", exclude: tried }));
    expect(refusal).toEqual({
      status: 503,
      code: "NO_OTHER_INSTANCE",
      isRetryable: "false",
      error: "NO_OTHER_INSTANCE",
    });
    const sized = new Set<string>();
    for (let attempt = 0; attempt < 20; attempt += 1) {
      sized.add((await echoOf(await bound(`/a/${name}/x`, {}, { mode: "any", size: 1 }))).instance);
    }
    expect(sized.size).toBe(1);
  });

  it("passes the application's own 429 and 503 on as they are, once", async ({ expect }) => {
    const { id, name } = await application();
    await echoOf(await bound(`/a/${name}/@alice/`));
    const [instance] = await instancesOf(id);
    const container = containerOf(instance?.id ?? "");
    for (const status of [429, 503]) {
      container.statuses.set(`/${status}`, status);
      const before = container.attempts;
      const response = await bound(`/a/${name}/@alice/${status}`);
      expect([response.status, response.headers.get("gantry-error")]).toEqual([status, null]);
      expect(container.attempts).toBe(before + 1);
    }
  });

  it("says of a failure whether it may be repeated: not when it may have been delivered", async ({ expect }) => {
    const { id, name } = await application();
    await echoOf(await bound(`/a/${name}/@alice/`));
    const [instance] = await instancesOf(id);
    containerOf(instance?.id ?? "").dropsAnswers = true;
    const post = await refusalOf(await bound(`/a/${name}/@alice/x`, { method: "POST", body: "once" }));
    expect(post).toMatchObject({ code: "INSTANCE_UNREACHABLE", isRetryable: "false" });
    expect(containerOf(instance?.id ?? "").received.filter((line) => line.startsWith("POST"))).toHaveLength(1);
  });

  it("waits no longer than it says", async ({ expect }) => {
    const { name } = await application({ configuration: { image: "never-starts" } });
    const refusal = await refusalOf(await bound(`/a/${name}/@alice/`, {}, { waitMs: 20 }));
    expect(refusal).toMatchObject({ status: 503, code: "INSTANCE_NOT_READY", isRetryable: "true" });
  });

  it("opens a WebSocket", async ({ expect }) => {
    const { name } = await application();
    const response = await bound(`/a/${name}/@alice/ws`, { headers: { upgrade: "websocket" } });
    expect(response.status).toBe(101);
    response.webSocket?.accept();
    response.webSocket?.close();
  });

  it.for([
    ["/x", undefined, "ROUTE_NOT_FOUND"],
    ["/a/nobody/", undefined, "APPLICATION_NOT_FOUND"],
    ["/a/nobody/", { exclude: "one" }, "VALIDATE_INPUT"],
    ["/a/nobody/", { wait: 1 }, "VALIDATE_INPUT"],
  ] as const)("to %s with %j is refused: %s", async ([path, call, code], { expect }) => {
    expect(await refusalOf(await bound(path, {}, call))).toMatchObject({ code, isRetryable: "false" });
  });
});

describe.concurrent("an instance that is called by name, through the binding", () => {
  it("is started without a request, and tells how it is", async ({ expect }) => {
    const { name } = await application();
    expect(await gantry().getState(name, "alice")).toMatchObject({ state: "absent", instance: null, generation: 0 });
    const started = await gantry().start(name, "alice");
    expect(started).toMatchObject({ name: "alice", state: "running", ready: true, generation: 1, version: 1 });
    expect((await echoOf(await bound(`/a/${name}/@alice/`))).instance).toBe(started.instance);
  });

  it("is stopped until the next call, and destroyed for good", async ({ expect }) => {
    const { id, name } = await application();
    const { instance } = await gantry().start(name, "alice");
    await gantry().stop(name, "alice");
    const stopped = await eventually(async () => {
      const state = await gantry().getState(name, "alice");
      return state.state === "stopped" && state;
    });
    expect(stopped).toMatchObject({ instance, ready: false, reason: "Idle" });
    expect((await echoOf(await bound(`/a/${name}/@alice/`))).instance).toBe(instance);
    await gantry().destroy(name, "alice");
    await eventually(async () => (await instancesOf(id)).length === 0);
    expect(await gantry().getState(name, "alice")).toMatchObject({ state: "absent" });
    await gantry().destroy(name, "alice");
  });

  it("sleeps later when its activity is renewed", async ({ expect }) => {
    const configuration = { image: "hello-world", sleep_after: "1s" };
    const { name } = await application({ configuration });
    await gantry().start(name, "alice");
    const started = Date.now();
    // Renewed for longer than it would stay awake by itself.
    while (Date.now() - started < 1_500) await gantry().renewActivityTimeout(name, "alice");
    expect((await gantry().getState(name, "alice")).state).toBe("running");
    await eventually(async () => (await gantry().getState(name, "alice")).state === "stopped");
  });

  it("has a name that no other instance can have", async ({ expect }) => {
    const { name } = await application();
    expect(await errorOf(gantry().start(name, `${name}-0`))).toMatchObject({ code: "VALIDATE_INPUT" });
    expect(await errorOf(gantry().getState("nobody", "alice"))).toMatchObject({ code: "APPLICATION_NOT_FOUND" });
  });
});
