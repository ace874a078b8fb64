import { afterEach, beforeEach, describe, it, vi } from "vitest";
import { Gatherer, type Origin } from "./gatherer.ts";
import { NO_USAGE, type EgressTold } from "./told.ts";

const ORIGIN: Origin = { applicationId: "a", deploymentId: "d", generation: 1 };
const DENIED = { host: "x.test", method: "GET", rule: "allow", reason: "not_allowed" } as const;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function made(send: (told: EgressTold, origin: Origin) => Promise<void> = async () => undefined) {
  const told: EgressTold[] = [];
  const gatherer = new Gatherer(async (origin, one) => {
    told.push(one);
    await send(one, origin);
  }, Date.now);
  return { told, gatherer };
}

describe("what requests have come to", () => {
  it("is told once for many of them, denials soon", async ({ expect }) => {
    const { told, gatherer } = made();
    const work = [
      gatherer.used(ORIGIN, { ...NO_USAGE, requests: 1, bytesUp: 3 }),
      gatherer.denied(ORIGIN, DENIED),
      gatherer.denied(ORIGIN, DENIED),
      gatherer.denied(ORIGIN, { ...DENIED, host: "y.test" }),
    ];
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told).toEqual([
      {
        usage: { requests: 4, denied: 3, bytesUp: 3, bytesDown: 0 },
        denials: [
          { ...DENIED, count: 2 },
          { ...DENIED, host: "y.test", count: 1 },
        ],
      },
    ]);
    await vi.advanceTimersByTimeAsync(20_000);
    await Promise.all(work);
    expect(told).toHaveLength(1);
  });

  it("is told now and then where nothing is denied", async ({ expect }) => {
    const { told, gatherer } = made();
    const work = [1, 2, 3].map(() => gatherer.used(ORIGIN, { ...NO_USAGE, requests: 1, bytesDown: 5 }));
    await vi.advanceTimersByTimeAsync(9_000);
    expect(told).toEqual([]);
    await vi.advanceTimersByTimeAsync(2_000);
    await Promise.all(work);
    expect(told.map(({ usage }) => usage)).toEqual([{ requests: 3, denied: 0, bytesUp: 0, bytesDown: 15 }]);
  });

  it("is kept apart by placement, and lists so many different denials at most", async ({ expect }) => {
    const { told, gatherer } = made();
    const work = [gatherer.denied({ ...ORIGIN, generation: 2 }, DENIED)];
    for (let n = 0; n < 150; n += 1) work.push(gatherer.denied(ORIGIN, { ...DENIED, host: `${n}.test` }));
    await vi.advanceTimersByTimeAsync(1_000);
    await Promise.all(work);
    const seen = told.map(({ usage, denials }) => [usage.denied, denials.length]).toSorted((a, b) => a[0]! - b[0]!);
    expect(seen).toEqual([
      [1, 1],
      [150, 100],
    ]);
  });

  it("is told now and then of who has filled a list, until one is not full", async ({ expect }) => {
    const { told, gatherer } = made();
    const work: Promise<void>[] = [];
    const denials = (count: number) => {
      for (let n = 0; n < count; n += 1) work.push(gatherer.denied(ORIGIN, { ...DENIED, host: `${n}.test` }));
    };
    denials(100);
    await vi.advanceTimersByTimeAsync(1_000);
    denials(1);
    await vi.advanceTimersByTimeAsync(9_000);
    expect(told).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(told).toHaveLength(2);
    denials(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told).toHaveLength(3);
    await Promise.all(work);
  });

  it("that cannot be told is dropped, and what comes later is told", async ({ expect }) => {
    let failures = 1;
    const { told, gatherer } = made(async () => {
      if (failures > 0) {
        failures -= 1;
        throw new Error("the application is away");
      }
    });
    const warn = vi.spyOn(console, "warn").mockReturnValue();
    const first = gatherer.denied(ORIGIN, DENIED);
    await vi.advanceTimersByTimeAsync(1_000);
    await first;
    const second = gatherer.denied(ORIGIN, DENIED);
    await vi.advanceTimersByTimeAsync(1_000);
    await second;
    expect([told.length, warn.mock.calls.length]).toEqual([2, 1]);
  });
});
