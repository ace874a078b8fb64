import { describe, it } from "vitest";
import { afterLife } from "./restart-policy.ts";

const dies = (shortLives: number, livedMs?: number) => afterLife(shortLives, { livedMs, reason: "killed" });

describe("a session that ended by itself", () => {
  it("starts again at once the first time", ({ expect }) => {
    expect(dies(0, 500)).toEqual({ shortLives: 1, delayMs: 0, keepsDying: false });
  });

  it("waits ever longer, up to half a minute", ({ expect }) => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 100].map((before) => dies(before).delayMs);
    expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  it("is said to keep dying from the third time on", ({ expect }) => {
    expect([0, 1, 2, 3].map((before) => dies(before).keepsDying)).toEqual([false, false, true, true]);
  });

  it("that ran long says nothing about the next", ({ expect }) => {
    expect(dies(7, 60_000)).toEqual({ shortLives: 0, delayMs: 0, keepsDying: false });
    expect(dies(7, 59_999).shortLives).toBe(8);
  });
});
