/** An application and what its account grants it, wired as in its object; the account is in the test's hand. */
import { describe, it, vi } from "vitest";
import { loadOf } from "../../account/capacity/load.ts";
import type { Answer, Statement } from "../../account/capacity/statement.ts";
import { intendPlacement, intendStop } from "../intents.ts";
import type { Deployment } from "../plan/deployment.ts";
import type { ApplicationRow } from "../storage/application-row.ts";
import { ApplicationCapacity } from "./application-capacity.ts";
import { STATE_AGAIN_MS } from "./grants.ts";

const SIZE = { vcpu: 1, memoryMib: 256, diskMb: 2_000 };
const START = 1_000_000;
const ROW: ApplicationRow = {
  id: "a",
  kind: "application",
  accountId: "c",
  name: "web",
  spec: { instances: 1, maxInstances: null, ingress: "private", checkEveryMs: 60_000 },
  activeVersion: 1,
  generation: 1,
  observedGeneration: 1,
  deleting: false,
  session: "",
  createdAt: START,
  updatedAt: START,
};
const SHORT = { reason: "NoCapacity", shortfall: { vcpu: 1 }, isImpossible: false } as const;
const PACED = { reason: "StartRate", shortfall: {}, isImpossible: false };

type Granted = Extract<Answer, { outcome: "granted" }>;

const turnOver = () => new Promise((resolve) => setImmediate(resolve));

function application(part: Partial<ApplicationRow> = {}) {
  const at = { now: START };
  const world: { row: ApplicationRow | undefined; deployments: Deployment[] } = {
    row: { ...ROW, ...part },
    deployments: [],
  };
  const statements: Statement[] = [];
  const asked: PromiseWithResolvers<Answer>[] = [];
  const failed: number[] = [];
  const count = { answers: 0, saved: 0 };
  const capacity = new ApplicationCapacity({
    clock: () => at.now,
    row: () => world.row,
    save: (row) => {
      count.saved += 1;
      world.row = row;
    },
    deployments: () => world.deployments,
    sizeOf: () => SIZE,
    state: (_, statement) => {
      statements.push(statement);
      const answer = Promise.withResolvers<Answer>();
      asked.push(answer);
      return answer.promise;
    },
    onAnswer: () => (count.answers += 1),
    onFailed: (retryAt) => failed.push(retryAt),
  });
  const row = () => world.row ?? ROW;
  return {
    at,
    world,
    capacity,
    statements,
    asked,
    failed,
    count,
    settle: turnOver,
    row,
    allowance: () => capacity.allowance(row()),
    /** After a pass that could not begin so many, by location. */
    passed: (unbegun: Readonly<Record<string, number>> | null) =>
      capacity.passed(row(), unbegun === null ? null : new Map(Object.entries(unbegun))),
    grant: async (granted: Readonly<Record<string, number>>, extra: Partial<Granted> = {}) => {
      const loads = Object.fromEntries(Object.entries(granted).map(([code, n]) => [code, loadOf(SIZE, n)]));
      const rest = { isLimited: true, free: {}, starts: null, startAfter: null, shortage: null, ...extra };
      asked.at(-1)?.resolve({ outcome: "granted", granted: loads, ...rest });
      await turnOver();
    },
    run: (location: string, instances: number) => {
      for (let slot = 0; slot < instances; slot += 1) {
        const id = `${location}-${slot}`;
        world.deployments.push({ ...intendPlacement(id, slot, 1, at.now).next, location });
      }
    },
    stop: (location: string) => {
      world.deployments = world.deployments.map((deployment) =>
        deployment.location === location ? intendStop(deployment, "ScaledDown", at.now).next : deployment,
      );
    },
    end: (location: string) => {
      world.deployments = world.deployments.filter((deployment) => deployment.location !== location);
    },
  };
}

const limited = (part: Partial<ApplicationRow> = {}) => application({ isLimited: true, ...part });

