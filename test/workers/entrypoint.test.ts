/** The entrypoint that other Workers bind to: calls of instances and pools, and what is done with named ones. */
import { exports } from "cloudflare:workers";
import { describe, it } from "vitest";
import { createApplication, eventually, instancesOf, raw, untilReady } from "./client.ts";
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

  it("takes no answer of an application for a failure of its own, whatever headers that has", async ({ expect }) => {
    const { name } = await application();
    const response = await bound(`/a/${name}/@alice/forged`, { method: "POST" });
    expect([response.status, await response.text()]).toEqual([200, "mine"]);
    const said = ["gantry-refused", "gantry-error", "gantry-retryable"].map((header) => response.headers.get(header));
    expect(said).toEqual([null, null, null]);
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

describe.concurrent("a command inside an instance", () => {
  it("is run where it has to be started first, and tells how it ended and what it printed", async ({ expect }) => {
    const { name } = await application();
    const printed = await gantry().exec(name, "alice", { command: "print", args: ["a", "b c"] });
    expect(printed).toEqual({ exitCode: 0, stdout: "a b c", stderr: "" });
    expect((await gantry().exec(name, "alice", { command: "fail" })).exitCode).toBe(3);
    expect((await gantry().exec(name, "alice", { command: "nowhere" })).exitCode).toBe(127);
    const { stdout } = await gantry().exec(name, "alice", { command: "env", env: { A: "1" }, cwd: "/tmp" });
    expect(JSON.parse(stdout)).toEqual({ env: { A: "1" }, cwd: "/tmp" });
  });

  it("that does not begin is given up soon, may be tried again, and runs in the next container", async ({ expect }) => {
    const { id, name } = await application();
    await gantry().exec(name, "alice", { command: "print" });
    const [instance] = await instancesOf(id);
    const container = containerOf(instance?.id ?? "");
    container.hangNextCommand();
    const error = await errorOf(gantry().exec(name, "alice", { command: "print", timeoutMs: 50 }));
    expect(error).toMatchObject({ code: "INSTANCE_UNREACHABLE", details: { waited_ms: 50 } });
    // Nobody else tells it: it was running, and its end was heard by nobody.
    await eventually(() => Promise.resolve(!container.running));
    expect((await gantry().exec(name, "alice", { command: "print", args: ["b"] })).stdout).toBe("b");
    expect(container.starts).toHaveLength(2);
  });

  it("that prints or takes too much is killed, and says so", async ({ expect }) => {
    const { id, name } = await application();
    const endless = await errorOf(gantry().exec(name, "alice", { command: "endless", maxOutputBytes: 5_000 }));
    expect(endless).toMatchObject({ code: "EXEC_OUTPUT_TOO_LARGE", details: { max_output_bytes: 5_000 } });
    const [instance] = await instancesOf(id);
    expect(containerOf(instance?.id ?? "").killed).toEqual([9]);
    const silent = await errorOf(gantry().exec(name, "alice", { command: "silent", timeoutMs: 20 }));
    expect(silent).toMatchObject({ code: "EXEC_TIMEOUT" });
    expect(containerOf(instance?.id ?? "").killed).toEqual([9, 9]);
  });

  it.for([
    [{ command: "  " }, "command"],
    [{ command: "ls", timeoutMs: 0 }, "timeoutMs"],
    [{ command: "ls", env: { "A=B": "" } }, "env.A=B"],
    [{ command: "ls", user: "root" }, "request"],
  ] as const)("as %j is refused by %s", async ([request, field], { expect }) => {
    const { name } = await application();
    const error = await errorOf(gantry().exec(name, "alice", request));
    expect(error).toMatchObject({ code: "VALIDATE_INPUT" });
    expect(Object.keys((error as { details: object }).details)).toEqual([field]);
  });
});

interface Frames {
  readonly socket: WebSocket;
  readonly text: string[];
  readonly output: () => string;
  readonly closed: Promise<CloseEvent>;
}

async function terminal(name: string): Promise<Frames> {
  const response = await bound(`/a/${name}/@alice`, { headers: { upgrade: "websocket" } }, { mode: "terminal" });
  const socket = response.webSocket;
  if (socket === null) throw new Error(`${response.status}: ${await response.text()}`);
  const [text, binary]: [string[], Uint8Array[]] = [[], []];
  const { promise: closed, resolve } = Promise.withResolvers<CloseEvent>();
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }) => {
    if (typeof data === "string") text.push(data);
    else binary.push(new Uint8Array(data as ArrayBuffer));
  });
  socket.addEventListener("close", resolve);
  socket.accept();
  const output = () => binary.map((chunk) => new TextDecoder().decode(chunk)).join("");
  return { socket, text, output, closed };
}

const keys = (text: string) => new TextEncoder().encode(text);

describe.concurrent("a terminal inside an instance", () => {
  it("carries keys, sizes and output in their order, and the exit code at the end", async ({ expect }) => {
    const { name } = await application();
    const { socket, text, output, closed } = await terminal(name);
    socket.send(JSON.stringify({ exec: { command: "cat" } }));
    socket.send(keys("one "));
    await eventually(async () => output() === "one ");
    socket.send(JSON.stringify({ resize: { columns: 120, rows: 40 } }));
    socket.send(keys("two"));
    await eventually(async () => output() === "one two[120x40]");
    socket.send(keys("\u0004"));
    expect((await closed).code).toBe(1000);
    expect(text).toEqual(['{"exitCode":0}']);
  });

  it("hangs up on the command when the caller goes", async ({ expect }) => {
    const { id, name } = await application();
    const { socket, output } = await terminal(name);
    socket.send(JSON.stringify({ exec: { command: "cat" } }));
    socket.send(keys("x"));
    await eventually(async () => output() === "x");
    socket.close();
    const [instance] = await instancesOf(id);
    await eventually(async () => containerOf(instance?.id ?? "").killed.length > 0);
    expect(containerOf(instance?.id ?? "").killed).toEqual([1]);
  });

  it.for(["hello", '{"exec": {}}', '{"exec": {"command": "cat", "size": {"columns": 0, "rows": 1}}}'])(
    "is closed with a reason when it begins with %s",
    async (first, { expect }) => {
      const { name } = await application();
      const { socket, closed } = await terminal(name);
      socket.send(first);
      expect(await closed).toMatchObject({ code: 1003, reason: expect.stringContaining("the first frame") });
    },
  );

  it("is not to be had from outside, whatever headers are sent", async ({ expect }) => {
    const { id, name } = await application({ ingress: { mode: "public" } });
    const headers = { upgrade: "websocket", "gantry-terminal": "1" };
    const response = await raw("GET", `http://control.test/a/${name}/@alice/ws`, undefined, headers);
    expect(response.status).toBe(101);
    response.webSocket?.accept();
    response.webSocket?.send(JSON.stringify({ exec: { command: "cat" } }));
    response.webSocket?.close();
    const [instance] = await instancesOf(id);
    expect(containerOf(instance?.id ?? "").execs).toBe(1);
    const plain = await raw("GET", `http://${name}.localhost/ws`, undefined, { "gantry-terminal": "1" });
    expect(plain.status).not.toBe(426);
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
    expect(await errorOf(gantry().start(name, "alice", { unknown: "x" }))).toMatchObject({
      code: "VALIDATE_INPUT",
      details: { unknown: expect.anything() },
    });
    expect(await errorOf(gantry().stop(name, "alice", { signl: 9 }))).toMatchObject({
      details: { signl: expect.anything() },
    });
    expect(await errorOf(gantry().getState("nobody", "alice"))).toMatchObject({ code: "APPLICATION_NOT_FOUND" });
  });
});
