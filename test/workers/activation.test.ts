/** Versions become active, and users act on single instances, through the methods of the Application object. */
import { evictDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import { GantryError } from "../../src/errors.ts";
import { parseDeploymentId } from "../../src/orchestrator/deployment-id.ts";
import { applicationStub } from "../../src/stubs.ts";
import {
  ACCOUNT_ID,
  call,
  createApplication,
  eventsOf,
  eventually,
  instancesOf,
  testEnv,
  untilReady,
  type WireInstance,
} from "./client.ts";
import { containerOf } from "./fake-container.ts";

const applicationOf = (id: string) => applicationStub(testEnv, id);

/** Stores a version beside the active one. */
async function store(id: string, configuration: Record<string, unknown>): Promise<void> {
  await call("PATCH", `/applications/${id}`, { configuration });
}

const coloured = (value: string) => ({
  image: "hello-world",
  environment_variables: [{ name: "COLOUR", value }],
});

async function readyOn(id: string, count: number, version: number): Promise<WireInstance[]> {
  return await eventually(async () => {
    const instances = await instancesOf(id);
    const views = await applicationOf(id).instances();
    const isThere = instances.length === count && instances.every(({ ready }) => ready);
    return isThere && views.every(({ deployment }) => deployment.version === version) && instances;
  });
}

/** The error's code, which is all that a caller decides by. */
async function codeOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => "none",
    (error: unknown) => (GantryError.is(error) ? error.code : String(error)),
  );
}

const routed = async (id: string) =>
  (await applicationOf(id).routing(0))?.members.map(({ deploymentId }) => deploymentId).toSorted() ?? [];

async function createStandalone(): Promise<{ id: string; deploymentId: string }> {
  const id = crypto.randomUUID();
  await applicationOf(id).create({
    id,
    accountId: ACCOUNT_ID,
    name: `alone-${id.slice(0, 8)}`,
    kind: "deployment",
    spec: { instances: 1, maxInstances: null, ingress: "private", checkEveryMs: 60_000 },
    configuration: { image: "hello-world" },
    revision: "blue",
  });
  const [view] = await applicationOf(id).instances();
  return { id, deploymentId: view?.deployment.id ?? "" };
}
const only = async (id: string) => (await applicationOf(id).instances()).map(({ deployment }) => deployment);

async function two() {
  const { id, name } = await createApplication({ instances: 2 });
  const [first, second] = await untilReady(id, 2);
  if (first === undefined || second === undefined) throw new Error("no instances");
  return { id, name, first, second };
}

describe("an activated version", () => {
  it("replaces every instance, and each has the new configuration", async ({ expect }) => {
    const { id } = await createApplication({ instances: 3, configuration: coloured("blue") });
    const old = await untilReady(id, 3);
    await store(id, coloured("green"));
    expect((await applicationOf(id).versions()).map(({ version, active }) => [version, active])).toEqual([
      [2, false],
      [1, true],
    ]);
    expect((await applicationOf(id).activate(2)).row.activeVersion).toBe(2);
    const fresh = await readyOn(id, 3, 2);
    expect(fresh.map((instance) => containerOf(instance.id).starts.at(-1)?.env["COLOUR"])).toEqual([
      "green",
      "green",
      "green",
    ]);
    await eventually(async () => old.every((instance) => !containerOf(instance.id).running));
    expect((await applicationOf(id).versions()).map(({ version, instances }) => [version, instances])).toEqual([
      [2, 3],
      [1, 0],
    ]);
    const stops = (await eventsOf(id)).filter(({ name }) => name === "VMStopping");
    expect(stops.map(({ details }) => details["reason"])).toEqual(["Outdated", "Outdated", "Outdated"]);
  });

  it("that starts the same thing restarts nothing and is what runs", async ({ expect }) => {
    const { id } = await createApplication({ instances: 2, configuration: coloured("blue") });
    const before = await untilReady(id, 2);
    await store(id, coloured("green"));
    await store(id, coloured("blue"));
    await applicationOf(id).activate(3);
    expect(await untilReady(id, 2)).toMatchObject(before.map(({ id: instance }) => ({ id: instance, generation: 1 })));
    expect((await applicationOf(id).versions()).map(({ instances }) => instances)).toEqual([2, 0, 0]);
  });

  it("that never works takes nothing away, and is gone when the old one is active again", async ({ expect }) => {
    const { id } = await createApplication({ instances: 2 });
    const before = await untilReady(id, 2);
    await store(id, { image: "never-boots" });
    await applicationOf(id).activate(2);
    await eventually(async () => (await eventsOf(id)).find(({ name }) => name === "VMFailedToStart"));
    expect(await routed(id)).toEqual(before.map(({ deployment_id: deployment }) => deployment).toSorted());
    expect(await instancesOf(id)).toHaveLength(3);
    await applicationOf(id).activate(1);
    expect((await untilReady(id, 2)).map(({ generation }) => generation)).toEqual([1, 1]);
  });

  it("goes on where it was when the scheduler is evicted", async ({ expect }) => {
    const { id } = await createApplication({ instances: 2, configuration: coloured("blue") });
    await untilReady(id, 2);
    await store(id, coloured("green"));
    await applicationOf(id).activate(2);
    await evictDurableObject(applicationOf(id));
    for (const instance of await readyOn(id, 2, 2)) expect(containerOf(instance.id).starts).toHaveLength(1);
  });

  it("that is not stored is refused, and one that is active changes nothing", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    expect(await codeOf(applicationOf(id).activate(7))).toBe("VERSION_NOT_FOUND");
    const { row } = await applicationOf(id).activate(1);
    expect(row.generation).toBe(1);
    expect((await eventsOf(id)).map(({ name }) => name)).toEqual(["ApplicationCreated"]);
  });
});

