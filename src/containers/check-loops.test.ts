/** The loops of checks, in virtual time. */
import { afterEach, beforeEach, describe, it, vi } from "vitest";
import { containerPort, newRunRecord, portProbe } from "../../test/unit/container-port.ts";
import type { ProbeSpec } from "../orchestrator/probe-spec.ts";
import { CheckLoops } from "./check-loops.ts";
import type { RunRecord } from "./run-record.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

const ready = (part: Partial<ProbeSpec> = {}) => portProbe({ name: "up", kind: "ready", attempts: 2, ...part });
const health = (part: Partial<ProbeSpec> = {}) => portProbe({ name: "well", kind: "health", attempts: 2, ...part });

const FAILED_ONCE = "check well failed 1 time: port 8080 refuses connections";

/** A container whose ports accept connections as long as they are not in `closed`. Says what happened, and when. */
function watched(probes: readonly ProbeSpec[], part: Partial<RunRecord> = {}) {
  const world: { record: RunRecord | undefined } = { record: newRunRecord({ probes, ...part }) };
  const closed = new Set<number>();
  const told: unknown[] = [];
  const asked: number[] = [];
  let onAsked: (() => void) | null = null;
  const tell = (...what: unknown[]) => void told.push([Date.now(), ...what]);
  const loops = new CheckLoops({
    port: containerPort({
      accepts: async (port) => {
        asked.push(Date.now());
        onAsked?.();
        return !closed.has(port);
      },
    }),
    clock: () => Date.now(),
    running: (generation) => (world.record?.generation === generation ? world.record : undefined),
    onChange: (before, after) => {
      if (before === after) return;
      world.record = after;
      tell(
        "changed",
        after.checks.map(({ state }) => state),
      );
    },
    onUnready: (generation) => tell("unready", generation),
    onUnhealthy: (after, message) => {
      world.record = undefined;
      tell(
        "unhealthy",
        after.checks.map(({ state }) => state),
        message,
      );
    },
    background: (work) => void work.then(() => tell("over")),
  });
  const follow = (atOnce = false) => {
    if (world.record !== undefined) loops.follow(world.record, atOnce);
  };
  return {
    world,
    closed,
    asked,
    follow,
    whenAsked: (run: () => void) => (onAsked = run),
    /** What happened meanwhile. */
    after: async (ms: number) => {
      await vi.advanceTimersByTimeAsync(ms);
      return told.splice(0);
    },
  };
}

describe("a check", () => {
  it("is made every so often, first after one interval", async ({ expect }) => {
    const { follow, after, asked } = watched([ready()]);
    follow();
    expect(await after(30_000)).toEqual([]);
    expect(asked).toEqual([10_000, 20_000, 30_000]);
  });

  it("is made at once where nothing is known of how it was lately", async ({ expect }) => {
    const { follow, after, asked } = watched([ready()]);
    follow(true);
    await after(10_000);
    expect(asked).toEqual([0, 10_000]);
  });

  it("is made by one loop, however often a generation is followed, and by another for the next", async ({ expect }) => {
    const { follow, after, asked, world } = watched([ready()]);
    follow();
    follow();
    await after(10_000);
    expect(asked).toEqual([10_000]);
    if (world.record !== undefined) world.record = { ...world.record, generation: 2 };
    follow();
    expect(await after(10_000)).toEqual([[20_000, "over"]]);
    expect(asked).toEqual([10_000, 20_000]);
  });

  it("of the start, and one without an interval of its own, is made elsewhere", async ({ expect }) => {
    const { follow, after, asked } = watched([portProbe({ kind: "startup" }), ready({ intervalMs: null })]);
    follow(true);
    expect(await after(60_000)).toEqual([]);
    expect(asked).toEqual([]);
  });

  it("ends with what it looks at", async ({ expect }) => {
    const { follow, after, asked, world } = watched([ready()]);
    follow();
    await after(10_000);
    world.record = undefined;
    expect(await after(60_000)).toEqual([[20_000, "over"]]);
    expect(asked).toEqual([10_000]);
  });

  it("says nothing of what ended while it was made", async ({ expect }) => {
    const { follow, after, closed, world, whenAsked } = watched([health({ attempts: 1 })]);
    closed.add(8080);
    whenAsked(() => (world.record = undefined));
    follow();
    expect(await after(60_000)).toEqual([[10_000, "over"]]);
  });

  it("that the record does not know any more is not made", async ({ expect }) => {
    const { follow, after, asked, world } = watched([ready()]);
    follow();
    if (world.record !== undefined) world.record = { ...world.record, probes: [], checks: [] };
    expect(await after(10_000)).toEqual([[10_000, "over"]]);
    expect(asked).toEqual([]);
  });
});