describe("an application that nothing limits", () => {
  it("may begin what it wants, and says nothing", ({ expect }) => {
    const { allowance, passed, statements } = application();
    expect([allowance(), passed({ weur: 3 }), passed(null), statements]).toEqual([undefined, null, null, []]);
  });

  it("says that there were too many starts even if none waits, and is paced from then on", async ({ expect }) => {
    const { capacity, allowance, passed, statements, grant } = application();
    capacity.rateLimited();
    expect(allowance()).toMatchObject({ starts: 0, shortage: null });
    expect(passed({})).toBe(START + STATE_AGAIN_MS);
    expect(statements).toMatchObject([{ isRateLimited: true, isBound: false, starts: 0 }]);
    await grant({}, { isLimited: false, starts: 3, startAfter: START + 900 });
    expect(allowance()).toMatchObject({ starts: 3, shortage: PACED });
    expect(allowance()?.room("anywhere")).toBe(Number.POSITIVE_INFINITY);
    capacity.started(2);
    expect(allowance()?.starts).toBe(1);
    // It may begin one still, and needs not ask for it.
    expect(passed({ weur: 1 })).toBeNull();
    capacity.started(5);
    expect(allowance()?.starts).toBe(0);
    expect(passed({})).toBeNull();
    expect(passed({ weur: 1 })).toBe(START + 900);
    expect(statements).toHaveLength(1);
  });
});

