import * as fc from "fast-check";
import { describe, it } from "vitest";
import { LONG_ENOUGH, shortEnds } from "./short-ends.ts";

const segments = (...sizes: number[]) => sizes.map((size, index) => ({ key: String(index), size }));

describe("the end of an upload", () => {
  it("is taken along by a chunk that is as long, with all before it that are then", ({ expect }) => {
    expect(shortEnds(segments(100), 100)).toBe(1);
    expect(shortEnds(segments(100), 99)).toBe(0);
    expect(shortEnds(segments(400, 200, 100), 100)).toBe(3);
    expect(shortEnds(segments(800, 200, 100), 100)).toBe(2);
    expect(shortEnds(segments(LONG_ENOUGH, 1), LONG_ENOUGH)).toBe(1);
    expect(shortEnds(segments(LONG_ENOUGH - 1), LONG_ENOUGH)).toBe(1);
    expect(shortEnds(segments(5), 0)).toBe(0);
    expect(shortEnds([], 5)).toBe(0);
  });

  it("makes few objects of many chunks, and writes no byte often", ({ expect }) => {
    fc.assert(
      fc.property(fc.integer({ min: 1_000, max: LONG_ENOUGH }), fc.integer({ min: 1, max: 3_000 }), (size, count) => {
        const sizes: number[] = [];
        let written = 0;
        for (let chunk = 0; chunk < count; chunk += 1) {
          const taken = shortEnds(segments(...sizes), size);
          const merged = sizes.splice(sizes.length - taken, taken).reduce((sum, one) => sum + one, size);
          sizes.push(merged);
          written += merged;
        }
        const doublings = Math.ceil(Math.log2(LONG_ENOUGH / size)) + 1;
        expect(written).toBeLessThanOrEqual(size * count * (doublings + 1));
        expect(sizes.length).toBeLessThanOrEqual((size * count) / LONG_ENOUGH + doublings + 1);
      }),
      { numRuns: 50 },
    );
  });
});
