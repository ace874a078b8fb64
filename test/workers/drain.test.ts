/** A stop: what is under way comes to its end or is cut off, and each step is told once. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import type { Instance } from "../../src/containers/instance.ts";
import { stopTimeline } from "../../src/orchestrator/stop-timeline.ts";
import { instanceStub } from "../../src/stubs.ts";
import { call, createApplication, eventsOf, eventually, instancesOf, raw, testEnv, untilReady } from "./client.ts";
import { containerOf, webSocketCloses } from "./fake-container.ts";

const instanceOf = (deploymentId: string) => instanceStub(testEnv, deploymentId);

async function running(configuration: object = {}) {
  const { id, name } = await createApplication({ configuration: { image: "hello-world", ...configuration } });
  const [instance] = await untilReady(id, 1);
  if (instance === undefined) throw new Error("no instance");
  return { id, host: `http://${name}.localhost`, instance, container: containerOf(instance.id) };
}

const stop = (id: string) => call("PATCH", `/applications/${id}`, { instances: 0 });

async function stopped(id: string) {
  const event = await eventually(async () => (await eventsOf(id)).find(({ name }) => name === "VMStopped"));
  const details = event.details as Record<string, string | number | boolean | null>;
  return { details, steps: stopTimeline(details).map(({ name }) => name) };
}

async function untilStopping(id: string) {
  await eventually(async () => (await instancesOf(id))[0]?.status.state === "stopping");
}

/** The step that is waited for is due now. */
async function passTime(deploymentId: string): Promise<void> {
  await runInDurableObject(instanceOf(deploymentId), (_: Instance, state: DurableObjectState) => {
    state.storage.sql.exec("UPDATE timers SET due_at = 0");
  });
  await runDurableObjectAlarm(instanceOf(deploymentId));
}

async function reset(deploymentId: string): Promise<void> {
  await runInDurableObject(instanceOf(deploymentId), (_: Instance, state: DurableObjectState) =>
    state.abort("reset by the test"),
  ).catch(() => undefined);
}

async function openSocket(host: string): Promise<WebSocket> {
  const { webSocket } = await raw("GET", `${host}/ws`, undefined, { upgrade: "websocket" });
  if (webSocket === null) throw new Error("no WebSocket");
  webSocket.accept();
  return webSocket;
}

describe("a stop with nothing under way", () => {
  it("sends SIGTERM at once", async ({ expect }) => {
    const { id, container } = await running({ drain_timeout: "15m" });
    await stop(id);
    const { details, steps } = await stopped(id);
    expect(steps).toEqual(["Cordoned", "Drained", "SigtermSent"]);
    expect(details).toMatchObject({ drain: "drained", in_flight: 0, cut_off: 0 });
    expect(container.signals).toEqual([15]);
  });

  it("is told step by step in the history of the placement", async ({ expect }) => {
    const { id, instance } = await running();
    await call("POST", `/applications/${id}/instances/${instance.id}/stop`);
    await stopped(id);
    const { result } = await call("GET", `/deployments/${instance.deployment_id}/placements`);
    const names: string[] = result[0].events.map(({ name }: { name: string }) => name);
    expect(names.slice(names.indexOf("VMStopping"))).toEqual([
      "VMStopping",
      "Cordoned",
      "Drained",
      "SigtermSent",
      "VMStopped",
    ]);
  });

  it("kills what ignores SIGTERM when its grace is over, and says when", async ({ expect }) => {
    const { id, instance, container } = await running({ image: "ignores-sigterm", stop_grace: "15m" });
    await stop(id);
    await eventually(async () => container.signals.length === 1);
    await passTime(instance.deployment_id);
    const { steps } = await stopped(id);
    expect(steps).toEqual(["Cordoned", "Drained", "SigtermSent", "SigkillSent"]);
    expect(container.signals).toEqual([15]);
  });

  it("gives a container the grace that its configuration says", async ({ expect }) => {
    const { id, instance, container } = await running({
      image: "ignores-sigterm",
      stop_grace: "12m",
      drain_timeout: "3m",
    });
    await stop(id);
    await eventually(async () => container.signals.length === 1);
    const alarm = await runInDurableObject(instanceOf(instance.deployment_id), (_: Instance, state) =>
      state.storage.getAlarm(),
    );
    expect((alarm ?? 0) - Date.now()).toBeGreaterThan(600_000);
    // The platform must not end it before that.
    expect(container.inactivityTimeouts.at(-1)).toBe(16 * 60_000);
    await passTime(instance.deployment_id);
    await stopped(id);
  });
});

