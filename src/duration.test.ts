import * as fc from "fast-check";
import { describe, it } from "vitest";
import { parseDuration } from "./duration.ts";

describe("a duration", () => {
  it.for([
    [90, 90_000],
    [0, 0],
    [0.25, 250],
    ["90s", 90_000],
    ["1h30m", 5_400_000],
    ["1d", 86_400_000],
    ["500ms", 500],
    ["1.5s", 1_500],
    ["1m1ms", 60_001],
  ] as const)("%j is %i ms", ([text, ms], { expect }) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.for(["", "90", "s", "1 h", "-1s", "1h-", "1H", "1e3s", ".5s", "1.s", "90s ", "1y", Number.NaN, Infinity, -1])(
    "%j is none",
    (value, { expect }) => {
      expect(parseDuration(value)).toBeNull();
    },
  );

  it("of any text is null or a whole number that is not negative", ({ expect }) => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.dhms]{0,12}$/)), (text) => {
        const ms = parseDuration(text);
        expect(ms === null || (Number.isInteger(ms) && ms >= 0)).toBe(true);
      }),
    );
  });
});