describe("a check of readiness", () => {
  it("takes the instance out of traffic when it has failed as often in a row as it may", async ({ expect }) => {
    const { follow, after, closed } = watched([ready()]);
    follow();
    closed.add(8080);
    expect(await after(19_999)).toEqual([]);
    expect(await after(1)).toEqual([
      [20_000, "changed", ["failing"]],
      [20_000, "unready", 1],
    ]);
  });

  it("counts failures in a row only", async ({ expect }) => {
    const { follow, after, closed } = watched([ready()]);
    follow();
    closed.add(8080);
    await after(10_000);
    closed.clear();
    await after(10_000);
    closed.add(8080);
    expect(await after(10_000)).toEqual([]);
    expect(await after(10_000)).toHaveLength(2);
  });

  it("is not made while it fails: the way back is looked at elsewhere", async ({ expect }) => {
    const { follow, after, closed, asked, world } = watched([ready()]);
    follow();
    closed.add(8080);
    await after(20_000);
    expect(await after(40_000)).toEqual([]);
    expect(asked).toEqual([10_000, 20_000]);
    // It came back, and fails anew: each failure counts again from the first.
    const { record } = world;
    if (record !== undefined) {
      world.record = { ...record, checks: record.checks.map((check) => ({ ...check, state: "passing" })) };
    }
    expect(await after(10_000)).toEqual([]);
    expect(await after(10_000)).toEqual([
      [80_000, "changed", ["failing"]],
      [80_000, "unready", 1],
    ]);
  });

  it("forgets the failures of before it was out of traffic", async ({ expect }) => {
    const { follow, after, closed, world } = watched([ready({ attempts: 2 })]);
    const set = (state: "passing" | "failing") => {
      const { record } = world;
      if (record === undefined) return;
      world.record = { ...record, checks: record.checks.map((check) => ({ ...check, state })) };
    };
    follow();
    closed.add(8080);
    await after(10_000);
    set("failing");
    await after(10_000);
    set("passing");
    expect(await after(10_000)).toEqual([]);
    expect(await after(10_000)).toHaveLength(2);
  });

  it("that fails does not change the verdict of another check", async ({ expect }) => {
    const { follow, after, closed } = watched([ready({ port: 1 }), ready({ port: 2 })]);
    follow();
    closed.add(2);
    expect(await after(20_000)).toEqual([
      [20_000, "changed", ["passing", "failing"]],
      [20_000, "unready", 1],
    ]);
  });
});

describe("failures during the grace period", () => {
  it("do not count, and the first after it does", async ({ expect }) => {
    const { follow, after, closed } = watched([health({ graceMs: 20_000, attempts: 1 })], { startedAt: 5_000 });
    follow();
    closed.add(8080);
    expect(await after(29_999)).toEqual([]);
    expect(await after(1)).toEqual([
      [30_000, "unhealthy", ["failing"], FAILED_ONCE],
      [30_000, "over"],
    ]);
  });

  it("count from its very end", async ({ expect }) => {
    const { follow, after, closed } = watched([health({ graceMs: 20_000, attempts: 1 })]);
    follow();
    closed.add(8080);
    expect(await after(19_999)).toEqual([]);
    expect(await after(1)).toEqual([
      [20_000, "unhealthy", ["failing"], FAILED_ONCE],
      [20_000, "over"],
    ]);
  });
});

describe("a check of health", () => {
  it("ends the instance when it has failed as often in a row as it may, and is over", async ({ expect }) => {
    const { follow, after, closed, asked } = watched([ready({ port: 1 }), health()]);
    follow();
    closed.add(8080);
    expect(await after(60_000)).toEqual([
      [
        20_000,
        "unhealthy",
        ["passing", "failing"],
        "check well failed 2 times in a row: port 8080 refuses connections",
      ],
      [20_000, "over"],
      [30_000, "over"],
    ]);
    expect(asked).toEqual([10_000, 10_000, 20_000, 20_000]);
  });

  it("says so without a count when once is enough", async ({ expect }) => {
    const { follow, after, closed } = watched([health({ attempts: 1 })]);
    follow();
    closed.add(8080);
    expect(await after(10_000)).toMatchObject([
      [10_000, "unhealthy", ["failing"], FAILED_ONCE],
      [10_000, "over"],
    ]);
  });

  it("is made whatever its verdict is, and says when it passes again", async ({ expect }) => {
    const { follow, after, asked, world, closed } = watched([health({ attempts: 3 }), ready({ port: 1 })]);
    const { record } = world;
    if (record !== undefined) {
      world.record = { ...record, checks: record.checks.map((check) => ({ ...check, state: "pending" })) };
    }
    follow();
    closed.add(8080);
    expect(await after(10_000)).toEqual([]);
    closed.clear();
    expect(await after(10_000)).toEqual([[20_000, "changed", ["passing", "pending"]]]);
    expect(asked).toEqual([10_000, 20_000]);
  });
});
