import { array, assert, boolean, integer, property, tuple } from "fast-check";
import { describe, it } from "vitest";
import { RequestTally } from "./request-tally.ts";

describe("answered requests", () => {
  it("are counted from a moment on, failures apart", ({ expect }) => {
    const tally = new RequestTally();
    tally.count(1, true, 1_000);
    tally.count(1, false, 5_000);
    tally.count(1, true, 9_000);
    expect(tally.since(1, 0, 10_000)).toEqual({ answered: 3, failed: 2 });
    expect(tally.since(1, 5_000, 10_000)).toEqual({ answered: 2, failed: 1 });
  });

  it("are told once to whoever asks again from where it asked", ({ expect }) => {
    const tally = new RequestTally();
    tally.count(1, true, 1_000);
    tally.count(1, true, 1_001);
    tally.since(1, 0, 1_002);
    tally.count(1, false, 1_003);
    expect(tally.since(1, 1_002, 1_004)).toEqual({ answered: 1, failed: 0 });
    expect(tally.since(1, 1_004, 1_005)).toEqual({ answered: 0, failed: 0 });
  });

  it("of long ago are none of those since", ({ expect }) => {
    const tally = new RequestTally();
    for (let at = 1_000; at < 1_900; at += 100) tally.count(1, true, at);
    expect(tally.since(1, 60_000, 61_000)).toEqual({ answered: 0, failed: 0 });
  });

  it("of hours ago are still not told too few of", ({ expect }) => {
    const tally = new RequestTally();
    const seconds = 10_000;
    for (let second = 0; second < seconds; second += 1) tally.count(1, false, second * 1_000);
    for (const then of [0, 1, 500_000, 5_000_000, 9_999_000]) {
      const after = seconds - 1 - Math.floor(then / 1_000);
      expect(tally.since(1, then, 10_000_000).answered).toBeGreaterThanOrEqual(after);
    }
  });

  it("are of one generation", ({ expect }) => {
    const tally = new RequestTally();
    tally.count(1, true, 1_000);
    tally.count(2, false, 2_000);
    tally.count(1, true, 2_001);
    expect(tally.since(2, 0, 3_000)).toEqual({ answered: 1, failed: 0 });
    expect(tally.since(1, 0, 3_000)).toEqual({ answered: 0, failed: 0 });
    expect(tally.since(3, 0, 3_000)).toEqual({ answered: 0, failed: 0 });
  });

  it("are never told too few of, and of the last two minutes within a second", ({ expect }) => {
    const requests = array(tuple(integer({ min: 0, max: 5_000 }), boolean()), { maxLength: 600 });
    assert(
      property(requests, integer({ min: 0, max: 120_000 }), (given, ago) => {
        const tally = new RequestTally();
        let now = 1_000_000;
        const times: number[] = [];
        for (const [passedMs, isFailure] of given) {
          now += passedMs;
          times.push(now);
          tally.count(1, isFailure, now);
        }
        const after = (time: number) => times.filter((at) => at > time).length;
        const { answered } = tally.since(1, now - ago, now);
        expect(answered).toBeGreaterThanOrEqual(after(now - ago));
        expect(answered).toBeLessThanOrEqual(after(now - ago - 1_001));
      }),
      { numRuns: 50 },
    );
  });
});
