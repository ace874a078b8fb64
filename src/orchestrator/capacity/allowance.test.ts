import { describe, it } from "vitest";
import { Allowed, type Allowance } from "./allowance.ts";

const SHORTAGE = { reason: "NoCapacity", shortfall: {}, isImpossible: false } as const;

function allowance(rooms: Readonly<Record<string, number>>, more: Partial<Allowance> = {}): Allowance {
  return {
    room: (location) => rooms[location] ?? 0,
    free: new Map(),
    starts: Number.POSITIVE_INFINITY,
    shortage: SHORTAGE,
    ...more,
  };
}

describe("what may begin", () => {
  it("is anything where nothing limits it, and nothing of that is counted", ({ expect }) => {
    const allowed = new Allowed(undefined);
    expect(allowed.begin("a")).toBe(true);
    allowed.wait("a");
    expect(allowed.unbegun.size).toBe(0);
    expect(allowed.free).toBeUndefined();
    expect(allowed.shortage).toBeNull();
  });

  it("is as many as have room in each location, and the others wait", ({ expect }) => {
    const allowed = new Allowed(allowance({ a: 2, b: 1 }));
    expect(["a", "a", "a", "b", "b", "c"].map((at) => allowed.begin(at))).toEqual([
      true,
      true,
      false,
      true,
      false,
      false,
    ]);
    expect(Object.fromEntries(allowed.unbegun)).toEqual({ a: 1, b: 1, c: 1 });
    expect(allowed.shortage).toBe(SHORTAGE);
  });

  it("is as many as may be started, wherever there is room", ({ expect }) => {
    const allowed = new Allowed(allowance({ a: 9, b: 9 }, { starts: 2 }));
    expect([allowed.begin("a"), allowed.begin("b"), allowed.begin("a")]).toEqual([true, true, false]);
    expect(Object.fromEntries(allowed.unbegun)).toEqual({ a: 1 });
  });

  it("lacks nothing while nothing waits", ({ expect }) => {
    const allowed = new Allowed(allowance({ a: 1 }));
    allowed.begin("a");
    expect(allowed.shortage).toBeNull();
    allowed.wait("a");
    allowed.wait("a");
    expect(allowed.unbegun.get("a")).toBe(2);
    expect(allowed.shortage).toBe(SHORTAGE);
  });

  it("fits where it is granted and where more could be", ({ expect }) => {
    const { free } = new Allowed(
      allowance(
        { a: 2 },
        {
          free: new Map([
            ["a", 3],
            ["b", 1],
          ]),
        },
      ),
    );
    expect(Object.fromEntries(free ?? [])).toEqual({ a: 5, b: 1 });
    expect(new Allowed(allowance({ a: 2 })).free).toBeUndefined();
  });
});
