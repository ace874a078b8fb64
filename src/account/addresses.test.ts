/** Addresses of an account on its own database. */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { memoryDatabase } from "../../test/unit/sqlite-storage.ts";
import { addressRange } from "../address-range.ts";
import { migrate } from "../migrations.ts";
import { PRIVATE, type InstanceNetwork } from "../orchestrator/network.ts";
import { accountOfBlock, blocksOf, leaseBlocks, removeBlocks } from "./address-blocks.ts";
import {
  allocate,
  findAddress,
  listAddresses,
  releaseAddresses,
  releaseGone,
  releaseOfApplication,
  type AddressRequest,
  type Block,
} from "./addresses.ts";
import { ACCOUNT_MIGRATIONS } from "./migrations.ts";

const UNSET = { ipv4: undefined, ipv6: undefined };
const v4 = addressRange("v4", UNSET);
const v6 = addressRange("v6", UNSET);
if (v4 === null || v6 === null) throw new Error("the default ranges are no ranges");

const BLOCKS: Block[] = [
  { prefix: v4.prefixOf(0), range: v4 },
  { prefix: v6.prefixOf(0), range: v6 },
];
const PUBLIC: InstanceNetwork = { mode: "public", ipv4: "none", ipv6: "predefined" };
const BOTH: InstanceNetwork = { mode: "public", ipv4: "predefined", ipv6: "predefined" };

function database() {
  const db = memoryDatabase();
  migrate(db, ACCOUNT_MIGRATIONS);
  return db;
}

function request(deployment: string, network: InstanceNetwork = PUBLIC, application = "app"): AddressRequest {
  return { application, deployment, network, ports: [{ start: 1, end: 65_535 }] };
}

