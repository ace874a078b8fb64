/** New slots near another application, beside other shards, and where room is bounded. */
import { describe, it } from "vitest";
import type { Location } from "./location.ts";
import { isFoundOutside, Placer, type Where } from "./placing.ts";

const location = (code: string): Location => ({
  code,
  name: code,
  region: "WEUR",
  city: null,
  pop: null,
  weight: 1,
  enabled: true,
});

const where = (extra: Partial<Where>): Where => ({
  locations: [location("a"), location("b"), location("c")],
  constraints: {},
  companions: null,
  failing: new Set(),
  ...extra,
});

describe("an application that wants to be near another", () => {
  it("is placed where most of that one are, not where most of its own are", ({ expect }) => {
    const placer = new Placer(where({ companions: { b: 3 } }), new Map([["c", 1]]));
    expect(placer.next().location).toBe("b");
  });
});

describe("room", () => {
  it("counts for those that have a bound, beside one that has none", ({ expect }) => {
    const bounds = new Map([
      ["a", 8],
      ["b", 4],
    ]);
    const { table } = new Placer(where({ free: bounds }), new Map()).next();
    const [a = 0, b = 0, c] = table.map(({ scores }) => scores.headroom);
    expect(a).toBeGreaterThan(0);
    expect([b, c]).toEqual([a / 2, undefined]);
  });

  it("is not taken by what other shards place before", ({ expect }) => {
    const bounds = new Map([
      ["a", 1],
      ["b", 1],
      ["c", 1],
    ]);
    const placer = new Placer(where({ free: bounds, before: 3 }), new Map());
    expect([placer.next(), placer.next(), placer.next()].map((decision) => decision.location)).toEqual(["a", "b", "c"]);
    expect(placer.next().location).toBeNull();
  });
});

describe("a container of which no place was recorded", () => {
  it("was not found outside", ({ expect }) => {
    expect(isFoundOutside(undefined, { regions: ["ENAM"] })).toBe(false);
  });
});