describe("a stop with a stream under way", () => {
  it("takes no new request, waits for the stream, and only then sends SIGTERM", async ({ expect }) => {
    const { id, host, instance, container } = await running({ drain_timeout: "15m" });
    const response = await raw("GET", `${host}/stream`);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe("first");
    await stop(id);
    await untilStopping(id);
    const refused = await instanceOf(instance.deployment_id).fetch("http://x/late");
    expect(refused.headers.get("gantry-refused")).toBe("not-ready");
    expect(container.signals).toEqual([]);
    container.streams = false;
    expect((await reader?.read())?.value).toBe(" last");
    const { details, steps } = await stopped(id);
    expect(steps).toEqual(["Cordoned", "Drained", "SigtermSent"]);
    expect(details).toMatchObject({ in_flight: 1, cut_off: 0 });
  });

  it("that does not end is cut off when the time to drain is over", async ({ expect }) => {
    const { id, host, container } = await running({ drain_timeout: "300ms" });
    const response = await raw("GET", `${host}/stream`);
    await response.body?.getReader().read();
    await stop(id);
    const { details, steps } = await stopped(id);
    expect(steps).toEqual(["Cordoned", "DrainTimedOut", "SigtermSent"]);
    expect(details).toMatchObject({ drain: "timed_out", in_flight: 1, cut_off: 1 });
    expect(container.signals).toEqual([15]);
  });

  it("is not waited for at all with a drain_timeout of 0", async ({ expect }) => {
    const { id, host } = await running({ drain_timeout: 0 });
    const response = await raw("GET", `${host}/stream`);
    await response.body?.getReader().read();
    await stop(id);
    expect((await stopped(id)).details).toMatchObject({ drain: "timed_out", cut_off: 1 });
  });
});

describe("a stop with a WebSocket open", () => {
  it("waits until the client has closed it", async ({ expect }) => {
    const { id, host, container } = await running({ drain_timeout: "15m" });
    const socket = await openSocket(host);
    await stop(id);
    await untilStopping(id);
    expect(container.signals).toEqual([]);
    webSocketCloses.length = 0;
    socket.close(4_000, "done");
    expect((await stopped(id)).details).toMatchObject({ drain: "drained", in_flight: 1 });
    expect(webSocketCloses).toContain("4000 done");
  });

  it("waits until the application has closed it", async ({ expect }) => {
    const { id, host } = await running({ drain_timeout: "15m" });
    const socket = await openSocket(host);
    const { promise, resolve } = Promise.withResolvers<CloseEvent>();
    socket.addEventListener("close", resolve);
    await stop(id);
    await untilStopping(id);
    socket.send("close 1001 bye for now");
    expect(await promise).toMatchObject({ code: 1_001, reason: "bye for now" });
    expect((await stopped(id)).details).toMatchObject({ drain: "drained" });
  });

  it("does not wait for ever", async ({ expect }) => {
    const { id, host } = await running({ drain_timeout: "300ms" });
    await openSocket(host);
    await stop(id);
    expect((await stopped(id)).details).toMatchObject({ drain: "timed_out", cut_off: 1 });
  });
});

describe("an eviction in a stop", () => {
  it("while it drains ends what was under way, and the stop goes on", async ({ expect }) => {
    const { id, host, instance, container } = await running({ drain_timeout: "15m" });
    await openSocket(host);
    await stop(id);
    await untilStopping(id);
    expect(container.signals).toEqual([]);
    await reset(instance.deployment_id);
    // Whatever wakes the object; at the latest its own alarm, when the time to drain is over.
    await instanceOf(instance.deployment_id).billing();
    const { details, steps } = await stopped(id);
    expect(steps).toEqual(["Cordoned", "DrainInterrupted", "SigtermSent"]);
    expect(details).toMatchObject({ drain: "interrupted", in_flight: 1 });
    expect(container.signals).toEqual([15]);
  });

  it("in the grace period sends no second SIGTERM, and the SIGKILL still comes", async ({ expect }) => {
    const { id, instance, container } = await running({ image: "ignores-sigterm", stop_grace: "15m" });
    await stop(id);
    await eventually(async () => container.signals.length === 1);
    await untilStopping(id);
    await reset(instance.deployment_id);
    await passTime(instance.deployment_id);
    const { steps } = await stopped(id);
    expect(steps).toEqual(["Cordoned", "Drained", "SigtermSent", "SigkillSent"]);
    expect(container.signals).toEqual([15]);
  });

  it("after the container has ended by itself finds it gone, as it was wanted", async ({ expect }) => {
    const { id, host, instance, container } = await running({ drain_timeout: "15m" });
    await openSocket(host);
    await stop(id);
    await untilStopping(id);
    container.vanish();
    await reset(instance.deployment_id);
    await passTime(instance.deployment_id);
    expect((await stopped(id)).details).toMatchObject({ outcome: "stopped", reason: "ScaledDown" });
    expect(container.signals).toEqual([]);
  });
});
