import * as fc from "fast-check";
import { describe, it } from "vitest";
import { REGIONS, violated, type Constraints, type Location, type Region } from "./location.ts";
import type { Decision } from "./place.ts";
import {
  blockedBy,
  blockedRetryMs,
  explainBlocked,
  isDisallowed,
  isFoundOutside,
  Placer,
  unverified,
  type PlacementRecord,
  type Where,
} from "./placing.ts";

function location(code: string, extra: Partial<Location> = {}): Location {
  return { code, name: code, region: "WEUR", city: null, pop: null, weight: 1, enabled: true, ...extra };
}

const where = (locations: readonly Location[], extra: Partial<Where> = {}): Where => ({
  locations,
  constraints: {},
  companions: null,
  failing: new Set(),
  ...extra,
});

/** Where `count` new slots go one after another. */
function placed(count: number, at: Where, used: Record<string, number> = {}): Record<string, number> {
  const placer = new Placer(at, new Map(Object.entries(used)));
  const counts: Record<string, number> = {};
  for (let i = 0; i < count; i += 1) {
    const { location: code } = placer.next();
    if (code !== null) counts[code] = (counts[code] ?? 0) + 1;
  }
  return counts;
}

const three = ["a", "b", "c"].map((code) => location(code));

describe("the slots of one plan", () => {
  it("are spread with each other and with what is there", ({ expect }) => {
    expect(placed(6, where(three))).toEqual({ a: 2, b: 2, c: 2 });
    expect(placed(3, where(three), { a: 3, b: 1 })).toEqual({ b: 1, c: 2 });
  });

  it("count what others of the application have", ({ expect }) => {
    expect(placed(4, where(three, { beside: { a: 2, b: 1 } }))).toEqual({ a: 1, b: 1, c: 2 });
    const together = where(three, { companions: "own", beside: { b: 1 } });
    expect(placed(2, together)).toEqual({ b: 2 });
  });

  it("of several objects are even together, whether they have heard of each other or not", ({ expect }) => {
    for (const [shares, even] of [
      [[2, 2], { a: 2, b: 1, c: 1 }],
      [[3, 3], { a: 2, b: 2, c: 2 }],
      [[1, 1, 1, 1, 1], { a: 2, b: 2, c: 1 }],
    ] as const) {
      for (const isKnown of [0, 1, 2]) {
        const counts: Record<string, number> = {};
        let before = 0;
        for (const [shard, share] of shares.entries()) {
          const known = shard < isKnown ? before : 0;
          const own = placed(
            share,
            where(three, { before: before - known, ...(known > 0 ? { beside: { ...counts } } : {}) }),
          );
          for (const [code, count] of Object.entries(own)) counts[code] = (counts[code] ?? 0) + count;
          before += share;
        }
        expect(counts).toEqual(even);
      }
    }
  });

  it("behind very many unknown ones begin where those end", ({ expect }) => {
    expect(placed(2, where(three, { before: 3_001 }))).toEqual({ b: 1, c: 1 });
  });

  it("take no more room than there is", ({ expect }) => {
    const free = new Map([["a", 1]]);
    expect(placed(5, where(three.slice(0, 2), { free }))).toEqual({ a: 1, b: 4 });
    expect(placed(5, where(three.slice(0, 1), { free }))).toEqual({ a: 1 });
  });

  it("stay together when they are to be near each other", ({ expect }) => {
    expect(placed(4, where(three, { companions: "own" }))).toEqual({ a: 4 });
    expect(placed(2, where(three, { companions: "own" }), { b: 1 })).toEqual({ b: 2 });
  });

  it("differ by one at most over what is open, outside of nothing, whatever fails and is disabled", ({ expect }) => {
    const locations = fc.uniqueArray(
      fc.record({
        region: fc.constantFrom(...REGIONS),
        enabled: fc.boolean(),
        code: fc.stringMatching(/^[a-z]{2,6}$/),
        isFailing: fc.boolean(),
      }),
      { minLength: 1, maxLength: 9, selector: ({ code }) => code },
    );
    const regions = fc.option(fc.uniqueArray(fc.constantFrom<Region>(...REGIONS), { minLength: 1 }), { nil: null });
    fc.assert(
      fc.property(locations, regions, fc.integer({ min: 0, max: 40 }), (some, only, count) => {
        const all = some.map(({ code, region, enabled }) => location(code, { region, enabled }));
        const constraints: Constraints = only === null ? {} : { regions: only };
        const failing = new Set(some.filter(({ isFailing }) => isFailing).map(({ code }) => code));
        const counts = placed(count, where(all, { constraints, failing }));
        const open = all.filter((one) => one.enabled && violated(one, constraints) === null);
        expect(Object.keys(counts).filter((code) => !open.some((one) => one.code === code))).toEqual([]);
        const values = open.map(({ code }) => counts[code] ?? 0);
        if (open.length > 0) expect(Math.max(...values) - Math.min(...values)).toBeLessThanOrEqual(1);
        expect(values.reduce((a, b) => a + b, 0)).toBe(open.length === 0 ? 0 : count);
      }),
    );
  });
});

