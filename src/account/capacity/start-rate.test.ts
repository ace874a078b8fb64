/** The pace of starts: free until the platform objects, then halved, then slowly more. */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import {
  FIRST_PER_SECOND,
  FORGOTTEN_PER_SECOND,
  LEAST_PER_SECOND,
  lowered,
  takeStarts,
  type StartRate,
} from "./start-rate.ts";

describe("starts", () => {
  it("are not counted before the platform says that there are too many", ({ expect }) => {
    expect(takeStarts(null, 1_000, 0)).toEqual({ rate: null, allowed: 1_000, startAfter: null });
  });

  it("are held back from then on, and told when the next may be", ({ expect }) => {
    const rate = lowered(null, 0);
    expect(rate.perSecond).toBe(FIRST_PER_SECOND);
    expect(takeStarts(rate, 3, 0)).toMatchObject({ allowed: 0, startAfter: 1_000 / FIRST_PER_SECOND });
    expect(takeStarts(rate, 3, 250)).toMatchObject({ allowed: 2 });
    expect(takeStarts(rate, 3, 60_000)).toMatchObject({ allowed: 3, startAfter: null });
  });

  it("are halved each time it says so, once a second, and never stopped", ({ expect }) => {
    let rate = lowered(null, 0);
    expect(lowered(rate, 500)).toEqual(rate);
    for (let second = 1; second <= 12; second += 1) rate = lowered(rate, second * 1_000);
    expect(rate.perSecond).toBeLessThan(LEAST_PER_SECOND + 0.2);
    expect(rate.perSecond).toBeGreaterThanOrEqual(LEAST_PER_SECOND);
  });

  it("grow slowly while it says nothing, until nothing is counted any more", ({ expect }) => {
    const rate = lowered(null, 0);
    const later = takeStarts(rate, 0, 100_000).rate;
    expect(later?.perSecond).toBeCloseTo(FIRST_PER_SECOND + 10);
    expect(takeStarts(rate, 5, (FORGOTTEN_PER_SECOND - FIRST_PER_SECOND) * 10_000)).toEqual({
      rate: null,
      allowed: 5,
      startAfter: null,
    });
  });

  it("of any time are no more than the rate and one second's worth allow", ({ expect }) => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: 30 })), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(steps, (asked) => {
        let rate: StartRate | null = lowered(null, 0);
        let [now, started] = [0, 0];
        for (const [wait, wanted] of asked) {
          now += wait;
          const starts = takeStarts(rate, wanted, now);
          ({ rate } = starts);
          started += starts.allowed;
          expect(starts.allowed < wanted).toBe(starts.startAfter !== null);
          if (starts.startAfter !== null) expect(starts.startAfter).toBeGreaterThan(now);
        }
        const most = FIRST_PER_SECOND + (now / 1_000) * 0.1;
        expect(started).toBeLessThanOrEqual(most + (now / 1_000) * most);
      }),
    );
  });
});
