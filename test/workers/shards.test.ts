/** Applications that are spread over several scheduler objects: through the API nobody sees it. */
import { runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, it, type TestContext } from "vitest";
import type { Application } from "../../src/orchestrator/application.ts";
import { parseDeploymentId } from "../../src/orchestrator/deployment-id.ts";
import { schedulerStub, shardStub } from "../../src/stubs.ts";
import { freshAccount, type TestAccount } from "./accounts.ts";
import { call, createApplication, eventually, instancesOf, raw, testEnv, untilReady } from "./client.ts";
import { containerOf } from "./fake-container.ts";
import { spreadOver } from "./shard-count.ts";

interface LoggedEvent {
  readonly id: string;
  readonly name: string;
  readonly deployment_id?: string;
  readonly details: Record<string, unknown>;
}

const coloured = (value: string) => ({
  image: "hello-world",
  environment_variables: [{ name: "COLOUR", value }],
});
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
const shardOf = (deploymentId: string) => parseDeploymentId(deploymentId)?.shard;
const logOf = async (id: string): Promise<LoggedEvent[]> =>
  (await call("GET", `/applications/${id}/events?per_page=1000`)).result;

async function hasTables(id: string, shard: number): Promise<boolean> {
  return await runInDurableObject(shardStub(testEnv, id, shard), (_: Application, state) => {
    const sql = "SELECT name FROM sqlite_master WHERE name = 'application'";
    return (
      state.storage.sql.exec(sql).toArray().length > 0 &&
      state.storage.sql.exec("SELECT 1 FROM application").toArray().length > 0
    );
  });
}

/** An account in which only these locations are enabled. */
async function accountWith(...codes: string[]): Promise<TestAccount> {
  const account = await freshAccount();
  const all = ["afr", "apac", "eeur", "enam", "me", "oc", "sam", "weur", "wnam"];
  const locations = all.map((location) => ({ location, enabled: codes.includes(location) }));
  await account.call("PATCH", "/me", { locations });
  return account;
}

/** How many live and how many took traffic after each event of a log, from a number of ready ones on. */
function countsAlong(events: readonly LoggedEvent[], first: number): { live: number; ready: number }[] {
  let counts = { live: first, ready: first };
  return events.map(({ name, details }) => {
    const { live, ready } = counts;
    if (name === "SchedulerPlaced") counts = { live: live + 1, ready };
    if (name === "ContainerStarted" && details["ready"] === true) counts = { live, ready: ready + 1 };
    if (name === "CheckUpdate" && details["ready"] === true) counts = { live, ready: ready + 1 };
    if (name === "VMStopping") counts = { live: live - 1, ready: ready - 1 };
    return counts;
  });
}

async function changesVersion({ expect }: TestContext): Promise<void> {
  const { id } = await createApplication({ instances: 4, configuration: coloured("red") });
  await untilReady(id, 4);
  const before = (await logOf(id)).length;
  const body = {
    description: "green",
    strategy: "rolling",
    min_healthy_time: 0,
    target_configuration: coloured("green"),
  };
  const { result, status } = await call("POST", `/applications/${id}/rollouts`, body);
  expect(status).toBe(200);
  const rollout = `/applications/${id}/rollouts/${result.id}`;
  await eventually(async () => (await call("GET", rollout)).result.status === "completed");
  expect(
    (await call("GET", `/applications/${id}/versions`)).result.map((one: { percentage: number }) => one.percentage),
  ).toEqual([100, 0]);
  const log = (await logOf(id)).slice(before);
  const counts = countsAlong(log, 4);
  expect(log.filter(({ name }) => name === "SchedulerPlaced")).toHaveLength(4);
  expect(Math.max(...counts.map(({ live }) => live))).toBe(5);
  expect(Math.min(...counts.map(({ ready }) => ready))).toBe(4);
}

async function isSpreadEvenly({ expect }: TestContext): Promise<void> {
  const account = await accountWith("weur", "enam", "apac");
  const counts = async (id: string) => {
    const { result } = await account.call("GET", `/applications/${id}/instances-v2`);
    const places = (result as { requested_location: string }[]).map((one) => one.requested_location);
    return ["enam", "weur", "apac"].map((code) => places.filter((place) => place === code).length);
  };
  const { id } = (await account.create({ instances: 4 })).result;
  await account.ready(id, 4);
  expect(await counts(id)).toEqual([2, 1, 1]);
  await account.call("PATCH", `/applications/${id}`, { instances: 6 });
  await account.ready(id, 6);
  expect(await counts(id)).toEqual([2, 2, 2]);
  const { result: plan } = await account.call("GET", `/applications/${id}/plan`);
  expect(plan).toMatchObject({ desired: { instances: 6 }, actions: [] });
}

