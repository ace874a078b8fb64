import { describe, it } from "vitest";
import {
  crashDelayMs,
  CRASH_FORGIVEN_AFTER_MS,
  decideRestart,
  lossDelayMs,
  LOSS_FORGIVEN_AFTER_MS,
} from "./backoff.ts";

const NOW = 10_000_000;
const fresh = { failures: 0, losses: 0, readyAt: null };

describe("the delay before a start", () => {
  it.for([
    [0, 0],
    [1, 0],
    [2, 10_000],
    [3, 20_000],
    [6, 160_000],
    [7, 300_000],
    [1_000, 300_000],
  ] as const)("after %i failures of the user is %i ms", ([failures, ms], { expect }) => {
    expect(crashDelayMs(failures)).toBe(ms);
  });

  it.for([
    [1, 0],
    [2, 1_000],
    [3, 2_000],
    [8, 60_000],
    [1_000, 60_000],
  ] as const)("after %i losses of the platform is %i ms", ([losses, ms], { expect }) => {
    expect(lossDelayMs(losses)).toBe(ms);
  });
});

describe("an end", () => {
  it("by an exit is a failure, and the first is tried again at once", ({ expect }) => {
    expect(decideRestart(fresh, "exited", NOW)).toEqual({ failures: 1, losses: 0, nextStartAt: NOW });
  });

  it("by an image that does not boot waits already the first time", ({ expect }) => {
    expect(decideRestart(fresh, "refused", NOW)).toEqual({ failures: 1, losses: 0, nextStartAt: NOW + 10_000 });
  });

  it("by its own checks is a failure like an exit", ({ expect }) => {
    const before = { failures: 1, losses: 0, readyAt: null };
    expect(decideRestart(before, "killed", NOW)).toEqual(decideRestart(before, "exited", NOW));
  });

  it("before it began, since none was to be had, waits already the first time, 30 s at most, and is nobody's failure", ({
    expect,
  }) => {
    expect(decideRestart(fresh, "unavailable", NOW)).toEqual({ failures: 0, losses: 1, nextStartAt: NOW + 1_000 });
    const long = { failures: 2, losses: 50, readyAt: null };
    expect(decideRestart(long, "unavailable", NOW)).toEqual({ failures: 2, losses: 51, nextStartAt: NOW + 30_000 });
  });

  it.for(["lost", "unknown", "never-started"] as const)(
    "by being %s is never held against the user",
    (kind, { expect }) => {
      const before = { failures: 2, losses: 1, readyAt: null };
      expect(decideRestart(before, kind, NOW)).toEqual({ failures: 2, losses: 2, nextStartAt: NOW + 1_000 });
    },
  );

  it("by a stop that was wished counts for nothing", ({ expect }) => {
    const before = { failures: 2, losses: 1, readyAt: null };
    expect(decideRestart(before, "stopped", NOW)).toEqual({ failures: 2, losses: 1, nextStartAt: NOW });
  });

  it("after ten minutes of being ready starts the count anew, a moment earlier does not", ({ expect }) => {
    const counts = [CRASH_FORGIVEN_AFTER_MS - 1, CRASH_FORGIVEN_AFTER_MS].map(
      (ms) => decideRestart({ failures: 5, losses: 0, readyAt: NOW - ms }, "exited", NOW).failures,
    );
    expect(counts).toEqual([6, 1]);
  });

  it("by a loss after half a minute of being ready is no streak", ({ expect }) => {
    const counts = [LOSS_FORGIVEN_AFTER_MS - 1, LOSS_FORGIVEN_AFTER_MS].map(
      (ms) => decideRestart({ failures: 0, losses: 5, readyAt: NOW - ms }, "lost", NOW).losses,
    );
    expect(counts).toEqual([6, 1]);
  });
});
