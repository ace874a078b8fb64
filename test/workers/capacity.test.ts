/** How much may run at one time: who is placed, who waits, in which order, and who makes room. */
import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import type { Account } from "../../src/account/account.ts";
import type { Application } from "../../src/orchestrator/application.ts";
import { accountStub, applicationStub } from "../../src/stubs.ts";
import { freshAccount, type TestAccount } from "./accounts.ts";
import { eventually, testEnv, type WireInstance } from "./client.ts";
import { containerOf } from "./fake-container.ts";

const BLOCK = { reason: "MaxInstances" };

async function accountOf(capacity: Record<string, number | null>): Promise<TestAccount> {
  const account = await freshAccount();
  const only = ["afr", "apac", "eeur", "enam", "me", "oc", "sam", "wnam"];
  const locations = only.map((location) => ({ location, enabled: false }));
  await patched(account, { capacity, locations });
  return account;
}

async function patched(account: TestAccount, body: Record<string, unknown>): Promise<void> {
  const { status, errors } = await account.call("PATCH", "/me", body);
  if (status !== 200) throw new Error(JSON.stringify(errors));
}

async function created(
  account: TestAccount,
  body: Record<string, unknown> = {},
  image = "hello-world",
): Promise<string> {
  const { result, status, errors } = await account.create({ configuration: { image }, ...body });
  if (status !== 201) throw new Error(JSON.stringify(errors));
  return result.id;
}

async function view(account: TestAccount, id: string) {
  return (await account.call("GET", `/applications/${id}`)).result;
}

interface Waiting extends WireInstance {
  readonly blocked?: { readonly reason: string; readonly since: string; readonly retry_at: string };
}

async function instances(account: TestAccount, id: string): Promise<Waiting[]> {
  return (await account.call("GET", `/applications/${id}/instances-v2`)).result;
}

async function granted(account: TestAccount) {
  return (await account.call("GET", "/me")).result.granted;
}

async function eventsNamed(account: TestAccount, id: string, name: string) {
  const { result } = await account.call("GET", `/applications/${id}/events?per_page=1000`);
  return (result as { name: string; details: Record<string, unknown> }[]).filter((event) => event.name === name);
}

async function readyIn(account: TestAccount, ids: readonly string[]): Promise<string[]> {
  const ready: string[] = [];
  for (const id of ids) if ((await instances(account, id)).some((instance) => instance.ready)) ready.push(id);
  return ready;
}

const running = (all: readonly WireInstance[]) => all.filter(({ id }) => containerOf(id).running).length;

/** What the application waits for is due now. */
async function ring(id: string): Promise<void> {
  await runInDurableObject(applicationStub(testEnv, id), (_: Application, state) => {
    state.storage.sql.exec("UPDATE timers SET due_at = 0");
  });
  await runDurableObjectAlarm(applicationStub(testEnv, id));
}

async function blocked(account: TestAccount, id: string) {
  return await eventually(async () => (await view(account, id)).blocked ?? false);
}

