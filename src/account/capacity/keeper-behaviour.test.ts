/** What applications hear of the account's capacity, and when. */
import { describe, it, onTestFinished, vi } from "vitest";
import { account, capacityAccount, NOW, SIZE, stating } from "../../../test/unit/capacity-account.ts";
import { claimsOf } from "./claims.ts";
import { ASLEEP_AFTER_MS } from "./keeper.ts";
import { ANY, loadOf } from "./load.ts";
import type { Enlisted } from "./statement.ts";

const LOST = () => Promise.reject(new Error("Network connection lost."));
const FREE = { outcome: "granted", isLimited: false, granted: {}, free: {}, shortage: null };
const ANY_STARTS = { starts: null, startAfter: null };

const inBoth = (held: number, more: number) =>
  ["weur", "enam"].map((location) => ({ location, held: loadOf(SIZE, held), more }));

describe("an account without a limit", () => {
  it("grants whatever is asked, and keeps nothing", async ({ expect }) => {
    const world = capacityAccount(["a"], {});
    expect(world.keeper.isLimited).toBe(false);
    expect(await world.state("a", { held: 2, more: 5, starts: 5 })).toEqual({ ...FREE, ...ANY_STARTS });
    expect([world.claimed("a"), world.waiting("a"), await world.news()]).toEqual([0, 0, []]);
  });

  it("is one with a limit as soon as one location has one", ({ expect }) => {
    const world = capacityAccount([], {});
    world.pools.locations = new Map([
      ["weur", ANY],
      ["enam", { ...ANY, vcpu: 4 }],
    ]);
    expect(world.keeper.isLimited).toBe(true);
    world.pools.locations.clear();
    expect(world.keeper.isLimited).toBe(false);
    world.pools.total = { ...ANY, memoryMib: 1 };
    expect(world.keeper.isLimited).toBe(true);
  });
});

