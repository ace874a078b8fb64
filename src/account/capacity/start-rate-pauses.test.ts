import { describe, it } from "vitest";
import { FIRST_PER_SECOND, lowered, takeStarts } from "./start-rate.ts";

const NOW = 1_000_000;

describe("the start rate", () => {
  it("is lowered once by all who say within a second that it was too much", ({ expect }) => {
    const first = lowered(null, NOW);
    expect(lowered(first, NOW + 999)).toBe(first);
    const second = lowered(first, NOW + 1_000);
    expect(second.perSecond).toBeLessThan(FIRST_PER_SECOND);
    expect(lowered(second, NOW + 1_999)).toBe(second);
  });

  it("lets the next one start when its token is there, what is there of it counted", ({ expect }) => {
    const rate = { perSecond: 2, tokens: 0.5, countedAt: NOW, loweredAt: NOW };
    expect(takeStarts(rate, 1, NOW)).toMatchObject({ allowed: 0, startAfter: NOW + 250 });
    expect(takeStarts({ ...rate, tokens: 1.5 }, 2, NOW)).toMatchObject({ allowed: 1, startAfter: NOW + 250 });
  });
});