describe("a maximum of 36 instances", () => {
  it("places 36 of 50 applications that come at once, and 5 more in their order when 5 end", async ({ expect }) => {
    const account = await accountOf({ instances: 36 });
    const ids = await Promise.all(Array.from({ length: 50 }, () => created(account)));
    await eventually(async () => (await granted(account)).waiting === 14);
    const placed = await eventually(async () => {
      const ready = await readyIn(account, ids);
      return ready.length === 36 && ready;
    });
    const waiting = ids.filter((id) => !placed.includes(id));
    for (const id of waiting) {
      expect(await view(account, id)).toMatchObject({ state: "provisioning", blocked: BLOCK });
      expect((await view(account, id)).health.instances.scheduling).toBe(1);
      expect(await instances(account, id)).toEqual([]);
    }
    expect(await granted(account)).toMatchObject({ instances: 36, waiting: 14 });
    const order = await arrivals(account);
    expect(new Set(order)).toEqual(new Set(waiting));
    for (const id of placed.slice(0, 5)) await account.call("PATCH", `/applications/${id}`, { instances: 0 });
    await eventually(async () => (await readyIn(account, waiting)).length === 5);
    expect(new Set(await readyIn(account, waiting))).toEqual(new Set(order.slice(0, 5)));
    expect(await granted(account)).toMatchObject({ instances: 36, waiting: 9 });
  });

  it("places 36 of an application's 50, and 5 more when the maximum is 41", async ({ expect }) => {
    const account = await accountOf({ instances: 36 });
    const id = await created(account, { instances: 50 });
    await eventually(async () => (await view(account, id)).health.instances.healthy === 36);
    expect(await blocked(account, id)).toMatchObject({ ...BLOCK, shortfall: { instances: 1 } });
    expect((await view(account, id)).health.instances.scheduling).toBe(14);
    expect(running(await instances(account, id))).toBe(36);
    await patched(account, { capacity: { instances: 41 } });
    await eventually(async () => (await view(account, id)).health.instances.healthy === 41);
    expect(running(await instances(account, id))).toBe(41);
    await patched(account, { capacity: { instances: null } });
    await eventually(async () => (await view(account, id)).health.instances.healthy === 50);
    expect(await view(account, id)).not.toHaveProperty("blocked");
    expect(await granted(account)).toMatchObject({ instances: 0, waiting: 0 });
    expect(await eventsNamed(account, id, "PlacementBlocked")).toHaveLength(1);
    expect(await eventsNamed(account, id, "PlacementUnblocked")).toHaveLength(1);
  });
});

/** Applications that wait, in the order in which they came. */
async function arrivals(account: TestAccount): Promise<string[]> {
  return await runInDurableObject(accountStub(testEnv, account.id), (_: Account, state) => {
    const sql = "SELECT application FROM capacity_claims WHERE more > 0 ORDER BY priority DESC, arrival";
    return state.storage.sql
      .exec<{ application: string }>(sql)
      .toArray()
      .map(({ application }) => application);
  });
}

describe("a standalone deployment", () => {
  it("that does not fit yet has its id at once, and runs under it when there is room", async ({ expect }) => {
    const account = await accountOf({ instances: 0 });
    const made = await account.call("POST", "/deployments/v2", { image: "hello-world", location: "weur" });
    expect([made.status, made.result.id]).toEqual([201, expect.stringMatching(/^weur-0-/)]);
    expect(made.result.current_placement).toBeUndefined();
    const path = `/deployments/${made.result.id}/v2`;
    expect((await account.call("GET", path)).result.state.current).toBe("scheduled");
    await patched(account, { capacity: { instances: 1 } });
    const placed = await eventually(async () => {
      const { result } = await account.call("GET", path);
      return result.current_placement?.status.ready === true && result;
    });
    expect(placed.current_placement.id).toBe(`${made.result.id}.1`);
  });
});

