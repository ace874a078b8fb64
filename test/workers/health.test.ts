/** Checks of kind startup, ready and health, on a container that answers as it is told. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import type { Instance } from "../../src/containers/instance.ts";
import { instanceStub } from "../../src/stubs.ts";
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

const PORTS = [{ name: "http", port: 8_080 }];
const http = (kind: string, path: string, more: object = {}) => ({
  kind,
  type: "http",
  port: "http",
  name: path.slice(1),
  http: { path },
  interval: "100ms",
  ...more,
});
const withChecks = (checks: object[], more: object = {}) => ({
  configuration: { image: "hello-world", ports: PORTS, checks, ...more },
});

async function only(id: string) {
  const instance = await eventually(async () => (await instancesOf(id))[0]);
  return { instance, container: containerOf(instance.id) };
}

/** Told before it starts, so that nothing else was ever answered. */
const answering = (value: string) => ({ environment_variables: [{ name: "ANSWERS", value }] });

const checksOf = async (id: string): Promise<Record<string, string>> =>
  Object.fromEntries(((await instancesOf(id))[0]?.checks ?? []).map(({ name, state }) => [name, state]));

const endsOf = async (id: string) => (await eventsOf(id)).filter(({ name }) => name === "VMFailed");

async function reset(deploymentId: string): Promise<void> {
  await runInDurableObject(instanceStub(testEnv, deploymentId), (_: Instance, state: DurableObjectState) =>
    state.abort("reset by the test"),
  ).catch(() => undefined);
}

async function keepAlive(deploymentId: string): Promise<void> {
  const stub = () => instanceStub(testEnv, deploymentId);
  await runInDurableObject(stub(), (_: Instance, state: DurableObjectState) => {
    state.storage.sql.exec("UPDATE timers SET due_at = 0");
  });
  await runDurableObjectAlarm(stub());
}

describe("a ready check", () => {
  it("that fails three times takes the instance out of traffic, kills nothing, and lets it back when it passes", async ({
    expect,
  }) => {
    const { id, name } = await createApplication(withChecks([http("ready", "/ready")]));
    const { container } = await only(id);
    await untilReady(id, 1);
    container.statuses.set("/ready", 503);
    const seen = container.checked.length;
    await eventually(async () => (await instancesOf(id))[0]?.ready === false);
    expect(container.checked.length - seen).toBeGreaterThanOrEqual(3);
    const [instance] = await instancesOf(id);
    expect(instance).toMatchObject({
      status: { state: "unhealthy" },
      checks: [{ name: "ready", kind: "ready", state: "failing", detail: "GET /ready on port 8080 answered 503" }],
    });
    const update = (await eventsOf(id)).find((event) => event.name === "CheckUpdate");
    expect(update).toMatchObject({ type: "Warn", details: { ready: false, "check.ready": "failing" } });
    container.statuses.delete("/ready");
    const [again] = await untilReady(id, 1);
    expect(again).toMatchObject({ generation: 1, failures: 0, checks: [{ state: "passing", detail: null }] });
    expect((await raw("GET", `http://${name}.localhost/x`)).status).toBe(200);
    expect(container.starts).toHaveLength(1);
  });

  it("that fails now and then, but not often enough in a row, changes nothing", async ({ expect }) => {
    const { id } = await createApplication(withChecks([http("ready", "/ready", { attempts_before_failure: 100 })]));
    const { container } = await only(id);
    await untilReady(id, 1);
    const events = (await eventsOf(id)).length;
    container.statuses.set("/ready", 503);
    const seen = container.checked.length;
    await eventually(async () => container.checked.length >= seen + 5);
    expect((await instancesOf(id))[0]?.ready).toBe(true);
    expect((await eventsOf(id)).length).toBe(events);
  });

  it("passes on the statuses that it expects, and on no redirect that it does not", async ({ expect }) => {
    const moved = answering("/moved=302");
    const wanting = await createApplication(
      withChecks([http("ready", "/moved", { expect_status: [204, "3xx"] })], moved),
    );
    await untilReady(wanting.id, 1);
    const { id } = await createApplication(withChecks([http("ready", "/moved")], moved));
    await eventually(async () => (await checksOf(id))["moved"] === "failing");
    const { instance, container } = await only(id);
    expect(instance.checks[0]?.detail).toBe("GET /moved on port 8080 answered 302");
    expect(new Set(container.checked)).toEqual(new Set(["/moved"]));
  });

  it("runs beside the others, each attempt for no longer than its timeout", async ({ expect }) => {
    const hanging = ["/a", "/b", "/c"];
    const checks = hanging.map((path) => http("ready", path, { timeout: "200ms" }));
    const { id } = await createApplication(withChecks(checks));
    const { container } = await only(id);
    await untilReady(id, 1);
    for (const path of hanging) container.hangs.add(path);
    await eventually(async () => (await instancesOf(id))[0]?.ready === false);
    await eventually(async () => Object.values(await checksOf(id)).every((state) => state === "failing"));
    expect(container.mostChecksAtOnce).toBe(3);
    expect((await instancesOf(id))[0]?.checks[0]?.detail).toBe("port 8080 gave no answer within 200 ms");
    container.hangs.clear();
    await untilReady(id, 1);
  });
});

