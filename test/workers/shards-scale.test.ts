/**
 * A large application over two objects, through the API. How large says `SHARDED_INSTANCES`: the 2,000 of `.ci/run` take
 * twenty seconds or a minute, as busy as the machine is, and a few do otherwise.
 */
import { runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, inject, it, vi } from "vitest";
import type { Application } from "../../src/orchestrator/application.ts";
import { shardStub } from "../../src/stubs.ts";
import { freshAccount, type TestAccount } from "./accounts.ts";
import { liveContainers } from "./fake-container.ts";
import { testEnv, type WireInstance } from "./client.ts";
import { spreadOver } from "./shard-count.ts";

const COUNT = inject("shardedInstances");
const LESS = Math.floor((COUNT * 3) / 4);

beforeEach(() => spreadOver(2));
afterEach(() => spreadOver(null));

async function until(isReached: () => Promise<boolean>): Promise<void> {
  await vi.waitFor(
    async () => {
      if (!(await isReached())) throw new Error("not yet");
    },
    { timeout: 240_000, interval: 200 },
  );
}

async function listed(account: TestAccount, id: string, perPage: number) {
  const all: (WireInstance & { requested_location: string })[] = [];
  for (let token = ""; ;) {
    const page = await account.call("GET", `/applications/${id}/instances-v2?per_page=${perPage}${token}`);
    all.push(...page.result);
    if (page.result_info?.next_page_token === undefined) return all;
    token = `&page_token=${page.result_info.next_page_token}`;
  }
}

async function isErased(id: string, shard: number): Promise<boolean> {
  return await runInDurableObject(shardStub(testEnv, id, shard), (_: Application, state) => {
    return state.storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'application'").toArray().length === 0;
  });
}

describe(`an application of ${COUNT} instances over two objects`, () => {
  it("is ready, listed, scaled and gone like any other", { timeout: 600_000 }, async ({ expect }) => {
    const account = await freshAccount();
    const created = await account.create({ instances: COUNT });
    expect(created.status).toBe(201);
    const { id, name } = created.result;
    const view = async () => (await account.call("GET", `/applications/${id}`)).result;
    await until(async () => (await view()).health.instances.healthy === COUNT);
    expect((await account.call("GET", `/applications/${id}/wait?state=settled&timeout=20s`)).status).toBe(200);

    const all = await listed(account, id, Math.ceil(COUNT / 4));
    expect(all.map((one) => one.name)).toEqual(Array.from({ length: COUNT }, (_, slot) => `${name}-${slot}`));
    expect(new Set(all.map((one) => one.id)).size).toBe(COUNT);
    const places = Map.groupBy(all, (one) => one.requested_location);
    const counts = [...places.values()].map((own) => own.length);
    expect(places.size).toBe(9);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2);
    expect((await account.call("GET", "/me")).result.usage.instances).toBe(COUNT);

    expect((await account.call("PATCH", `/applications/${id}`, { instances: LESS })).result.instances).toBe(LESS);
    await until(
      async () => (await account.call("GET", `/applications/${id}/wait?state=settled&timeout=20s`)).status === 200,
    );
    const left = await listed(account, id, 1_000);
    expect(left.map((one) => one.name)).toEqual(Array.from({ length: LESS }, (_, slot) => `${name}-${slot}`));
    expect((await view()).health.instances).toMatchObject({ active: LESS, healthy: LESS, scheduling: 0 });

    expect((await account.call("DELETE", `/applications/${id}`)).status).toBe(200);
    for (const shard of [0, 1]) await until(() => isErased(id, shard));
    expect(liveContainers()).toEqual([]);
  });
});