describe("a statement to an account with a limit", () => {
  it("puts a limit into force that nobody has told of: all are asked what they run", async ({ expect }) => {
    const world = capacityAccount(["a", "b"], { b: { enlist: async () => stating(NOW + 5, { held: 2 }) } });
    world.pools.total = { ...ANY, instances: 3 };
    const answer = await world.state("a", { more: 3 });
    expect(answer.granted).toEqual({ weur: loadOf(SIZE, 1) });
    expect([world.claimed("a"), world.waiting("a"), world.claimed("b")]).toEqual([1, 2, 2]);
  });

  it("of one that begins what it likes is answered with that it may not", async ({ expect }) => {
    const world = capacityAccount(["a"], {});
    await world.limit({ instances: 1 });
    expect(await world.state("a", { held: 3, more: 5, isBound: false })).toEqual({
      ...FREE,
      isLimited: true,
      ...ANY_STARTS,
    });
    expect(world.claimed("a")).toBe(0);
  });

  it("of one that does not exist makes no claim", async ({ expect }) => {
    const world = capacityAccount(["a"], {});
    await world.limit({ instances: 1 });
    expect(await world.state("ghost", { held: 1, more: 1 })).toEqual({
      ...FREE,
      isLimited: true,
      shortage: { reason: "NoCapacity", shortfall: {}, isImpossible: false },
      ...ANY_STARTS,
    });
    expect([world.claimed("ghost"), world.waiting("ghost")]).toEqual([0, 0]);
  });

  it("of one that is being removed gives back what it had", async ({ expect }) => {
    const world = capacityAccount(["a"], {});
    await world.limit({ instances: 5 });
    await world.state("a", { held: 3 });
    world.db.run("DELETE FROM applications");
    await world.state("a", { held: 1 });
    expect(world.claimed("a")).toBe(1);
  });

  it("changes nothing when a later one was heard", async ({ expect }) => {
    const world = capacityAccount(["a"], {});
    await world.limit({ instances: 5 });
    await world.keeper.state("a", stating(NOW + 10, { held: 1 }));
    // Says the same, so that nothing of it is stored.
    await world.keeper.state("a", stating(NOW + 20, { held: 1 }));
    const stale = { outcome: "stale", number: NOW + 20 };
    expect(await world.keeper.state("a", stating(NOW + 15, { held: 4 }))).toEqual(stale);
    expect(await world.keeper.state("a", stating(NOW + 20, { held: 4 }))).toEqual(stale);
    expect(world.claimed("a")).toBe(1);
  });

  it("changes nothing when a later one was stored by an earlier lifetime", async ({ expect }) => {
    const { db, ...first } = capacityAccount(["a"], {});
    await first.limit({ instances: 5 });
    await first.keeper.state("a", stating(NOW + 5_000, { held: 3 }));
    const second = account(db, {}, NOW + 100);
    second.pools.total = { ...ANY, instances: 5 };
    expect(await second.keeper.state("a", stating(NOW + 4_000, { held: 1 }))).toEqual({
      outcome: "stale",
      number: NOW + 5_000,
    });
    const third = account(db, {}, NOW + 9_000);
    third.pools.total = { ...ANY, instances: 5 };
    expect(await third.keeper.state("a", stating(NOW + 8_000, { held: 1 }))).toMatchObject({ outcome: "stale" });
    expect(first.claimed("a")).toBe(3);
  });

  it("is overtaken by a later one while others are asked", async ({ expect }) => {
    const asked = Promise.withResolvers<Enlisted>();
    const world = capacityAccount(["a", "b"], { b: { enlist: () => asked.promise } });
    world.pools.total = { ...ANY, instances: 5 };
    const early = world.keeper.state("a", stating(NOW + 10, { held: 1 }));
    const late = world.keeper.state("a", stating(NOW + 20, { held: 2 }));
    asked.resolve(stating(NOW + 1));
    expect(await early).toEqual({ outcome: "stale", number: NOW + 20 });
    expect(await late).toMatchObject({ outcome: "granted", isLimited: true });
    expect(world.claimed("a")).toBe(2);
  });

  it("is free when the limit is lifted while others are asked", async ({ expect }) => {
    const asked = Promise.withResolvers<Enlisted>();
    const world = capacityAccount(["a", "b"], { b: { enlist: () => asked.promise } });
    world.pools.total = { ...ANY, instances: 1 };
    const answer = world.state("a", { held: 1, more: 4 });
    world.pools.total = ANY;
    asked.resolve(stating(NOW + 1));
    expect(await answer).toEqual({ ...FREE, ...ANY_STARTS });
    expect(world.claimed("a")).toBe(0);
  });

  it("after a limit was lifted and set again is not measured by what was said before", async ({ expect }) => {
    const world = capacityAccount(["a"], {});
    await world.limit({ instances: 5 });
    await world.keeper.state("a", stating(NOW + 1_000_000, { held: 1 }));
    await world.limit({ instances: null });
    expect(world.claimed("a")).toBe(0);
    await world.limit({ instances: 5 });
    expect(await world.keeper.state("a", stating(NOW + 10, { held: 2 }))).toMatchObject({ outcome: "granted" });
    expect(world.claimed("a")).toBe(2);
  });

  it("is limited in starts once the platform has said that there were too many", async ({ expect }) => {
    const world = capacityAccount(["a"], {});
    expect(await world.state("a", { starts: 3, isRateLimited: true })).toMatchObject({
      starts: 0,
      startAfter: NOW + 125,
    });
    world.at.now += 250;
    expect(await world.state("a", { starts: 3 })).toMatchObject({ starts: 2, startAfter: NOW + 375 });
  });
});

