import { describe, it } from "vitest";
import { parseExpression } from "./expression.ts";
import { scan, stretchesOf } from "./minute-scan.ts";
import { nextRun, type Timetable } from "./next-run.ts";

const FROM = Date.UTC(2010, 0, 1);
const UNTIL = Date.UTC(2020, 0, 1);
const DAY_MS = 86_400_000;

const ZONES = [
  "UTC",
  "America/New_York",
  "America/Los_Angeles",
  "America/Sao_Paulo",
  "America/Santiago",
  "America/Caracas",
  "America/St_Johns",
  "America/Havana",
  "America/Asuncion",
  "Atlantic/Azores",
  "Europe/London",
  "Europe/Berlin",
  "Europe/Moscow",
  "Europe/Istanbul",
  "Africa/Casablanca",
  "Africa/Cairo",
  "Africa/Windhoek",
  "Asia/Tehran",
  "Asia/Gaza",
  "Asia/Amman",
  "Asia/Kathmandu",
  "Asia/Kolkata",
  "Asia/Pyongyang",
  "Asia/Tokyo",
  "Australia/Lord_Howe",
  "Australia/Adelaide",
  "Pacific/Apia",
  "Pacific/Auckland",
  "Pacific/Chatham",
  "Antarctica/Troll",
] as const;

/** Seldom enough to be followed for ten years; each zone takes every third. */
const SELDOM = ["30 2 * * *", "0 0 * * *", "15 1 * * 0", "0 0 29 2 *", "30 23 30,31 * *", "45 0 13 * 5"];
/** Followed for two days around each change of the clocks; what fires each minute around the first of them. */
const DENSE = ["* * * * *", "*/15 1-3 * * *", "0 */2 * * *", "5,35 0,1,2,3,23 * * *", "20 * * * *", "0 2 30 * 0"];

const RULES = [
  { gap: "skip", overlap: "both" },
  { gap: "run_after", overlap: "first" },
  { gap: "run_after", overlap: "both" },
  { gap: "skip", overlap: "first" },
] as const;

function follow(timetable: Timetable, from: number, until: number): number[] {
  const runs: number[] = [];
  for (let at = nextRun(timetable, from); at !== null && at < until; at = nextRun(timetable, at)) runs.push(at);
  return runs;
}

const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString());

describe.for(ZONES.map((zone, index) => ({ zone, index })))("in $zone", ({ zone, index: part }) => {
  it("fires when the clocks of every minute of ten years say so", ({ expect }) => {
    const stretches = stretchesOf(zone, FROM, UNTIL);
    for (const [index, cron] of SELDOM.entries()) {
      if ((index + part) % 3 > 0) continue;
      const rules = RULES[index % RULES.length] ?? RULES[0];
      const window = { from: FROM, until: UNTIL };
      const timetable = { expression: parseExpression(cron), zone, ...rules };
      const runs = scan(stretches, cron, rules, window);
      expect(runs.length, cron).toBeGreaterThan(0);
      expect({ cron, runs: follow(timetable, FROM, UNTIL) }).toEqual({ cron, runs });
    }
    for (const [turn, { from: change }] of stretches.slice(1).entries()) {
      const window = { from: change - DAY_MS - 1, until: change + DAY_MS };
      for (const [index, cron] of DENSE.entries()) {
        if (cron === "* * * * *" && turn > 0) continue;
        const rules = RULES[(turn + index) % RULES.length] ?? RULES[0];
        const timetable = { expression: parseExpression(cron), zone, ...rules };
        const where = { cron, rules, change: new Date(change).toISOString() };
        const runs = follow(timetable, window.from, window.until);
        expect({ ...where, runs }).toEqual({ ...where, runs: scan(stretches, cron, rules, window) });
      }
    }
  });
});

describe("a schedule", () => {
  const berlin = (cron: string, rules: (typeof RULES)[number]): Timetable => {
    return { expression: parseExpression(cron), zone: "Europe/Berlin", ...rules };
  };
  const [SKIP, KIND] = RULES;

  it("at a time that the clocks leap over is left out, or runs once when they have leapt", ({ expect }) => {
    const before = Date.parse("2026-03-28T12:00:00Z");
    expect(iso(nextRun(berlin("30 2 * * *", SKIP), before))).toBe("2026-03-30T00:30:00.000Z");
    expect(iso(nextRun(berlin("30 2 * * *", KIND), before))).toBe("2026-03-29T01:00:00.000Z");
    expect(iso(nextRun(berlin("*/20 2 * * *", KIND), Date.parse("2026-03-29T01:00:00Z")))).toBe(
      "2026-03-30T00:00:00.000Z",
    );
  });

  it("at a time that is there twice runs twice, or the first time only, asked in between as well", ({ expect }) => {
    const first = Date.parse("2026-10-25T00:30:00Z");
    expect(iso(nextRun(berlin("30 2 * * *", SKIP), first - 1))).toBe("2026-10-25T00:30:00.000Z");
    expect(iso(nextRun(berlin("30 2 * * *", SKIP), first))).toBe("2026-10-25T01:30:00.000Z");
    expect(iso(nextRun(berlin("30 2 * * *", KIND), first))).toBe("2026-10-26T01:30:00.000Z");
    expect(iso(nextRun(berlin("30 2 * * *", KIND), first + 1_800_001))).toBe("2026-10-26T01:30:00.000Z");
  });

  it("by the hour goes on by the hour", ({ expect }) => {
    expect(iso(nextRun(berlin("30 * * * *", KIND), Date.parse("2026-10-25T00:30:00Z")))).toBe(
      "2026-10-25T01:30:00.000Z",
    );
    expect(iso(nextRun(berlin("30 * * * *", KIND), Date.parse("2026-03-29T00:30:00Z")))).toBe(
      "2026-03-29T01:30:00.000Z",
    );
  });

  it("that never comes is told from one that comes in eight years", ({ expect }) => {
    expect(nextRun(berlin("0 0 30 2 *", SKIP), FROM)).toBeNull();
    expect(iso(nextRun(berlin("0 12 29 2 *", SKIP), Date.parse("2096-03-01T00:00:00Z")))).toBe(
      "2104-02-29T11:00:00.000Z",
    );
  });
});
