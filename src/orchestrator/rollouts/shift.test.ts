import { array, assert, boolean, constantFrom, integer, property, record } from "fast-check";
import { describe, it } from "vitest";
import { emptySlot } from "../intents.ts";
import { isAvailable, isLive, type Deployment } from "../plan/deployment.ts";
import { shift, type Shift, type Side } from "./shift.ts";

const NEW = 2;
const OLD = 1;

let slots = 0;
function instance(version: number, fields: Partial<Deployment> = {}): Deployment {
  slots += 1;
  const base = emptySlot(`d${slots}`, slots, version, undefined, 0);
  return { ...base, phase: "running", ready: true, generation: 1, ...fields };
}

const many = (count: number, version: number, fields: Partial<Deployment> = {}) =>
  Array.from({ length: count }, () => instance(version, fields));

const UNREADY = { ready: false } as const;

const countOf = (list: Iterable<Deployment>, version: number) =>
  [...list].filter((one) => one.version === version).length;

const sideOf = ({ version }: Deployment): Side => (version === NEW ? "to" : version === OLD ? "from" : "stray");

interface Asked extends Partial<Omit<Shift, "fresh" | "old">> {
  readonly target?: number;
}

function asking({ wanted = 10, target = wanted, ...fields }: Asked = {}): Shift {
  return { wanted, fresh: target, old: wanted - target, surge: 1, unavailable: 0, sideOf, ...fields };
}

function run(all: readonly Deployment[], fields: Asked = {}) {
  const { keep, leave, place } = shift(all, asking(fields));
  return { kept: [countOf(keep, NEW), countOf(keep, OLD)], left: [countOf(leave, NEW), countOf(leave, OLD)], place };
}

