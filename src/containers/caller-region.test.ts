import * as fc from "fast-check";
import { describe, it } from "vitest";
import { REGIONS } from "../orchestrator/placement/location.ts";
import { callerRegion } from "./caller-region.ts";

describe("the region of a caller", () => {
  it.for([
    [{ latitude: "52.52", longitude: "13.40", country: "US", continent: "NA", colo: "SIN" }, "WEUR"],
    [{ latitude: -33.9, longitude: 151.2 }, "OC"],
    [{ country: "PL", continent: "EU", colo: "FRA" }, "EEUR"],
    [{ country: "AE", continent: "AS" }, "ME"],
    [{ country: "EG", continent: "AF" }, "ME"],
    [{ country: "JP", continent: "AS" }, "APAC"],
    [{ country: "BR", continent: "SA" }, "SAM"],
    [{ country: "T1", colo: "SEA" }, "WNAM"],
    [{ colo: "JNB" }, "AFR"],
  ] as const)("with %j is %s", ([cf, region], { expect }) => {
    expect(callerRegion(cf)).toBe(region);
  });

  it.for([
    undefined,
    {},
    { latitude: "", longitude: "" },
    { latitude: "91", longitude: "0" },
    { latitude: "10" },
    { country: "constructor", continent: "toString", colo: "XXX" },
    { continent: 7, colo: null },
  ])("with %j is not known", (cf, { expect }) => {
    expect(callerRegion(cf)).toBeNull();
  });

  it("is one of the regions or none, whatever is said", ({ expect }) => {
    const said = fc.record({ latitude: fc.anything(), longitude: fc.anything(), colo: fc.anything() });
    fc.assert(
      fc.property(said, (cf) => {
        expect([null, ...REGIONS]).toContain(callerRegion(cf));
      }),
    );
  });
});
