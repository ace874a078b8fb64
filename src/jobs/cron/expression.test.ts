import { describe, it } from "vitest";
import { GantryError } from "../../errors.ts";
import { parseExpression } from "./expression.ts";
import { canonicalZone } from "./time-zone.ts";

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (GantryError.is(error) && error.code === "VALIDATE_INPUT") return error.message;
    throw error;
  }
  return "accepted";
}

describe("a cron expression", () => {
  it.for([
    ["*/5 * * * *", "2026-01-01T00:05"],
    ["0 9-17/2 * JAN,feb Mon-Fri", "2026-01-01T09:00"],
    ["0 0 * * 7", "2026-01-04T00:00"],
    ["0 0 13 * 5", "2026-01-02T00:00"],
    ["@yearly", "2027-01-01T00:00"],
    ["@Monthly", "2026-02-01T00:00"],
    ["  @hourly ", "2026-01-01T01:00"],
    ["0  0\t1 1 *", "2027-01-01T00:00"],
  ] as const)("%s comes next at %s", ([cron, expected], { expect }) => {
    const next = parseExpression(cron).next(Date.UTC(2026, 0, 1));
    expect(next === null ? null : new Date(next).toISOString().slice(0, 16)).toBe(expected);
  });

  it.for([
    ["", "must have five fields"],
    ["* * * *", "has 4; there are no seconds"],
    ["0 * * * * *", "has 6; there are no seconds"],
    ["60 * * * *", "Invalid value for minute: 60"],
    ["* 24 * * *", "Invalid value for hour"],
    ["*/0 * * * *", "illegal stepping: 0"],
    ["5-1 * * * *", "From value is larger"],
    ["0 0 L * *", 'cannot have "L"'],
    ["0 0 ? * 1", 'cannot have "?"'],
    ["0 0 * * 1#2", 'cannot have "1#2"'],
    ["0 0 * * MOON", 'cannot have "MOON"'],
    ["@reboot", "must be one of @yearly"],
    ["@constructor", "must be one of @yearly"],
    ["TZ=Europe/Berlin 0 0 * * *", "give it in time_zone"],
    ["0 0 */2 * 1", "crons disagree"],
    [`${"1,".repeat(120)}1 * * * *`, "at most 200 characters"],
  ] as const)("%j is refused: %s", ([cron, why], { expect }) => {
    expect(refusal(() => parseExpression(cron, "schedule"))).toContain(why);
    expect(refusal(() => parseExpression(cron, "schedule"))).toMatch(/^schedule /);
  });
});

describe("a time zone", () => {
  it.for([
    ["Europe/Berlin", "Europe/Berlin"],
    ["europe/berlin", "Europe/Berlin"],
    ["UTC", "UTC"],
    ["Europe/Atlantis", undefined],
    ["+05:00", undefined],
    ["", undefined],
    ["__proto__", undefined],
  ] as const)("%j is %s", ([name, zone], { expect }) => {
    expect(canonicalZone(name)).toBe(zone);
  });
});
