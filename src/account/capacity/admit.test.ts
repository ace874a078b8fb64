import { describe, it } from "vitest";
import { memoryDatabase } from "../../../test/unit/sqlite-storage.ts";
import { SIZE, stating, type Stated } from "../../../test/unit/capacity-account.ts";
import { migrate } from "../../migrations.ts";
import { ACCOUNT_MIGRATIONS } from "../migrations.ts";
import { admit } from "./admit.ts";
import { claimsOf } from "./claims.ts";
import { ANY, loadOf, type Capacity } from "./load.ts";

/** A pool of capacity, into which applications state what they have and want. */
function pool(total: Partial<Capacity>, locations: Readonly<Record<string, Partial<Capacity>>> = {}) {
  const db = memoryDatabase();
  migrate(db, ACCOUNT_MIGRATIONS);
  const limits = new Map(Object.entries(locations).map(([code, own]) => [code, { ...ANY, ...own }]));
  let number = 0;
  const state = (id: string, stated: Stated, isOpen = true) => {
    number += 1;
    const pools = { total: { ...ANY, ...total }, locations: limits };
    return admit(db, pools, id, stating(number, stated), (other) => other !== "asleep", isOpen);
  };
  const claims = (id: string) =>
    Object.fromEntries(
      claimsOf(db, id).map(({ location, load, more, arrival }) => [location, [load.instances, more, arrival]]),
    );
  return { state, claims, numbers: (id: string) => claimsOf(db, id).map((claim) => claim.number) };
}

const at = (location: string, held: number, more: number) => ({ location, held: loadOf(SIZE, held), more });

describe("admission", () => {
  it("grants as many as fit, and remembers how many wait", ({ expect }) => {
    const { state, claims } = pool({ instances: 3 });
    expect(state("a", { held: 1, more: 4 })).toEqual({
      granted: { weur: loadOf(SIZE, 3) },
      free: {},
      shortage: { reason: "MaxInstances", shortfall: { instances: 1 }, isImpossible: false },
      shortages: { weur: { reason: "MaxInstances", shortfall: { instances: 1 }, isImpossible: false } },
      isFreed: false,
    });
    expect(claims("a")).toEqual({ weur: [3, 2, 1] });
  });

  it("never refuses what is held already", ({ expect }) => {
    const { state } = pool({ instances: 1 });
    expect(state("a", { held: 3 })).toMatchObject({ granted: { weur: loadOf(SIZE, 3) }, shortage: null });
  });

  it("counts what it states in place of what it stated before", ({ expect }) => {
    const { state } = pool({ instances: 4 });
    state("a", { held: 3 });
    expect(state("a", { held: 2, more: 2 })).toMatchObject({ granted: { weur: loadOf(SIZE, 4) }, shortage: null });
    expect(state("b", { more: 1 })).toMatchObject({ granted: { weur: loadOf(SIZE, 0) } });
  });

  it("takes what is not stated any more for gone", ({ expect }) => {
    const { state, claims } = pool({ instances: 4 });
    state("a", { wants: [at("weur", 1, 0), at("enam", 3, 2)] });
    expect(state("a", { held: 1 })).toMatchObject({ granted: { weur: loadOf(SIZE, 1) }, isFreed: true });
    expect(claims("a")).toEqual({ weur: [1, 0, null] });
  });

  it("of nothing at all leaves no claim", ({ expect }) => {
    const { state, claims } = pool({ instances: 4 });
    state("a", { held: 1 });
    state("a", {});
    expect(claims("a")).toEqual({});
  });

  it("takes the size of a location's own for what is wanted there", ({ expect }) => {
    const { state } = pool({ vcpu: 4 });
    const large = { ...SIZE, vcpu: 2 };
    const wants = [{ ...at("weur", 0, 3), size: large }];
    expect(state("a", { wants }).granted).toEqual({ weur: loadOf(large, 2) });
  });
});