describe("growth", () => {
  it("waits until all that may run something have said what", async ({ expect }) => {
    const world = capacityAccount(["a", "b"], { b: { enlist: LOST } });
    world.pools.total = { ...ANY, instances: 5 };
    const shut = { reason: "NoCapacity", shortfall: {}, isImpossible: false };
    expect(await world.state("a", { held: 1, more: 1 })).toMatchObject({
      granted: { weur: loadOf(SIZE, 1) },
      shortage: shut,
    });
    expect(await world.state("a", { held: 1 })).toMatchObject({ shortage: null });
    // Who speaks for itself needs not be asked.
    await world.state("b", { held: 1 });
    expect(await world.state("a", { held: 1, more: 1 })).toMatchObject({
      granted: { weur: loadOf(SIZE, 2) },
      shortage: null,
    });
  });

  it("waits for the other shards of one that has spoken for a part only", async ({ expect }) => {
    const world = capacityAccount(["a"], { a: { enlist: LOST } });
    world.pools.total = { ...ANY, instances: 5 };
    await world.state("a", { held: 1, isPart: true });
    expect(await world.state("a", { held: 1, more: 1, isPart: true })).toMatchObject({
      granted: { weur: loadOf(SIZE, 1) },
    });
    await world.state("a", { held: 1 });
    expect(await world.state("a", { held: 1, more: 1 })).toMatchObject({ granted: { weur: loadOf(SIZE, 2) } });
  });

  it("does not make room before all have said what they run", async ({ expect }) => {
    const world = capacityAccount(["low", "high", "silent"], { silent: { enlist: LOST } });
    world.pools.total = { ...ANY, instances: 1 };
    await world.state("low", { held: 1 });
    await world.state("high", { more: 1, priority: 5 });
    expect((await world.news()).filter(([kind]) => kind === "room")).toEqual([]);
    await world.state("silent");
    await world.state("high", { more: 1, priority: 5 });
    expect((await world.news()).filter(([kind]) => kind === "room")).toHaveLength(1);
  });

  it("of one that waits and has not asked for long is not held free", async ({ expect }) => {
    const world = capacityAccount(["runs", "large", "small"], {});
    await world.limit({ vcpu: 4 });
    await world.state("runs", { held: 3 });
    world.at.now += 60_000;
    await world.state("large", { more: 1, size: { ...SIZE, vcpu: 2 } });
    world.at.now += ASLEEP_AFTER_MS;
    expect(await world.state("small", { more: 1 })).toMatchObject({ granted: { weur: loadOf(SIZE, 0) } });
    world.at.now += 1;
    expect(await world.state("small", { more: 1 })).toMatchObject({ granted: { weur: loadOf(SIZE, 1) } });
  });

  it("of one that waited before this lifetime is held free as long", async ({ expect }) => {
    const { db, ...first } = capacityAccount(["runs", "large", "small"], {});
    await first.limit({ vcpu: 4 });
    await first.state("runs", { held: 3 });
    await first.state("large", { more: 1, size: { ...SIZE, vcpu: 2 } });
    const second = account(db, {}, NOW + 500_000);
    second.pools.total = { ...ANY, vcpu: 4 };
    second.at.now += ASLEEP_AFTER_MS;
    expect(await second.state("small", { more: 1 })).toMatchObject({ granted: { weur: loadOf(SIZE, 0) } });
    second.at.now += 1;
    expect(await second.state("small", { more: 1 })).toMatchObject({ granted: { weur: loadOf(SIZE, 1) } });
  });
});