describe("capacity", () => {
  it("that is set later counts what runs, and stops none of it", async ({ expect }) => {
    const account = await freshAccount();
    const id = await created(account, { instances: 3 });
    await account.ready(id, 3);
    await patched(account, { capacity: { instances: 2 } });
    expect(await granted(account)).toMatchObject({ instances: 3 });
    await account.call("PATCH", `/applications/${id}`, { instances: 4 });
    expect(await blocked(account, id)).toMatchObject(BLOCK);
    expect(running(await instances(account, id))).toBe(3);
    await account.call("PATCH", `/applications/${id}`, { instances: 1 });
    await eventually(async () => (await granted(account)).instances === 1);
    expect(await view(account, id)).not.toHaveProperty("blocked");
  });

  it.for([
    ["vcpu", { vcpu: 0.125 }],
    ["memory_mib", { memory_mib: 512 }],
    ["disk_mb", { disk_mb: 4_000 }],
  ] as const)("is short of %s", async ([name, capacity], { expect }) => {
    const account = await accountOf(capacity);
    const id = await created(account, { instances: 3 });
    const why = await blocked(account, id);
    expect(why).toMatchObject({ reason: "NoCapacity" });
    expect(Object.keys(why.shortfall)).toEqual([name]);
    await eventually(async () => (await view(account, id)).health.instances.healthy === 2);
  });

  it.for([
    ["vcpu", { vcpu: 0.125 }],
    ["memory_mib", { memory_mib: 512 }],
    ["disk_mb", { disk_mb: 4_000 }],
  ] as const)("of a location is short of %s", async ([, capacity], { expect }) => {
    const account = await accountOf({});
    await patched(account, { locations: [{ location: "weur", capacity }] });
    const id = await created(account, { instances: 3 });
    expect(await blocked(account, id)).toMatchObject({ reason: "NoCapacity" });
    await eventually(async () => (await view(account, id)).health.instances.healthy === 2);
    await patched(account, { locations: [{ location: "enam", enabled: true }] });
    await ring(id);
    await account.ready(id, 3);
  });

  it("of a location is filled before the next one is", async ({ expect }) => {
    const account = await accountOf({});
    await patched(account, {
      locations: [
        { location: "weur", capacity: { instances: 1 } },
        { location: "enam", enabled: true },
      ],
    });
    const id = await created(account, { instances: 4 });
    await account.ready(id, 4);
    expect((await granted(account)).locations).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ location: "enam", instances: 3 }),
        expect.objectContaining({ location: "weur", instances: 1 }),
      ]),
    );
  });

  it("is given back when a container has ended, not when its stop begins", async ({ expect }) => {
    const account = await accountOf({ instances: 1 });
    const first = await created(account, {}, "ignores-sigterm");
    await account.ready(first, 1);
    const second = await created(account);
    await blocked(account, second);
    await account.call("PATCH", `/applications/${first}`, { instances: 0 });
    const [leaving] = await instances(account, first);
    await eventually(async () => (await instances(account, first))[0]?.status.state === "stopping");
    expect(await readyIn(account, [second])).toEqual([]);
    expect(await granted(account)).toMatchObject({ instances: 1, waiting: 1 });
    containerOf(leaving?.id ?? "").exit(0);
    await account.ready(second, 1);
  });

  it("is placed in within one look when nobody wakes who waits", async ({ expect }) => {
    const account = await accountOf({ instances: 1 });
    const [first, second] = [await created(account), await created(account)];
    await account.ready(first, 1);
    await blocked(account, second);
    // The wake-up is lost with the object: only its claim is gone.
    await runInDurableObject(accountStub(testEnv, account.id), (_: Account, state) => {
      state.storage.sql.exec("DELETE FROM capacity_claims WHERE application = ?", first);
    });
    const due = await runInDurableObject(applicationStub(testEnv, second), (_: Application, state) => {
      return state.storage.sql.exec<{ due_at: number }>("SELECT due_at FROM timers").toArray()[0]?.due_at;
    });
    expect(due).toBeLessThanOrEqual(Date.now() + 30_000);
    await ring(second);
    await account.ready(second, 1);
  });

  it("keeps no claim of an application that is deleted", async ({ expect }) => {
    const account = await accountOf({ instances: 1 });
    const [first, second] = [await created(account), await created(account)];
    await account.ready(first, 1);
    await account.call("DELETE", `/applications/${first}`);
    await account.ready(second, 1);
    expect(await granted(account)).toMatchObject({ instances: 1, waiting: 0 });
  });
});

