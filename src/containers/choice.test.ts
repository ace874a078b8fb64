import * as fc from "fast-check";
import { describe, it } from "vitest";
import { nearestFirst } from "../orchestrator/placement/distance.ts";
import { REGIONS, type Region } from "../orchestrator/placement/location.ts";
import type { RoutingMember } from "../orchestrator/routing.ts";
import { choose, isSpread, type Wish } from "./choice.ts";

function member(deploymentId: string, region?: Region, isSpare = false): RoutingMember {
  return {
    deploymentId,
    instanceId: `i-${deploymentId}`,
    ...(region === undefined ? {} : { region }),
    ...(isSpare ? { isSpare } : {}),
  };
}

function wish(loads: Record<string, number> = {}, fields: Partial<Wish> = {}): Wish {
  return {
    tried: new Set(),
    from: null,
    target: 10,
    load: ({ deploymentId }) => loads[deploymentId] ?? 0,
    random: () => 0.5,
    ...fields,
  };
}

const RANDOMS = [0, 0.3, 0.6, 0.99];

describe("the next request", () => {
  it("goes to the less loaded of two", ({ expect }) => {
    const [a, b] = [member("a"), member("b")];
    for (const random of RANDOMS) expect(choose([a, b], wish({ a: 1 }, { random: () => random }))).toBe(b);
  });

  it("never goes to one that was tried, and to nobody when all were", ({ expect }) => {
    const [a, b, c] = [member("a"), member("b"), member("c")];
    for (const random of RANDOMS) {
      expect(choose([a, b, c], wish({}, { tried: new Set(["a", "c"]), random: () => random }))).toBe(b);
    }
    expect(choose([a], wish({}, { tried: new Set(["a"]) }))).toBeUndefined();
    expect(choose([], wish())).toBeUndefined();
  });

  it("reaches every member when none is loaded", ({ expect }) => {
    const members = [member("a"), member("b"), member("c"), member("d")];
    const seen = [0, 0.25, 0.5, 0.75].map((random) => choose(members, wish({}, { random: () => random })));
    expect(new Set(seen)).toEqual(new Set(members));
  });

  it("stays in the caller's region while that has room, and comes back to it", ({ expect }) => {
    const [near, other, far] = [member("near", "WEUR"), member("other", "EEUR"), member("far", "OC")];
    const members = [far, other, near];
    const from = "WEUR";
    expect(choose(members, wish({ near: 9 }, { from }))).toBe(near);
    expect(choose(members, wish({ near: 10 }, { from }))).toBe(other);
    expect(choose(members, wish({ near: 10, other: 10 }, { from }))).toBe(far);
    expect(choose(members, wish({ near: 9, other: 10 }, { from }))).toBe(near);
  });

  it("goes to whoever has least where all have too much, the nearest of equals", ({ expect }) => {
    const [near, far] = [member("near", "WEUR"), member("far", "OC")];
    const from = "WEUR";
    expect(choose([far, near], wish({ near: 12, far: 12 }, { from }))).toBe(near);
    expect(choose([far, near], wish({ near: 12, far: 11 }, { from }))).toBe(far);
  });

  it("finds the one with room in its region when chance shows two without", ({ expect }) => {
    const members = [member("a", "SAM"), member("b", "SAM"), member("c", "SAM"), member("d", "AFR")];
    for (const random of RANDOMS) {
      const one = choose(members, wish({ a: 10, b: 10 }, { from: "SAM", random: () => random }));
      expect(one?.deploymentId).toBe("c");
    }
  });

  it("goes to those of whom it is not known where they are after all others", ({ expect }) => {
    const [unknown, far] = [member("unknown"), member("far", "OC")];
    expect(choose([unknown, far], wish({}, { from: "WEUR" }))).toBe(far);
    expect(choose([unknown, far], wish({ far: 10 }, { from: "WEUR" }))).toBe(unknown);
  });

  it("goes to a spare one only where nobody else is left, whatever they carry", ({ expect }) => {
    const [busy, spare] = [member("busy", "OC"), member("spare", "WEUR", true)];
    for (const from of [null, "WEUR"] as const) {
      expect(choose([spare, busy], wish({ busy: 99 }, { from }))).toBe(busy);
      expect(choose([spare, busy], wish({}, { from, tried: new Set(["busy"]) }))).toBe(spare);
    }
  });
});

