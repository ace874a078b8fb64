import * as fc from "fast-check";
import { describe, it } from "vitest";
import { REGIONS, impossible, violated, type Location } from "./location.ts";
import { place, type Candidate, type PlacementRequest } from "./place.ts";

function location(code: string, extra: Partial<Location> = {}): Location {
  return { code, name: code, region: "WEUR", city: null, pop: null, weight: 1, enabled: true, ...extra };
}

function candidate(code: string, used: number, extra: Partial<Candidate> = {}, at: Partial<Location> = {}): Candidate {
  return { location: location(code, at), used, companions: 0, free: null, justFailed: false, ...extra };
}

const request = (candidates: readonly Candidate[], extra: Partial<PlacementRequest> = {}): PlacementRequest => ({
  candidates,
  constraints: {},
  colocate: false,
  ...extra,
});

/** Places `count` instances one after another and counts them by location. */
function fill(
  count: number,
  locations: readonly Location[],
  change: (used: Map<string, number>) => Partial<Candidate>[] = () => [],
) {
  const used = new Map(locations.map(({ code }) => [code, 0]));
  for (let i = 0; i < count; i += 1) {
    const extras = change(used);
    const candidates = locations.map((at, index) => ({
      ...candidate(at.code, used.get(at.code) ?? 0, extras[index]),
      location: at,
    }));
    const decision = place(request(candidates));
    if (decision.location !== null) used.set(decision.location, (used.get(decision.location) ?? 0) + 1);
  }
  return Object.fromEntries(used);
}

describe("even spread", () => {
  it("puts 6 over 3 locations as 2/2/2, and 3/3 when one is disabled", ({ expect }) => {
    const three = ["a", "b", "c"].map((code) => location(code));
    expect(fill(6, three)).toEqual({ a: 2, b: 2, c: 2 });
    expect(fill(6, [location("a"), location("b", { enabled: false }), location("c")])).toEqual({ a: 3, b: 0, c: 3 });
  });

  it("never lets two locations differ by more than one, whatever room they have", ({ expect }) => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 50, max: 5_000 }), { minLength: 2, maxLength: 9 }),
        fc.integer({ min: 0, max: 60 }),
        (rooms, count) => {
          const locations = rooms.map((_, index) => location(`l${index}`));
          const counts = Object.values(
            fill(count, locations, (used) =>
              rooms.map((room, index) => ({ free: room - (used.get(`l${index}`) ?? 0) })),
            ),
          );
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});

describe("weights", () => {
  it("give each location its share", ({ expect }) => {
    const locations = [location("a", { weight: 3 }), location("b"), location("c", { weight: 2 })];
    expect(fill(12, locations)).toEqual({ a: 6, b: 2, c: 4 });
  });

  it("of 0 place nothing while another location is there, and something when it is alone", ({ expect }) => {
    expect(fill(5, [location("a", { weight: 0 }), location("b")])).toEqual({ a: 0, b: 5 });
    expect(fill(2, [location("a", { weight: 0 })])).toEqual({ a: 2 });
  });
});

describe("colocation", () => {
  it("draws to where the other application is, however many are there already", ({ expect }) => {
    for (const used of [0, 1, 50]) {
      const decision = place(request([candidate("a", used, { companions: 4 }), candidate("b", 0)], { colocate: true }));
      expect(decision.location).toBe("a");
    }
  });

  it("spreads evenly over several such locations, and draws nobody who did not ask", ({ expect }) => {
    const both = [candidate("a", 2, { companions: 4 }), candidate("b", 1, { companions: 4 }), candidate("c", 0)];
    expect(place(request(both, { colocate: true })).location).toBe("b");
    expect(place(request(both)).location).toBe("c");
  });

  it("with nobody there has no say", ({ expect }) => {
    const decision = place(request([candidate("a", 1), candidate("b", 0)], { colocate: true }));
    expect(decision.location).toBe("b");
    expect(decision.table[0]?.scores).toEqual({ spread: -1 });
  });
});

describe("a location where the slot just failed", () => {
  it("is left for another", ({ expect }) => {
    expect(place(request([candidate("a", 0, { justFailed: true }), candidate("b", 0)])).location).toBe("b");
  });

  it("is taken when it is the only one", ({ expect }) => {
    expect(place(request([candidate("a", 0, { justFailed: true })])).location).toBe("a");
  });
});

