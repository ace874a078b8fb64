import { describe, it } from "vitest";
import type { Sharding } from "./sharding.ts";
import { nextHolder, type Standing } from "./turns.ts";

const held = (holder: number | null, shards = 3): Sharding => ({ shard: 0, shards, turn: 5, holder });
/** `o`: it has something to replace; `-`: nothing; in brackets where it has not heard the latest. */
const standings = (...marks: string[]): Standing[] =>
  marks.map((mark, shard) => ({ shard, isCurrent: !mark.startsWith("("), isOutdated: mark.includes("o") }));

describe("the turn to replace", () => {
  it("stays with who has something to replace", ({ expect }) => {
    expect(nextHolder(held(1), standings("o", "o", "o"))).toBeUndefined();
  });

  it("stays where it is when nobody has anything to replace", ({ expect }) => {
    expect(nextHolder(held(1), standings("-", "-", "-"))).toBeUndefined();
  });

  it("is taken from another shard before anybody gets it", ({ expect }) => {
    expect(nextHolder(held(1), standings("o", "-", "-"))).toBeNull();
    expect(nextHolder(held(1), standings("-", "-", "o"))).toBeNull();
  });

  it("is not taken from who may not have heard what there is to replace", ({ expect }) => {
    expect(nextHolder(held(1), standings("o", "(-)", "-"))).toBeUndefined();
  });

  it("is given when all have heard that nobody has it", ({ expect }) => {
    expect(nextHolder(held(null), standings("-", "(-)", "o"))).toBeUndefined();
    expect(nextHolder(held(null), standings("-", "-", "o"))).toBe(2);
    expect(nextHolder(held(null), standings("o", "-", "o"))).toBe(0);
    expect(nextHolder(held(null), standings("-", "-", "-"))).toBeUndefined();
  });

  it("goes on at once from the shard that decides", ({ expect }) => {
    expect(nextHolder(held(0), standings("-", "o", "o"))).toBe(1);
    expect(nextHolder(held(0), standings("o", "o", "o"))).toBeUndefined();
  });

  it("comes to every shard that has something to replace, and is never with two", ({ expect }) => {
    const outdated = new Set([0, 1, 2]);
    let holder: number | null = 0;
    const given: (number | null)[] = [holder];
    for (let step = 0; step < 20 && outdated.size > 0; step += 1) {
      if (holder !== null) outdated.delete(holder);
      const marks = [0, 1, 2].map((shard) => (outdated.has(shard) ? "o" : "-"));
      const next = nextHolder(held(holder), standings(...marks));
      if (next === undefined) continue;
      holder = next;
      given.push(holder);
    }
    expect(given).toEqual([0, 1, null, 2]);
  });
});