describe("an address", () => {
  it("is the same each time a deployment asks, and another for each deployment", ({ expect }) => {
    const db = database();
    const first = allocate(db, request("a", BOTH), BLOCKS, 1);
    expect(allocate(db, request("a", BOTH), BLOCKS, 2)).toEqual(first);
    expect(first).toMatchObject({
      outcome: "allocated",
      addresses: {
        v4: expect.stringMatching(/^10\.128\.0\.\d+$/),
        v6: expect.stringMatching(/^fd67:616e:7472::[\da-f]+$/),
      },
    });
    const second = allocate(db, request("b", BOTH), BLOCKS, 3);
    expect(second).not.toEqual(first);
    expect(listAddresses(db)).toHaveLength(4);
    expect(listAddresses(db).every(({ writtenAt }) => writtenAt !== 2)).toBe(true);
  });

  it("goes with a network that no longer asks for it", ({ expect }) => {
    const db = database();
    allocate(db, request("a", BOTH), BLOCKS, 1);
    allocate(db, request("a", PUBLIC), BLOCKS, 2);
    expect(listAddresses(db).map(({ type }) => type)).toEqual(["v6"]);
    allocate(db, request("a", PRIVATE), BLOCKS, 3);
    expect(listAddresses(db)).toEqual([]);
  });

  it("that is predefined goes back; one of the account stays and is given to the next that asks for one", ({
    expect,
  }) => {
    const db = database();
    allocate(db, request("a", PUBLIC), BLOCKS, 1);
    releaseAddresses(db, "a", 2);
    expect(listAddresses(db)).toEqual([]);
    const own: InstanceNetwork = { mode: "public", ipv4: "none", ipv6: "account" };
    const first = allocate(db, request("b", own), BLOCKS, 3);
    releaseAddresses(db, "b", 4);
    expect(listAddresses(db)).toMatchObject([{ deployment: null, application: null, strategy: "account" }]);
    // Nobody else gets it.
    expect(allocate(db, request("c", PUBLIC), BLOCKS, 5)).not.toEqual(first);
    expect(allocate(db, request("d", own), BLOCKS, 6)).toEqual(first);
  });

  it("is freed with its application, or when its application no longer has the deployment", ({ expect }) => {
    const db = database();
    for (const id of ["a", "b"]) allocate(db, request(id), BLOCKS, 1);
    allocate(db, request("other", PUBLIC, "another"), BLOCKS, 1);
    releaseGone(db, "app", new Set(["a"]), 5, 6);
    expect(new Set(listAddresses(db).map(({ deployment }) => deployment))).toEqual(new Set(["a", "other"]));
    releaseOfApplication(db, "app", 7);
    expect(listAddresses(db).map(({ deployment }) => deployment)).toEqual(["other"]);
  });

  it("that was given while its application was asked is not taken back", ({ expect }) => {
    const db = database();
    allocate(db, request("young"), BLOCKS, 10);
    releaseGone(db, "app", new Set(), 10, 11);
    expect(listAddresses(db)).toHaveLength(1);
  });

  it("has never two owners, and one is found as long as any is free", { timeout: 60_000 }, ({ expect }) => {
    const step = fc.record({ deployment: fc.integer({ min: 0, max: 300 }), release: fc.boolean(), kept: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const db = database();
        const owners = new Map<number, string>();
        steps.forEach(({ deployment, release, kept }, now) => {
          const id = `d${deployment}`;
          if (release) {
            releaseAddresses(db, id, now);
            owners.delete(deployment);
            return;
          }
          const network: InstanceNetwork = { mode: "public", ipv4: kept ? "account" : "predefined", ipv6: "none" };
          const allocation = allocate(db, request(id, network), BLOCKS, now);
          if (allocation.outcome === "short") throw new Error("254 are enough for 120");
          const { v4: address } = allocation.addresses;
          expect(owners.get(deployment) ?? address).toBe(address);
          owners.set(deployment, address ?? "");
        });
        expect(new Set(owners.values()).size).toBe(owners.size);
        for (const [deployment, address] of owners) {
          expect(findAddress(db, address)?.deployment).toBe(`d${deployment}`);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("is not to be had when the blocks are used up, until there is another", ({ expect }) => {
    const db = database();
    const network: InstanceNetwork = { mode: "public", ipv4: "predefined", ipv6: "none" };
    for (let index = 0; index < 254; index += 1) allocate(db, request(`d${index}`, network), BLOCKS, 1);
    expect(allocate(db, request("late", network), BLOCKS, 2)).toEqual({ outcome: "short", type: "v4" });
    const more = [...BLOCKS, { prefix: v4.prefixOf(1), range: v4 }];
    expect(allocate(db, request("late", network), more, 3)).toMatchObject({
      addresses: { v4: expect.stringMatching(/^10\.128\.1\./) },
    });
  });
});

describe("a block", () => {
  it("has one account, and an account asks for another only when it knows all of its own", ({ expect }) => {
    const db = database();
    expect(leaseBlocks(db, "one", v4, [])).toEqual(["10.128.0"]);
    // The answer was lost: it is told again.
    expect(leaseBlocks(db, "one", v4, [])).toEqual(["10.128.0"]);
    expect(leaseBlocks(db, "two", v4, [])).toEqual(["10.128.1"]);
    expect(leaseBlocks(db, "one", v4, ["10.128.0"])).toEqual(["10.128.2"]);
    expect(leaseBlocks(db, "one", v6, [])).toEqual(["fd67:616e:7472:0"]);
    expect(accountOfBlock(db, "10.128.1")).toBe("two");
    expect(blocksOf(db, "one", "v4")).toEqual(["10.128.0", "10.128.2"]);
    removeBlocks(db, "one");
    expect(leaseBlocks(db, "two", v4, ["10.128.1"])).toEqual(["10.128.0"]);
  });

  it("is not to be had when all are leased", ({ expect }) => {
    const db = database();
    const tiny = addressRange("v4", { ipv4: "10.1.2.0/24", ipv6: undefined });
    if (tiny === null) throw new Error("no range");
    expect(leaseBlocks(db, "one", tiny, [])).toEqual(["10.1.2"]);
    expect(leaseBlocks(db, "two", tiny, [])).toEqual([]);
  });
});
