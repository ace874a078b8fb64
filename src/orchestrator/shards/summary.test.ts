import { describe, it } from "vitest";
import type { StoredEvent } from "../events.ts";
import { merged, sameSummary, toldAnew, unheard, type Summary } from "./summary.ts";

const summary = (changes: Partial<Summary>): Summary => ({ ...unheard(0), stamp: 1, ...changes });
const health = (active: number, scheduling = 0) => ({ active, healthy: active, failed: 0, starting: 0, scheduling });

const failing = (id: string) => ({ instanceId: id, reason: "Exited" });
const event = (name: string, reason: string): StoredEvent => {
  return { id: 1, time: 1, type: "Warn", name, message: name, details: { reason } };
};
const told = (events: StoredEvent[], ...elsewhere: "NoCapacity"[]) => toldAnew(events, elsewhere).length;

describe("what all shards come to", () => {
  it("is the sum of their counters", ({ expect }) => {
    const whole = merged(
      [
        summary({ health: health(2), live: { 1: 1, 2: 1 }, ready: { 2: 1 }, locations: { weur: 2 } }),
        summary({ health: health(1), live: { 2: 1 }, ready: { 2: 1 }, locations: { weur: 1, enam: 3 } }),
        unheard(4),
      ],
      10,
    );
    expect(whole.health).toEqual(health(3, 4));
    expect([whole.live, whole.ready, whole.locations]).toEqual([{ 1: 1, 2: 2 }, { 2: 2 }, { weur: 3, enam: 3 }]);
  });

  it("names so many of the failing ones", ({ expect }) => {
    const parts = [summary({ failing: [failing("a"), failing("b")] }), summary({ failing: [failing("c")] })];
    expect(merged(parts, 2).failing.map(({ instanceId }) => instanceId)).toEqual(["a", "b"]);
    expect(merged(parts, 10).failing).toHaveLength(3);
  });

  it("is blocked for as long as any of them is", ({ expect }) => {
    const parts = [
      summary({ blocked: { reason: "NoCapacity", since: 20 }, retryAt: 21 }),
      summary({ blocked: { reason: "MaxInstances", since: 10 }, retryAt: 22 }),
      summary({}),
    ];
    expect(merged(parts, 10)).toMatchObject({ blocked: { reason: "MaxInstances", since: 10 }, retryAt: 22 });
    expect(merged([summary({})], 10)).toMatchObject({ blocked: null, retryAt: null });
  });
});

it("a summary that says the same at another time is no news", ({ expect }) => {
  expect(sameSummary(summary({ stamp: 1 }), summary({ stamp: 9 }))).toBe(true);
  expect(sameSummary(summary({}), summary({ isSettled: true }))).toBe(false);
  expect(sameSummary(null, summary({}))).toBe(false);
});

describe("that placements are blocked", () => {
  it("is told when no other shard has said so", ({ expect }) => {
    expect(told([event("PlacementBlocked", "NoCapacity")])).toBe(1);
    expect(told([event("PlacementBlocked", "NoCapacity")], "NoCapacity")).toBe(0);
    expect(told([event("PlacementBlocked", "MaxInstances")], "NoCapacity")).toBe(1);
  });

  it("is over when it is over in all", ({ expect }) => {
    expect(told([event("PlacementUnblocked", "NoCapacity")])).toBe(1);
    expect(told([event("PlacementUnblocked", "NoCapacity")], "NoCapacity")).toBe(0);
  });

  it("keeps nothing else back", ({ expect }) => {
    expect(told([event("VMStopped", "NoCapacity")], "NoCapacity")).toBe(1);
  });
});