describe("an application that is limited", () => {
  it("begins what it was granted beyond what it holds, and no more", async ({ expect }) => {
    const { allowance, passed, statements, grant, run } = limited();
    run("weur", 1);
    expect(allowance()?.room("weur")).toBe(0);
    expect(passed({ weur: 2, enam: 1 })).toBe(START + STATE_AGAIN_MS);
    expect(statements).toEqual([
      {
        number: expect.any(Number),
        size: SIZE,
        priority: 0,
        isPreemptible: true,
        isBound: true,
        isRateLimited: false,
        starts: 3,
        wants: [
          { location: "enam", held: loadOf(SIZE, 0), more: 1 },
          { location: "weur", held: loadOf(SIZE, 1), more: 2 },
        ],
      },
    ]);
    await grant({ weur: 2, enam: 0 }, { shortage: SHORT, free: { apac: 7 } });
    const { room, free, shortage, starts } = allowance() ?? {};
    expect([room?.("weur"), room?.("enam"), room?.("apac")]).toEqual([1, 0, 0]);
    expect([[...(free ?? [])], shortage, starts]).toEqual([[["apac", 7]], SHORT, Number.POSITIVE_INFINITY]);
  });

  it("is short of starts where it has none left, whatever else is short", async ({ expect }) => {
    const { allowance, passed, grant } = limited();
    passed({ weur: 2 });
    await grant({ weur: 2 }, { shortage: SHORT, starts: 1, startAfter: START + 500 });
    expect(allowance()?.shortage).toEqual(SHORT);
    const other = limited();
    other.passed({ weur: 2 });
    await other.grant({ weur: 2 }, { shortage: SHORT, starts: 0, startAfter: START + 500 });
    expect(other.allowance()?.shortage).toEqual(PACED);
    expect(other.passed({ weur: 2 })).toBe(START + 500);
  });

  it("while it does not know what it wants looks again only if it does not know what it has", async ({ expect }) => {
    const { passed, grant, run } = limited();
    run("weur", 1);
    expect(passed(null)).toBe(START + STATE_AGAIN_MS);
    passed({});
    await grant({ weur: 1 });
    expect(passed(null)).toBeNull();
  });

  it("says nothing when it has what it wants, and says a change of its priority", async ({ expect }) => {
    const { passed, grant, run, statements, world, row } = limited();
    run("weur", 1);
    passed({});
    await grant({ weur: 1 });
    expect([passed({}), statements.length]).toEqual([null, 1]);
    world.row = { ...row(), spec: { ...row().spec, priority: 5 } };
    passed({});
    expect(statements[1]).toMatchObject({ priority: 5, isPreemptible: true });
    await grant({ weur: 1 });
    world.row = { ...row(), spec: { ...row().spec, priority: 5, isPreemptible: false } };
    passed({});
    expect(statements[2]).toMatchObject({ priority: 5, isPreemptible: false });
    await grant({ weur: 1 });
    expect([passed({}), statements.length]).toEqual([null, 3]);
  });

  it("gives back what it was granted in a place where it is not any more", async ({ expect }) => {
    const { passed, grant, run, end, statements } = limited();
    run("weur", 1);
    run("enam", 1);
    passed({});
    await grant({ weur: 1, enam: 1 });
    end("enam");
    passed({});
    expect(statements[1]?.wants).toEqual([{ location: "weur", held: loadOf(SIZE, 1), more: 0 }]);
    await grant({ weur: 1, enam: 0 });
    expect([passed({}), statements.length]).toEqual([null, 2]);
  });

  it("asks at once for more in one place although another has less", async ({ expect }) => {
    const { passed, grant, run, stop, statements, world } = limited();
    run("weur", 1);
    run("enam", 2);
    passed({});
    await grant({ weur: 1, enam: 2 });
    world.deployments = world.deployments.filter(({ id }) => id !== "enam-1");
    stop("weur");
    passed({ weur: 1 });
    expect(statements).toHaveLength(2);
  });

  it("asks for what one place lacks although another has all", async ({ expect }) => {
    const { passed, grant, run, statements } = limited();
    run("weur", 1);
    run("enam", 1);
    passed({});
    await grant({ weur: 1, enam: 1 });
    passed({ weur: 1 });
    expect(statements).toHaveLength(2);
  });

  it("gathers what ends while more is being stopped, and tells it at once when nothing is", async ({ expect }) => {
    const { at, passed, grant, run, end, stop, statements } = limited();
    run("weur", 1);
    run("enam", 1);
    run("apac", 1);
    passed({});
    await grant({ weur: 1, enam: 1, apac: 1 });
    stop("weur");
    end("apac");
    expect([passed({}), statements.length]).toEqual([START + 1_000, 1]);
    at.now += 500;
    end("enam");
    expect([passed({}), statements.length]).toEqual([START + 1_000, 1]);
    end("weur");
    passed({});
    expect(statements).toHaveLength(2);
  });

  it("waits for what it has asked for as long as it has waited", async ({ expect }) => {
    const { at, passed, grant, statements, world, row, capacity } = limited({
      blocked: { reason: "NoCapacity", since: START - 10_000 },
    });
    passed({ weur: 1 });
    await grant({ weur: 0 }, { shortage: SHORT });
    expect([passed({ weur: 1 }), statements.length]).toEqual([START + 10_000, 1]);
    world.row = { ...row(), blocked: null };
    expect(passed({ weur: 1 })).toBe(START + 1_000);
    capacity.poke();
    at.now += 1;
    passed({ weur: 1 });
    expect(statements).toHaveLength(2);
    await grant({ weur: 0 }, { shortage: SHORT });
    passed({ weur: 2 });
    expect(statements).toHaveLength(3);
  });

  it("does not begin what it gives back while it says so", async ({ expect }) => {
    const { allowance, passed, grant } = limited();
    passed({ weur: 3 });
    await grant({ weur: 3 });
    expect(allowance()?.room("weur")).toBe(3);
    passed({});
    expect(allowance()?.room("weur")).toBe(0);
  });
});

