import * as fc from "fast-check";
import { describe, it } from "vitest";
import { LoadSeries } from "./load-series.ts";
import {
  BURST_WINDOW_MS,
  decideScale,
  STABILIZATION_MS,
  STABLE_WINDOW_MS,
  type Autoscaling,
  type Recommendation,
  type ScaleInput,
} from "./policy.ts";

const NOW = 10_000_000;
const POLICY: Autoscaling = { min: 1, max: 20, target: { kind: "concurrency", value: 10 }, idleAfterMs: 600_000 };

function decide(fields: Partial<ScaleInput>) {
  return decideScale({
    policy: POLICY,
    count: 1,
    stable: 0,
    burst: 0,
    waiting: 0,
    past: [],
    loadedAt: NOW,
    now: NOW,
    ...fields,
  });
}

describe("the count that a load asks for", () => {
  it("is the load over the target, rounded up", ({ expect }) => {
    expect(decide({ count: 4, stable: 51, burst: 51 })).toMatchObject({ count: 6, reason: "Load" });
  });

  it("stays where it is near the target, so that noise starts and stops nothing", ({ expect }) => {
    for (const stable of [46, 50, 54]) {
      expect(decide({ count: 5, stable, burst: stable })).toMatchObject({ count: 5, reason: "AtTarget" });
    }
  });

  it("follows a burst at once that the minute's average does not show yet", ({ expect }) => {
    expect(decide({ count: 2, stable: 12, burst: 150 })).toMatchObject({ count: 15, reason: "Burst" });
    expect(decide({ count: 2, stable: 12, burst: 30 })).toMatchObject({ count: 2 });
  });

  it("keeps within its bounds, also when these have changed", ({ expect }) => {
    expect(decide({ count: 2, stable: 5_000, burst: 5_000 }).count).toBe(20);
    expect(decide({ count: 30 })).toMatchObject({ count: 1, reason: "Bounds" });
    expect(decide({ count: 0 })).toMatchObject({ count: 1 });
  });

  it("goes down only to the most that was asked for in the last five minutes, and knows when that ends", ({
    expect,
  }) => {
    const past: Recommendation[] = [
      { at: NOW - STABILIZATION_MS, count: 9 },
      { at: NOW - 200_000, count: 7 },
      { at: NOW - 100_000, count: 3 },
    ];
    const held = decide({ count: 9, stable: 15, burst: 15, past });
    expect(held).toMatchObject({ count: 7, asked: 2, lookAt: NOW - 200_000 + STABILIZATION_MS });
    expect(decide({ count: 7, stable: 15, burst: 15, past })).toMatchObject({ count: 7, reason: "Stabilizing" });
    const later = NOW + 101_000;
    expect(decide({ count: 7, stable: 15, burst: 15, past, now: later, loadedAt: later }).count).toBe(3);
  });

  it("is none only after a long time without load, and one until then", ({ expect }) => {
    const policy = { ...POLICY, min: 0 };
    const idle = { policy, loadedAt: NOW - 599_999 };
    expect(decide(idle)).toMatchObject({ count: 1, lookAt: NOW + 1 });
    expect(decide({ ...idle, loadedAt: NOW - 600_000 })).toMatchObject({ count: 0, reason: "Idle", lookAt: null });
    expect(decide({ policy, count: 0 })).toMatchObject({ count: 0, lookAt: null });
  });

  it("is not none for as long as the least is one", ({ expect }) => {
    expect(decide({ loadedAt: 0 })).toMatchObject({ count: 1, lookAt: null });
  });

  it("is one at least as soon as somebody waits", ({ expect }) => {
    const policy = { ...POLICY, min: 0 };
    expect(decide({ policy, count: 0, waiting: 1, burst: 1 })).toMatchObject({ count: 1, reason: "Waiting" });
    expect(decide({ policy, count: 0, waiting: 45, burst: 45 })).toMatchObject({ count: 5 });
  });

  it("is always within its bounds, never less than a steady load needs, and the same when it is decided again", ({
    expect,
  }) => {
    const load = fc.double({ min: 0, max: 1_000, noNaN: true });
    const inputs = fc.record({ count: fc.integer({ min: 0, max: 40 }), load, min: fc.integer({ min: 0, max: 5 }) });
    fc.assert(
      fc.property(inputs, ({ count, load: total, min }) => {
        const policy = { ...POLICY, min };
        const first = decide({ policy, count, stable: total, burst: total, waiting: 0 });
        expect(first.count).toBeGreaterThanOrEqual(min);
        expect(first.count).toBeLessThanOrEqual(policy.max);
        const needed = Math.min(policy.max, Math.floor(total / policy.target.value / 1.1));
        expect(first.count).toBeGreaterThanOrEqual(needed);
        const past = [{ at: NOW, count: first.asked }];
        const again = decide({ policy, count: first.count, stable: total, burst: total, past });
        expect(again.count).toBe(first.count);
      }),
    );
  });
});

describe("the load of the last minute", () => {
  it("is averaged over time, and not over reports", ({ expect }) => {
    const series = new LoadSeries(STABLE_WINDOW_MS, 0);
    series.put(10, 30_000);
    series.put(40, 54_000);
    expect(series.average(STABLE_WINDOW_MS, 60_000)).toBeCloseTo((30 * 0 + 24 * 10 + 6 * 40) / 60);
    expect(series.average(BURST_WINDOW_MS, 60_000)).toBeCloseTo(40);
    expect(series.average(BURST_WINDOW_MS, 57_000)).toBeCloseTo(25);
  });

  it("knows how the window began when the report of it is older", ({ expect }) => {
    const series = new LoadSeries(STABLE_WINDOW_MS, 0);
    series.put(20, 1_000);
    series.put(0, 200_000);
    expect(series.average(STABLE_WINDOW_MS, 200_000)).toBeCloseTo(20);
    expect(series.average(STABLE_WINDOW_MS, 230_000)).toBeCloseTo(10);
    expect(series.average(STABLE_WINDOW_MS, 400_000)).toBe(0);
  });

  it("is what it is at the moment where nothing is known of before", ({ expect }) => {
    const series = new LoadSeries(STABLE_WINDOW_MS, 1_000);
    series.put(8, 1_000);
    expect(series.average(STABLE_WINDOW_MS, 1_000)).toBe(8);
    expect(series.average(STABLE_WINDOW_MS, 3_000)).toBe(8);
  });
});
