/** Sharing out what is left: by priority, then arrival, without starving what is big. */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { ANY, fits, leftOf, loadOf, NO_LOAD, type Capacity, type Load } from "./load.ts";
import { inOrder, Remainder, shareOut, shortfallOf, type Claim, type Pools } from "./queue.ts";

const SMALL: Load = { instances: 1, vcpu: 1, memoryMib: 256, diskMb: 2_000 };
const BIG: Load = { instances: 1, vcpu: 4, memoryMib: 256, diskMb: 2_000 };

function claim(application: string, more: number, extra: Partial<Claim> = {}): Claim {
  return {
    application,
    location: "weur",
    load: NO_LOAD,
    more,
    size: SMALL,
    priority: 0,
    arrival: null,
    isPreemptible: true,
    ...extra,
  };
}

function pools(total: Partial<Capacity>, locations: Record<string, Partial<Capacity>> = {}): Pools {
  return {
    total: { ...ANY, ...total },
    locations: new Map(Object.entries(locations).map(([code, own]) => [code, { ...ANY, ...own }])),
  };
}

function shared(all: Pools, ...waiting: Claim[]): Record<string, number> {
  const shares = shareOut(all, { total: NO_LOAD, locations: new Map() }, waiting);
  return Object.fromEntries(shares.map((share) => [share.claim.application, share.granted]));
}

describe("what is left", () => {
  it("goes to the highest priority, then to who came first, then to who comes now", ({ expect }) => {
    const waiting = [
      claim("now", 2),
      claim("late", 2, { arrival: 8 }),
      claim("early", 2, { arrival: 7 }),
      claim("high", 2, { arrival: 9, priority: 1 }),
    ];
    expect(shared(pools({ instances: 5 }), ...waiting)).toEqual({ high: 2, early: 2, late: 1, now: 0 });
  });

  it("is given as far as it goes", ({ expect }) => {
    expect(shared(pools({ instances: 36 }), claim("a", 50))).toEqual({ a: 36 });
  });

  it("is kept for a big one that waits, and small ones behind it get none of it", ({ expect }) => {
    const runs = { total: SMALL, locations: new Map() };
    const waiting = [claim("big", 1, { size: BIG, arrival: 1 }), claim("small", 1, { arrival: 2 })];
    expect(shareOut(pools({ vcpu: 4 }), runs, waiting).map(({ granted }) => granted)).toEqual([0, 0]);
    expect(shared(pools({ vcpu: 5 }), ...waiting)).toEqual({ big: 1, small: 1 });
  });

  it("goes past what waits for another location, one of its size set aside", ({ expect }) => {
    const waiting = [claim("full", 9, { arrival: 1, location: "enam" }), claim("other", 5, { arrival: 2 })];
    expect(shared(pools({ instances: 5 }, { enam: { instances: 0 } }), ...waiting)).toEqual({ full: 0, other: 5 });
    expect(shared(pools({ instances: 6 }, { enam: { instances: 1 } }), ...waiting)).toEqual({ full: 1, other: 4 });
  });

  it("goes past what could not run alone", ({ expect }) => {
    const waiting = [claim("giant", 1, { size: BIG, arrival: 1, priority: 9 }), claim("small", 9, { arrival: 2 })];
    expect(shared(pools({ vcpu: 3 }), ...waiting)).toEqual({ giant: 0, small: 3 });
  });
});

const size = fc.record({
  instances: fc.constant(1),
  vcpu: fc.integer({ min: 1, max: 64 }).map((sixteenths) => sixteenths / 16),
  memoryMib: fc.integer({ min: 1, max: 16 }).map((n) => n * 128),
  diskMb: fc.integer({ min: 1, max: 4 }).map((n) => n * 500),
});
const anyPools = fc
  .record({
    instances: fc.option(fc.integer({ min: 0, max: 20 })),
    vcpu: fc.option(fc.integer({ min: 0, max: 12 })),
    memoryMib: fc.option(fc.integer({ min: 0, max: 4_096 })),
    west: fc.option(fc.integer({ min: 0, max: 10 })),
  })
  .map(({ instances, vcpu, memoryMib, west }) => pools({ instances, vcpu, memoryMib }, { weur: { instances: west } }));
const anyClaims = fc.array(
  fc.record({
    more: fc.integer({ min: 1, max: 8 }),
    size,
    priority: fc.integer({ min: -1, max: 1 }),
    arrival: fc.option(fc.integer({ min: 1, max: 9 })),
    location: fc.constantFrom("weur", "enam"),
  }),
  { maxLength: 8 },
);

