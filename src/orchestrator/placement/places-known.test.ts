/** What is known of the places of others, and of those where starts fail. */
import { describe, it, vi } from "vitest";
import type { Location } from "./location.ts";
import { FAILING_MS, FRESH_MS, Places, type PlacesAnswer } from "./places.ts";

const NOW = 1_000_000;
const weur: Location = { code: "weur", name: "", region: "WEUR", city: null, pop: null, weight: 1, enabled: true };
const near = (application: string) => ({ colocation: { application } });

function places(deps: { ask?: () => Promise<PlacesAnswer>; count?: () => Promise<Record<string, number>> } = {}) {
  const { ask = async () => ({ locations: [weur], companion: "b" }), count = async () => ({ weur: 2 }) } = deps;
  const time = { now: NOW };
  const asked: (string | null)[] = [];
  const told: unknown[] = [];
  const known = new Places({
    clock: () => time.now,
    ask: async (companion) => {
      asked.push(companion);
      return await ask();
    },
    count,
    onKnown: () => told.push("known"),
    onFailed: (retryAt) => told.push(retryAt),
  });
  return { known, time, asked, told };
}

describe("the locations in hand", () => {
  it("are known however old, until a write makes them stale", ({ expect }) => {
    const { known, time } = places();
    expect(known.known).toBeNull();
    known.learn([weur]);
    time.now += 10 * FRESH_MS;
    expect(known.known).toEqual([weur]);
    known.learn(undefined);
    expect(known.known).toEqual([weur]);
    expect(known.where({}, null)).toBeNull();
    known.expire();
    expect(known.known).toBeNull();
  });
});

describe("a location where starts failed", () => {
  it("is shunned for as long as it may be, by the latest of them, wherever that was seen", ({ expect }) => {
    const { known, time } = places();
    const failing = () => {
      known.learn([weur]);
      return [...(known.where({}, null)?.failing ?? [])];
    };
    known.failed("weur");
    known.learnFailures({ weur: NOW - 5_000, enam: NOW - 1_000 });
    expect(known.failures).toEqual({ weur: NOW, enam: NOW - 1_000 });
    known.learnFailures({ enam: NOW + 1_000 });
    expect(known.failures).toEqual({ weur: NOW, enam: NOW + 1_000 });
    time.now = NOW + FAILING_MS;
    expect(failing()).toEqual(["weur", "enam"]);
    time.now += 1;
    expect(failing()).toEqual(["enam"]);
    expect(known.failures).toEqual({ enam: NOW + 1_000 });
  });
});

describe("an application to be near", () => {
  it("is not asked for by one that wants to be near none, or itself", async ({ expect }) => {
    const { known, asked } = places({ count: () => Promise.reject(new Error("not asked")) });
    expect(await known.refresh({})).toBe(true);
    expect(known.where({}, null)?.companions).toBeNull();
    expect(await known.refresh({ colocation: "datacenter" })).toBe(true);
    expect(known.where({ colocation: "datacenter" }, null)?.companions).toBe("own");
    expect(asked).toEqual([null, null]);
  });

  it("is known for as long as the locations, and only that one", async ({ expect }) => {
    const { known, time, asked } = places();
    await known.refresh(near("other"));
    expect(asked).toEqual(["other"]);
    expect(known.where(near("other"), null)?.companions).toEqual({ weur: 2 });
    expect(known.where(near("another"), null)).toBeNull();
    expect(known.where({}, null)?.companions).toBeNull();
    time.now += FRESH_MS;
    known.learn([weur]);
    expect(known.where(near("other"), null)).not.toBeNull();
    time.now += 1;
    expect(known.where(near("other"), null)).toBeNull();
  });

  it("is not forgotten when the locations are asked for without it", async ({ expect }) => {
    const { known } = places();
    await known.refresh(near("other"));
    await known.refresh({});
    expect(known.where(near("other"), null)?.companions).toEqual({ weur: 2 });
  });

  it("that is not there, or does not answer, has no say, and the log tells of the latter", async ({ expect }) => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const gone = places({ ask: async () => ({ locations: [weur], companion: null }) });
    await gone.known.refresh(near("other"));
    expect(gone.known.where(near("other"), null)?.companions).toEqual({});
    expect(warned).not.toHaveBeenCalled();
    const away = places({ count: () => Promise.reject(new Error("away")) });
    expect(await away.known.refresh(near("other"))).toBe(true);
    expect(away.known.where(near("other"), null)?.companions).toEqual({});
    expect(warned.mock.calls).toEqual([
      [{ message: "application.companion.failed", companion: "b", error: expect.stringContaining("away") }],
    ]);
  });

  it("is waited for two seconds at most, and nothing goes on after it has answered", async ({ expect }) => {
    vi.useFakeTimers();
    try {
      const silent = places({ count: () => new Promise(() => undefined) });
      const refreshed = silent.known.refresh(near("other"));
      await vi.advanceTimersByTimeAsync(1_999);
      expect(silent.known.known).toBeNull();
      await vi.advanceTimersByTimeAsync(1);
      expect(await refreshed).toBe(true);
      expect(silent.known.where(near("other"), null)?.companions).toEqual({});
      await places().known.refresh(near("other"));
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("a question that failed", () => {
  it("is told with when it is asked again, also to whoever asks before, and is in the log", async ({ expect }) => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const { known, time, told, asked } = places({ ask: () => Promise.reject(new Error("away")) });
    known.ask({});
    await vi.waitFor(() => expect(told).toEqual([NOW + 500]));
    time.now += 499;
    known.ask({});
    expect([told, asked.length]).toEqual([[NOW + 500, NOW + 500], 1]);
    time.now += 1;
    known.ask({});
    expect(asked).toHaveLength(2);
    expect(warned.mock.calls[0]).toEqual([
      { message: "application.places.failed", error: expect.stringContaining("away") },
    ]);
  });
});
