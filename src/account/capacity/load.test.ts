import { describe, it } from "vitest";
import { ANY, fits, isLess, leftOf, loadOf, NO_LOAD, sameLoad, setAside, type Load } from "./load.ts";

const SIZE = { vcpu: 0.5, memoryMib: 256, diskMb: 2_000 };
const ONE: Load = { instances: 1, ...SIZE };

describe("two loads", () => {
  it("are the same when all of them is, but for what sums of fractions leave", ({ expect }) => {
    expect(sameLoad(ONE, { ...ONE, vcpu: 0.5 + 1e-9 })).toBe(true);
    for (const key of ["instances", "vcpu", "memoryMib", "diskMb"] as const) {
      expect(sameLoad(ONE, { ...ONE, [key]: ONE[key] + 1 })).toBe(false);
    }
  });

  it("are less in something, but not by what sums of fractions leave", ({ expect }) => {
    expect(isLess(ONE, ONE)).toBe(false);
    expect(isLess({ ...ONE, vcpu: 0.5 - 1e-9 }, ONE)).toBe(false);
    expect(isLess({ ...ONE, diskMb: 1_999, vcpu: 99 }, ONE)).toBe(true);
    expect(isLess(loadOf(SIZE, 2), ONE)).toBe(false);
  });
});

describe("room", () => {
  it("is for as many as the scarcest resource allows", ({ expect }) => {
    expect(fits(leftOf({ ...ANY, instances: 9, vcpu: 1.5 }, NO_LOAD), ONE)).toBe(3);
    expect(fits(leftOf({ ...ANY, vcpu: 0.3 }, NO_LOAD), { ...ONE, vcpu: 0.1 })).toBe(3);
    expect(fits(leftOf({ ...ANY, instances: 1 }, loadOf(SIZE, 3)), ONE)).toBe(0);
  });

  it("is not asked of what is not needed", ({ expect }) => {
    expect(fits({ instances: 4, vcpu: 1, memoryMib: 0, diskMb: 0 }, { ...ONE, memoryMib: 0, diskMb: 0 })).toBe(2);
    expect(fits({ instances: 4, vcpu: 1, memoryMib: -5, diskMb: 0 }, { ...ONE, memoryMib: 0, diskMb: 0 })).toBe(2);
  });

  it("is set aside, whether it is there or not", ({ expect }) => {
    const left = { instances: 3, vcpu: 0.2, memoryMib: -100, diskMb: 5_000 };
    expect(setAside(left, ONE)).toEqual({ instances: 2, vcpu: 0, memoryMib: -100, diskMb: 3_000 });
  });
});