describe("those who wait are told", () => {
  it("when another gives something back, and it is not told itself", async ({ expect }) => {
    const world = capacityAccount(["a", "b", "c"], {});
    await world.limit({ instances: 3 });
    await world.state("a", { held: 3, more: 2, priority: 5, isPreemptible: false });
    await world.state("b", { more: 1 });
    await world.state("c", { more: 1 });
    await world.news();
    await world.state("a", { held: 2, more: 0, isPreemptible: false });
    expect(await world.news()).toEqual([["freed", "b"]]);
    await world.state("a", { held: 2, isPreemptible: false });
    expect(await world.news()).toEqual([]);
  });

  it("once, in the order in which they are served, wherever they wait", async ({ expect }) => {
    const world = capacityAccount(["a", "b", "c"], {});
    await world.limit({ instances: 1 });
    await world.state("a", { held: 1, isPreemptible: false });
    await world.state("b", { more: 1 });
    await world.state("c", {
      priority: 1,
      wants: [
        { location: "weur", held: loadOf(SIZE, 0), more: 1 },
        { location: "enam", held: loadOf(SIZE, 0), more: 1 },
      ],
    });
    await world.news();
    await world.limit({ instances: 10 });
    expect(await world.news()).toEqual([
      ["freed", "c"],
      ["freed", "b"],
    ]);
  });

  it("all of them, when the limit is lifted", async ({ expect }) => {
    const world = capacityAccount(["a", "b", "c"], {});
    await world.limit({ vcpu: 1 });
    await world.state("a", { held: 1, isPreemptible: false });
    await world.state("b", { more: 1 });
    await world.state("c", { more: 1, priority: 3, size: { ...SIZE, vcpu: 9 } });
    await world.news();
    await world.limit({ vcpu: null });
    expect(await world.news()).toEqual([
      ["freed", "c"],
      ["freed", "b"],
    ]);
  });

  it("when the one that had it is removed", async ({ expect }) => {
    const world = capacityAccount(["a", "b"], {});
    await world.limit({ instances: 1 });
    await world.state("a", { held: 1, isPreemptible: false });
    await world.state("b", { more: 1 });
    await world.news();
    world.keeper.remove("a");
    expect([world.claimed("a"), await world.news()]).toEqual([0, [["freed", "b"]]]);
  });

  it("not when they have not asked for long", async ({ expect }) => {
    const world = capacityAccount(["a", "b", "c"], {});
    await world.limit({ instances: 1 });
    await world.state("a", { held: 1, isPreemptible: false });
    await world.state("b", { more: 1 });
    world.at.now += ASLEEP_AFTER_MS + 1;
    await world.state("c", { more: 1 });
    await world.news();
    world.keeper.remove("a");
    expect(await world.news()).toEqual([["freed", "c"]]);
  });

  it("although one of them is not reached, which the log tells", async ({ expect }) => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const world = capacityAccount(["a", "b"], { a: { capacityFreed: LOST } });
    await world.limit({ vcpu: 1 });
    await world.state("a", { more: 2 });
    await world.state("b", { more: 1 });
    await world.news();
    await world.limit({ vcpu: null });
    expect(await world.news()).toEqual([
      ["freed", "a"],
      ["freed", "b"],
    ]);
    expect(warned.mock.calls).toEqual([
      [{ message: "capacity.tell.failed", application: "a", error: expect.stringContaining("connection lost") }],
    ]);
  });
});

describe("an application that is removed", () => {
  it("may come back with a statement of any number", async ({ expect }) => {
    const world = capacityAccount(["a"], {});
    await world.limit({ instances: 5 });
    await world.keeper.state("a", stating(NOW + 5_000, { held: 1 }));
    world.keeper.remove("a");
    expect(await world.keeper.state("a", stating(NOW + 10, { held: 2 }))).toMatchObject({ outcome: "granted" });
    expect(world.claimed("a")).toBe(2);
  });

  it("is not asked any more, and the others are", async ({ expect }) => {
    const asked = Promise.withResolvers<Enlisted>();
    const world = capacityAccount(["a", "b"], {
      a: { enlist: () => asked.promise },
      b: { enlist: LOST },
    });
    const limited = world.limit({ instances: 5 });
    world.keeper.remove("a");
    asked.resolve(stating(NOW + 10, { held: 2 }));
    vi.useFakeTimers();
    await limited;
    vi.useRealTimers();
    expect(world.claimed("a")).toBe(0);
    expect((await world.keeper.state("b", stating(NOW + 20, { more: 1 }))).outcome).toBe("granted");
    expect(world.claimed("b")).toBe(1);
  });
});