describe.for([1, 2])("an application over %i objects", (shards) => {
  beforeEach(() => spreadOver(shards));
  afterEach(() => spreadOver(null));

  it("is made, listed in pages, scaled and deleted, and leaves nothing", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 7 });
    const instances = await untilReady(id, 7);
    const names = numbers(7).map((slot) => `${name}-${slot}`);
    expect(instances.map((one) => one.name)).toEqual(names);
    expect(instances.map((one) => shardOf(one.deployment_id))).toEqual(numbers(7).map((slot) => slot % shards));
    const pages: string[] = [];
    for (let token = ""; ;) {
      const page = await call("GET", `/applications/${id}/instances-v2?per_page=3${token}`);
      pages.push(...page.result.map((one: { name: string }) => one.name));
      if (page.result_info?.next_page_token === undefined) break;
      token = `&page_token=${page.result_info.next_page_token}`;
    }
    expect(pages).toEqual(names);
    const { result } = await call("PATCH", `/applications/${id}`, { instances: 3 });
    expect([result.instances, result.health.instances.active]).toEqual([3, 3]);
    expect((await call("GET", `/applications/${id}/wait?state=settled&timeout=20s`)).status).toBe(200);
    expect((await instancesOf(id)).map((one) => one.name)).toEqual(names.slice(0, 3));
    await call("PATCH", `/applications/${id}`, { instances: 5 });
    await untilReady(id, 5);
    const ids = (await instancesOf(id)).map((one) => one.id);
    expect((await call("DELETE", `/applications/${id}`)).status).toBe(200);
    expect((await call("GET", `/applications/${id}`)).status).toBe(404);
    for (const shard of numbers(shards)) await eventually(async () => !(await hasTables(id, shard)));
    expect(ids.filter((instance) => containerOf(instance).running)).toEqual([]);
  });

  it(
    "changes to a version with one instance more than wanted, whatever object it is in, and never with fewer",
    changesVersion,
  );

  it("has its instances acted on by name, by id and by deployment", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 4 });
    const [, second, third, fourth] = await untilReady(id, 4);
    const act = async (key: string, action: string) =>
      await call("POST", `/applications/${id}/instances/${key}/${action}`);
    expect((await act(`${name}-1`, "cordon")).result).toMatchObject({ id: second?.id, cordoned: true });
    expect((await act(second?.id ?? "", "uncordon")).result).toMatchObject({ id: second?.id, cordoned: false });
    expect((await act(third?.deployment_id ?? "", "stop")).status).toBe(200);
    await eventually(async () => (await instancesOf(id))[2]?.status.state === "stopped");
    expect((await act(third?.id ?? "", "start")).status).toBe(200);
    expect((await act(fourth?.id ?? "", "destroy")).status).toBe(200);
    await eventually(async () => (await instancesOf(id))[3]?.id !== fourth?.id);
    const after = await untilReady(id, 4);
    expect(after.slice(0, 3).map((one) => one.name)).toEqual(numbers(3).map((slot) => `${name}-${slot}`));
    for (const key of [`${name}-9`, "f".repeat(64)]) expect((await act(key, "restart")).status).toBe(404);
    const done = (await logOf(id)).map((event) => event.name).filter((event) => event.startsWith("Instance"));
    expect(done).toEqual(["InstanceCordoned", "InstanceUncordoned", "InstanceStarted"]);
    const { result } = await call("GET", `/deployments/${second?.deployment_id}/placements`);
    const [placement] = result as { events: { name: string }[] }[];
    expect(placement?.events.map((event) => event.name)).toEqual(
      expect.arrayContaining(["SchedulerPlaced", "InstanceCordoned"]),
    );
  });

  it("tells each event once, in one order, to lists and to streams that resume", async ({ expect }) => {
    const { id } = await createApplication({ instances: 4 });
    await untilReady(id, 4);
    const response = await raw("GET", `/applications/${id}/events?after=2`, undefined, { accept: "text/event-stream" });
    const reader = (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader();
    await call("PATCH", `/applications/${id}`, { instances: 1 });
    await call("GET", `/applications/${id}/wait?state=settled&timeout=20s`);
    const log = await logOf(id);
    expect(log.map((event) => Number(event.id))).toEqual(numbers(log.length).map((index) => index + 1));
    const placed = log.filter(({ name }) => name === "SchedulerPlaced").map((event) => event.deployment_id);
    expect(new Set(placed).size).toBe(4);
    expect(placed).toHaveLength(4);
    let streamed = "";
    // The first one is where the stream begins.
    const seen = () => [...streamed.matchAll(/^id: (\d+)$/gm)].map(([, event]) => Number(event)).slice(1);
    while (seen().length < log.length - 2) streamed += (await reader.read()).value ?? "";
    expect(seen()).toEqual(numbers(log.length - 2).map((index) => index + 3));
    await reader.cancel();
    const { result } = await call("GET", `/applications/${id}/events?deployment=${placed[1]}&name=VMStopped`);
    expect(result).toHaveLength(1);
  });

  it("is waited for, also one of its instances", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 3 });
    const wait = async (path: string) =>
      await call(
        "GET",
        `/applications/${id}${path}/wait?timeout=20s&state=`.replace(
          "state=",
          path === "" ? "state=ready" : "state=running",
        ),
      );
    expect(await Promise.all([wait(""), wait(`/instances/${name}-1`), wait(`/instances/${name}-2`)])).toMatchObject([
      { status: 200, result: { health: { instances: { healthy: 3 } } } },
      { status: 200, result: { name: `${name}-1` } },
      { status: 200, result: { name: `${name}-2` } },
    ]);
    expect((await call("GET", `/applications/${id}/instances/${name}-7/wait?timeout=1s&state=running`)).status).toBe(
      404,
    );
  });

  it("is spread evenly over its locations", isSpreadEvenly);

  it("counts once towards its account's capacity, and is blocked and unblocked once", async ({ expect }) => {
    const account = await accountWith("weur");
    await account.call("PATCH", "/me", { capacity: { instances: 4 } });
    const { id } = (await account.create({ instances: 6 })).result;
    const me = async () => (await account.call("GET", "/me")).result;
    const view = async () => (await account.call("GET", `/applications/${id}`)).result;
    await eventually(async () => (await view()).health.instances.healthy === 4 && (await me()).granted.waiting === 2);
    expect((await me()).granted).toMatchObject({ instances: 4, waiting: 2 });
    expect((await view()).blocked).toMatchObject({ reason: "MaxInstances" });
    await account.call("PATCH", "/me", { capacity: { instances: 6 } });
    await account.ready(id, 6);
    await eventually(async () => !("blocked" in (await view())));
    expect((await me()).granted).toMatchObject({ instances: 6, waiting: 0 });
    const { result: log } = await account.call("GET", `/applications/${id}/events?per_page=1000`);
    const told = (log as LoggedEvent[]).map(({ name }) => name).filter((name) => name.startsWith("Placement"));
    expect(told).toEqual(["PlacementBlocked", "PlacementUnblocked"]);
    await account.call("DELETE", `/applications/${id}`);
    await eventually(async () => (await me()).granted.instances === 0);
  });

  it("takes an account's new maximum for what it runs already", async ({ expect }) => {
    const account = await accountWith("weur");
    const { id } = (await account.create({ instances: 5 })).result;
    await account.ready(id, 5);
    await account.call("PATCH", "/me", { capacity: { instances: 6 } });
    await account.call("PATCH", `/applications/${id}`, { instances: 8 });
    await account.ready(id, 6).catch(() => undefined);
    await eventually(async () => {
      const { granted } = (await account.call("GET", "/me")).result;
      return granted.instances === 6 && granted.waiting === 2;
    });
    const { result } = await account.call("GET", `/applications/${id}`);
    expect(result.health.instances).toMatchObject({ healthy: 6, scheduling: 2 });
  });

  it("is called at all of its instances", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 3 });
    const instances = await untilReady(id, 3);
    const received = () => instances.filter((one) => containerOf(one.id).received.length > 0).length;
    await eventually(async () => {
      await raw("POST", `http://${name}.localhost/`, "x");
      return received() === 3;
    });
    expect(received()).toBe(3);
  });

  it("has each instance report to the object that has it, which disowns what it does not know", async ({ expect }) => {
    const { id } = await createApplication({ instances: 2 });
    const [, second] = await untilReady(id, 2);
    const deployment = second?.deployment_id ?? "";
    const report = { state: "running", ready: true } as const;
    const own = schedulerStub(testEnv, id, deployment);
    expect(await own.report(deployment, 1, report)).toMatchObject({ owned: true });
    expect(await own.report(deployment, 2, report)).toMatchObject({ owned: false });
    const other = shardStub(testEnv, id, shards);
    expect(await other.report(deployment, 1, report)).toEqual({ owned: false, checkEveryMs: 0 });
  });
});

describe("an application over three objects", () => {
  beforeEach(() => spreadOver(3));
  afterEach(() => spreadOver(null));

  it("changes to a version in one of them after the other", changesVersion);
  it("is spread evenly over its locations", isSpreadEvenly);
});