describe("who waits", () => {
  it("is served in the order in which it came, also when it asks again", ({ expect }) => {
    const { state, claims } = pool({ instances: 1 });
    state("runs", { held: 1 });
    state("b", { more: 1 });
    state("a", { more: 2 });
    state("b", { more: 1 });
    expect([claims("b"), claims("a")]).toEqual([{ weur: [0, 1, 1] }, { weur: [0, 2, 2] }]);
    state("runs", {});
    expect(state("a", { more: 2 }).granted).toEqual({ weur: loadOf(SIZE, 0) });
    expect(state("b", { more: 1 }).granted).toEqual({ weur: loadOf(SIZE, 1) });
    expect(claims("b")).toEqual({ weur: [1, 0, null] });
  });

  it("comes last when it has been served and wants more", ({ expect }) => {
    const { state, claims } = pool({ instances: 2 });
    state("runs", { held: 1 });
    state("a", { more: 1 });
    state("b", { more: 1 });
    expect(claims("a")).toEqual({ weur: [1, 0, null] });
    state("a", { held: 1, more: 1 });
    expect([claims("b"), claims("a")]).toEqual([{ weur: [0, 1, 1] }, { weur: [1, 1, 2] }]);
  });

  it("keeps its turn when it would be placed elsewhere, the earliest of them", ({ expect }) => {
    const { state, claims } = pool({ instances: 1 });
    state("runs", { held: 1 });
    state("a", { wants: [at("weur", 0, 1), at("enam", 0, 1)] });
    state("b", { more: 1 });
    state("a", { wants: [at("apac", 0, 1), at("weur", 0, 0)] });
    expect(claims("a")).toEqual({ apac: [0, 1, 1] });
    state("b", { wants: [at("weur", 0, 1), at("enam", 0, 1)] });
    expect(claims("b")).toEqual({ weur: [0, 1, 3], enam: [0, 1, 3] });
  });

  it("does not take the turn of a place where it does not wait for one where it comes anew", ({ expect }) => {
    const { state, claims } = pool({ instances: 1 });
    state("a", { held: 1 });
    state("b", { more: 1 });
    state("a", { wants: [at("weur", 1, 0), at("enam", 0, 1)] });
    expect(claims("a")).toEqual({ weur: [1, 0, null], enam: [0, 1, 2] });
  });

  it("holds nobody up while it is asleep", ({ expect }) => {
    const { state } = pool({ vcpu: 3 });
    state("runs", { held: 2 });
    state("asleep", { more: 1, size: { ...SIZE, vcpu: 2 } });
    expect(state("b", { more: 1 }).granted).toEqual({ weur: loadOf(SIZE, 1) });
  });
});

describe("what is freed for others", () => {
  it("is what is held no longer, or not waited for any longer", ({ expect }) => {
    const { state } = pool({ instances: 3 });
    expect(state("a", { held: 3, more: 2 }).isFreed).toBe(false);
    expect(state("a", { held: 3, more: 2 }).isFreed).toBe(false);
    expect(state("a", { held: 3, more: 3 }).isFreed).toBe(false);
    expect(state("a", { held: 3, more: 1 }).isFreed).toBe(true);
    expect(state("a", { held: 2, more: 1 }).isFreed).toBe(true);
    expect(state("a", { held: 2, more: 3 }).isFreed).toBe(false);
    expect(state("a", { held: 1, more: 4 }, false).isFreed).toBe(true);
  });

  it("is told although another location takes more", ({ expect }) => {
    const { state } = pool({ instances: 9 });
    state("a", { wants: [at("weur", 2, 0), at("enam", 1, 0)] });
    expect(state("a", { wants: [at("weur", 1, 0), at("enam", 2, 0)] }).isFreed).toBe(true);
    expect(state("a", { wants: [at("weur", 2, 0), at("enam", 1, 0), at("apac", 1, 0)] }).isFreed).toBe(true);
  });
});