describe("what blocks a placement", () => {
  const none = { disabled: 0, regions: 0, jurisdiction: 0, cities: 0, pops: 0, capacity: 0 };
  const decision = (filtered: Partial<Decision["filtered"]>): Decision => ({
    location: null,
    table: [],
    filtered: { ...none, ...filtered },
  });
  it.for([
    [{ capacity: 1, disabled: 3, regions: 5 }, "NoCapacity"],
    [{ disabled: 1, regions: 8 }, "NoLocationEnabled"],
    [{ regions: 9 }, "NoLocationAllowed"],
    [{}, "NoLocationAllowed"],
  ] as const)("%j is %s", ([filtered, reason], { expect }) => {
    expect(blockedBy(decision(filtered))).toBe(reason);
  });

  it.for([
    [0, 1_000],
    [900, 1_000],
    [4_000, 4_000],
    [3_600_000, 30_000],
  ] as const)("is looked at again after %i ms in another %i", ([waited, again], { expect }) => {
    expect(blockedRetryMs(1_000, 1_000 + waited)).toBe(again);
  });
});

function record(region: string | null | undefined): PlacementRecord {
  return {
    region: "WEUR",
    city: "MAD",
    pop: null,
    decidedAt: 0,
    decision: {
      location: "a",
      table: [],
      filtered: { disabled: 0, regions: 0, jurisdiction: 0, cities: 0, pops: 0, capacity: 0 },
    },
    ...(region === undefined ? {} : { observed: region === null ? null : { location: null, region, country: null } }),
  };
}

describe("a place that was found", () => {
  const eu: Constraints = { jurisdiction: "eu" };

  it.for([
    ["WEUR", false, null],
    ["ENAM", true, "it runs in ENAM, outside its jurisdiction"],
    // A wording that nobody knows proves nothing, in either direction.
    ["MOON", false, "it says that it runs in MOON, which is no region that its constraints know"],
    [null, false, "its place could not be read, and its constraints have to be verified"],
    [undefined, false, "its place is being read"],
  ] as const)("%s is outside: %s; takes no traffic since: %s", ([region, outside, why], { expect }) => {
    expect(isFoundOutside(record(region), eu)).toBe(outside);
    expect(unverified(record(region).observed, eu)).toBe(why);
  });

  it("has no say in whether the place that was asked for is allowed", ({ expect }) => {
    expect(isDisallowed(record("ENAM"), eu)).toBe(false);
    expect(isDisallowed(record("WEUR"), { regions: ["ENAM"] })).toBe(true);
    expect(isDisallowed(record("WEUR"), { cities: ["mad"] })).toBe(false);
    // Placed before there were locations: allowed as long as nothing is asked.
    expect(isDisallowed(undefined, {})).toBe(false);
    expect(isDisallowed(undefined, eu)).toBe(true);
  });
});

describe("why nothing is placed", () => {
  it.for([
    ["NoCapacity", "there is no room for one more: it is placed when something ends, or when the capacity is raised"],
    [
      "MaxInstances",
      "as many instances run as may at one time: it is placed when one ends, or when the maximum is raised",
    ],
    ["StartRate", "the platform takes no more starts per second: it is started when its turn comes"],
    [
      "NoLocationEnabled",
      "every location that the constraints allow is disabled: enable one, or change the constraints",
    ],
    ["NoLocationAllowed", "no location of the account meets the constraints: change them, or add a location"],
    [
      "LocationUnsatisfied",
      "4 containers in a row were found outside the constraints: change them, or destroy the instance to try again",
    ],
  ] as const)("is said of %s with the way out", ([reason, text], { expect }) => {
    expect(explainBlocked(reason)).toBe(text);
  });
});