describe("a pool on its way to another version", () => {
  it("gets one more before one goes", ({ expect }) => {
    expect(run(many(10, OLD))).toEqual({ kept: [0, 10], left: [0, 0], place: { fresh: 1, old: 0 } });
    const starting = [...many(10, OLD), instance(NEW, UNREADY)];
    expect(run(starting)).toEqual({ kept: [1, 10], left: [0, 0], place: { fresh: 0, old: 0 } });
    expect(run([...many(10, OLD), instance(NEW)])).toEqual({ kept: [1, 9], left: [0, 1], place: { fresh: 1, old: 0 } });
  });

  it("stops at its mark, with both beside each other", ({ expect }) => {
    expect(run([...many(5, OLD), ...many(5, NEW)], { target: 5 }).place).toEqual({ fresh: 0, old: 0 });
    expect(run([...many(6, OLD), ...many(5, NEW)], { target: 5 }).left).toEqual([0, 1]);
  });

  it("gives one up first where no more than wanted may be alive", ({ expect }) => {
    const without = { surge: 0, unavailable: 2 };
    expect(run(many(10, OLD), without)).toEqual({ kept: [0, 8], left: [0, 2], place: { fresh: 2, old: 0 } });
    const coming = [...many(8, OLD), ...many(2, NEW, UNREADY)];
    expect(run(coming, without)).toEqual({ kept: [2, 8], left: [0, 0], place: { fresh: 0, old: 0 } });
  });

  it("begins no more of what waits than may be alive, once fewer are wanted", ({ expect }) => {
    const waiting = { phase: "pending", ready: false } as const;
    const all = [...many(5, OLD), instance(NEW, UNREADY), instance(NEW, waiting)];
    expect(run(all, { wanted: 6 })).toEqual({ kept: [2, 5], left: [0, 0], place: { fresh: 0, old: 0 } });
    expect(run(all, { wanted: 5 })).toEqual({ kept: [1, 5], left: [1, 0], place: { fresh: 0, old: 0 } });
  });

  it("counts a cordoned one for nothing that is about to go itself", ({ expect }) => {
    const young = many(2, NEW);
    // The latest slots go first.
    const [ripe, cordoned] = [many(2, NEW), instance(NEW, { cordoned: true })];
    const asked = asking({ wanted: 3, unavailable: 1, isRipe: (one) => !young.includes(one) });
    const { keep, leave } = shift([...ripe, cordoned, ...young], asked);
    // Both of those that count stay, since the cordoned one goes first.
    expect([ripe.every((one) => keep.has(one)), leave.includes(cordoned), leave.length]).toEqual([true, true, 2]);
  });

  it("counts only those that requests go to", ({ expect }) => {
    const all = [instance(3), instance(OLD), ...many(2, NEW)];
    const both = { wanted: 2, surge: 2, isServing: (one: Deployment) => sideOf(one) !== "to" };
    // The new ones are no replacement yet for the one that is at neither version.
    expect(shift(all, { ...asking(both), old: 2 }).leave).toEqual([]);
    expect(shift(all, { ...asking({ ...both, isServing: () => true }), old: 2 }).leave).toEqual([all[0]]);
  });

  it("lets what takes no traffic go first, and what is busy last", ({ expect }) => {
    const sick = instance(OLD, UNREADY);
    const busy = instance(OLD, { isBusy: true });
    const all = [busy, sick, ...many(8, OLD), instance(NEW)];
    const { leave } = shift(all, asking());
    expect(leave).toEqual([sick]);
  });

  it("goes back the same way", ({ expect }) => {
    const half = [...many(5, OLD), ...many(5, NEW)];
    expect(run(half, { target: 0 })).toEqual({ kept: [5, 5], left: [0, 0], place: { fresh: 0, old: 1 } });
    const broken = [...many(10, OLD), ...many(1, NEW, UNREADY)];
    expect(run(broken, { target: 0 })).toEqual({ kept: [0, 10], left: [1, 0], place: { fresh: 0, old: 0 } });
  });

  it("keeps what a user holds, and brings the others over beside it", ({ expect }) => {
    const held = instance(OLD, { phase: "pending", ready: false, held: true });
    expect(run([held, ...many(9, NEW)])).toEqual({ kept: [9, 1], left: [0, 0], place: { fresh: 0, old: 0 } });
    expect(run([held, ...many(9, OLD)]).place).toEqual({ fresh: 1, old: 0 });
  });

  it("follows another count on both sides", ({ expect }) => {
    const half = [...many(5, OLD), ...many(5, NEW)];
    expect(run(half, { wanted: 20, target: 10 }).place).toEqual({ fresh: 5, old: 5 });
    expect(run(half, { wanted: 4, target: 2 }).left).toEqual([3, 3]);
  });
});

describe("a pool with two sides that stand by", () => {
  const both = { wanted: 3, fresh: 3, old: 3, surge: 3, unavailable: 0, sideOf };

  it("has all of both, and lets none go", ({ expect }) => {
    expect(shift(many(3, OLD), both).place).toEqual({ fresh: 3, old: 0 });
    const all = [...many(3, OLD), ...many(3, NEW)];
    expect(shift(all, both)).toMatchObject({ leave: [], place: { fresh: 0, old: 0 } });
  });
});

describe("what stands aside", () => {
  const aside = { parkedUntil: 99 } as const;

  it("is called back before anything is placed, and counts for nothing until then", ({ expect }) => {
    const [first, second] = many(2, OLD, aside);
    const world = [...many(3, NEW), ...(first && second ? [first, second] : [])];
    expect(shift(world, asking({ wanted: 3 }))).toMatchObject({ leave: [], recall: [], place: { fresh: 0, old: 0 } });
    const back = shift(world, asking({ wanted: 3, target: 0 }));
    expect(back.recall).toEqual([first]);
    expect(back.place).toEqual({ fresh: 0, old: 0 });
    // Once it takes traffic there is room for the next.
    const later = shift(
      [...many(2, NEW), instance(OLD), ...(second ? [second] : [])],
      asking({ wanted: 3, target: 0 }),
    );
    expect([later.recall, later.leave]).toEqual([[second], []]);
  });

  it("is of no use when it runs no more", ({ expect }) => {
    const dead = instance(OLD, { ...aside, phase: "pending", ready: false });
    const back = shift([...many(3, NEW), dead], asking({ wanted: 3, target: 0 }));
    expect([back.recall, back.place]).toEqual([[], { fresh: 0, old: 1 }]);
  });
});

