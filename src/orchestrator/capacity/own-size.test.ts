/** What is started in a size of its own, from the wish to the grant. */
import { describe, it } from "vitest";
import { loadOf, subtract } from "../../account/capacity/load.ts";
import type { Answer, Shortage, Statement } from "../../account/capacity/statement.ts";
import { emptySlot } from "../intents.ts";
import type { Deployment } from "../plan/deployment.ts";
import { Allowed } from "./allowance.ts";
import { Grants, heldOf, wantsOf } from "./grants.ts";

const SIZE = { vcpu: 1, memoryMib: 1_000, diskMb: 1_000 };
const LARGE = { vcpu: 3, memoryMib: 3_000, diskMb: 1_000 };
const SHORT: Shortage = { reason: "NoCapacity", shortfall: { vcpu: 1 }, isImpossible: false };
const AT = "auto";

function running(id: string, size?: typeof SIZE): Deployment {
  const override = size === undefined ? {} : { override: { id, fields: ["instance_type"] as const, size } };
  return { ...emptySlot(id, 0, 1, undefined, 0), phase: "running", ...override };
}

function allowing(vcpu: number): Allowed {
  const left = { instances: 9, vcpu, memoryMib: 9_000, diskMb: 9_000 };
  return new Allowed({
    room: () => Math.floor(vcpu),
    measured: { left: () => left, each: loadOf(SIZE, 1) },
    free: new Map(),
    starts: 10,
    shortage: SHORT,
  });
}

describe("one of a size of its own", () => {
  it("begins when all of it fits beside what has begun, and leaves the rest to others", ({ expect }) => {
    const allowed = allowing(5);
    expect([allowed.begin(AT), allowed.begin(AT, LARGE), allowed.begin(AT), allowed.begin(AT)]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(Object.fromEntries(allowed.unbegun)).toEqual({ [AT]: 1 });
    expect(allowed.unbegunOwn.size).toBe(0);
  });

  it("waits for its own size, one at a time in a location", ({ expect }) => {
    const allowed = allowing(2);
    expect([allowed.begin(AT, LARGE), allowed.begin(AT, { ...LARGE, vcpu: 4 })]).toEqual([false, false]);
    expect(allowed.unbegunOwn).toEqual(new Map([[AT, LARGE]]));
    expect(allowed.shortage).toBe(SHORT);
    expect(new Allowed(undefined).begin(AT, LARGE)).toBe(true);
  });

  it("is held in that size", ({ expect }) => {
    const held = heldOf([running("a"), running("b", LARGE), running("c")], () => SIZE);
    expect(held.get(AT)).toEqual({ instances: 3, vcpu: 5, memoryMib: 5_000, diskMb: 3_000 });
  });

  it("is stated with its size, before others of its location", ({ expect }) => {
    const wants = wantsOf(new Map(), new Map([[AT, 4]]), new Map([[AT, LARGE]]));
    expect(wants).toEqual([{ location: AT, held: loadOf(SIZE, 0), more: 1, size: LARGE }]);
  });
});

class Bench {
  now = 1_000;
  readonly statements: Statement[] = [];
  #answer: ((answer: Answer) => void) | null = null;
  deployments: Deployment[] = [];
  readonly grants = new Grants({
    clock: () => this.now,
    state: (statement) => {
      this.statements.push(statement);
      return new Promise((resolve) => (this.#answer = resolve));
    },
    onAnswer: () => undefined,
    onFailed: () => undefined,
  });

  /** True when the one of its own size has begun. */
  pass(own: typeof SIZE | null, pool = 0): boolean {
    const allowed = new Allowed(this.grants.allowance(() => heldOf(this.deployments, () => SIZE), SIZE, true));
    const hasBegun = own !== null && allowed.begin(AT, own);
    if (hasBegun) this.deployments.push(running("own", own));
    for (let n = 0; n < pool; n += 1) allowed.begin(AT);
    this.grants.passed({
      deployments: () => this.deployments,
      sizeOf: () => SIZE,
      size: SIZE,
      priority: 0,
      isPreemptible: true,
      unbegun: allowed.unbegun,
      unbegunOwn: allowed.unbegunOwn,
      isLimited: true,
      blockedSince: null,
    });
    return hasBegun;
  }

  async answer(load: ReturnType<typeof loadOf>, shortages: Record<string, Shortage> = {}): Promise<void> {
    const rest = { free: {}, starts: null, startAfter: null, shortage: Object.values(shortages)[0] ?? null, shortages };
    this.#answer?.({ outcome: "granted", isLimited: true, granted: { [AT]: load }, ...rest });
    await Promise.resolve();
    await Promise.resolve();
  }
}

describe("a grant for a size of its own", () => {
  it("is begun with, and the pool is stated after it", async ({ expect }) => {
    const bench = new Bench();
    expect(bench.pass(LARGE, 2)).toBe(false);
    expect(bench.statements[0]?.wants).toEqual([{ location: AT, held: loadOf(SIZE, 0), more: 1, size: LARGE }]);
    await bench.answer(loadOf(LARGE, 1));
    expect(bench.pass(LARGE, 2)).toBe(true);
    expect(bench.statements[1]?.wants).toEqual([{ location: AT, held: loadOf(LARGE, 1), more: 2 }]);
  });

  it("that is not given is said until nobody asks any more, and asked for anew by the next", async ({ expect }) => {
    const bench = new Bench();
    bench.pass(LARGE);
    expect(bench.grants.refusalOf(LARGE)).toBeNull();
    await bench.answer(loadOf(SIZE, 0), { [AT]: SHORT });
    expect(bench.pass(LARGE)).toBe(false);
    expect([bench.grants.refusalOf(LARGE), bench.grants.refusalOf(SIZE)]).toEqual([SHORT, null]);
    bench.pass(null);
    expect(bench.grants.refusalOf(LARGE)).toBeNull();
    expect(bench.statements.at(-1)?.wants).toEqual([]);
    await bench.answer(loadOf(SIZE, 0));
    bench.pass(LARGE);
    expect(bench.statements.at(-1)?.wants).toMatchObject([{ more: 1, size: LARGE }]);
  });

  it("is told from one for as much of the usual size", async ({ expect }) => {
    const bench = new Bench();
    bench.pass(null, 3);
    await bench.answer(loadOf(SIZE, 0));
    const triple = subtract(loadOf(SIZE, 3), { ...loadOf(SIZE, 0), instances: 2 });
    bench.now += 1;
    bench.pass({ vcpu: triple.vcpu, memoryMib: triple.memoryMib, diskMb: triple.diskMb });
    expect(bench.statements).toHaveLength(2);
  });
});