describe("a statement that is under way", () => {
  it("is the only one, for as long as an answer may take", ({ expect }) => {
    const { at, passed, statements } = limited();
    passed({ weur: 1 });
    at.now += 19_999;
    expect(passed({ weur: 2 })).toBe(at.now + STATE_AGAIN_MS);
    expect(statements).toHaveLength(1);
    at.now += 1;
    passed({ weur: 2 });
    expect(statements.map(({ starts }) => starts)).toEqual([1, 2]);
    expect(statements[1]?.number).toBeGreaterThan(statements[0]?.number ?? 0);
  });

  it("is not answered any more once there is a later one", async ({ expect }) => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    for (const isLost of [true, false]) {
      const { at, passed, asked, grant, allowance, count, failed, settle } = limited();
      passed({ weur: 1 });
      at.now += 20_000;
      passed({ weur: 2 });
      if (isLost) asked[0]?.reject(new Error("lost"));
      else
        asked[0]?.resolve({
          outcome: "granted",
          isLimited: true,
          granted: { weur: loadOf(SIZE, 9) },
          free: {},
          starts: null,
          startAfter: null,
          shortage: null,
        });
      await settle();
      expect([failed, count.answers, allowance()?.room("weur")]).toEqual([[], 0, 0]);
      await grant({ weur: 2 });
      expect([count.answers, allowance()?.room("weur")]).toEqual([1, 2]);
    }
    expect(warned).not.toHaveBeenCalled();
  });

  it("that is lost is made again, ever more slowly, with what it said of the starts", async ({ expect }) => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const { at, passed, asked, failed, settle, statements, capacity } = limited();
    capacity.rateLimited();
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 9; attempt += 1) {
      passed({ weur: 1 });
      asked.at(-1)?.reject(new Error("account is away"));
      await settle();
      const retryAt = failed.at(-1) ?? 0;
      pauses.push(retryAt - at.now);
      expect(passed({ weur: 1 })).toBe(retryAt);
      at.now = retryAt;
    }
    expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    expect(statements.map(({ isRateLimited }) => isRateLimited)).toEqual(Array.from({ length: 9 }, () => true));
    expect(warned.mock.calls[0]).toEqual([
      { message: "application.capacity.failed", error: expect.stringContaining("account is away") },
    ]);
  });

  it("is not made for an application that is gone", async ({ expect }) => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const { capacity, world, row, failed, settle, statements } = limited();
    const last = row();
    world.row = undefined;
    capacity.passed(last, new Map([["weur", 1]]));
    await settle();
    expect([statements, failed]).toEqual([[], [START + 500]]);
    await capacity.idle();
  });

  it("can be waited for", async ({ expect }) => {
    const { capacity, passed, grant } = limited();
    await capacity.idle();
    passed({ weur: 1 });
    let isIdle = false;
    const idle = capacity.idle().then(() => (isIdle = true));
    await Promise.resolve();
    expect(isIdle).toBe(false);
    await grant({ weur: 1 });
    await idle;
    expect(isIdle).toBe(true);
  });
});

describe("an answer", () => {
  it("that nothing limits it any more frees it, and is stored once", async ({ expect }) => {
    const { passed, grant, allowance, row, count } = limited();
    passed({ weur: 1 });
    await grant({}, { isLimited: false });
    expect([row().isLimited, allowance(), count]).toEqual([false, undefined, { answers: 1, saved: 1 }]);
  });

  it("that it is limited is stored, and it states again what it wants, bound", async ({ expect }) => {
    const { capacity, passed, grant, allowance, row, statements } = application();
    capacity.rateLimited();
    passed({ weur: 1 });
    await grant({ weur: 5 }, { isLimited: true, starts: 4 });
    expect([row().isLimited, allowance()?.room("weur")]).toEqual([true, 0]);
    passed({ weur: 1 });
    expect(statements.map(({ isBound }) => isBound)).toEqual([false, true]);
  });

  it("that says nothing new of the limit is not stored", async ({ expect }) => {
    const { passed, grant, count } = limited();
    passed({ weur: 1 });
    await grant({ weur: 1 });
    expect(count).toEqual({ answers: 1, saved: 0 });
    const free = application();
    free.capacity.rateLimited();
    free.passed({});
    await free.grant({}, { isLimited: false });
    expect(free.count).toEqual({ answers: 1, saved: 0 });
  });

  it("that another statement was heard later makes the next one later still", async ({ expect }) => {
    const { passed, asked, settle, statements, row } = limited();
    passed({ weur: 1 });
    asked[0]?.resolve({ outcome: "stale", number: START + 5_000 });
    await settle();
    expect(row().isLimited).toBe(true);
    passed({ weur: 1 });
    expect(statements[1]?.number).toBe(START + 5_001);
  });

  it("after the application is gone is stored nowhere", async ({ expect }) => {
    const { passed, grant, world, count } = limited();
    passed({ weur: 1 });
    world.row = undefined;
    await grant({}, { isLimited: false });
    expect([world.row, count]).toEqual([undefined, { answers: 1, saved: 0 }]);
  });
});

