/** What things cost: rows written, each alarm counted as one. The tables exist before anything is counted. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import type { Application } from "../../src/orchestrator/application.ts";
import type { Instance } from "../../src/containers/instance.ts";
import type { InstanceAction } from "../../src/orchestrator/instance-actions.ts";
import { accountStub, applicationStub, instanceStub } from "../../src/stubs.ts";
import { ACCOUNT_ID, call, createApplication, eventually, instancesOf, raw, testEnv, untilReady } from "./client.ts";

interface Billed {
  billing(): Promise<{ rowsWritten: number; alarmsSet: number }>;
}

const applicationOf = (id: string) => applicationStub(testEnv, id);
const instanceOf = (deploymentId: string) => instanceStub(testEnv, deploymentId);
const account = () => accountStub(testEnv, ACCOUNT_ID);

async function rows(stub: Billed): Promise<number> {
  const { rowsWritten, alarmsSet } = await stub.billing();
  return rowsWritten + alarmsSet;
}

/** Rows that an object writes for its tables, which is not what a budget is about. */
async function tables(stub: Billed): Promise<number> {
  return await rows(stub);
}

async function applicationAlarm(id: string): Promise<number | null> {
  return await runInDurableObject(applicationOf(id), (_: Application, state) => state.storage.getAlarm());
}

async function instanceAlarm(deploymentId: string): Promise<number | null> {
  return await runInDurableObject(instanceOf(deploymentId), (_: Instance, state) => state.storage.getAlarm());
}

/** Lets one `check_every` pass for an instance: whatever it waits for is due now. */
async function passInterval(deploymentId: string): Promise<void> {
  await runInDurableObject(instanceOf(deploymentId), (_: Instance, state) => {
    state.storage.sql.exec("UPDATE timers SET due_at = 0");
  });
  await runDurableObjectAlarm(instanceOf(deploymentId));
}

/** Everything that clients may look at. */
async function look(id: string): Promise<void> {
  const paths = ["", "/instances", "/instances-v2", "/versions", "/events"].map((path) => `/applications/${id}${path}`);
  for (const path of [...paths, "/applications", "/dash/applications", `/dash/applications/${id}/instances`]) {
    await call("GET", path);
  }
}

/** Nothing is under way any more: the count of two looks is the same. */
async function settled(stub: () => Billed): Promise<number> {
  return await eventually(async () => {
    const before = await rows(stub());
    await look("settling");
    const after = await rows(stub());
    return before === after && { after };
  }).then(({ after }) => after);
}

describe("at rest", () => {
  it("an application created with 0 instances has no alarm, and being looked at writes nothing", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 0 });
    const before = [await rows(applicationOf(id)), await settled(account)];
    await look(id);
    await raw("GET", `http://${name}.localhost/`);
    expect([await rows(applicationOf(id)), await rows(account())]).toEqual(before);
    expect(await applicationAlarm(id)).toBeNull();
  });

  it("an application scaled back to 0 has no alarm, no timer and no instance, and writes nothing", async ({
    expect,
  }) => {
    const { id } = await createApplication({ instances: 2 });
    const instances = await untilReady(id, 2);
    await call("PATCH", `/applications/${id}`, { instances: 0 });
    await eventually(async () => (await instancesOf(id)).length === 0);
    const before = await settled(() => applicationOf(id));
    await look(id);
    expect(await rows(applicationOf(id))).toBe(before);
    expect(await applicationAlarm(id)).toBeNull();
    const timers = await runInDurableObject(applicationOf(id), (_: Application, state) => [
      ...state.storage.sql.exec("SELECT * FROM timers"),
    ]);
    expect(timers).toEqual([]);
    for (const instance of instances) {
      await eventually(async () => (await instanceAlarm(instance.deployment_id)) === null);
    }
  });

  it("a deleted application keeps no alarm and no tables", async ({ expect }) => {
    const { id } = await createApplication({ instances: 1 });
    await untilReady(id, 1);
    await call("DELETE", `/applications/${id}`);
    const left = await eventually(async () => {
      const names = await runInDurableObject(applicationOf(id), (_: Application, state) => [
        ...state.storage.sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM sqlite_master WHERE name = 'application'"),
      ]);
      return names[0]?.n === 0 && names;
    });
    expect(left).toEqual([{ n: 0 }]);
    expect(await applicationAlarm(id)).toBeNull();
  });
});

