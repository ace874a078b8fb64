import { describe, it } from "vitest";
import { begin, end, load, pick } from "./load.ts";

const member = (deploymentId: string) => ({ deploymentId, instanceId: `i-${deploymentId}` });
const NONE = new Set<string>();

describe("the next request", () => {
  it("goes to the less loaded of two", ({ expect }) => {
    const [a, b] = [member("load-a"), member("load-b")];
    begin(a);
    for (const random of [0, 0.3, 0.6, 0.99]) expect(pick([a, b], NONE, () => random)).toBe(b);
    end(a);
    expect(load(a)).toBe(0);
  });

  it("never goes to one that was tried, and to nobody when all were", ({ expect }) => {
    const [a, b, c] = [member("a"), member("b"), member("c")];
    for (const random of [0, 0.5, 0.99]) expect(pick([a, b, c], new Set(["a", "c"]), () => random)).toBe(b);
    expect(pick([a], new Set(["a"]))).toBeUndefined();
    expect(pick([], NONE)).toBeUndefined();
  });

  it("reaches every member when none is loaded", ({ expect }) => {
    const members = [member("a"), member("b"), member("c"), member("d")];
    const seen = [0, 0.25, 0.5, 0.75].map((random) => pick(members, NONE, () => random));
    expect(new Set(seen)).toEqual(new Set(members));
  });

  it("is counted until it ends, also when several are under way", ({ expect }) => {
    const a = member("counted");
    begin(a);
    begin(a);
    end(a);
    expect(load(a)).toBe(1);
    end(a);
    end(a);
    expect(load(a)).toBe(0);
  });
});
