import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import type { Instance } from "../../src/containers/instance.ts";
import { toLaunchSpec } from "../../src/orchestrator/launch-spec.ts";
import type { LaunchOrder } from "../../src/orchestrator/scheduler-deps.ts";
import { applicationStub, instanceStub } from "../../src/stubs.ts";
import { call, createApplication, eventsOf, eventually, instancesOf, raw, testEnv, untilReady } from "./client.ts";
import { containerOf } from "./fake-container.ts";

const applicationOf = (id: string) => applicationStub(testEnv, id);
const instanceOf = (deploymentId: string) => instanceStub(testEnv, deploymentId);

/** Everything that the object waits for is due now. */
async function fireTimers(stub: () => DurableObjectStub<Instance>): Promise<void> {
  await runInDurableObject(stub(), (_: Instance, state: DurableObjectState) => {
    state.storage.sql.exec("UPDATE timers SET due_at = 0");
  });
  await runDurableObjectAlarm(stub());
}

/** Memory is gone, storage and container stay. A pending monitor keeps the object from a gentle eviction. */
async function reset(stub: DurableObjectStub<Instance>): Promise<void> {
  await runInDurableObject(stub, (_: Instance, state: DurableObjectState) => state.abort("reset by the test")).catch(
    () => undefined,
  );
}

async function first(id: string) {
  const [instance] = await untilReady(id, 1);
  if (instance === undefined) throw new Error("no instance");
  return { instance, container: containerOf(instance.id) };
}

describe("a fixed count", () => {
  it("is kept, and each start carries environment, size and labels", async ({ expect }) => {
    const { id } = await createApplication({
      instances: 3,
      configuration: {
        image: "hello-world",
        instance_type: "basic",
        environment_variables: [{ name: "COLOUR", value: "blue" }],
        labels: [{ name: "team", value: "media" }],
        entrypoint: ["node"],
        command: ["server.js"],
      },
    });
    const instances = await untilReady(id, 3);
    expect(new Set(instances.map((instance) => instance.id)).size).toBe(3);
    const [start] = containerOf(instances[0]?.id ?? "").starts;
    expect(start).toMatchObject({
      image: "local/hello-world:1",
      size: { vcpu: 0.25, memoryMib: 1_024, diskMb: 4_000 },
      entrypoint: ["node", "server.js"],
    });
    expect(start?.env).toMatchObject({ COLOUR: "blue", GANTRY_GENERATION: "1" });
    expect(start?.labels).toMatchObject({ team: "media", "gantry.gen": "1" });
  });

  it("follows 3 → 5 → 1 and stops what is too many", async ({ expect }) => {
    const { id } = await createApplication({ instances: 3 });
    await untilReady(id, 3);
    await call("PATCH", `/applications/${id}`, { instances: 5 });
    const five = await untilReady(id, 5);
    await call("PATCH", `/applications/${id}`, { instances: 1 });
    await untilReady(id, 1);
    expect(five.filter((instance) => containerOf(instance.id).running)).toHaveLength(1);
  });

  it("is none after a delete, and the name is free at once", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 2 });
    const instances = await untilReady(id, 2);
    expect((await call("DELETE", `/applications/${id}`)).status).toBe(200);
    expect((await call("GET", `/applications/${id}`)).status).toBe(404);
    await createApplication({ name, instances: 0 });
    await eventually(async () => instances.every((instance) => !containerOf(instance.id).running));
  });
});

describe("a check that does not pass", () => {
  it("keeps the instance from traffic and says why", async ({ expect }) => {
    const { id } = await createApplication({
      configuration: {
        image: "hello-world",
        ports: [{ name: "http", port: 8080 }],
        checks: [{ type: "http", kind: "ready", port: "http", http: { path: "/missing" } }],
      },
    });
    const event = await eventually(async () => (await eventsOf(id)).find(({ name }) => name === "ContainerStarted"));
    expect(event.details).toEqual({ ready: false, detail: "GET /missing on port 8080 answered 404" });
    expect((await instancesOf(id))[0]).toMatchObject({ ready: false, status: { state: "provisioning" } });
  });
});

