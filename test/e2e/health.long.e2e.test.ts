/** Checks, drains and WebSockets on real workerd and real containers. */
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { stopTimeline } from "../../src/orchestrator/stop-timeline.ts";
import { ControlPlane, docker, eventually, workloads } from "./control-plane.ts";

const plane = new ControlPlane();
beforeAll(() => plane.start());
afterAll(() => plane.stop());
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") plane.debug();
  for (const { id } of (await plane.call("GET", "/applications")).result)
    await plane.call("DELETE", `/applications/${id}`);
});

async function running(name: string, configuration: object = {}) {
  const id = await plane.create(name, { instances: 1, configuration: { image: "hello-world", ...configuration } });
  await plane.untilReady(id, 1);
  const [instance] = await plane.instances(id);
  if (instance === undefined) throw new Error("no instance");
  return { id, instance };
}

async function open(name: string): Promise<WebSocket> {
  const socket = new WebSocket(`${plane.origin.replace("http", "ws")}/a/${name}/ws`);
  socket.binaryType = "arraybuffer";
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error("the WebSocket failed")));
  });
  return socket;
}

function closeOf(socket: WebSocket): Promise<CloseEvent> {
  return new Promise((resolve) => {
    socket.addEventListener("close", resolve);
  });
}

async function endOf(id: string, name: string) {
  return await eventually(async () => (await plane.events(id)).find((event) => event.name === name));
}

describe("a WebSocket to a real container", () => {
  it("carries text and bytes up to 1 MiB in order, and its close", async ({ expect }) => {
    await running("relay");
    const socket = await open("relay");
    const seen: (string | ArrayBuffer)[] = [];
    const all = new Promise<void>((resolve) => {
      socket.addEventListener("message", ({ data }) => {
        seen.push(data);
        if (seen.length === 52) resolve();
      });
    });
    for (let n = 0; n < 50; n += 1) socket.send(String(n));
    const bytes = Uint8Array.from({ length: 1_048_576 }, (_, n) => n % 251);
    socket.send(bytes);
    socket.send("ä".repeat(500_000));
    await all;
    expect(seen.slice(0, 50)).toEqual(Array.from({ length: 50 }, (_, n) => String(n)));
    expect(Buffer.compare(Buffer.from(seen[50] as ArrayBuffer), Buffer.from(bytes))).toBe(0);
    expect(seen[51] === "ä".repeat(500_000)).toBe(true);
    const closed = closeOf(socket);
    socket.close(4_001, "bye");
    expect((await closed).code).toBe(4_001);
  });

  it("is closed when its container is killed", async ({ expect }) => {
    const { instance } = await running("killed");
    const closed = closeOf(await open("killed"));
    const [workload] = await workloads(instance.id);
    await docker("kill", workload?.id ?? "");
    expect([1_006, 1_011]).toContain((await closed).code);
  });
});

describe("a stop of a real container", () => {
  it("waits for an open WebSocket, then ends it with SIGTERM", async ({ expect }) => {
    const { id } = await running("drained", { drain_timeout: "5m" });
    const socket = await open("drained");
    await plane.call("PATCH", `/applications/${id}`, { instances: 0 });
    await endOf(id, "VMStopping");
    const echoed = new Promise((resolve) => {
      socket.addEventListener("message", ({ data }) => resolve(data));
    });
    socket.send("still here");
    expect(await echoed).toBe("still here");
    socket.close();
    const { details } = await endOf(id, "VMStopped");
    expect(stopTimeline(details).map(({ name }) => name)).toEqual(["Cordoned", "Drained", "SigtermSent"]);
    expect(details).toMatchObject({ exit_code: 0, in_flight: 1, cut_off: 0 });
  });

  it("goes on when its object is reset while it drains", async ({ expect }) => {
    const { id, instance } = await running("interrupted", { drain_timeout: "5s" });
    const closed = closeOf(await open("interrupted"));
    await plane.call("PATCH", `/applications/${id}`, { instances: 0 });
    await endOf(id, "VMStopping");
    await eventually(async () => (await plane.instances(id))[0]?.status.state === "stopping");
    await fetch(`${plane.origin}/__test/abort/INSTANCE/${instance.deployment_id}`);
    await closed;
    // Nobody calls the object any more: its own alarm wakes it.
    const { details } = await endOf(id, "VMStopped");
    expect(details).toMatchObject({ drain: "interrupted", in_flight: 1, exit_code: 0 });
    await eventually(async () => (await workloads(instance.id)).length === 0);
  });
});

describe("a health check of a real container", () => {
  it("that fails three times restarts it once, by SIGTERM, as a failure of the application", async ({ expect }) => {
    const check = { kind: "health", type: "http", port: "http", interval: "500ms", http: { path: "/nothing" } };
    const { id } = await running("ill", { ports: [{ name: "http", port: 8080 }], checks: [check] });
    const { details } = await endOf(id, "VMFailed");
    expect(details).toMatchObject({ outcome: "killed", reason: "Unhealthy", exit_code: 0, restart_in_ms: 0 });
    await eventually(async () => (await plane.instances(id))[0]?.generation === 2);
    expect((await plane.instances(id))[0]?.failures).toBe(1);
  });
});
