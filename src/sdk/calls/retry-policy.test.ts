import * as fc from "fast-check";
import { describe, it } from "vitest";
import { COLD_START_POLICY, MAX_ATTEMPTS, parseRetryAfter, pauseAfter, retryPolicy } from "./retry-policy.ts";

const policy = { attempts: 4, backoffMs: 100, maxBackoffMs: 300 };

describe("a pause", () => {
  it("is anything up to a bound that doubles, and never more than the ceiling", ({ expect }) => {
    expect([1, 2, 3].map((failures) => pauseAfter(policy, failures, null, 0.5))).toEqual([50, 100, 150]);
    expect([1, 2, 3].map((failures) => pauseAfter(policy, failures, null, 0))).toEqual([0, 0, 0]);
  });

  it("is not there after the last try", ({ expect }) => {
    expect(pauseAfter(policy, 4, null, 0.5)).toBeNull();
    expect(pauseAfter({ ...policy, attempts: 1 }, 1, null, 0.5)).toBeNull();
  });

  it("is at least what was asked for", ({ expect }) => {
    expect(pauseAfter(policy, 1, 250, 0.5)).toBe(300);
  });

  it("is not there when more is asked for than the policy ever waits", ({ expect }) => {
    expect(pauseAfter(policy, 1, 300, 0)).toBe(300);
    expect(pauseAfter(policy, 1, 301, 0)).toBeNull();
  });

  it("keeps within its bounds for every policy", ({ expect }) => {
    const policies = fc.record({
      attempts: fc.integer({ min: 1, max: MAX_ATTEMPTS }),
      backoffMs: fc.nat(100_000),
      maxBackoffMs: fc.nat(100_000),
    });
    const retryAfter = fc.option(fc.nat(200_000));
    const random = fc.double({ min: 0, max: 0.999, noNaN: true });
    const run = () =>
      fc.assert(
        fc.property(
          policies,
          fc.integer({ min: 1, max: MAX_ATTEMPTS }),
          retryAfter,
          random,
          (given, failures, asked, chance) => {
            const pause = pauseAfter(given, failures, asked, chance);
            if (failures >= given.attempts || (asked ?? 0) > given.maxBackoffMs) return pause === null;
            return pause !== null && pause >= (asked ?? 0) && pause <= (asked ?? 0) + given.maxBackoffMs;
          },
        ),
      );
    expect(run).not.toThrow();
  });
});

describe("options", () => {
  it("have defaults", ({ expect }) => {
    expect(retryPolicy({}, COLD_START_POLICY)).toEqual({ attempts: 3, backoffMs: 500, maxBackoffMs: 30_000 });
    expect(retryPolicy({ attempts: 1 }, COLD_START_POLICY).attempts).toBe(1);
  });

  it.for([
    ["attempts", 0],
    ["attempts", Number.NaN],
    ["attempts", 1.5],
    ["attempts", -1],
    ["attempts", MAX_ATTEMPTS + 1],
    ["backoffMs", -1],
    ["backoffMs", Number.NaN],
    ["maxBackoffMs", Number.POSITIVE_INFINITY],
  ] as const)("refuse %s %d and name the field", ([field, value], { expect }) => {
    expect(() => retryPolicy({ [field]: value }, COLD_START_POLICY)).toThrowError(
      new RegExp(`^retry options: ${field} must`),
    );
  });
});

describe("retry-after", () => {
  it("is seconds or a date", ({ expect }) => {
    const now = Date.UTC(2026, 0, 1);
    expect(parseRetryAfter("7", now)).toBe(7_000);
    expect(parseRetryAfter("Thu, 01 Jan 2026 00:00:09 GMT", now)).toBe(9_000);
    expect(parseRetryAfter("Wed, 31 Dec 2025 00:00:00 GMT", now)).toBe(0);
    expect(parseRetryAfter("soon", now)).toBeNull();
    expect(parseRetryAfter(null, now)).toBeNull();
  });
});
