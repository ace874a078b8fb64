import { describe, it } from "vitest";
import { RateLimiter } from "./rate-limit.ts";

describe("a caller's rate", () => {
  it("lets through a burst of two seconds, then as many as come again", ({ expect }) => {
    const limiter = new RateLimiter();
    const passed = (now: number) =>
      Array.from({ length: 50 }, () => limiter.take("a", 10, now)).filter((wait) => wait === 0).length;
    expect(passed(0)).toBe(20);
    expect(passed(500)).toBe(5);
    expect(passed(60_000)).toBe(20);
  });

  it("says when to come back, and is nobody else's", ({ expect }) => {
    const limiter = new RateLimiter();
    expect(limiter.take("slow", 0.1, 0)).toBe(0);
    expect(limiter.take("slow", 0.1, 0)).toBe(10);
    expect(limiter.take("other", 0.1, 0)).toBe(0);
  });

  it("is not stretched by a clock that goes back", ({ expect }) => {
    const limiter = new RateLimiter();
    expect(limiter.take("a", 0.5, 10_000)).toBe(0);
    expect(limiter.take("a", 0.5, 0)).toBeGreaterThan(0);
  });
});

describe("requests that are given away in advance", () => {
  it("come out of the rate", ({ expect }) => {
    const limiter = new RateLimiter();
    limiter.take("a", 100, 0);
    expect(limiter.lease("a", 100, 0)).toBe(5);
    const rest = Array.from({ length: 300 }, () => limiter.take("a", 100, 0)).filter((wait) => wait === 0).length;
    expect(rest).toBe(194);
  });

  it("are given once when many ask at one moment", ({ expect }) => {
    const limiter = new RateLimiter();
    const asked = Array.from({ length: 100 }, () => {
      limiter.take("a", 2_000, 0);
      return limiter.lease("a", 2_000, 0);
    });
    expect(asked.reduce((sum, leased) => sum + leased, 0)).toBe(64);
  });

  it("are none for a slow caller, or for one that has little left", ({ expect }) => {
    const limiter = new RateLimiter();
    limiter.take("slow", 10, 0);
    expect(limiter.lease("slow", 10, 0)).toBe(0);
    for (let i = 0; i < 195; i += 1) limiter.take("busy", 100, 0);
    expect(limiter.lease("busy", 100, 0)).toBe(0);
  });
});
