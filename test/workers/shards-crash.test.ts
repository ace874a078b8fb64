/** An application over two objects, either of which dies at any step of what they say to each other: it converges. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, it } from "vitest";
import type { Application } from "../../src/orchestrator/application.ts";
import { readApplication, writeApplication } from "../../src/orchestrator/storage/application-row.ts";
import type { Location } from "../../src/orchestrator/placement/location.ts";
import { Database } from "../../src/database.ts";
import { applicationStub, shardStub } from "../../src/stubs.ts";
import { call, createApplication, eventually, instancesOf, testEnv, untilReady, type WireInstance } from "./client.ts";
import { crashAt, crashesLeft } from "./crash-points.ts";
import { containerOf } from "./fake-container.ts";
import { spreadOver } from "./shard-count.ts";

const coloured = (value: string) => ({
  image: "hello-world",
  environment_variables: [{ name: "COLOUR", value }],
});

const WEUR: Location = {
  code: "weur",
  name: "Western Europe",
  region: "WEUR",
  city: null,
  pop: null,
  weight: 1,
  enabled: true,
};

beforeEach(() => spreadOver(2));
afterEach(() => spreadOver(null));

/** Whatever either object waits for is due now. */
async function ring(id: string): Promise<void> {
  for (const shard of [0, 1]) {
    const stub = shardStub(testEnv, id, shard);
    await runInDurableObject(stub, (_: Application, state) => {
      const hasTimers =
        state.storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'timers'").toArray().length > 0;
      if (hasTimers) state.storage.sql.exec("UPDATE timers SET due_at = 1 WHERE key <> 'pass'");
    }).catch(() => undefined);
    await runDurableObjectAlarm(stub).catch(() => undefined);
  }
}

/** A client that tries again until it is heard. */
async function insist(method: string, path: string, body?: unknown): Promise<void> {
  await eventually(async () => {
    const { status } = await call(method, path, body);
    return status < 500 || undefined;
  });
}

async function converged(id: string, isThere: (instances: WireInstance[]) => boolean): Promise<WireInstance[]> {
  return await eventually(async () => {
    await ring(id);
    const { result, status } = await call("GET", `/applications/${id}/instances-v2`);
    return status === 200 && isThere(result) && result;
  });
}

async function isErased(id: string, shard: number): Promise<boolean> {
  return await runInDurableObject(shardStub(testEnv, id, shard), (_: Application, state) => {
    return state.storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'application'").toArray().length === 0;
  }).catch(() => false);
}

/** Each start and each end is told once, whatever died meanwhile. */
async function repeated(id: string): Promise<string[]> {
  const { result } = await call("GET", `/applications/${id}/events?per_page=1000`);
  const told = (result as { name: string; deployment_id?: string; generation?: number }[])
    .filter(({ deployment_id: deployment }) => deployment !== undefined)
    .map((event) => `${event.name} ${event.deployment_id} ${event.generation}`);
  return told.filter((event, index) => told.indexOf(event) !== index);
}

const POINTS = [
  [1, "before follow"],
  [1, "after follow"],
  [0, "before told"],
  [0, "after told"],
] as const;

const isGreen = ({ id }: WireInstance) => containerOf(id).starts.at(-1)?.env["COLOUR"] === "green";

describe.for(POINTS)("when shard %i dies %s", ([shard, point]) => {
  const arm = (id: string) => crashAt(shard === 0 ? id : `${id}/${shard}`, point);

  it("an application is scaled up and down, changed and deleted all the same", async ({ expect }) => {
    const { id } = await createApplication({ instances: 2, configuration: coloured("red") });
    await untilReady(id, 2);

    arm(id);
    await insist("PATCH", `/applications/${id}`, { instances: 5 });
    await converged(id, (all) => all.length === 5 && all.every(({ ready }) => ready));
    expect(crashesLeft()).toBe(0);

    arm(id);
    await insist("PATCH", `/applications/${id}`, { instances: 4, configuration: coloured("green") });
    await insist("POST", `/applications/${id}/rollouts`, {
      description: "green",
      strategy: "rolling",
      min_healthy_time: 0,
      target_version: 2,
    });
    const all = await converged(id, (some) => some.length === 4 && some.every((one) => one.ready && isGreen(one)));
    expect(crashesLeft()).toBe(0);
    expect(await repeated(id)).toEqual([]);

    arm(id);
    await insist("DELETE", `/applications/${id}`);
    await eventually(async () => {
      await ring(id);
      return (await isErased(id, 0)) && (await isErased(id, 1));
    });
    expect(crashesLeft()).toBe(0);
    expect(all.filter((one) => containerOf(one.id).running)).toEqual([]);
  });
});