describe("an application that is asked what it holds", () => {
  it("is limited from then on, and answers with a number above all others", async ({ expect }) => {
    const { capacity, run, row, count, at, passed, statements } = application({
      spec: { ...ROW.spec, priority: 3, isPreemptible: false },
    });
    run("weur", 2);
    at.now += 10;
    expect(capacity.enlist()).toEqual({
      number: START + 10,
      size: SIZE,
      priority: 3,
      isPreemptible: false,
      isBound: true,
      wants: [{ location: "weur", held: loadOf(SIZE, 2), more: 0 }],
      starts: 0,
      isRateLimited: false,
    });
    expect([row().isLimited, count.saved]).toEqual([true, 1]);
    capacity.enlist();
    expect(count.saved).toBe(1);
    passed({});
    expect(statements[0]?.number).toBe(START + 12);
  });

  it("while it states does not take the answer for a grant, nor for its freedom", async ({ expect }) => {
    const { capacity, passed, grant, allowance, row } = limited();
    passed({ weur: 2 });
    capacity.enlist();
    await grant({ weur: 2 }, { isLimited: false });
    expect([row().isLimited, allowance()?.room("weur")]).toEqual([true, 0]);
    passed({ weur: 2 });
    capacity.enlist();
    await grant({ weur: 2 });
    expect(allowance()?.room("weur")).toBe(0);
  });

  it("is nobody when it is gone", ({ expect }) => {
    const { capacity, world, count } = application();
    world.row = undefined;
    expect([capacity.enlist(), count.saved]).toEqual([null, 0]);
  });
});

describe("one that waits with a size of its own", () => {
  it("is stated in that size, and hears why it does not begin", async ({ expect }) => {
    const { capacity, row, statements, grant } = limited();
    const large = { ...SIZE, vcpu: 4 };
    const wait = () => capacity.passed(row(), new Map([["enam", 1]]), new Map([["weur", large]]));
    wait();
    expect(statements[0]?.wants).toEqual([
      { location: "enam", held: loadOf(SIZE, 0), more: 1 },
      { location: "weur", held: loadOf(SIZE, 0), more: 1, size: large },
    ]);
    expect(capacity.refusalOf(large)).toBeNull();
    await grant({ weur: 0, enam: 0 }, { shortage: SHORT, shortages: { enam: SHORT, weur: SHORT } });
    expect([capacity.refusalOf(large), capacity.refusalOf(SIZE)]).toEqual([SHORT, null]);
    capacity.poke();
    wait();
    await grant({ weur: 0, enam: 0 }, { shortage: SHORT, shortages: { enam: SHORT } });
    expect(capacity.refusalOf(large)).toBeNull();
  });
});

describe("an application that makes room for others", () => {
  it("begins nothing there until all has ended and the account has heard", async ({ expect }) => {
    const { capacity, passed, grant, allowance, run, stop, end, statements } = limited();
    run("weur", 2);
    run("enam", 1);
    passed({});
    await grant({ weur: 3, enam: 2 });
    passed({ weur: 1, enam: 1 });
    await grant({ weur: 3, enam: 2 });
    const before = statements.length;
    capacity.yield("weur");
    stop("weur");
    expect([allowance()?.room("weur"), allowance()?.room("enam")]).toEqual([0, 1]);
    passed({ weur: 1, enam: 1 });
    expect(statements).toHaveLength(before + 1);
    await grant({ weur: 3, enam: 2 });
    expect(allowance()?.room("weur")).toBe(0);
    // Nothing has ended since: there is nothing to say.
    passed({ weur: 1, enam: 1 });
    expect(statements).toHaveLength(before + 1);
    end("weur");
    passed({ weur: 3, enam: 1 });
    expect(statements).toHaveLength(before + 2);
    await grant({ weur: 1, enam: 2 }, { shortage: SHORT });
    expect(allowance()?.room("weur")).toBe(1);
  });
});