describe("an object that is reset", () => {
  it("between asking and placing, at each of several moments, loses nothing and places no more than may", async ({
    expect,
  }) => {
    const account = await accountOf({ instances: 4 });
    const ids: string[] = [];
    for (let turn = 0; turn < 6; turn += 1) {
      const creation = created(account);
      if (turn % 2 === 0) await abortAllDurableObjects().catch(() => undefined);
      ids.push(await creation.catch(() => ""));
    }
    const made = ids.filter((id) => id !== "");
    for (const id of made) await ring(id);
    const most = Math.min(4, made.length);
    await eventually(async () => {
      for (const id of made) await ring(id);
      return (await readyIn(account, made)).length === most;
    });
    const alive = (await Promise.all(made.map((id) => instances(account, id)))).flat();
    expect(running(alive)).toBe(most);
    expect(await granted(account)).toMatchObject({ instances: most });
  });
});

describe("a big instance", () => {
  it("is not starved by small ones behind it", async ({ expect }) => {
    const account = await accountOf({ vcpu: 1 });
    const small = { instance_type: "basic" };
    const configuration = { image: "hello-world", ...small };
    const early = await Promise.all([1, 2, 3, 4].map(() => created(account, { configuration })));
    for (const id of early) await account.ready(id, 1);
    const big = await created(account, { configuration: { image: "hello-world", instance_type: "standard-2" } });
    await blocked(account, big);
    const late = await created(account, { configuration });
    await blocked(account, late);
    for (const id of early.slice(0, 3)) {
      await account.call("PATCH", `/applications/${id}`, { instances: 0 });
      await eventually(async () => (await instances(account, id)).length === 0);
      await ring(late);
      expect(await readyIn(account, [late, big])).toEqual([]);
    }
    await account.call("PATCH", `/applications/${early[3]}`, { instances: 0 });
    await account.ready(big, 1);
    expect(await readyIn(account, [late])).toEqual([]);
  });
});

describe("a higher priority", () => {
  it("goes first, and stops as few of the lowest as it needs", async ({ expect }) => {
    const account = await accountOf({ instances: 4 });
    const low = await created(account, { instances: 2, priorities: { default: -10 } });
    const lower = await created(account, { instances: 2, priorities: { default: -20 } });
    await account.ready(low, 2);
    await account.ready(lower, 2);
    const high = await created(account, { instances: 1, priorities: { default: 5 } });
    await account.ready(high, 1);
    await eventually(async () => running(await instances(account, lower)) === 1);
    expect(running(await instances(account, low))).toBe(2);
    const [preempted] = (await instances(account, lower)).filter(({ ready }) => !ready);
    expect(preempted).toMatchObject({ status: { state: "provisioning" }, failures: 0, blocked: BLOCK });
    expect((await eventsNamed(account, lower, "Preempted")).map(({ details }) => details)).toEqual([{ by: high }]);
    expect(await eventually(async () => (await eventsNamed(account, high, "PreemptedOther"))[0])).toMatchObject({
      details: { application: lower, count: 1 },
    });
    await account.call("DELETE", `/applications/${high}`);
    await account.ready(lower, 2);
  });

  it("stops nothing of its own priority, of one that says never, or in vain", async ({ expect }) => {
    const account = await accountOf({ memory_mib: 768 });
    const never = await created(account, { priorities: { default: -10 }, preemption: "never" });
    const low = await created(account, { priorities: { default: -10 } });
    await account.ready(never, 1);
    await account.ready(low, 1);
    const filler = await created(account, { priorities: { default: 10 } });
    await account.ready(filler, 1);
    const same = await created(account, { priorities: { default: -10 } });
    await blocked(account, same);
    const big = { configuration: { image: "hello-world", memory_mib: 512, vcpu: 0.5 } };
    const vain = await created(account, { ...big, priorities: { default: 10 } });
    expect(await blocked(account, vain)).toMatchObject({ reason: "NoCapacity" });
    for (const id of [vain, same]) await ring(id);
    expect(running([...(await instances(account, never)), ...(await instances(account, low))])).toBe(2);
    await account.call("PATCH", `/applications/${never}`, { preemption: "allowed" });
    await eventually(async () => {
      await ring(vain);
      return (await readyIn(account, [vain])).length === 1;
    });
    expect((await view(account, never)).preemption).toBe("allowed");
  });
});