describe("filters", () => {
  it.for([
    ["disabled", candidate("a", 0, {}, { enabled: false }), {}],
    ["regions", candidate("a", 0), { regions: ["ENAM"] }],
    ["jurisdiction", candidate("a", 0), { jurisdiction: "us" }],
    ["cities", candidate("a", 0), { cities: ["MAD"] }],
    ["pops", candidate("a", 0), { pops: ["mad01"] }],
    ["capacity", candidate("a", 0, { free: 0 }), {}],
  ] as const)("by %s place nothing and are counted", ([name, closed, constraints], { expect }) => {
    const decision = place(request([closed], { constraints }));
    expect(decision.location).toBeNull();
    expect(decision.filtered[name]).toBe(1);
    expect(Object.values(decision.filtered).reduce((a, b) => a + b, 0)).toBe(1);
  });

  it("let through what meets every constraint", ({ expect }) => {
    const constraints = { regions: ["WEUR"], cities: ["MAD"], pops: ["mad01"], jurisdiction: "eu" } as const;
    const madrid = candidate("mad01", 0, {}, { city: "MAD", pop: "mad01" });
    expect(place(request([madrid, candidate("lis", 0)], { constraints })).location).toBe("mad01");
  });
});

describe("ties", () => {
  it("go to the fewest instances, then to the first code, in whatever order the locations come", ({ expect }) => {
    fc.assert(
      fc.property(fc.shuffledSubarray(["a", "b", "c", "d"], { minLength: 4 }), (codes) => {
        expect(place(request(codes.map((code) => candidate(code, 0)))).location).toBe("a");
        expect(place(request(codes.map((code) => candidate(code, code === "c" ? 0 : 1)))).location).toBe("c");
      }),
    );
  });
});

describe("a small application", () => {
  it("begins where most users and most capacity are", ({ expect }) => {
    const everywhere = REGIONS.map((region) => candidate(region.toLowerCase(), 0, {}, { region }));
    expect(place(request(everywhere)).location).toBe("enam");
    const second = everywhere.map((item) => (item.location.code === "enam" ? { ...item, used: 1 } : item));
    expect(place(request(second)).location).toBe("weur");
  });
});

describe("a constraint that can never be met", () => {
  const rows = [location("weur"), location("enam", { region: "ENAM", enabled: false })];
  it.for([
    [{ regions: ["AFR"] }, "regions"],
    [{ cities: ["MAD"] }, "cities"],
    [{ regions: ["WEUR"], jurisdiction: "us" }, "jurisdiction"],
    // Disabled now, and enabled perhaps tomorrow.
    [{ regions: ["ENAM"] }, null],
    [{}, null],
  ] as const)("%j is named: %s", ([constraints, name], { expect }) => {
    expect(impossible(rows, constraints)).toBe(name);
  });

  it("is one that each location violates", ({ expect }) => {
    expect(violated(location("weur"), { jurisdiction: "eu" })).toBeNull();
    expect(violated(location("weur"), { jurisdiction: "fedramp" })).toBe("jurisdiction");
  });
});

function scores(candidates: readonly Candidate[], extra: Partial<PlacementRequest> = {}) {
  return place(request(candidates, extra)).table;
}

function chosen(candidates: readonly Candidate[]): string | null {
  return place(request(candidates)).location;
}

/** One without a share: all such score the same. */
function heavy(code: string, used: number, extra: Partial<Location> = {}): Candidate {
  return candidate(code, used, { free: 1 }, { weight: 0, ...extra });
}