describe("a startup check", () => {
  it("keeps the others waiting until it has passed once, and is never asked again", async ({ expect }) => {
    const checks = [http("startup", "/boot"), http("ready", "/ready"), http("health", "/alive")];
    const { id } = await createApplication(withChecks(checks, answering("/boot=503")));
    await eventually(async () => (await checksOf(id))["boot"] === "failing");
    expect(await checksOf(id)).toEqual({ boot: "failing", ready: "pending", alive: "pending" });
    const { container } = await only(id);
    await eventually(async () => container.checked.length > 3);
    expect(new Set(container.checked)).toEqual(new Set(["/boot"]));
    container.statuses.delete("/boot");
    await untilReady(id, 1);
    expect(await checksOf(id)).toEqual({ boot: "passing", ready: "passing", alive: "passing" });
    const asked = container.checked.filter((path) => path === "/boot").length;
    const all = container.checked.length;
    await eventually(async () => container.checked.length > all + 4);
    expect(container.checked.filter((path) => path === "/boot")).toHaveLength(asked);
  });

  it("that does not pass in time ends the container, which is the application's failure", async ({ expect }) => {
    const checks = [http("startup", "/missing", { interval: "100ms" })];
    const { id } = await createApplication(withChecks(checks, { startup_deadline: "1s" }));
    const event = await eventually(async () => (await endsOf(id))[0]);
    expect(event).toMatchObject({ type: "Error", details: { outcome: "killed", reason: "StartupDeadline" } });
    expect(event.message).toContain("check missing did not pass within 1 s: GET /missing on port 8080 answered 404");
    const { container } = await only(id);
    expect(container.signals[0]).toBe(15);
    expect((await instancesOf(id))[0]?.failures).toBeGreaterThan(0);
  });

  it("of a process that never showed itself is the platform's failure", async ({ expect }) => {
    const { id } = await createApplication({
      configuration: { image: "never-starts", startup_deadline: "1s" },
    });
    const event = await eventually(async () => (await eventsOf(id)).find(({ name }) => name === "RuntimeStartFailed"));
    expect(event).toMatchObject({ type: "SystemError", details: { outcome: "never-started", reason: "NeverStarted" } });
    expect((await instancesOf(id))[0]?.failures).toBe(0);
  });
});

describe("a health check", () => {
  it("that fails three times in a row restarts the container once, gracefully, as a failure", async ({ expect }) => {
    const { id } = await createApplication(withChecks([http("health", "/alive")]));
    const { container } = await only(id);
    await untilReady(id, 1);
    await eventually(async () => container.checked.length > 2);
    container.statuses.set("/alive", 500);
    const asked = container.checked.length;
    const event = await eventually(async () => (await endsOf(id))[0]);
    container.statuses.delete("/alive");
    expect(event).toMatchObject({
      type: "Error",
      details: { outcome: "killed", reason: "Unhealthy", drain: "skipped", restart_in_ms: 0 },
    });
    expect(event.message).toContain("check alive failed 3 times in a row: GET /alive on port 8080 answered 500");
    expect(container.signals).toEqual([15]);
    const [again] = await untilReady(id, 1);
    expect(again).toMatchObject({ generation: 2, failures: 1, losses: 0 });
    expect(container.checked.length).toBeGreaterThanOrEqual(asked + 3);
    const told = (await eventsOf(id)).map(({ name }) => name);
    expect(told.indexOf("CheckUpdate")).toBeLessThan(told.indexOf("VMFailed"));
    expect(told.filter((name) => name === "VMFailed")).toHaveLength(1);
    expect(container.starts).toHaveLength(2);
  });

  it("that goes on failing backs off, and the instance says that it is in a crash loop", async ({ expect }) => {
    const { id } = await createApplication(withChecks([http("health", "/missing")]));
    await eventually(async () => (await instancesOf(id))[0]?.failures === 2);
    const [instance] = await instancesOf(id);
    expect(instance).toMatchObject({
      status: { state: "failed", reason: "CrashLoop", last_reason: "Unhealthy" },
      checks: [],
    });
    expect((await endsOf(id)).map(({ details }) => details["restart_in_ms"])).toEqual([0, 10_000]);
    expect(containerOf(instance?.id ?? "").starts).toHaveLength(2);
  });

  it("has its failures ignored in its grace period", async ({ expect }) => {
    const { id } = await createApplication(withChecks([http("health", "/missing", { grace_period: "1h" })]));
    const { container } = await only(id);
    await eventually(async () => container.checked.length > 10);
    expect((await instancesOf(id))[0]).toMatchObject({ ready: true, generation: 1 });
    expect(container.starts).toHaveLength(1);
  });

  it("goes on after an eviction, from the next keep-alive look on", async ({ expect }) => {
    const { id } = await createApplication(withChecks([http("health", "/alive")]));
    await untilReady(id, 1);
    const { instance, container } = await only(id);
    await reset(instance.deployment_id);
    container.statuses.set("/alive", 500);
    await keepAlive(instance.deployment_id);
    await eventually(async () => (await endsOf(id))[0]);
    container.statuses.delete("/alive");
    expect((await untilReady(id, 1))[0]).toMatchObject({ generation: 2, failures: 1 });
  });
});

