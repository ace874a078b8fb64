import { describe, it } from "vitest";
import { newDeploymentId } from "../deployment-id.ts";
import type { ApplicationSpec } from "../storage/application-row.ts";
import {
  applicationOf,
  maySurge,
  newSharding,
  objectName,
  unknownBefore,
  shardOfKey,
  shardsIn,
  shareOf,
  type Sharding,
} from "./sharding.ts";

const ID = "0b4c1a52-8d0e-4f1a-9a55-1f2e3d4c5b6a";
const spec = (instances: number): ApplicationSpec => ({
  instances,
  maxInstances: null,
  ingress: "private",
  checkEveryMs: 60_000,
});
const of = (shard: number, shards: number, instances: number) => {
  const sharding: Sharding = { shard, shards, turn: 0, holder: 0 };
  return { kind: "application", spec: spec(instances), sharding } as const;
};

const held = (shard: number, holder: number | null) => maySurge({ sharding: { shard, shards: 2, turn: 3, holder } });

describe("shares", () => {
  it("have the warm ones among them", ({ expect }) => {
    const shares = [0, 1, 2].map((shard) => {
      const one = of(shard, 3, 4);
      return shareOf({ ...one, spec: { ...one.spec, warm: 3 } });
    });
    expect(shares).toEqual([3, 2, 2]);
    expect(shareOf({ kind: "application", spec: { ...spec(0), warm: 1 } })).toBe(1);
    expect(shareOf({ kind: "deployment", spec: { ...spec(1), warm: 1 } })).toBe(1);
  });

  it.for([0, 1, 2, 3, 7, 36, 2_000])(
    "of %i instances are as even as can be, and come to all of them",
    (n, { expect }) => {
      for (const shards of [1, 2, 3, 16]) {
        const shares = Array.from({ length: shards }, (_, shard) => shareOf(of(shard, shards, n)));
        expect(shares.reduce((a, b) => a + b, 0)).toBe(n);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      }
    },
  );

  it("are the numbers of slots that each shard has of the first n", ({ expect }) => {
    for (const shards of [2, 3, 5]) {
      for (let n = 0; n < 20; n += 1) {
        const slots = Array.from({ length: n }, (_, slot) => slot % shards);
        for (let shard = 0; shard < shards; shard += 1) {
          expect(shareOf(of(shard, shards, n))).toBe(slots.filter((own) => own === shard).length);
        }
      }
    }
  });

  it("come after those of the shards before them", ({ expect }) => {
    expect([0, 1, 2].map((shard) => unknownBefore(of(shard, 3, 7), 0))).toEqual([0, 3, 5]);
    expect(unknownBefore({ spec: spec(7) }, 0)).toBe(0);
  });

  it("come after nothing unknown for those who know where all others are", ({ expect }) => {
    expect([0, 2, 3, 9].map((known) => unknownBefore(of(1, 3, 7), known))).toEqual([3, 1, 0, 0]);
  });

  it("are all of it where there is one object, and one of a standalone deployment", ({ expect }) => {
    expect(shareOf({ kind: "application", spec: spec(9) })).toBe(9);
    expect(shareOf({ kind: "deployment", spec: spec(1) })).toBe(1);
    expect(newSharding("deployment", 4)).toBeUndefined();
    expect(newSharding("application", 1)).toBeUndefined();
    expect(newSharding("application", 4)).toEqual({ shard: 0, shards: 4, turn: 0, holder: 0 });
  });
});

describe("the number of shards", () => {
  it.for([
    ["", 1],
    ["1", 1],
    [" 2 ", 2],
    ["16", 16],
    ["17", 1],
    ["0", 1],
    ["-2", 1],
    ["two", 1],
    ["2.5", 1],
    [undefined, 1],
  ] as const)("%j means %i", ([text, count], { expect }) => {
    expect(shardsIn(text)).toBe(count);
  });
});

describe("the leave to surge", () => {
  it("is with one shard, or with none while it is handed on", ({ expect }) => {
    expect([held(0, 0), held(1, 0), held(0, 1), held(1, 1)]).toEqual([true, false, false, true]);
    expect([held(0, null), held(1, null)]).toEqual([false, false]);
    expect(maySurge({})).toBe(true);
  });
});

describe("the shard that has what a key names", () => {
  const row = { id: ID, name: "web", sharding: { shard: 0, shards: 3, turn: 0, holder: 0 } };

  it("is in a deployment's id, and follows from an instance's name", ({ expect }) => {
    expect(shardOfKey(newDeploymentId(ID, null, 2), row)).toBe(2);
    expect(["web-0", "web-1", "web-5", "web-2000"].map((name) => shardOfKey(name, row))).toEqual([0, 1, 2, 2]);
    expect(shardOfKey("web-7", { id: ID, name: "web" })).toBe(0);
  });

  it("is not known of anything else", ({ expect }) => {
    const other = "1".repeat(8) + ID.slice(8);
    for (const key of [
      "f".repeat(64),
      "web-x",
      "web-",
      "other-1",
      newDeploymentId(other),
      newDeploymentId(ID, null, 3),
    ]) {
      expect(shardOfKey(key, row)).toBeNull();
    }
  });
});

it("a shard's object is named by its application, which its name leads back to", ({ expect }) => {
  expect([objectName(ID, 0), objectName(ID, 2)]).toEqual([ID, `${ID}/2`]);
  expect([applicationOf(ID), applicationOf(`${ID}/2`)]).toEqual([ID, ID]);
});