describe("the table of a decision", () => {
  it("has nothing in it where nothing tells locations apart", ({ expect }) => {
    expect(place(request([candidate("a", 0), candidate("b", 0)]))).toStrictEqual({
      location: "a",
      table: [
        { location: "a", scores: {}, score: 0 },
        { location: "b", scores: {}, score: 0 },
      ],
      filtered: { disabled: 0, regions: 0, jurisdiction: 0, cities: 0, pops: 0, capacity: 0 },
    });
    expect(place(request([])).location).toBeNull();
  });

  it("goes from the fewest to the most", ({ expect }) => {
    expect(scores([candidate("a", 2), candidate("b", 3), candidate("c", 6)])).toStrictEqual([
      { location: "a", scores: { spread: 1 }, score: 1 },
      { location: "b", scores: { spread: 0.5 }, score: 0.5 },
      { location: "c", scores: { spread: -1 }, score: -1 },
    ]);
  });

  it("goes by shares where weights differ, one more counted", ({ expect }) => {
    const at = [candidate("a", 1, {}, { weight: 3 }), candidate("b", 2), candidate("c", 0, {}, { weight: 0 })];
    expect(scores(at)).toStrictEqual([
      { location: "a", scores: { weight: 2 / 3 }, score: 2 / 3 },
      { location: "b", scores: { weight: -1 }, score: -1 },
      { location: "c", scores: { weight: -1 }, score: -1 },
    ]);
  });

  it("counts room a little, where it is limited", ({ expect }) => {
    expect(scores([candidate("a", 0, { free: 10 }), candidate("b", 0, { free: 4 }), candidate("c", 0)])).toStrictEqual([
      { location: "a", scores: { headroom: 0.1 }, score: 0.1 },
      { location: "b", scores: { headroom: 0.04 }, score: 0.04 },
      { location: "c", scores: {}, score: 0 },
    ]);
    expect(scores([candidate("a", 0)])[0]?.scores).toStrictEqual({});
  });

  it("is the mean of what applies, and spreads less than it gathers", ({ expect }) => {
    const at = [candidate("a", 1, { companions: 1, justFailed: true }), candidate("b", 0, { companions: 4 })];
    const [a, b] = scores(at, { colocate: true });
    expect(a).toStrictEqual({
      location: "a",
      scores: { spread: -0.4, colocation: 0.25, penalty: -1 },
      score: (-0.4 + 0.25 - 1) / 3,
    });
    expect(b).toStrictEqual({
      location: "b",
      scores: { spread: 0.4, colocation: 1, penalty: 0 },
      score: (0.4 + 1 + 0) / 3,
    });
    expect(scores(at)[0]?.scores).not.toHaveProperty("colocation");
  });

  it("counts what each filter kept out", ({ expect }) => {
    const at = [
      candidate("a", 0, {}, { enabled: false }),
      candidate("b", 0, { free: 0 }),
      candidate("c", 0, { free: 0 }),
      candidate("d", 0, {}, { region: "OC" }),
    ];
    const { location: taken, filtered } = place(request(at, { constraints: { regions: ["WEUR"] } }));
    expect(taken).toBeNull();
    expect(filtered).toEqual({ disabled: 1, regions: 1, jurisdiction: 0, cities: 0, pops: 0, capacity: 2 });
  });
});

describe("equal scores", () => {
  it("go to the fewest, then to the region with most users, then to the first by name", ({ expect }) => {
    // As far below their shares, one of one and one of two.
    const light = candidate("b", 1, {}, { weight: 1 });
    expect(chosen([light, candidate("a", 2, {}, { weight: 2 })])).toBe("b");
    expect(chosen([candidate("a", 2, {}, { weight: 2 }), light])).toBe("b");
    expect(chosen([heavy("a", 2, { region: "OC" }), heavy("b", 2, { region: "ENAM" })])).toBe("b");
    expect(chosen([candidate("b", 0), candidate("a", 0)])).toBe("a");
    expect(chosen([candidate("a", 0), candidate("b", 0)])).toBe("a");
    const regions = ["ENAM", "WEUR", "WNAM", "EEUR", "APAC", "SAM", "OC", "ME", "AFR"] as const;
    const order: (string | null)[] = [];
    for (let left = regions.length; left > 0; left -= 1) {
      const open = regions.filter((region) => !order.includes(region)).toReversed();
      order.push(chosen(open.map((region) => candidate(region, 0, {}, { region }))));
    }
    expect(order).toEqual(regions);
  });
});

describe("a city", () => {
  it("is one of those that are named, in either case", ({ expect }) => {
    const berlin = location("a", { city: "Ber" });
    expect(violated(berlin, { cities: ["MAD", "BER"] })).toBeNull();
    expect(violated(berlin, { cities: ["MAD"] })).toBe("cities");
    expect(violated(location("a"), { cities: ["MAD"] })).toBe("cities");
  });
});