describe("check_every", () => {
  it("takes hold of running instances at their next report", async ({ expect }) => {
    const { id } = await createApplication();
    const { instance, container } = await first(id);
    await call("PATCH", `/applications/${id}`, { check_every: "10m" });
    await fireTimers(() => instanceOf(instance.deployment_id));
    await eventually(async () => container.inactivityTimeouts.includes(1_800_000));
    await eventually(async () =>
      runInDurableObject(instanceOf(instance.deployment_id), async (_: Instance, state: DurableObjectState) => {
        const alarm = await state.storage.getAlarm();
        return alarm !== null && alarm - Date.now() > 500_000;
      }),
    );
    expect(container.starts).toHaveLength(1);
  });
});

describe("a container that ends", () => {
  it("by itself comes back, with its code in an event", async ({ expect }) => {
    const { id } = await createApplication();
    const { container } = await first(id);
    container.exit(3);
    const event = await eventually(async () => (await eventsOf(id)).find(({ name }) => name === "VMFailed"));
    expect(event).toMatchObject({ type: "Error", details: { outcome: "exited", exit_code: 3 } });
    const [again] = await untilReady(id, 1);
    expect(again).toMatchObject({ generation: 2, failures: 1, losses: 0 });
  });

  it("by a kill that nobody explains is lost, which is not held against the user", async ({ expect }) => {
    const { id } = await createApplication();
    const { container } = await first(id);
    container.kill();
    const event = await eventually(async () => (await eventsOf(id)).find(({ name }) => name === "VMFailed"));
    expect(event).toMatchObject({ type: "SystemError", details: { outcome: "lost", exit_code: 137 } });
    const [again] = await untilReady(id, 1);
    expect(again).toMatchObject({ generation: 2, failures: 0, losses: 1 });
  });

  it("over and over is backed off and shown as failed, not as a hot loop", async ({ expect }) => {
    const { id } = await createApplication({}, "exits-3");
    await eventually(async () => (await instancesOf(id))[0]?.failures === 2);
    const [instance] = await instancesOf(id);
    expect(instance?.status).toMatchObject({ state: "failed", exit_code: 3 });
    expect((await call("GET", `/applications/${id}`)).result).toMatchObject({
      state: "degraded",
      health: { instances: { failed: 1, active: 0 } },
    });
    expect(containerOf(instance?.id ?? "").starts).toHaveLength(2);
  });

  it("before it boots is the user's error, and waits before the next try", async ({ expect }) => {
    const { id } = await createApplication({}, "never-boots");
    const event = await eventually(async () => (await eventsOf(id)).find(({ type }) => type === "UserError"));
    expect(event).toMatchObject({
      name: "VMFailedToStart",
      details: { reason: "ImageDoesNotBoot", restart_in_ms: 10_000 },
    });
    const [instance] = await instancesOf(id);
    expect(instance?.status.state).toBe("failed");
    expect(containerOf(instance?.id ?? "").starts).toHaveLength(1);
  });

  it("because the platform has none to give is the platform's, and asked for again a little later", async ({
    expect,
  }) => {
    const { id } = await createApplication({}, "refused-by-platform");
    const event = await eventually(async () => (await eventsOf(id)).find(({ name }) => name === "VMFailedToStart"));
    expect(event).toMatchObject({
      type: "SystemError",
      details: { outcome: "unavailable", reason: "NoCapacity", restart_in_ms: 1_000 },
    });
  });

  it("unseen is found at the next keep-alive", async ({ expect }) => {
    const { id } = await createApplication();
    const { instance, container } = await first(id);
    container.vanish();
    await fireTimers(() => instanceOf(instance.deployment_id));
    const event = await eventually(async () => (await eventsOf(id)).find(({ name }) => name === "VMFailed"));
    expect(event.details).toMatchObject({ outcome: "lost", reason: "Vanished", exit_code: null });
    expect((await untilReady(id, 1))[0]?.generation).toBe(2);
  });

  it("is replaced when its object was evicted meanwhile", async ({ expect }) => {
    const { id } = await createApplication();
    const { instance, container } = await first(id);
    container.vanish();
    await reset(instanceOf(instance.deployment_id));
    expect(
      (await raw("GET", `http://${(await call("GET", `/applications/${id}`)).result.name}.localhost/x`)).status,
    ).toBe(200);
    expect((await untilReady(id, 1))[0]).toMatchObject({ generation: 2, losses: 1 });
  });
});

