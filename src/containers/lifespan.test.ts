import { describe, it } from "vitest";
import { hardDeadlineOf, idleDeadlineOf, nextLookAt, resumedActiveAt } from "./lifespan.ts";

const MINUTE = 60_000;
const record = { startedAt: 1_000, checkEveryMs: MINUTE };

describe("the hard timeout of a container", () => {
  it("counts from its launch, and is never over where there is none", ({ expect }) => {
    expect(hardDeadlineOf({ ...record, hardTimeoutMs: 5_000 })).toBe(6_000);
    expect(hardDeadlineOf(record)).toBe(Number.POSITIVE_INFINITY);
  });

  it("is looked at on time, and the look after it comes as usual", ({ expect }) => {
    const limited = { ...record, hardTimeoutMs: 5_000 };
    expect(nextLookAt(limited, 0, 2_000)).toBe(6_000);
    expect(nextLookAt(limited, 0, 6_000)).toBe(6_000 + MINUTE);
    expect(nextLookAt({ ...record, hardTimeoutMs: 10 * MINUTE }, 0, 2_000)).toBe(2_000 + MINUTE);
  });
});

describe("the sleep of a container that is called by name", () => {
  const sleeping = { ...record, sleepAfterMs: 90_000, activeAt: 10_000 };

  it("comes so long after the last that was under way, in this lifetime of the object or before", ({ expect }) => {
    expect(idleDeadlineOf(sleeping, 0)).toBe(100_000);
    expect(idleDeadlineOf(sleeping, 50_000)).toBe(140_000);
    expect(idleDeadlineOf(record, 50_000)).toBe(Number.POSITIVE_INFINITY);
  });

  it("is looked at on time", ({ expect }) => {
    expect(nextLookAt(sleeping, 0, 70_000)).toBe(100_000);
    expect(nextLookAt(sleeping, 70_000, 70_000)).toBe(70_000 + MINUTE);
  });

  it("is put off, once, by what may have been under way when the object left memory", ({ expect }) => {
    expect(resumedActiveAt(sleeping, 300_000)).toBe(10_000 + MINUTE);
    expect(resumedActiveAt(sleeping, 30_000)).toBe(30_000);
  });
});
