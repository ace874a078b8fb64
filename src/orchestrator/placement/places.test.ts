import { describe, it, vi } from "vitest";
import type { Location } from "./location.ts";
import { FAILING_MS, FRESH_MS, Places, type PlacesAnswer } from "./places.ts";

const NOW = 1_000_000;
const weur: Location = { code: "weur", name: "", region: "WEUR", city: null, pop: null, weight: 1, enabled: true };
const ANSWER: PlacesAnswer = { locations: [weur], companion: "b" };
const NEAR = { colocation: { application: "other" } };

function places(ask: () => Promise<PlacesAnswer> = async () => ANSWER, count = async () => ({ weur: 2 })) {
  const time = { now: NOW };
  const asked = vi.fn<(companion: string | null) => Promise<PlacesAnswer>>(ask);
  const onKnown = vi.fn<() => void>();
  const onFailed = vi.fn<(retryAt: number) => void>();
  const known = new Places({ clock: () => time.now, ask: asked, count, onKnown, onFailed });
  return { known, time, asked, onKnown, onFailed };
}

describe("a copy of the locations", () => {
  it("is placed by while it is fresh, and has to be asked for else", async ({ expect }) => {
    const { known, time, asked, onKnown } = places();
    expect(known.where({}, null)).toBeNull();
    known.ask({});
    known.ask({});
    await vi.waitFor(() => expect(onKnown).toHaveBeenCalledOnce());
    expect(asked).toHaveBeenCalledOnce();
    expect(known.where({}, null)).toMatchObject({ locations: [weur], constraints: {}, companions: null });
    time.now += FRESH_MS;
    expect(known.where({}, null)).not.toBeNull();
    time.now += 1;
    expect(known.where({}, null)).toBeNull();
  });

  it("that a write brings along needs no question, and one without makes the copy stale", ({ expect }) => {
    const { known, asked } = places();
    known.learn([weur]);
    expect(known.where({}, null)).not.toBeNull();
    known.expire();
    expect(known.where({}, null)).toBeNull();
    expect(asked).not.toHaveBeenCalled();
  });

  it("is looked at anew by what is blocked", ({ expect }) => {
    const { known, time } = places();
    known.learn([weur]);
    time.now += 1_000;
    expect(known.where({}, null)).not.toBeNull();
    expect(known.where({}, { reason: "NoLocationEnabled", since: NOW })).toBeNull();
  });

  it("that does not come is asked for again, ever more slowly", async ({ expect }) => {
    const { known, time, asked, onKnown, onFailed } = places(async () => {
      throw new Error("gone");
    });
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 9; attempt += 1) {
      known.ask({});
      await vi.waitFor(() => expect(onFailed).toHaveBeenCalledTimes(attempt));
      const retryAt: number = onFailed.mock.calls.at(-1)?.[0] ?? 0;
      waits.push(retryAt - time.now);
      time.now = retryAt;
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    time.now -= 1;
    known.ask({});
    expect(asked).toHaveBeenCalledTimes(9);
    expect(onKnown).not.toHaveBeenCalled();
  });
});

describe("nearness to another application", () => {
  it("is known before anything is placed by it", async ({ expect }) => {
    const { known, asked } = places();
    known.learn([weur]);
    expect(known.where(NEAR, null)).toBeNull();
    await known.refresh(NEAR);
    expect(asked).toHaveBeenCalledWith("other");
    expect(known.where(NEAR, null)?.companions).toEqual({ weur: 2 });
  });

  it.for([
    ["is gone", async () => ({ ...ANSWER, companion: null }), async () => ({ weur: 2 })],
    [
      "does not answer",
      async () => ANSWER,
      async () => {
        throw new Error("reset");
      },
    ],
  ] as const)("holds nothing up when that one %s", async ([, ask, count], { expect }) => {
    const { known } = places(ask, count);
    expect(await known.refresh(NEAR)).toBe(true);
    expect(known.where(NEAR, null)?.companions).toEqual({});
  });

  it("holds nothing up when that one never answers", async ({ expect }) => {
    vi.useFakeTimers();
    try {
      const { known } = places(
        async () => ANSWER,
        () => new Promise(() => undefined),
      );
      const refreshed = known.refresh(NEAR);
      await vi.advanceTimersByTimeAsync(2_000);
      expect(await refreshed).toBe(true);
      expect(known.where(NEAR, null)?.companions).toEqual({});
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("a location where a start failed", () => {
  it("is failing for a while", ({ expect }) => {
    const { known, time } = places();
    known.failed("weur");
    known.learn([weur]);
    expect(known.where({}, null)?.failing).toEqual(new Set(["weur"]));
    time.now += FAILING_MS + 1;
    known.learn([weur]);
    expect(known.where({}, null)?.failing).toEqual(new Set());
  });
});