describe("why not all may begin", () => {
  it("is what is short in the first location in which something is", ({ expect }) => {
    const { state } = pool({}, { enam: { vcpu: 1 }, apac: { instances: 0 } });
    const { shortage, shortages } = state("a", { wants: [at("weur", 0, 2), at("enam", 0, 3), at("apac", 0, 1)] });
    expect(shortages).toEqual({
      enam: { reason: "NoCapacity", shortfall: { vcpu: 1 }, isImpossible: false },
      apac: { reason: "MaxInstances", shortfall: { instances: 1 }, isImpossible: true },
    });
    expect(shortage).toEqual(shortages.enam);
  });

  it("is that it is larger than all that there is", ({ expect }) => {
    const { state } = pool({ memoryMib: 1_024 });
    const size = { ...SIZE, memoryMib: 2_048 };
    expect(state("a", { more: 1, size }).shortage).toEqual({
      reason: "NoCapacity",
      shortfall: { memoryMib: 1_024 },
      isImpossible: true,
    });
  });

  it("is told only while nothing may grow at all", ({ expect }) => {
    const { state, claims } = pool({ instances: 9 });
    expect(state("a", { held: 2, more: 1 }, false)).toEqual({
      granted: { weur: loadOf(SIZE, 2) },
      free: {},
      shortage: { reason: "NoCapacity", shortfall: {}, isImpossible: false },
      shortages: {},
      isFreed: false,
    });
    expect(claims("a")).toEqual({ weur: [2, 1, 1] });
    expect(state("b", { held: 2 }, false).shortage).toBeNull();
  });
});

describe("what is free in the locations", () => {
  const limits = { weur: { instances: 4 }, enam: { instances: 9 } };

  it("is what fits beside what is taken and granted", ({ expect }) => {
    const { state } = pool({}, limits);
    expect(state("a", { held: 1, more: 1 }).free).toEqual({ weur: 2, enam: 9 });
    expect(state("b", { held: 1 }).free).toEqual({ weur: 1, enam: 9 });
  });

  it("is not what the first of the others waits for", ({ expect }) => {
    const { state } = pool({}, { weur: { vcpu: 5 } });
    state("runs", { held: 2 });
    state("large", { more: 1, size: { ...SIZE, vcpu: 4 } });
    expect(state("b", { location: "enam" }).free).toEqual({ weur: 0 });
  });

  it("is also what the application itself waits for", ({ expect }) => {
    const { state } = pool({}, { weur: { vcpu: 5 } });
    state("runs", { held: 2 });
    const wants = [{ ...at("weur", 0, 1), size: { ...SIZE, vcpu: 4 } }];
    expect(state("a", { wants }).free).toEqual({ weur: 3 });
  });

  it("is what is left behind those who are served before", ({ expect }) => {
    const { state } = pool({}, { weur: { instances: 3 } });
    state("b", { more: 2 }, false);
    expect(state("a", { location: "enam" }).free).toEqual({ weur: 1 });
  });
});

describe("a claim", () => {
  it("is written only when it says something new", ({ expect }) => {
    const { state, numbers } = pool({ instances: 1 });
    const size = { ...SIZE, vcpu: 0.5 };
    state("runs", { held: 1 });
    state("a", { more: 1 });
    state("a", { more: 1 });
    expect(numbers("a")).toEqual([2]);
    for (const stated of [
      { more: 2 },
      { more: 2, priority: 1 },
      { more: 2, priority: 1, isPreemptible: false },
      { more: 2, priority: 1, isPreemptible: false, size },
      { held: 1, more: 2, priority: 1, isPreemptible: false, size },
      { held: 1, priority: 1, isPreemptible: false, size },
    ]) {
      const [before = 0] = numbers("a");
      state("a", stated);
      const [after = 0] = numbers("a");
      expect(after).toBeGreaterThan(before);
      state("a", stated);
      expect(numbers("a")).toEqual([after]);
    }
  });

  it("of one that waits for nothing is not written for its size", ({ expect }) => {
    const { state, numbers } = pool({ instances: 1 });
    state("a", { wants: [at("weur", 1, 0)] });
    state("a", { wants: [at("weur", 1, 0)], size: { ...SIZE, vcpu: 2 } });
    expect(numbers("a")).toEqual([1]);
  });
});
