/** The pool over other objects that answer as told. */
import { describe, it } from "vitest";
import { memoryDatabase } from "../../test/unit/sqlite-storage.ts";
import { migrate } from "../migrations.ts";
import type { InstanceNetwork } from "../orchestrator/network.ts";
import { leaseBlocks } from "./address-blocks.ts";
import { rangeOf, takeAddresses, type PoolDeps } from "./address-pool.ts";
import { listAddresses } from "./addresses.ts";
import { ACCOUNT_MIGRATIONS } from "./migrations.ts";

const FIRST = "1".repeat(32);
const OTHER = "2".repeat(32);
const IPV4: InstanceNetwork = { mode: "public", ipv4: "predefined", ipv6: "none" };

/** Accounts whose first one leases from `range`; each application has the deployments that are set. */
function accounts(range = "10.9.8.0/24") {
  const deployments = new Map<string, string[]>();
  const databases = new Map<string, PoolDeps["db"]>();
  const silent = new Set<string>();
  const env = {
    GANTRY_ACCOUNT_ID: FIRST,
    GANTRY_IPV4_RANGE: range,
    GANTRY_IPV6_PREFIX: "",
    ACCOUNT: {
      getByName: (id: string) => ({
        leaseBlocks: async (account: string, type: "v4" | "v6", known: string[]) => {
          const found = rangeOf(env, type);
          return found === null ? [] : leaseBlocks(databaseOf(id), account, found, known);
        },
      }),
    },
    APPLICATION: {
      getByName: (id: string) => ({
        generations: async () => {
          if (silent.has(id)) throw new Error("no answer");
          return Object.fromEntries((deployments.get(id) ?? []).map((name) => [name, 1]));
        },
      }),
    },
  } as unknown as Env;
  const databaseOf = (id: string) => {
    const known = databases.get(id);
    if (known !== undefined) return known;
    const db = memoryDatabase();
    migrate(db, ACCOUNT_MIGRATIONS);
    databases.set(id, db);
    return db;
  };
  const take = async (accountId: string, deployment: string, application = "app") => {
    deployments.set(application, [...(deployments.get(application) ?? []), deployment]);
    const deps: PoolDeps = { db: databaseOf(accountId), env, accountId };
    return await takeAddresses(deps, { application, deployment, network: IPV4, ports: [] });
  };
  return { take, deployments, databaseOf, silent };
}

async function fill(take: (account: string, deployment: string) => Promise<unknown>, account: string) {
  for (let index = 0; index < 254; index += 1) await take(account, `d${index}`);
}

describe("a pool", () => {
  it("leases from the first account, and no two accounts have one address", async ({ expect }) => {
    const { take } = accounts("10.9.8.0/23");
    const one = await take(OTHER, "a");
    const two = await take(FIRST, "b");
    expect([one.v4, two.v4].map((address) => address?.split(".").slice(0, 3).join("."))).toEqual(["10.9.8", "10.9.9"]);
    await expect(take("3".repeat(32), "c")).rejects.toMatchObject({ code: "ADDRESS_POOL_EXHAUSTED" });
  });

  it("takes another block when its own is used up", async ({ expect }) => {
    const { take } = accounts("10.9.8.0/23");
    await fill(take, OTHER);
    expect((await take(OTHER, "late")).v4).toMatch(/^10\.9\.9\./);
  });

  it("that is short takes back what belongs to nobody, and refuses when all is in use", async ({ expect }) => {
    const { take, deployments, databaseOf } = accounts();
    await fill(take, FIRST);
    await expect(take(FIRST, "late")).rejects.toMatchObject({
      code: "ADDRESS_POOL_EXHAUSTED",
      details: { deployment: "late" },
    });
    // All but two are gone, and nobody has heard of it.
    deployments.set("app", ["d0", "d1"]);
    expect((await take(FIRST, "late")).v4).toMatch(/^10\.9\.8\./);
    const left = new Set(listAddresses(databaseOf(FIRST)).map(({ deployment }) => deployment));
    expect([left.has("d0"), left.has("d1"), left.has("late"), left.has("d2")]).toEqual([true, true, true, false]);
  });

  it("leaves an application that does not answer what it has", async ({ expect }) => {
    const { take, deployments, databaseOf, silent } = accounts();
    await fill(take, FIRST);
    deployments.set("app", []);
    silent.add("app");
    await expect(take(FIRST, "late", "another")).rejects.toMatchObject({ code: "ADDRESS_POOL_EXHAUSTED" });
    expect(listAddresses(databaseOf(FIRST))).toHaveLength(254);
  });

  it("without a range that is one gives nothing", async ({ expect }) => {
    const { take } = accounts("nonsense");
    await expect(take(FIRST, "a")).rejects.toMatchObject({ code: "ADDRESS_POOL_EXHAUSTED" });
  });
});
