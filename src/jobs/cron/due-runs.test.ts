import { describe, it } from "vitest";
import { dueRuns, ON_TIME_MS, startOf, type DuePolicy } from "./due-runs.ts";
import { parseExpression } from "./expression.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const NOON = Date.UTC(2026, 5, 1, 12);

function policy(changes: Partial<DuePolicy> & { cron?: string } = {}): DuePolicy {
  const { cron = "0 * * * *", ...rest } = changes;
  const timetable = { expression: parseExpression(cron), zone: "UTC", gap: "skip", overlap: "both" } as const;
  return { timetable, misfire: { policy: "one" }, startingDeadlineMs: null, jitterMs: 0, seed: "s", ...rest };
}

const hours = (slots: readonly number[]) => slots.map((slot) => (slot - NOON) / HOUR_MS);

describe("a slot", () => {
  it("runs once, however often it is asked for, and not before its time", ({ expect }) => {
    const early = dueRuns(policy(), NOON - 1, NOON - 1);
    expect(early).toEqual({ slots: [], missed: [], hasMissedMore: false, cursor: NOON - 1, wakeAt: NOON });
    const due = dueRuns(policy(), early.cursor, NOON + 5);
    expect(due).toEqual({ slots: [NOON], missed: [], hasMissedMore: false, cursor: NOON, wakeAt: NOON + HOUR_MS });
    expect(dueRuns(policy(), due.cursor, NOON + 5).slots).toEqual([]);
  });

  it("of before the cursor never runs", ({ expect }) => {
    expect(dueRuns(policy(), NOON, NOON + 30 * MINUTE_MS).slots).toEqual([]);
  });

  it.for([
    ["skip", { policy: "skip" }, [], 5],
    ["one", { policy: "one" }, [0], 4],
    ["all", { policy: "all", limit: 3 }, [-2, -1, 0], 2],
    ["all, none", { policy: "all", limit: 0 }, [], 5],
  ] as const)("that is long over runs as misfire says: %s", ([, misfire, ran, missed], { expect }) => {
    const due = dueRuns(policy({ misfire }), NOON - 4 * HOUR_MS - 1, NOON + 2 * ON_TIME_MS);
    expect(hours(due.slots)).toEqual(ran);
    expect(due.missed).toHaveLength(missed);
    expect(due.missed.every(({ reason }) => reason === "Misfire")).toBe(true);
    expect(due.cursor).toBe(NOON);
  });

  it("that is on time runs beside those that are late", ({ expect }) => {
    const due = dueRuns(policy({ misfire: { policy: "skip" } }), NOON - 3 * HOUR_MS, NOON + ON_TIME_MS);
    expect(hours(due.slots)).toEqual([0]);
    expect(hours(due.missed.map(({ slot }) => slot))).toEqual([-2, -1]);
  });

  it("of a suspension is late, however soon somebody comes to it", ({ expect }) => {
    const lateBefore = NOON + 30_000;
    const ran = (misfire: DuePolicy["misfire"]) =>
      hours(dueRuns(policy({ misfire, lateBefore }), NOON - 2 * HOUR_MS, lateBefore).slots);
    expect(ran({ policy: "skip" })).toEqual([]);
    expect(ran({ policy: "one" })).toEqual([0]);
    expect(ran({ policy: "all", limit: 5 })).toEqual([-1, 0]);
  });

  it("is not begun after its starting deadline", ({ expect }) => {
    const misfire = { policy: "all", limit: 10 } as const;
    const due = dueRuns(policy({ misfire, startingDeadlineMs: HOUR_MS }), NOON - 4 * HOUR_MS, NOON + 10 * MINUTE_MS);
    expect(hours(due.slots)).toEqual([0]);
    expect(due.missed.map(({ reason }) => reason)).toEqual(Array(3).fill("StartingDeadlineExceeded"));
  });

  it("runs within the jitter, at the same moment each time, and others at other moments", ({ expect }) => {
    const spread = policy({ jitterMs: 10 * MINUTE_MS });
    const starts = Array.from(
      { length: 40 },
      (_, hour) => startOf(spread, NOON + hour * HOUR_MS) - hour * HOUR_MS - NOON,
    );
    expect(starts.every((late) => late >= 0 && late <= 10 * MINUTE_MS)).toBe(true);
    expect(new Set(starts).size).toBeGreaterThan(30);
    const at = startOf(spread, NOON);
    expect(dueRuns(spread, NOON - 1, at - 1)).toMatchObject({ slots: [], wakeAt: at });
    expect(dueRuns(spread, NOON - 1, at)).toMatchObject({ slots: [NOON], cursor: NOON });
    expect(startOf({ ...spread, seed: "t" }, NOON)).not.toBe(at);
  });
});

describe("a schedule by the minute", () => {
  it("that slept for years runs its latest slots, and does not count the others", ({ expect }) => {
    const years = Date.UTC(2020, 0, 1);
    const misfire = { policy: "all", limit: 3 } as const;
    const due = dueRuns(policy({ cron: "* * * * *", misfire }), years, NOON + 30_000);
    // The minute that is on time, the one before it that is too, and the three before those.
    expect(due.slots).toEqual([-3, -2, -1, 0].map((minute) => NOON + minute * MINUTE_MS));
    expect(due.missed).toHaveLength(19);
    expect(due.hasMissedMore).toBe(true);
    expect(due).toMatchObject({ cursor: NOON, wakeAt: NOON + MINUTE_MS });
  });
});

describe("a schedule that has come to its end", () => {
  it("wakes nobody", ({ expect }) => {
    expect(dueRuns(policy({ cron: "0 0 30 2 *" }), NOON, NOON + HOUR_MS)).toMatchObject({ slots: [], wakeAt: null });
  });
});