describe("those who are asked what they run", () => {
  it("are granted nothing by the way", async ({ expect }) => {
    const world = capacityAccount(["a"], { a: { enlist: async () => stating(NOW + 5, { held: 1, more: 2 }) } });
    await world.limit({ instances: 5 });
    expect([world.claimed("a"), world.waiting("a")]).toEqual([1, 2]);
  });

  it("are asked again when their answer was on its way while there was no limit", async ({ expect }) => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const late = Promise.withResolvers<Enlisted>();
    const answers = [late.promise, Promise.resolve(stating(NOW + 3_000, { held: 1 }))];
    const world = capacityAccount(["a"], { a: { enlist: async () => (await answers.shift()) ?? null } });
    const first = world.limit({ instances: 5 });
    world.at.now += 1_000;
    await world.limit({});
    world.at.now += 1_000;
    const again = world.limit({ instances: 4 });
    late.resolve(stating(NOW + 5, { held: 3 }));
    await Promise.all([first, again]);
    expect(world.claimed("a")).toBe(0);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(world.claimed("a")).toBe(1);
  });

  it("have said it with a number, below which nothing is believed", async ({ expect }) => {
    const world = capacityAccount(["a"], { a: { enlist: async () => stating(NOW + 50) } });
    await world.limit({ instances: 5 });
    expect(await world.keeper.state("a", stating(NOW + 40, { held: 1 }))).toEqual({
      outcome: "stale",
      number: NOW + 50,
    });
  });

  it("answer for their shards, of which what has spoken later for itself is believed", async ({ expect }) => {
    const asked = Promise.withResolvers<Enlisted>();
    const world = capacityAccount(["a"], { a: { enlist: () => asked.promise } });
    world.pools.total = { ...ANY, instances: 9 };
    const part = world.keeper.state("a/1", stating(NOW + 100, { held: 3, isPart: true }));
    const same = world.keeper.state("a/2", stating(NOW + 50, { held: 4, isPart: true }));
    const shards = ["a/1", "a/2", "a/3"].map((claimant) => ({ claimant, held: stating(NOW + 50, { held: 1 }) }));
    asked.resolve({ ...stating(NOW + 50, { held: 2 }), shards });
    await Promise.all([part, same]);
    expect(["a", "a/1", "a/2", "a/3"].map(world.claimed)).toEqual([2, 3, 4, 1]);
  });

  it("do not take back what a shard has said since", async ({ expect }) => {
    const shards = [{ claimant: "a/1", held: stating(NOW + 50, { held: 1 }) }];
    let isThere = false;
    const enlist = () => (isThere ? Promise.resolve({ ...stating(NOW + 50, { held: 2 }), shards }) : LOST());
    const world = capacityAccount(["a"], { a: { enlist } });
    world.pools.total = { ...ANY, instances: 9 };
    await world.keeper.state("a/1", stating(NOW + 100, { held: 3, isPart: true }));
    isThere = true;
    await world.keeper.state("a/2", stating(NOW + 100, { held: 1, isPart: true }));
    expect(["a", "a/1", "a/2"].map(world.claimed)).toEqual([2, 3, 1]);
  });

  it("are not there for good when they were not made within 25 seconds", async ({ expect }) => {
    const world = capacityAccount(["a", "b"], { b: { enlist: async () => null } });
    world.pools.total = { ...ANY, instances: 5 };
    await world.state("a");
    world.at.now += 25_000;
    expect(await world.state("a", { more: 1 })).toMatchObject({ granted: { weur: loadOf(SIZE, 0) } });
    world.at.now += 1;
    expect(await world.state("a", { more: 1 })).toMatchObject({ granted: { weur: loadOf(SIZE, 1) } });
  });

  it("are asked again until all have answered, and no longer", async ({ expect }) => {
    vi.useFakeTimers();
    try {
      const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
      let isThere = false;
      const enlist = () => (isThere ? Promise.resolve(stating(NOW + 5, { held: 1 })) : LOST());
      const world = capacityAccount(["a"], { a: { enlist } });
      await world.limit({ instances: 5 });
      expect(warned.mock.calls).toEqual([
        [{ message: "capacity.enlist.failed", application: "a", error: expect.stringContaining("connection lost") }],
      ]);
      isThere = true;
      let isOver = false;
      void world.works[0]?.then(() => (isOver = true));
      await vi.advanceTimersByTimeAsync(1_000);
      expect([isOver, world.claimed("a")]).toEqual([true, 1]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("are asked once: nothing goes on in the background when all have answered", async ({ expect }) => {
    const world = capacityAccount(["a"], {});
    await world.limit({ instances: 5 });
    expect(world.works).toEqual([]);
    expect(await world.news()).toEqual([["asked", "a"]]);
  });
});

describe("a lower priority", () => {
  const high = { priority: 5, more: 1 } as const;

  it("makes room for a higher one, which hears how many went for it", async ({ expect }) => {
    const world = capacityAccount(["low", "high"], { low: { makeRoom: async () => 2 } });
    await world.limit({ instances: 3 });
    await world.state("low", { held: 3 });
    await world.news();
    await world.state("high", { ...high, more: 2 });
    expect(await world.news()).toEqual([
      ["room", "low", { location: "weur", ceiling: 1, by: ["high", "high"] }],
      ["made", "high", "low", "weur", 2],
    ]);
  });

  it("that stops fewer has made room for the last ones of the order", async ({ expect }) => {
    const world = capacityAccount(["low", "h1", "h2"], { low: { makeRoom: async () => 1 } });
    await world.limit({ instances: 2 });
    await world.state("low", { held: 2 });
    await world.state("h1", { ...high, priority: 7 });
    world.at.now += 10_000;
    await world.news();
    await world.state("h2", high);
    const [order, ...made] = await world.news();
    expect(order).toMatchObject(["room", "low", { ceiling: 0 }]);
    const by = order?.[0] === "room" ? order[2].by : [];
    expect(by.toSorted()).toEqual(["h1", "h2"]);
    expect(made).toEqual([["made", by[1], "low", "weur", 1]]);
  });

  it("makes room for several, each of which hears of its own", async ({ expect }) => {
    const world = capacityAccount(["low", "h1", "h2"], { low: { makeRoom: async () => 3 } });
    await world.limit({ instances: 3 });
    await world.state("low", { held: 3, isPreemptible: false });
    await world.state("h1", { ...high, more: 2, priority: 7 });
    await world.state("h2", high);
    await world.news();
    await world.state("low", { held: 3 });
    expect((await world.news()).slice(1)).toEqual([
      ["made", "h1", "low", "weur", 2],
      ["made", "h2", "low", "weur", 1],
    ]);
  });

  it("that stops nothing has made room for nobody", async ({ expect }) => {
    const world = capacityAccount(["low", "high"], { low: { makeRoom: async () => 0 } });
    await world.limit({ instances: 1 });
    await world.state("low", { held: 1 });
    await world.news();
    await world.state("high", high);
    expect((await world.news()).map(([kind]) => kind)).toEqual(["room"]);
  });

  it("that stops more than it was asked to has made room for all of the order", async ({ expect }) => {
    const world = capacityAccount(["low", "high"], { low: { makeRoom: async () => 9 } });
    await world.limit({ instances: 3 });
    await world.state("low", { held: 3 });
    await world.news();
    await world.state("high", { ...high, more: 2 });
    expect((await world.news()).at(-1)).toEqual(["made", "high", "low", "weur", 2]);
  });

  it("is known by its application where it is a shard", async ({ expect }) => {
    const world = capacityAccount(["low", "high"], { "low/1": { makeRoom: async () => 1 } });
    await world.limit({ instances: 1 });
    await world.state("low/1", { held: 1, isPart: true });
    await world.news();
    await world.state("high/2", { ...high, isPart: true });
    expect(await world.news()).toEqual([
      ["room", "low/1", { location: "weur", ceiling: 0, by: ["high"] }],
      ["made", "high/2", "low", "weur", 1],
    ]);
  });

  it("is not told the same again for ten seconds, and something else at once", async ({ expect }) => {
    const world = capacityAccount(["low", "high"], {});
    await world.limit({ instances: 3 });
    await world.state("low", { held: 3 });
    await world.news();
    const ceilings = async (more: number) => {
      await world.state("high", { ...high, more });
      return (await world.news()).map((news) => (news[0] === "room" ? news[2].ceiling : news));
    };
    expect(await ceilings(1)).toEqual([2]);
    world.at.now += 9_999;
    expect(await ceilings(1)).toEqual([]);
    expect(await ceilings(2)).toEqual([1]);
    world.at.now += 10_000;
    expect(await ceilings(2)).toEqual([1]);
  });

  it("makes room in each location on its own", async ({ expect }) => {
    const world = capacityAccount(["low", "high"], {});
    await world.limit({}, { weur: { instances: 1 }, enam: { instances: 1 } });
    await world.state("low", { wants: inBoth(1, 0) });
    await world.news();
    await world.state("high", { priority: 5, wants: inBoth(0, 1) });
    const orders = (await world.news()).flatMap((news) => (news[0] === "room" ? [news[2]] : []));
    expect(orders).toHaveLength(2);
    expect(orders).toContainEqual({ location: "enam", ceiling: 0, by: ["high"] });
    expect(orders).toContainEqual({ location: "weur", ceiling: 0, by: ["high"] });
  });

  it("that was not reached is told again at once, and the log tells of it", async ({ expect }) => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const world = capacityAccount(["low", "high"], { low: { makeRoom: LOST } });
    await world.limit({ instances: 1 });
    await world.state("low", { held: 1 });
    await world.news();
    await world.state("high", high);
    expect((await world.news()).map(([kind]) => kind)).toEqual(["room"]);
    await world.state("high", high);
    expect((await world.news()).map(([kind]) => kind)).toEqual(["room"]);
    expect(warned.mock.calls[0]).toEqual([
      { message: "capacity.order.failed", application: "low", error: expect.stringContaining("connection lost") },
    ]);
  });

  it("makes room when the limit is raised to where it helps", async ({ expect }) => {
    const world = capacityAccount(["low", "high"], {});
    await world.limit({ vcpu: 1 });
    await world.state("low", { held: 1 });
    await world.state("high", { ...high, size: { ...SIZE, vcpu: 2 } });
    expect((await world.news()).filter(([kind]) => kind === "room")).toEqual([]);
    await world.limit({ vcpu: 2 });
    expect((await world.news()).filter(([kind]) => kind === "room")).toEqual([
      ["room", "low", { location: "weur", ceiling: 0, by: ["high"] }],
    ]);
  });
});

describe("what people read of the capacity", () => {
  it("is what is granted and waits, in all and by location", async ({ expect }) => {
    const world = capacityAccount(["a", "b"], {});
    await world.limit({ instances: 4, vcpu: 100 });
    await world.state("a", {
      isPreemptible: false,
      wants: [
        { location: "enam", held: loadOf(SIZE, 1), more: 0 },
        { location: "weur", held: loadOf(SIZE, 2), more: 3 },
      ],
    });
    await world.state("b", { more: 3, location: "enam" });
    expect(world.keeper.view()).toEqual({
      total: { ...ANY, instances: 4, vcpu: 100 },
      granted: { ...loadOf(SIZE, 4), waiting: 5 },
      grantedAt: [
        { location: "enam", ...loadOf(SIZE, 1), waiting: 3 },
        { location: "weur", ...loadOf(SIZE, 3), waiting: 2 },
      ],
    });
    expect(claimsOf(world.db, "a")).toHaveLength(2);
  });
});