describe("an instance that a pool has only just got", () => {
  it("lets nobody go for it before it has been ready for long enough", ({ expect }) => {
    const world = [...many(3, OLD), instance(NEW)];
    const unripe = shift(world, asking({ wanted: 3, isRipe: (one) => one.version === OLD }));
    expect([unripe.leave, unripe.place]).toEqual([[], { fresh: 0, old: 0 }]);
    expect(shift(world, asking({ wanted: 3 })).leave).toHaveLength(1);
  });

  it("is spared for as long as somebody has only just come to it", ({ expect }) => {
    const world = [...many(3, OLD), instance(NEW)];
    expect(shift(world, asking({ wanted: 3, isSpared: (one) => one.version === OLD })).leave).toEqual([]);
  });

  it("of a third version goes before those of the old one, and none of it comes back", ({ expect }) => {
    const stray = instance(3);
    expect(shift([...many(2, OLD), stray, instance(NEW)], asking({ wanted: 3 })).leave).toEqual([stray]);
    const back = shift([stray, instance(NEW, UNREADY)], asking({ wanted: 3, target: 0 }));
    expect(back.place).toEqual({ fresh: 0, old: 3 });
  });
});

describe("any pool on its way", () => {
  const world = record({
    wanted: integer({ min: 0, max: 8 }),
    percentage: integer({ min: 0, max: 100 }),
    surge: integer({ min: 0, max: 3 }),
    unavailable: integer({ min: 0, max: 3 }),
    start: array(record({ isNew: boolean(), isReady: boolean(), isHeld: boolean() }), { maxLength: 10 }),
    luck: array(constantFrom(true, true, true, false), { minLength: 1, maxLength: 30 }),
  }).filter(({ surge, unavailable }) => surge + unavailable > 0);

  it("gets there, within its bounds at every step", ({ expect }) => {
    assert(
      property(world, ({ wanted, percentage, surge, unavailable, start, luck }) => {
        const target = Math.round((percentage * wanted) / 100);
        let all = start.map(({ isNew, isReady, isHeld }) =>
          instance(isNew ? NEW : OLD, isHeld ? { phase: "pending", ready: false, held: true } : { ready: isReady }),
        );
        const asked = asking({ wanted, target, surge, unavailable });
        let turn = 0;
        for (let step = 0; step < 60; step += 1) {
          const before = all.filter(isAvailable).length;
          const { keep, place } = shift(all, asked);
          const held = [...keep].filter((one) => one.held).length;
          all = [...keep, ...many(place.fresh, NEW, UNREADY), ...many(place.old, OLD, UNREADY)];
          const live = all.filter((one) => !one.held && isLive(one)).length;
          if (place.fresh + place.old > 0) expect(live).toBeLessThanOrEqual(wanted - held + surge);
          const floor = wanted - held - unavailable;
          expect(all.filter(isAvailable).length).toBeGreaterThanOrEqual(Math.min(before, floor));
          // What starts becomes ready, or has to wait for another turn.
          all = all.map((one) => {
            turn += 1;
            const isLucky = luck[turn % luck.length] === true || step > 30;
            return !one.held && !one.ready && isLucky ? { ...one, ready: true } : one;
          });
        }
        const held = all.filter((one) => one.held).length;
        const fresh = all.filter((one) => !one.held && one.version === NEW).length;
        expect(fresh).toBe(Math.min(target, wanted - held));
        expect(all).toHaveLength(wanted);
        const last = shift(all, asked);
        expect([last.leave.length, last.place]).toEqual([0, { fresh: 0, old: 0 }]);
      }),
      { numRuns: 500 },
    );
  });
});