describe("checks in passing", () => {
  it("cost no row and no alarm, however often they are made", async ({ expect }) => {
    const { id } = await createApplication(withChecks([http("ready", "/ready"), http("health", "/alive")]));
    await untilReady(id, 1);
    const { instance, container } = await only(id);
    const stub = () => instanceStub(testEnv, instance.deployment_id);
    await eventually(async () => (await checksOf(id))["alive"] === "passing");
    const before = await stub().billing();
    const seen = container.checked.length;
    await eventually(async () => container.checked.length > seen + 10);
    expect(await stub().billing()).toEqual(before);
    await keepAlive(instance.deployment_id);
    const after = await stub().billing();
    expect(after.rowsWritten - before.rowsWritten).toBeLessThanOrEqual(2);
    expect(after.alarmsSet - before.alarmsSet).toBe(1);
  });
});

describe("a check that cannot be", () => {
  it.for([
    [{ tls: true }, "configuration.checks.0.tls", "plain HTTP"],
    [
      { kind: "startup", attempts_before_failure: 3 },
      "configuration.checks.0.attempts_before_failure",
      "startup_deadline",
    ],
    [{ kind: "startup", grace_period: 1 }, "configuration.checks.0.grace_period", "startup_deadline"],
    [{ expect_status: ["6xx"] }, "configuration.checks.0.expect_status.0", ""],
    [{ type: "tcp", http: undefined, expect_status: [200] }, "configuration.checks.0.expect_status", "http"],
    [{ port: "admin" }, "configuration.checks.0.port", "configuration.ports"],
  ] as const)("%j is refused by its field", async ([change, field, word], { expect }) => {
    const body = withChecks([{ ...http("ready", "/"), ...change }]);
    const answer = await call("POST", "/applications", { name: "refused", instances: 0, ...body });
    expect(answer.status).toBe(400);
    const { details } = domainError(answer);
    const key = Object.keys(details).find((name) => name.replaceAll(/\[(\d+)\]/g, ".$1") === field);
    expect(key, JSON.stringify(details)).toBeDefined();
    expect(String(details[key ?? ""])).toContain(word);
  });
});

