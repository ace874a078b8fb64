import * as fc from "fast-check";
import { describe, it } from "vitest";
import { REGIONS, type Region } from "./placement/location.ts";
import type { RoutingMember } from "./routing.ts";
import { mostWantedOf, wantedOf, withSpares } from "./warm.ts";

function member(deploymentId: string, readyAt: number, region?: Region): RoutingMember {
  return { deploymentId, instanceId: `i-${deploymentId}`, readyAt, ...(region === undefined ? {} : { region }) };
}

const names = (members: readonly RoutingMember[], isSpare: boolean) =>
  members.filter((one) => (one.isSpare === true) === isSpare).map(({ deploymentId }) => deploymentId);

describe("a pool with a warm one", () => {
  it("is to run as many more, also when its load makes the most of it", ({ expect }) => {
    expect([
      wantedOf({ instances: 3 }),
      wantedOf({ instances: 3, warm: 2 }),
      wantedOf({ instances: 0, warm: 1 }),
    ]).toEqual([3, 5, 1]);
    const autoscaling = { min: 0, max: 9, target: { kind: "rps", value: 1 }, idleAfterMs: 1 } as const;
    expect(mostWantedOf({ instances: 2, warm: 3, autoscaling })).toBe(12);
    expect(mostWantedOf({ instances: 2, warm: 3, autoscaling: null })).toBe(5);
    expect(mostWantedOf({ instances: 2 })).toBe(2);
  });

  it("serves with those that have been ready for longest", ({ expect }) => {
    const marked = withSpares([member("new", 30), member("oldest", 10), member("old", 20)], 2);
    expect([names(marked, false), names(marked, true)]).toEqual([["oldest", "old"], ["new"]]);
  });

  it("has nobody spare while no more are ready than are needed, and only spare ones when none is needed", ({
    expect,
  }) => {
    const members = [member("a", 1), member("b", 2)];
    expect(names(withSpares(members, 2), true)).toEqual([]);
    expect(names(withSpares(members, 5), true)).toEqual([]);
    expect(names(withSpares(members, 0), true)).toEqual(["a", "b"]);
  });

  it("serves in each region before it serves twice in one", ({ expect }) => {
    const members = [member("a", 1, "WEUR"), member("b", 2, "WEUR"), member("c", 9, "OC"), member("d", 8, "OC")];
    expect(names(withSpares(members, 2), false)).toEqual(["a", "d"]);
    expect(names(withSpares(members, 3), false)).toEqual(["a", "b", "d"]);
  });

  it("has as many that serve as are needed and ready, and loses nobody, and says the same again", ({ expect }) => {
    const some = fc.array(
      fc.record({ readyAt: fc.integer({ min: 0, max: 9 }), region: fc.constantFrom(undefined, ...REGIONS) }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(some, fc.integer({ min: 0, max: 14 }), (all, count) => {
        const members = all.map(({ readyAt, region }, nth) => member(`m${nth}`, readyAt, region));
        const marked = withSpares(members, count);
        expect(names(marked, false)).toHaveLength(Math.min(count, members.length));
        expect(marked.map(({ deploymentId }) => deploymentId).toSorted()).toEqual(
          members.map(({ deploymentId }) => deploymentId).toSorted(),
        );
        expect(names(withSpares(members, count), false)).toEqual(names(marked, false));
      }),
    );
  });
});