interface Case {
  readonly members: readonly RoutingMember[];
  readonly loads: Record<string, number>;
  readonly tried: ReadonlySet<string>;
  readonly from: Region | null;
  readonly random: readonly number[];
}

const one = fc.record({
  region: fc.option(fc.constantFrom(...REGIONS.slice(0, 4)), { nil: undefined }),
  load: fc.integer({ min: 0, max: 14 }),
  isSpare: fc.boolean(),
  isTried: fc.boolean(),
});
const cases: fc.Arbitrary<Case> = fc
  .record({
    all: fc.array(one, { maxLength: 8 }),
    from: fc.option(fc.constantFrom(...REGIONS), { nil: null }),
    random: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 3, maxLength: 3 }),
  })
  .map(({ all, from, random }) => ({
    members: all.map(({ region, isSpare }, nth) => member(`m${nth}`, region, isSpare)),
    loads: Object.fromEntries(all.map(({ load }, nth) => [`m${nth}`, load])),
    tried: new Set(all.flatMap(({ isTried }, nth) => (isTried ? [`m${nth}`] : []))),
    from,
    random,
  }));

function chosen({ members, loads, tried, from, random }: Case): RoutingMember | undefined {
  let nth = 0;
  return choose(members, wish(loads, { tried, from, random: () => random[(nth += 1) % random.length] ?? 0 }));
}

const open = ({ members, tried }: Case) => members.filter(({ deploymentId }) => !tried.has(deploymentId));
const rank = (from: Region, { region }: RoutingMember) => {
  return region === undefined ? REGIONS.length : nearestFirst(from).indexOf(region);
};

describe("a choice", () => {
  it("is one of those that are open, and there is one whenever one is open", ({ expect }) => {
    fc.assert(
      fc.property(cases, (given) => {
        const choice = chosen(given);
        if (choice === undefined) expect(open(given)).toEqual([]);
        else expect(open(given)).toContain(choice);
      }),
    );
  });

  it("is no spare one while another is open", ({ expect }) => {
    fc.assert(
      fc.property(cases, (given) => {
        const isNeeded = open(given).every(({ isSpare }) => isSpare === true);
        const choice = chosen(given);
        expect(choice?.isSpare === true && !isNeeded).toBe(false);
      }),
    );
  });

  it("with equal load is in the nearest region that has an open one", ({ expect }) => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 0, max: 14 }), (given, load) => {
        const { from } = given;
        if (from === null) return;
        const loads = Object.fromEntries(given.members.map(({ deploymentId }) => [deploymentId, load]));
        const choice = chosen({ ...given, loads });
        if (choice === undefined) return;
        const rivals = open(given).filter(({ isSpare }) => isSpare === choice.isSpare);
        expect(rank(from, choice)).toBe(Math.min(...rivals.map((rival) => rank(from, rival))));
      }),
    );
  });

  it("passes a region over only when all that are open in it carry as much as they are to", ({ expect }) => {
    fc.assert(
      fc.property(cases, (given) => {
        const { from, loads } = given;
        const choice = chosen(given);
        if (from === null || choice === undefined) return;
        const nearer = open(given).filter((other) => {
          return other.isSpare === choice.isSpare && rank(from, other) < rank(from, choice);
        });
        for (const { deploymentId } of nearer) expect(loads[deploymentId]).toBeGreaterThanOrEqual(10);
      }),
    );
  });

  it("is the same for all callers where all members are in one region", ({ expect }) => {
    const members = [member("a", "APAC"), member("b", "APAC")];
    expect([isSpread(members), isSpread([...members, member("c", "OC")]), isSpread([])]).toEqual([false, true, false]);
    for (const from of [null, ...REGIONS]) {
      expect(choose(members, wish({ a: 30, b: 31 }, { from }))?.deploymentId).toBe("a");
    }
  });
});