describe("a check interval", () => {
  it("costs each running instance one alarm and at most 2 rows, and its application nothing", async ({ expect }) => {
    const { id } = await createApplication({ instances: 3 });
    const instances = await untilReady(id, 3);
    const applicationBefore = await settled(() => applicationOf(id));
    expect(await applicationAlarm(id)).toBeNull();
    for (const { deployment_id: deploymentId } of instances) {
      await settled(() => instanceOf(deploymentId));
      for (let interval = 0; interval < 3; interval += 1) {
        const before = await instanceOf(deploymentId).billing();
        await passInterval(deploymentId);
        const after = await instanceOf(deploymentId).billing();
        expect(after.alarmsSet - before.alarmsSet).toBe(1);
        expect(after.rowsWritten - before.rowsWritten).toBe(1);
        expect(await instanceAlarm(deploymentId)).not.toBeNull();
      }
    }
    expect(await rows(applicationOf(id))).toBe(applicationBefore);
    expect(await applicationAlarm(id)).toBeNull();
  });

  it("costs no more with declared checks", async ({ expect }) => {
    const { id } = await createApplication({
      configuration: {
        image: "hello-world",
        ports: [{ name: "http", port: 8_080 }],
        checks: [{ type: "tcp", port: "http", kind: "ready", interval: "100ms" }],
      },
    });
    const [instance] = await untilReady(id, 1);
    const deploymentId = instance?.deployment_id ?? "";
    const before = await settled(() => instanceOf(deploymentId));
    await passInterval(deploymentId);
    expect((await rows(instanceOf(deploymentId))) - before).toBeLessThanOrEqual(2);
  });

  it("costs nothing for the requests in it", async ({ expect }) => {
    const { id, name } = await createApplication();
    const [instance] = await untilReady(id, 1);
    const deploymentId = instance?.deployment_id ?? "";
    const before = [await settled(() => instanceOf(deploymentId)), await settled(() => applicationOf(id))];
    for (let request = 0; request < 20; request += 1) await raw("POST", `http://${name}.localhost/`, "x");
    expect([await rows(instanceOf(deploymentId)), await rows(applicationOf(id))]).toEqual(before);
  });
});

