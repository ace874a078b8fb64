import * as fc from "fast-check";
import { describe, it } from "vitest";
import { count } from "./window.ts";

const RATE = { limit: 3, windowMs: 60_000 };

/** The verdicts of those that come at these times. */
function verdictsOf(rate: { limit: number; windowMs: number }, times: readonly number[]) {
  let kept: number[] = [];
  return times.map((now) => {
    const counted = count(kept, rate, now);
    kept = counted.times;
    return counted.verdict;
  });
}

describe("a window", () => {
  it("lets through as many as its limit, and says how many are left and when one is again", ({ expect }) => {
    expect(verdictsOf(RATE, [0, 10_000, 10_500, 10_500])).toEqual([
      { allowed: true, remaining: 2, resetSeconds: 60 },
      { allowed: true, remaining: 1, resetSeconds: 50 },
      { allowed: true, remaining: 0, resetSeconds: 50 },
      { allowed: false, remaining: 0, resetSeconds: 50 },
    ]);
  });

  it("lets the next one through when the oldest is as old as the window", ({ expect }) => {
    expect(verdictsOf(RATE, [0, 1, 2, 59_999, 60_000, 60_000]).map(({ allowed }) => allowed)).toEqual([
      true,
      true,
      true,
      false,
      true,
      false,
    ]);
  });

  it("never has more than its limit in any span of its length", ({ expect }) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 60 }),
        (limit, gaps) => {
          const times: number[] = [];
          for (const gap of gaps) times.push((times.at(-1) ?? 0) + gap);
          const verdicts = verdictsOf({ limit, windowMs: 1_000 }, times);
          const through = times.filter((_, index) => verdicts[index]?.allowed);
          for (const from of through) {
            expect(through.filter((time) => time >= from && time < from + 1_000).length).toBeLessThanOrEqual(limit);
          }
          // Nobody is refused while there is room.
          for (const [index, now] of times.entries()) {
            if (verdicts[index]?.allowed) continue;
            const before = times.filter((time, at) => at < index && verdicts[at]?.allowed && time > now - 1_000);
            expect(before.length).toBe(limit);
          }
        },
      ),
    );
  });
});
