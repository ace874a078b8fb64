/** Who makes room: the lowest, no more than needed, never in vain. */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { add, ANY, fits, leftOf, NO_LOAD, scaled, subtract, type Load } from "./load.ts";
import { evictions } from "./preemption.ts";
import type { Claim, Pools } from "./queue.ts";

const SMALL: Load = { instances: 1, vcpu: 1, memoryMib: 256, diskMb: 2_000 };
const BIG: Load = { instances: 1, vcpu: 3, memoryMib: 256, diskMb: 2_000 };

function runs(application: string, count: number, priority: number, extra: Partial<Claim> = {}): Claim {
  const { size = SMALL } = extra;
  return {
    application,
    location: "weur",
    load: scaled(size, count),
    more: 0,
    size,
    priority,
    arrival: null,
    isPreemptible: true,
    ...extra,
  };
}

function waits(application: string, more: number, priority: number, size = SMALL): Claim {
  return { ...runs(application, 0, priority), more, size, arrival: 1 };
}

function decided(vcpu: number, waiting: Claim[], running: Claim[]) {
  const total = running.reduce((sum, { load }) => add(sum, load), NO_LOAD);
  const all: Pools = { total: { ...ANY, vcpu }, locations: new Map() };
  const orders = evictions(all, { total, locations: new Map() }, waiting, running);
  return Object.fromEntries(orders.map(({ application, ceiling, by }) => [application, [ceiling, by.join()]]));
}

describe("room for what waits", () => {
  it("is made by the lowest priority, as little as suffices", ({ expect }) => {
    const running = [runs("low", 2, -1), runs("lowest", 2, -2), runs("high", 2, 9)];
    expect(decided(6, [waits("x", 1, 0)], running)).toEqual({ lowest: [1, "x"] });
    expect(decided(6, [waits("x", 3, 0)], running)).toEqual({ low: [1, "x"], lowest: [0, "x,x"] });
    expect(decided(6, [waits("x", 1, 0, BIG)], running)).toEqual({ low: [1, "x"], lowest: [0, "x,x"] });
  });

  it("spares the small ones when a big one that has to go suffices", ({ expect }) => {
    const running = [runs("small", 1, -2), runs("big", 1, -1, { size: BIG })];
    expect(decided(4, [waits("x", 1, 0, BIG)], running)).toEqual({ big: [0, "x"] });
  });

  it("is not made by the same priority, by those who are not to be stopped, or in vain", ({ expect }) => {
    expect(decided(2, [waits("x", 1, 0)], [runs("same", 2, 0)])).toEqual({});
    expect(decided(2, [waits("x", 1, 0)], [runs("job", 2, -5, { isPreemptible: false })])).toEqual({});
    expect(decided(2, [waits("x", 1, 0, BIG)], [runs("low", 2, -5)])).toEqual({});
  });

  it("is made for all who wait together, in their order", ({ expect }) => {
    const running = [runs("low", 3, -1)];
    expect(decided(3, [waits("x", 1, 0), waits("y", 1, 5)], running)).toEqual({ low: [1, "y,x"] });
  });

  it("is made by the lowest, in whichever order they are known, and by the last by name of equals", ({ expect }) => {
    const rows = [runs("p", 1, -1), runs("q", 1, -3), runs("r", 1, -3)];
    expect(decided(3, [waits("x", 1, 0)], rows)).toEqual({ r: [0, "x"] });
    expect(decided(3, [waits("x", 1, 0)], rows.toReversed())).toEqual({ r: [0, "x"] });
    expect(decided(3, [waits("x", 2, 0)], rows)).toEqual({ q: [0, "x"], r: [0, "x"] });
  });

  it("is not counted twice: what is free goes to the first that waits", ({ expect }) => {
    const running = [runs("low", 2, -1)];
    expect(decided(3, [waits("x", 1, 5), waits("y", 1, 4)], running)).toEqual({ low: [1, "y"] });
  });

  it("is not taken by the next while the first waits for more than can be made", ({ expect }) => {
    const running = [runs("low", 1, -1), runs("job", 2, -1, { isPreemptible: false })];
    expect(decided(4, [waits("x", 1, 5, BIG), waits("y", 1, 4)], running)).toEqual({ low: [0, "y"] });
    expect(decided(4, [waits("x", 1, 5), waits("y", 1, 4)], running)).toEqual({ low: [0, "y"] });
    expect(decided(5, [waits("x", 1, 5), waits("y", 1, 4)], running)).toEqual({});
  });

  it("is nothing that an application without instances could make", ({ expect }) => {
    expect(decided(1, [waits("x", 1, 0)], [runs("none", 0, -9), runs("low", 1, -1)])).toEqual({ low: [0, "x"] });
  });

  it("is asked for in absolute numbers, the same however often it is decided", ({ expect }) => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: -3, max: 3 })), { maxLength: 6 }),
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        (counts, more, isBig) => {
          const running = counts.map(([count, priority], index) => runs(`r${index}`, count, priority));
          const capacity = running.reduce((sum, { load }) => sum + load.vcpu, 0);
          const claim = waits("x", more, 0, isBig ? BIG : SMALL);
          const first = decided(capacity, [claim], running);
          expect(decided(capacity, [claim], running)).toEqual(first);
          // Every one that goes has a lower priority, and without any one of them one fewer would fit.
          let freed = NO_LOAD;
          for (const { application, load, priority } of running) {
            const [ceiling] = first[application] ?? [load.instances];
            if (ceiling !== load.instances) expect(priority).toBeLessThan(0);
            freed = add(freed, scaled(SMALL, load.instances - Number(ceiling)));
          }
          const room = (left: Load) => Math.min(more, fits(leftOf({ ...ANY, vcpu: left.vcpu }, NO_LOAD), claim.size));
          if (freed.instances > 0) expect(room(subtract(freed, SMALL))).toBeLessThan(room(freed));
        },
      ),
    );
  });
});