describe("what the platform refuses", () => {
  it.for([
    ["refused-by-platform", "NoCapacity"],
    ["too-many-instances", "MaxInstances"],
    ["rate-limited", "StartRate"],
  ] as const)("for %s is blocked as %s, and looked at again within 30 s", async ([image, reason], { expect }) => {
    const account = await freshAccount();
    const id = await created(account, {}, image);
    const instance = await eventually(async () => (await instances(account, id)).find((one) => one.blocked));
    expect(instance).toMatchObject({ blocked: { reason }, failures: 0 });
    for (let turn = 0; turn < 8; turn += 1) await ring(id);
    const last = await eventually(async () => (await instances(account, id))[0]?.blocked);
    expect(Date.parse(last.retry_at) - Date.parse(last.since)).toBeLessThanOrEqual(30_000);
  });
});

async function rowsOf(stub: { billing(): Promise<{ rowsWritten: number; alarmsSet: number }> }): Promise<number> {
  const { rowsWritten, alarmsSet } = await stub.billing();
  return rowsWritten + alarmsSet;
}

/** Of the account, when it has heard the end of every request. */
async function accountRows(account: TestAccount): Promise<number> {
  const stub = accountStub(testEnv, account.id);
  await eventually(
    async () =>
      await runInDurableObject(stub, (_: Account, state) => {
        const sql = "SELECT COUNT(*) AS open FROM audit WHERE status IS NULL";
        return state.storage.sql.exec<{ open: number }>(sql).one().open === 0;
      }),
  );
  return await rowsOf(stub);
}

/** Rows of the application and of the account of bringing it from one number to another. */
async function scaling(account: TestAccount, id: string, count: number): Promise<[number, number]> {
  const application = applicationStub(testEnv, id);
  const before = [await rowsOf(application), await accountRows(account)] as const;
  await account.call("PATCH", `/applications/${id}`, { instances: count });
  await account.ready(id, count);
  const { capacity } = (await account.call("GET", "/me")).result;
  if (capacity.instances !== null) await eventually(async () => (await granted(account)).instances === count);
  return [(await rowsOf(application)) - before[0], (await accountRows(account)) - before[1]];
}

describe("what it costs", () => {
  it.for([1, 20])("to scale by %i is 4n + 5 rows of the application and 2 of the account", async (n, { expect }) => {
    const [limited, free] = [await accountOf({ instances: 100 }), await freshAccount()];
    const ids = [await created(limited), await created(free)] as const;
    await limited.ready(ids[0], 1);
    await free.ready(ids[1], 1);
    const up = [await scaling(limited, ids[0], 1 + n), await scaling(free, ids[1], 1 + n)] as const;
    expect(up[0][0]).toBeLessThanOrEqual(4 * n + 5);
    expect(up[0][1] - up[1][1]).toBeLessThanOrEqual(2);
    const down = [await scaling(limited, ids[0], 1), await scaling(free, ids[1], 1)] as const;
    expect(down[0][0] - down[1][0]).toBeLessThanOrEqual(3);
    expect(down[0][1] - down[1][1]).toBeLessThanOrEqual(2);
  });

  it("is nothing of the account for one that waits and looks again", async ({ expect }) => {
    const account = await accountOf({ instances: 1 });
    const [first, second] = [await created(account), await created(account)];
    await account.ready(first, 1);
    await blocked(account, second);
    await ring(second);
    const before = await accountRows(account);
    const asked = await rowsOf(applicationStub(testEnv, second));
    for (let turn = 0; turn < 5; turn += 1) await ring(second);
    expect(await accountRows(account)).toBe(before);
    expect(((await rowsOf(applicationStub(testEnv, second))) - asked) / 5).toBeLessThanOrEqual(3);
  });
});