describe("an eviction", () => {
  it("of an instance keeps its container, which gets its inactivity timeout again", async ({ expect }) => {
    const { id } = await createApplication();
    const { instance, container } = await first(id);
    expect(container.inactivityTimeouts).toEqual([180_000]);
    await reset(instanceOf(instance.deployment_id));
    await fireTimers(() => instanceOf(instance.deployment_id));
    expect(container.running).toBe(true);
    expect(container.inactivityTimeouts).toEqual([180_000, 180_000]);
    expect(container.starts).toHaveLength(1);
  });

  it("of the scheduler between intent and answer starts nothing twice", async ({ expect }) => {
    const { id } = await createApplication({ instances: 2 });
    await evictDurableObject(applicationOf(id));
    const instances = await untilReady(id, 2);
    for (const instance of instances) expect(containerOf(instance.id).starts).toHaveLength(1);
  });

  it("of the scheduler in a delete still stops everything", async ({ expect }) => {
    const { id } = await createApplication({ instances: 2 });
    const instances = await untilReady(id, 2);
    await call("DELETE", `/applications/${id}`);
    await evictDurableObject(applicationOf(id));
    await eventually(async () => {
      await runDurableObjectAlarm(applicationOf(id));
      return instances.every((instance) => !containerOf(instance.id).running);
    });
    expect(instances.map((instance) => containerOf(instance.id).starts.length)).toEqual([1, 1]);
  });
});

/** A first launch, as the scheduler orders it. */
function launchOrder(applicationId: string, deploymentId: string): LaunchOrder {
  return {
    applicationId,
    applicationName: "x",
    deploymentId,
    instanceName: "x-0",
    generation: 1,
    version: 1,
    revision: "r",
    checkEveryMs: 60_000,
    spec: toLaunchSpec({ image: "hello-world" }),
  };
}

describe("what comes late", () => {
  it("a launch after its stop starts nothing", async ({ expect }) => {
    const { id } = await createApplication();
    const { instance } = await first(id);
    const stub = instanceOf(`auto-0-${crypto.randomUUID()}`);
    const container = containerOf(stub.id.toString());
    await stub.retire(1, "Deleted");
    const answer = await stub.launch(launchOrder(id, instance.deployment_id));
    expect(answer.report.state).toBe("ended");
    expect(container.starts).toHaveLength(0);
  });

  it("a container that its application does not know destroys itself", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const deploymentId = `auto-0-${crypto.randomUUID()}`;
    const stub = instanceOf(deploymentId);
    const container = containerOf(stub.id.toString());
    await stub.launch(launchOrder(id, deploymentId));
    expect(container.starts).toHaveLength(1);
    await eventually(async () => !container.running);
  });

  it("a report of an older generation changes nothing", async ({ expect }) => {
    const { id } = await createApplication();
    const { instance, container } = await first(id);
    container.kill();
    await eventually(async () => (await untilReady(id, 1))[0]?.generation === 2);
    const { owned } = await applicationOf(id).report(instance.deployment_id, 1, {
      state: "ended",
      outcome: { kind: "exited", exitCode: 1, reason: "ExitedWithCode" },
    });
    expect(owned).toBe(false);
    expect((await instancesOf(id))[0]).toMatchObject({ ready: true, generation: 2, failures: 0 });
  });
});

describe("a stop", () => {
  it("sends SIGTERM, and SIGKILL when it is ignored", async ({ expect }) => {
    const { id } = await createApplication({}, "ignores-sigterm");
    const { instance, container } = await first(id);
    await call("PATCH", `/applications/${id}`, { instances: 0 });
    await eventually(async () => container.signals.includes(15));
    expect(container.running).toBe(true);
    // The grace period is over: its timer is the only thing that is due.
    await fireTimers(() => instanceOf(instance.deployment_id));
    await eventually(async () => !container.running && (await instancesOf(id)).length === 0);
  });
});

describe("a dead network", () => {
  it("takes the instance out at the first failed request and replaces it when it stays dead", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 2 });
    const instances = await untilReady(id, 2);
    const broken = containerOf(instances[0]?.id ?? "");
    broken.cutNetwork();
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => await raw("GET", `http://${name}.localhost/x`)),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(new Set(answers.map(({ headers }) => headers.get("gantry-instance")))).toEqual(new Set([instances[1]?.id]));
    const event = await eventually(async () => (await eventsOf(id)).find((e) => e.name === "VMFailed"));
    expect(event.details).toMatchObject({ outcome: "lost", reason: "Unreachable" });
  });
});