describe("the budget", () => {
  it("of creating an application is 12 rows, the account's included", async ({ expect }) => {
    const fresh = await tables(applicationOf(crypto.randomUUID()));
    await call("GET", "/applications");
    const before = await rows(account());
    const { id } = await createApplication({ instances: 0 });
    const cost = (await rows(applicationOf(id))) - fresh + (await rows(account())) - before;
    expect(cost).toBeGreaterThan(0);
    expect(cost).toBeLessThanOrEqual(12);
  });

  it.for([1, 5, 20])("of scaling by %i is 4n + 5 rows of the application", async (n, { expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const before = await rows(applicationOf(id));
    await call("PATCH", `/applications/${id}`, { instances: n });
    await untilReady(id, n);
    const cost = (await settled(() => applicationOf(id))) - before;
    expect(cost).toBeLessThanOrEqual(4 * n + 5);
  });

  it("of a placement is 5 rows of its instance", async ({ expect }) => {
    const fresh = await tables(instanceOf(`auto-0-${crypto.randomUUID()}`));
    const { id } = await createApplication({ instances: 2 });
    for (const { deployment_id: deploymentId } of await untilReady(id, 2)) {
      const cost = (await settled(() => instanceOf(deploymentId))) - fresh;
      expect(cost).toBeLessThanOrEqual(5);
    }
  });

  it("of a placement is not used up by a look at an object that never placed anything", async ({ expect }) => {
    const stub = instanceOf(`auto-0-${crypto.randomUUID()}`);
    const fresh = await tables(stub);
    await stub.declaredImages();
    expect(await rows(stub)).toBe(fresh);
  });
});

/** What both sides write for one change, counted from when nothing is under way to when nothing is again. */
async function costOf(id: string, others: readonly string[], change: () => Promise<unknown>) {
  const before = await settled(() => applicationOf(id));
  const instances = new Map<string, number>();
  for (const deploymentId of others) instances.set(deploymentId, await settled(() => instanceOf(deploymentId)));
  await change();
  const application = (await settled(() => applicationOf(id))) - before;
  const fresh = await tables(instanceOf(`auto-0-${crypto.randomUUID()}`));
  let instance = 0;
  for (const { deployment_id: deploymentId } of await instancesOf(id)) {
    if (!instances.has(deploymentId)) instances.set(deploymentId, fresh);
  }
  for (const [deploymentId, rowsBefore] of instances) {
    instance += (await settled(() => instanceOf(deploymentId))) - rowsBefore;
  }
  return { application, instance };
}

const actOn = (id: string, deploymentId: string) => async (action: InstanceAction) =>
  await applicationOf(id).act(deploymentId, action, "ann");

async function running() {
  const { id } = await createApplication();
  const [instance] = await untilReady(id, 1);
  return { id, deploymentId: instance?.deployment_id ?? "", act: actOn(id, instance?.deployment_id ?? "") };
}

describe("a user's action on an instance", () => {
  it("costs its row and its event, and nothing when it changes nothing", async ({ expect }) => {
    const { id, deploymentId, act } = await running();
    const costs = [];
    for (const action of ["cordon", "cordon", "uncordon", "uncordon", "start"] as const) {
      costs.push(await costOf(id, [deploymentId], () => act(action)));
    }
    expect(costs).toEqual([
      { application: 2, instance: 0 },
      { application: 0, instance: 0 },
      { application: 2, instance: 0 },
      { application: 0, instance: 0 },
      { application: 0, instance: 0 },
    ]);
  });

  it("that stops it costs 7 rows of the application and 5 of the instance, and starting it again 9 and 4", async ({
    expect,
  }) => {
    const { id, deploymentId, act } = await running();
    const stop = await costOf(id, [deploymentId], async () => {
      await act("stop");
      await eventually(async () => (await instancesOf(id))[0]?.status.state === "stopped");
    });
    expect(stop.application).toBeLessThanOrEqual(7);
    expect(stop.instance).toBeLessThanOrEqual(5);
    expect(await costOf(id, [deploymentId], () => act("stop"))).toEqual({ application: 0, instance: 0 });
    await eventually(async () => (await applicationAlarm(id)) === null && (await instanceAlarm(deploymentId)) === null);
    const start = await costOf(id, [deploymentId], async () => {
      await act("start");
      await untilReady(id, 1);
    });
    expect(start.application).toBeLessThanOrEqual(9);
    expect(start.instance).toBeLessThanOrEqual(4);
  });

  it("that restarts it costs 11 rows of the application and 9 of the instance", async ({ expect }) => {
    const { id, deploymentId, act } = await running();
    const restart = await costOf(id, [deploymentId], async () => {
      await act("restart");
      await eventually(async () => (await instancesOf(id))[0]?.generation === 2);
      await untilReady(id, 1);
    });
    expect(restart.application).toBeLessThanOrEqual(11);
    expect(restart.instance).toBeLessThanOrEqual(9);
  });
});

const version = (value: string) => ({
  image: "hello-world",
  environment_variables: [{ name: "VERSION", value }],
});

describe("a version that becomes active", () => {
  it.for([1, 4])(
    "replaces %i instances for 8 rows each of the application, 8 or 9 of both objects, and 7",
    async (n, { expect }) => {
      const { id } = await createApplication({ instances: n, configuration: version("1") });
      const old = await untilReady(id, n);
      await call("PATCH", `/applications/${id}`, { configuration: version("2") });
      const ids = old.map(({ deployment_id: deploymentId }) => deploymentId);
      const { application, instance } = await costOf(id, ids, async () => {
        await applicationOf(id).activate(2);
        await eventually(async () => {
          const fresh = await untilReady(id, n);
          return fresh.every(({ deployment_id: deploymentId }) => !ids.includes(deploymentId));
        });
      });
      expect(application).toBeLessThanOrEqual(8 * n + 7);
      // One more where the end of the old one is told twice, as the answer to its stop and by itself.
      expect(instance).toBeLessThanOrEqual(9 * n);
      await eventually(async () => (await applicationAlarm(id)) === null);
    },
  );

  it.for([1, 4])(
    "by a rollout in two steps costs the same for each of %i, and 3 rows for each step beside 10",
    async (n, { expect }) => {
      const { id } = await createApplication({ instances: n, configuration: version("1") });
      const old = await untilReady(id, n);
      const ids = old.map(({ deployment_id: deploymentId }) => deploymentId);
      await call("PATCH", `/applications/${id}`, { configuration: version("2") });
      const { application, instance } = await costOf(id, ids, async () => {
        const { result } = await call("POST", `/applications/${id}/rollouts`, {
          description: "counted",
          strategy: "rolling",
          min_healthy_time: 0,
          steps: [50, 100].map((percentage) => ({ step_size: { percentage }, description: "" })),
          target_version: 2,
        });
        const rollout = `/applications/${id}/rollouts/${result.id}`;
        await eventually(async () => (await call("GET", rollout)).result.phase === "completed");
        await untilReady(id, n);
      });
      expect(application).toBeLessThanOrEqual(8 * n + 2 * 3 + 10);
      expect(instance).toBeLessThanOrEqual(9 * n);
      await eventually(async () => (await applicationAlarm(id)) === null);
    },
  );

  it("and starts the same thing costs two rows", async ({ expect }) => {
    const { id } = await createApplication({ configuration: version("1") });
    const [instance] = await untilReady(id, 1);
    await call("PATCH", `/applications/${id}`, { configuration: version("2") });
    await call("PATCH", `/applications/${id}`, { configuration: version("1") });
    const ids = [instance?.deployment_id ?? ""];
    const cost = await costOf(id, ids, () => applicationOf(id).activate(3));
    expect(cost).toEqual({ application: 2, instance: 0 });
    const again = await costOf(id, ids, () => applicationOf(id).activate(3));
    expect(again).toEqual({ application: 0, instance: 0 });
  });
});