describe("a standalone deployment", () => {
  it("is stopped and started in place: id and slot stay", async ({ expect }) => {
    const { id, deploymentId } = await createStandalone();
    expect(parseDeploymentId(deploymentId)).toEqual({ region: "auto", shard: 0, applicationId: id });
    await eventually(async () => (await only(id))[0]?.ready);
    await applicationOf(id).patch({ version: { configuration: coloured("green"), revision: "green" } }, null);
    await applicationOf(id).activate(2);
    await eventually(async () => (await only(id))[0]?.version === 2 && (await only(id))[0]?.ready);
    expect(await only(id)).toMatchObject([{ id: deploymentId, slot: 0, generation: 2, failures: 0, losses: 0 }]);
  });

  it("is one instance, and its destroy is its delete", async ({ expect }) => {
    const { id, deploymentId } = await createStandalone();
    expect(await codeOf(applicationOf(id).patch({ instances: 2 }, null))).toBe("VALIDATE_INPUT");
    expect(await codeOf(applicationOf(id).act(deploymentId, "destroy", "ann"))).toBe("DESTROY_IS_DELETE");
    expect(await only(id)).toMatchObject([{ id: deploymentId, stopReason: null }]);
  });
});

describe("a user who acts on an instance", () => {
  it("stops one, which stays stopped, keeps its slot and starts again when told", async ({ expect }) => {
    const { id, first, second } = await two();
    expect(await applicationOf(id).act(first.id, "stop", "ann")).toMatchObject({ name: first.name, state: "stopping" });
    await eventually(async () => !containerOf(first.id).running);
    await eventually(async () => (await instancesOf(id))[0]?.status.state === "stopped");
    expect(await routed(id)).toEqual([second.deployment_id]);
    expect((await call("GET", `/applications/${id}`)).result.state).toBe("active");
    await evictDurableObject(applicationOf(id));
    expect(await codeOf(applicationOf(id).act(first.name, "restart", "ann"))).toBe("INSTANCE_HELD");
    expect(await instancesOf(id)).toHaveLength(2);
    await applicationOf(id).act(first.deployment_id, "start", "ann");
    const [again] = await untilReady(id, 2);
    expect(again).toMatchObject({ id: first.id, generation: 2, failures: 0, losses: 0 });
    const events = await eventsOf(id);
    expect(events.filter(({ details }) => details["actor"] === "ann")).toMatchObject([
      { name: "VMStopping", details: { action: "stop", reason: "StoppedByUser" } },
      { name: "InstanceStarted", details: { action: "start" } },
    ]);
  });

  it("restarts one in its deployment, without a failure", async ({ expect }) => {
    const { id, first } = await two();
    await applicationOf(id).act(first.name, "restart", "ann");
    await eventually(async () => (await instancesOf(id)).some(({ generation }) => generation === 2));
    expect((await untilReady(id, 2))[0]).toMatchObject({ id: first.id, generation: 2, failures: 0, losses: 0 });
    expect(containerOf(first.id).signals).toEqual([15]);
  });

  it("replaces the placement that is meant, and no later one", async ({ expect }) => {
    const { id, first } = await two();
    await applicationOf(id).replacePlacement(first.deployment_id, 1, "ann");
    await eventually(async () => (await untilReady(id, 2)).some(({ generation }) => generation === 2));
    expect(await codeOf(applicationOf(id).replacePlacement(first.deployment_id, 1, "ann"))).toBe(
      "PLACEMENT_NOT_CURRENT",
    );
    expect(await applicationOf(id).replacePlacement("auto-0-none", 1, "ann")).toBeNull();
  });

  it("destroys one, and another takes its place under a new id", async ({ expect }) => {
    const { id, first, second } = await two();
    await applicationOf(id).act(first.id, "destroy", "ann");
    const after = await eventually(async () => {
      const instances = await untilReady(id, 2);
      return instances.every((instance) => instance.id !== first.id) && instances;
    });
    expect(after.map((instance) => instance.id)).toContain(second.id);
    expect(containerOf(first.id).running).toBe(false);
    expect(await applicationOf(id).act(first.id, "destroy", "ann")).toBeNull();
  });

  it("cordons one: it runs on without traffic, until it is uncordoned or starts anew", async ({ expect }) => {
    const { id, first, second } = await two();
    const both = [first.deployment_id, second.deployment_id].toSorted();
    expect(await applicationOf(id).act(first.id, "cordon", "ann")).toMatchObject({
      state: "running",
      deployment: { cordoned: true },
    });
    expect(await routed(id)).toEqual([second.deployment_id]);
    expect(containerOf(first.id).running).toBe(true);
    expect((await call("GET", `/applications/${id}`)).result.health.instances).toMatchObject({ active: 2, healthy: 1 });
    await evictDurableObject(applicationOf(id));
    expect(await routed(id)).toEqual([second.deployment_id]);
    await applicationOf(id).act(first.id, "uncordon", "ann");
    expect(await routed(id)).toEqual(both);
    await applicationOf(id).act(first.id, "cordon", "ann");
    containerOf(first.id).kill();
    await eventually(async () => (await routed(id)).length === 2);
  });

  it("finds none under a name that is not there, nor in a deleted application", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    expect(await applicationOf(id).act("nothing-0", "start", "ann")).toBeNull();
    await call("DELETE", `/applications/${id}`);
    expect(await codeOf(applicationOf(id).act("nothing-0", "start", "ann"))).toBe("APPLICATION_NOT_FOUND");
  });
});