describe("for any capacity and any claims", () => {
  it("no more is granted than there is", ({ expect }) => {
    fc.assert(
      fc.property(anyPools, anyClaims, (all, wanted) => {
        const waiting = wanted.map((extra, index) => claim(`a${index}`, extra.more, extra));
        const shares = shareOut(all, { total: NO_LOAD, locations: new Map() }, waiting);
        const sum = (at: string | null, key: keyof Load) =>
          shares
            .filter((share) => at === null || share.claim.location === at)
            .reduce((total, share) => total + share.granted * share.claim.size[key], 0);
        for (const key of ["instances", "vcpu", "memoryMib"] as const) {
          expect(sum(null, key)).toBeLessThanOrEqual((all.total[key] ?? Number.POSITIVE_INFINITY) + 1e-6);
        }
        const west = all.locations.get("weur")?.instances ?? Number.POSITIVE_INFINITY;
        expect(sum("weur", "instances")).toBeLessThanOrEqual(west);
      }),
    );
  });

  it("who comes later takes nothing from who came before, in one pool", ({ expect }) => {
    fc.assert(
      fc.property(anyPools, anyClaims, anyClaims, (all, first, second) => {
        const one: Pools = { total: all.total, locations: new Map() };
        const before = first.map((extra, index) => claim(`a${index}`, extra.more, { ...extra, priority: 1 }));
        const after = second.map((extra, index) => claim(`b${index}`, extra.more, { ...extra, priority: 0 }));
        const taken = { total: NO_LOAD, locations: new Map() };
        const alone = shareOut(one, taken, before);
        const together = shareOut(one, taken, [...after, ...before]);
        for (const share of alone) {
          const same = together.find((other) => other.claim.application === share.claim.application);
          expect(same?.granted).toBe(share.granted);
        }
        // The first that waits and could run alone has at least as much left for it as if nobody were behind it.
        const head = alone.find(
          ({ claim: waits, granted }) => granted < waits.more && fits(leftOf(one.total, NO_LOAD), waits.size) > 0,
        );
        if (head === undefined) return;
        const behind = together.filter(({ claim: other }) => other.priority === 0);
        const used = behind.reduce((sum, share) => sum + share.granted, 0);
        expect(used).toBe(0);
      }),
    );
  });
});

describe("a load", () => {
  it("of a size is that many times the size", ({ expect }) => {
    expect(loadOf({ vcpu: 0.0625, memoryMib: 256, diskMb: 2_000 }, 3)).toEqual({
      instances: 3,
      vcpu: 0.1875,
      memoryMib: 768,
      diskMb: 6_000,
    });
  });
});

describe("what one more lacks", () => {
  const left = { instances: 0, vcpu: 0.25, memoryMib: 256, diskMb: Number.POSITIVE_INFINITY };

  it("is what is short of it, by resource, and nothing else", ({ expect }) => {
    expect(shortfallOf(left, SMALL)).toStrictEqual({ instances: 1, vcpu: 0.75 });
    expect(shortfallOf({ ...left, instances: -2, vcpu: 4 }, SMALL)).toStrictEqual({ instances: 3 });
    expect(shortfallOf({ ...left, instances: 1, vcpu: 1 }, SMALL)).toStrictEqual({});
  });
});

function named(list: readonly Claim[]): string[] {
  return inOrder(list).map(({ application, location }) => `${application} ${location}`);
}

describe("those that wait", () => {
  it("are served by priority, then arrival, then name, then location", ({ expect }) => {
    const claims = [
      claim("d", 1, { location: "weur" }),
      claim("d", 1, { location: "enam" }),
      claim("c", 1),
      claim("b", 1, { arrival: 2 }),
      claim("a", 1, { arrival: 1 }),
      claim("z", 1, { priority: 1 }),
      claim("y", 1, { priority: -1, arrival: 0 }),
    ];
    const order = ["z weur", "a weur", "b weur", "c weur", "d enam", "d weur", "y weur"];
    expect(named(claims)).toEqual(order);
    expect(named(claims.toReversed())).toEqual(order);
  });
});

describe("what is left", () => {
  const limits = pools({ vcpu: 10 }, { weur: { vcpu: 3 } });
  const remainder = () => new Remainder(limits, { total: NO_LOAD, locations: new Map() });

  it("is taken from the account and from the location", ({ expect }) => {
    const rest = remainder();
    rest.take("weur", BIG);
    expect(rest.at("weur").vcpu).toBe(-1);
    expect(rest.at("enam").vcpu).toBe(6);
    rest.give("weur", BIG);
    expect([rest.at("weur").vcpu, rest.at("enam").vcpu]).toEqual([3, 10]);
  });

  it("is held for the first that waits in a location, and for no second", ({ expect }) => {
    const rest = remainder();
    rest.hold("weur", SMALL);
    expect([rest.at("weur").vcpu, rest.at("enam").vcpu]).toEqual([2, 9]);
    rest.hold("weur", SMALL);
    expect([rest.at("weur").vcpu, rest.at("enam").vcpu]).toEqual([2, 9]);
    rest.hold("enam", SMALL);
    expect([rest.at("weur").vcpu, rest.at("enam").vcpu]).toEqual([2, 8]);
  });

  it("is not held for what would never fit", ({ expect }) => {
    const rest = remainder();
    rest.hold("weur", BIG);
    expect([rest.at("weur").vcpu, rest.at("enam").vcpu]).toEqual([3, 10]);
  });
});