describe("what the platform does", () => {
  it("running is not started: a process that shows no sign of itself gets no traffic", async ({ expect }) => {
    const { id } = await createApplication({ configuration: { image: "never-starts" } });
    const { instance, container } = await only(id);
    await eventually(async () => container.running);
    expect(instance).toMatchObject({ ready: false, status: { state: "provisioning" } });
    expect((await eventsOf(id)).map(({ name }) => name)).not.toContain("ContainerStarted");
  });

  it("started is not ready: a process that answers badly gets no traffic either", async ({ expect }) => {
    const { id } = await createApplication(withChecks([http("ready", "/missing")]));
    await eventually(async () => (await eventsOf(id)).some(({ name }) => name === "ContainerStarted"));
    const [instance] = await instancesOf(id);
    expect(instance).toMatchObject({ ready: false, started_at: expect.any(String) });
  });

  it("vanished is lost and never an exit with 0", async ({ expect }) => {
    const { id } = await createApplication();
    await untilReady(id, 1);
    const { instance, container } = await only(id);
    container.vanish();
    await keepAlive(instance.deployment_id);
    const event = await eventually(async () => (await endsOf(id))[0]);
    expect(event.details).toMatchObject({ outcome: "lost", reason: "Vanished", exit_code: null });
    expect((await untilReady(id, 1))[0]).toMatchObject({ failures: 0, losses: 1 });
  });

  it.for([
    ["refused-by-platform", "NoCapacity"],
    ["rate-limited", "RateLimited"],
    ["too-many-instances", "MaxInstances"],
  ])("%s is %s: normal, asked for again, and nobody's failure", async ([image, reason], { expect }) => {
    const { id } = await createApplication({}, image);
    const event = await eventually(async () => (await eventsOf(id)).find(({ name }) => name === "VMFailedToStart"));
    expect(event).toMatchObject({
      type: "SystemError",
      details: { outcome: "unavailable", reason, restart_in_ms: 1_000 },
    });
    const { instance, container } = await only(id);
    expect(instance).toMatchObject({ failures: 0, status: { state: "provisioning", reason } });
    await eventually(async () => container.starts.length > 1);
    expect((await instancesOf(id))[0]?.failures).toBe(0);
  });

  it("that it says in new words is unknown, tried again, and shown with its text", async ({ expect }) => {
    const { id } = await createApplication({}, "says-something-new");
    const event = await eventually(async () => (await endsOf(id))[0]);
    expect(event).toMatchObject({
      type: "SystemError",
      details: { outcome: "unknown", reason: "Unclassified", unclassified: true, text: "a wording of tomorrow" },
    });
    expect((await instancesOf(id))[0]?.failures).toBe(0);
    await eventually(async () => (await only(id)).container.starts.length > 1);
  });

  it("may reset the object at any time: the verdicts are kept", async ({ expect }) => {
    const { id } = await createApplication(withChecks([http("ready", "/ready")]));
    await untilReady(id, 1);
    const { instance, container } = await only(id);
    container.statuses.set("/ready", 503);
    await eventually(async () => (await instancesOf(id))[0]?.ready === false);
    await reset(instance.deployment_id);
    await keepAlive(instance.deployment_id);
    expect(await checksOf(id)).toEqual({ ready: "failing" });
    container.statuses.delete("/ready");
    expect((await untilReady(id, 1))[0]?.generation).toBe(1);
  });
});

describe("a required port", () => {
  const configuration = { image: "hello-world", required_ports: [9_090, 7_070], startup_deadline: "2s" };

  /** It listens on all of them; the next container does not on the second. */
  async function restartedWithout(port: number) {
    const application = await createApplication({ configuration });
    const [instance] = await untilReady(application.id, 1);
    const container = containerOf(instance?.id ?? "");
    container.closedPorts.add(port);
    await call("POST", `/applications/${application.id}/instances/${instance?.id}/restart`);
    await eventually(async () => container.starts.length === 2);
    return { ...application, container };
  }

  it("keeps the instance from traffic until all of them accept connections, and the first gets the requests", async ({
    expect,
  }) => {
    const { id, name, container } = await restartedWithout(7_070);
    await eventually(async () => (await checksOf(id))["opened-9090"] === "passing");
    expect((await instancesOf(id))[0]?.ready).toBe(false);
    expect((await checksOf(id))["opened-7070"]).toBe("pending");
    const waiting = raw("GET", `http://${name}.localhost/x`);
    container.closedPorts.clear();
    const answer = await waiting;
    expect([answer.status, (await answer.json<{ port: number }>()).port]).toEqual([200, 9_090]);
    expect(Object.values(await checksOf(id))).toEqual(["passing", "passing", "passing", "passing"]);
  });

  it("that does not open in time ends the container, which is the application's failure", async ({ expect }) => {
    const { id } = await restartedWithout(7_070);
    const [end] = await eventually(async () => {
      const ends = await endsOf(id);
      return ends.length > 0 && ends;
    });
    expect(end?.message).toContain("check opened-7070 did not pass within 2 s: port 7070 refuses connections");
    expect((await instancesOf(id))[0]).toMatchObject({ failures: 1 });
  });

  it("is reached by its number, at an instance that is called by name", async ({ expect }) => {
    const { name } = await createApplication({ instances: 0, named_instances: 1, configuration });
    const portAt = async (path: string) => {
      const answer = await raw("GET", `http://control.test/a/${name}/@one${path}`);
      return answer.status === 200 ? (await answer.json<{ port: number }>()).port : answer.status;
    };
    expect([await portAt("/x"), await portAt("/:7070/x"), await portAt("/:9090/x")]).toEqual([9_090, 7_070, 9_090]);
    expect(await portAt("/:8080/x")).toBe(403);
  });
});
