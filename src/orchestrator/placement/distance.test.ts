import * as fc from "fast-check";
import { describe, it } from "vitest";
import { distanceKm, nearestFirst, regionAt } from "./distance.ts";
import { REGIONS } from "./location.ts";

const point = fc.record({
  latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
});

describe("the order of regions", () => {
  it("begins with the region itself and has each once", ({ expect }) => {
    for (const region of REGIONS) {
      expect(nearestFirst(region)[0]).toBe(region);
      expect(nearestFirst(region).toSorted()).toEqual(REGIONS.toSorted());
    }
  });

  it("is what a map says", ({ expect }) => {
    expect(nearestFirst("WEUR").slice(0, 3)).toEqual(["WEUR", "EEUR", "ME"]);
    expect(nearestFirst("EEUR").slice(0, 3)).toEqual(["EEUR", "WEUR", "ME"]);
    expect(nearestFirst("ENAM").slice(0, 2)).toEqual(["ENAM", "WNAM"]);
    expect(nearestFirst("WNAM").slice(0, 2)).toEqual(["WNAM", "ENAM"]);
    expect(nearestFirst("APAC").slice(0, 3)).toEqual(["APAC", "ME", "OC"]);
    expect(nearestFirst("OC").slice(0, 2)).toEqual(["OC", "APAC"]);
    expect(nearestFirst("SAM").slice(0, 2)).toEqual(["SAM", "ENAM"]);
    expect(nearestFirst("ME").slice(0, 2)).toEqual(["ME", "EEUR"]);
  });
});

describe("the region of a point", () => {
  it.for([
    ["Paris", 48.9, 2.4, "WEUR"],
    ["Warsaw", 52.2, 21, "EEUR"],
    ["New York", 40.7, -74, "ENAM"],
    ["Seattle", 47.6, -122.3, "WNAM"],
    ["São Paulo", -23.5, -46.6, "SAM"],
    ["Tokyo", 35.7, 139.7, "APAC"],
    ["Mumbai", 19.1, 72.9, "APAC"],
    ["Sydney", -33.9, 151.2, "OC"],
    ["Auckland", -36.8, 174.8, "OC"],
    ["Dubai", 25.2, 55.3, "ME"],
    ["Cairo", 30, 31.2, "ME"],
    ["Lagos", 6.5, 3.4, "AFR"],
    ["Johannesburg", -26.2, 28, "AFR"],
  ] as const)("of %s is where people would look for it", ([, latitude, longitude, region], { expect }) => {
    expect(regionAt({ latitude, longitude })).toBe(region);
  });

  it("is one of the regions, wherever it is", ({ expect }) => {
    fc.assert(
      fc.property(point, (somewhere) => {
        expect(REGIONS).toContain(regionAt(somewhere));
      }),
    );
  });
});

describe("the distance of two points", () => {
  it("is that of the great circle, the same both ways, and never longer than half around", ({ expect }) => {
    const [paris, new_york] = [
      { latitude: 48.86, longitude: 2.35 },
      { latitude: 40.71, longitude: -74.01 },
    ];
    expect(distanceKm(paris, new_york)).toBeCloseTo(5_837, -1);
    const across = [
      { latitude: 0, longitude: 179 },
      { latitude: 0, longitude: -179 },
    ] as const;
    expect(distanceKm(...across)).toBeCloseTo(222, 0);
    fc.assert(
      fc.property(point, point, (a, b) => {
        const there = distanceKm(a, b);
        expect(there).toBeCloseTo(distanceKm(b, a), 6);
        expect(there).toBeGreaterThanOrEqual(0);
        expect(there).toBeLessThanOrEqual(Math.PI * 6_371 + 1);
      }),
    );
  });
});