describe("a shard", () => {
  it("hears what was written by an object that died before it could say so", async ({ expect }) => {
    const { id } = await createApplication({ instances: 2 });
    await untilReady(id, 2);
    await runInDurableObject(applicationStub(testEnv, id), (_: Application, state) => {
      const db = new Database(state.storage);
      const row = readApplication(db);
      if (row === undefined) throw new Error("no row");
      writeApplication(db, { ...row, spec: { ...row.spec, instances: 6 }, generation: 2, observedGeneration: 2 });
      db.run("INSERT INTO timers (key, due_at) VALUES ('shards', 1), ('pass', 1)");
    });
    await evictDurableObject(applicationStub(testEnv, id));
    await converged(id, (all) => all.length === 6 && all.every(({ ready }) => ready));
    expect((await shardStub(testEnv, id, 1).rows()).length).toBe(3);
  });

  it("does nothing for an order that was overtaken", async ({ expect }) => {
    const { id } = await createApplication({ instances: 4 });
    await untilReady(id, 4);
    const stub = shardStub(testEnv, id, 1);
    const old = await runInDurableObject(stub, (_: Application, state) => readApplication(new Database(state.storage)));
    if (old === undefined) throw new Error("no row");
    await call("PATCH", `/applications/${id}`, { instances: 2 });
    await eventually(async () => (await instancesOf(id)).length === 2);
    const before = await stub.billing();
    const answer = await stub.follow({ row: old, versions: [], beside: { placed: {}, failures: {} } });
    expect([answer.generation, answer.isGone, await stub.billing()]).toEqual([2, false, before]);
    expect(await instancesOf(id)).toHaveLength(2);
  });

  it("that is made after its application has gone ends what it began, and itself", async ({ expect }) => {
    const { id } = await createApplication({ instances: 4 });
    await untilReady(id, 4);
    const stub = shardStub(testEnv, id, 1);
    const late = await runInDurableObject(stub, (_: Application, state) =>
      readApplication(new Database(state.storage)),
    );
    if (late === undefined) throw new Error("no row");
    await call("DELETE", `/applications/${id}`);
    for (const shard of [0, 1]) await eventually(() => isErased(id, shard));
    const versions = [{ version: 1, configuration: { image: "hello-world" }, revision: "r", createdAt: 1 }];
    await evictDurableObject(stub);
    await stub.follow({ row: late, versions, locations: [WEUR], beside: { placed: {}, failures: {} } });
    expect((await stub.rows()).length).toBeGreaterThan(0);
    await eventually(() => isErased(id, 1));
  });

  it("that is told to delete what it never had has nothing to delete", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const row = await runInDurableObject(applicationStub(testEnv, id), (_: Application, state) =>
      readApplication(new Database(state.storage)),
    );
    if (row === undefined) throw new Error("no row");
    const other = { ...row, id: crypto.randomUUID(), deleting: true };
    const stub = shardStub(testEnv, other.id, 1);
    const answer = await stub.follow({ row: other, versions: [], beside: { placed: {}, failures: {} } });
    expect(answer).toMatchObject({ isGone: true, generation: row.generation });
    expect(await stub.rows()).toEqual([]);
  });

  it("says the same again when its object was evicted, and it is known", async ({ expect }) => {
    const { id } = await createApplication({ instances: 4 });
    await untilReady(id, 4);
    const count = async () => (await call("GET", `/applications/${id}/events?per_page=1000`)).result.length;
    const before = await count();
    await evictDurableObject(shardStub(testEnv, id, 1));
    await evictDurableObject(applicationStub(testEnv, id));
    expect(await instancesOf(id)).toHaveLength(4);
    await ring(id);
    expect(await count()).toBe(before);
    expect(await repeated(id)).toEqual([]);
  });
});

it("a rollout goes on in the next shard when both were evicted between turns", async ({ expect }) => {
  const { id } = await createApplication({ instances: 4, configuration: coloured("red") });
  await untilReady(id, 4);
  await call("PATCH", `/applications/${id}`, { configuration: coloured("green") });
  const body = { description: "green", strategy: "rolling", min_healthy_time: 0, target_version: 2 };
  const { result } = await call("POST", `/applications/${id}/rollouts`, body);
  const status = async () => (await call("GET", `/applications/${id}/rollouts/${result.id}`)).result.status;
  await eventually(async () => {
    for (const shard of [0, 1]) await evictDurableObject(shardStub(testEnv, id, shard)).catch(() => undefined);
    await ring(id);
    return (await status()) === "completed";
  });
  expect((await call("GET", `/applications/${id}`)).result).toMatchObject({
    version: 2,
    health: { instances: { healthy: 4 } },
  });
});
