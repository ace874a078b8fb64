import * as fc from "fast-check";
import { describe, it } from "vitest";
import { partsOf } from "./read.ts";

describe("the parts of a range", () => {
  it("are those bytes and no others, in order, and none of them is empty", ({ expect }) => {
    const whole = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 8 });
    fc.assert(
      fc.property(whole, fc.nat(170), fc.nat(170), (sizes, first, second) => {
        const total = sizes.reduce((sum, size) => sum + size, 0);
        const offset = Math.min(first, total);
        const length = Math.min(second, total - offset);
        const segments = sizes.map((size, index) => ({ key: String(index), size }));
        const all = sizes.flatMap((size, index) => Array.from({ length: size }, (_, at) => `${index}:${at}`));
        const parts = partsOf(segments, { offset, length });
        const got = parts.flatMap((part) =>
          Array.from({ length: part.length }, (_, at) => `${part.key}:${part.offset + at}`),
        );
        expect(got).toEqual(all.slice(offset, offset + length));
        expect(parts.every((part) => part.length > 0)).toBe(true);
      }),
    );
  });
});
