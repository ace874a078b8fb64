/** When an account hears of an application, and what the application begins meanwhile. */
import { describe, it } from "vitest";
import type { Answer, Statement } from "../../account/capacity/statement.ts";
import { loadOf } from "../../account/capacity/load.ts";
import { intendPlacement, intendStop } from "../intents.ts";
import type { Deployment } from "../plan/deployment.ts";
import { Allowed } from "./allowance.ts";
import { GATHER_MS, Grants, heldOf, STATE_AGAIN_MS } from "./grants.ts";

const SIZE = { vcpu: 1, memoryMib: 256, diskMb: 2_000 };
const AT = "auto";

class Bench {
  now = 1_000;
  deployments: Deployment[] = [];
  readonly statements: Statement[] = [];
  isLimited = true;
  answer: ((answer: Answer) => void) | null = null;
  fail: ((error: Error) => void) | null = null;
  failedUntil: number | null = null;
  heardLimited: boolean | null = null;
  readonly grants = new Grants({
    clock: () => this.now,
    state: (statement) => {
      this.statements.push(statement);
      return new Promise((resolve, reject) => {
        this.answer = resolve;
        this.fail = reject;
      });
    },
    onAnswer: (isLimited) => (this.heardLimited = isLimited),
    onFailed: (retryAt) => (this.failedUntil = retryAt),
  });

  /** A pass that wants so many. When it is to be looked at again. */
  pass(wanted: number): number | null {
    const held = () => heldOf(this.deployments, () => SIZE);
    const allowed = new Allowed(this.grants.allowance(held, SIZE, this.isLimited));
    const live = this.deployments.filter(({ phase }) => phase === "starting").length;
    let begun = 0;
    for (let slot = live; slot < wanted; slot += 1) {
      if (!allowed.begin(AT)) continue;
      this.deployments.push(intendPlacement(`d${this.deployments.length}`, slot, 1, this.now).next);
      begun += 1;
    }
    this.grants.started(begun);
    return this.grants.passed({
      deployments: () => this.deployments,
      sizeOf: () => SIZE,
      size: SIZE,
      priority: 0,
      isPreemptible: true,
      unbegun: allowed.unbegun,
      isLimited: this.isLimited,
      blockedSince: null,
    });
  }

  async grant(count: number, extra: Partial<Extract<Answer, { outcome: "granted" }>> = {}): Promise<void> {
    const granted = { [AT]: loadOf(SIZE, count) };
    const rest = { free: {}, starts: null, startAfter: null, shortage: null, ...extra };
    this.answer?.({ outcome: "granted", isLimited: this.isLimited, granted, ...rest });
    await Promise.resolve();
    await Promise.resolve();
  }

  stop(count: number): void {
    this.deployments = this.deployments.map((deployment, index) =>
      index < count ? intendStop(deployment, "ScaledDown", this.now).next : deployment,
    );
  }

  end(count: number): void {
    this.deployments = this.deployments.slice(count);
  }
}

describe("an application without capacity to heed", () => {
  it("begins at once and says nothing", ({ expect }) => {
    const bench = new Bench();
    bench.isLimited = false;
    expect(bench.pass(5)).toBeNull();
    expect(bench.deployments).toHaveLength(5);
    expect(bench.statements).toEqual([]);
  });

  it("is paced once the platform has said that there are too many starts", async ({ expect }) => {
    const bench = new Bench();
    bench.isLimited = false;
    bench.grants.rateLimited();
    bench.pass(3);
    expect(bench.deployments).toEqual([]);
    expect(bench.statements).toMatchObject([{ isRateLimited: true, isBound: false, starts: 3 }]);
    await bench.grant(0, { starts: 2, startAfter: 1_500 });
    expect(bench.pass(3)).toBe(1_500);
    expect(bench.deployments).toHaveLength(2);
    bench.now = 1_500;
    bench.pass(3);
    expect(bench.statements[1]).toMatchObject({ isRateLimited: false, starts: 1 });
    await bench.grant(0);
    expect(bench.pass(3)).toBeNull();
    expect(bench.deployments).toHaveLength(3);
  });
});

describe("an answer that comes after the application was enlisted", () => {
  it("does not free it: it was said before there was a limit", async ({ expect }) => {
    const bench = new Bench();
    bench.isLimited = false;
    bench.grants.rateLimited();
    bench.pass(3);
    bench.grants.forget();
    await bench.grant(0);
    expect(bench.heardLimited).toBe(true);
  });

  it("of one that was not enlisted says whether there is a limit", async ({ expect }) => {
    const bench = new Bench();
    bench.isLimited = false;
    bench.grants.rateLimited();
    bench.pass(3);
    await bench.grant(0);
    expect(bench.heardLimited).toBe(false);
  });
});

describe("an application of an account with capacity", () => {
  it("begins nothing before it is granted, then as many as are, and is heard once", async ({ expect }) => {
    const bench = new Bench();
    expect(bench.pass(3)).toBe(bench.now + STATE_AGAIN_MS);
    expect(bench.deployments).toEqual([]);
    await bench.grant(3);
    expect(bench.pass(3)).toBeNull();
    expect(bench.deployments).toHaveLength(3);
    expect(bench.statements).toHaveLength(1);
    expect(bench.statements[0]).toMatchObject({ isBound: true, wants: [{ location: AT, more: 3 }] });
  });

  it("begins what is granted of it, and asks for the rest again after as long as it has waited", async ({ expect }) => {
    const bench = new Bench();
    bench.pass(3);
    await bench.grant(1, { shortage: { reason: "MaxInstances", shortfall: {}, isImpossible: false } });
    const next = bench.pass(3);
    expect(bench.deployments).toHaveLength(1);
    expect(next).toBe(bench.now + 1_000);
    bench.now = next ?? 0;
    bench.pass(3);
    expect(bench.statements).toHaveLength(2);
  });

  it("asks at once when it is woken", async ({ expect }) => {
    const bench = new Bench();
    bench.pass(2);
    await bench.grant(1);
    bench.pass(2);
    bench.grants.poke();
    bench.pass(2);
    expect(bench.statements).toHaveLength(2);
  });

  it("gives back what has ended, several ends together", async ({ expect }) => {
    const bench = new Bench();
    bench.pass(3);
    await bench.grant(3);
    bench.pass(3);
    bench.stop(2);
    expect(bench.pass(1)).toBeNull();
    bench.end(1);
    expect(bench.pass(1)).toBe(bench.now + GATHER_MS);
    bench.end(1);
    bench.pass(1);
    expect(bench.statements).toHaveLength(2);
    expect(bench.statements[1]?.wants).toMatchObject([{ held: { instances: 1 }, more: 0 }]);
  });

  it("begins nothing in what it is giving back while that is under way", async ({ expect }) => {
    const bench = new Bench();
    bench.pass(2);
    await bench.grant(2);
    bench.pass(2);
    bench.end(1);
    bench.pass(1);
    expect(bench.statements).toHaveLength(2);
    bench.pass(2);
    expect(bench.deployments).toHaveLength(1);
  });

  it("starts again what has ended within what it has, without a word", async ({ expect }) => {
    const bench = new Bench();
    bench.pass(2);
    await bench.grant(2);
    bench.pass(2);
    bench.end(1);
    expect(bench.pass(2)).toBeNull();
    expect(bench.deployments).toHaveLength(2);
    expect(bench.statements).toHaveLength(1);
  });

  it("does not take back the room that it has made for others", async ({ expect }) => {
    const bench = new Bench();
    bench.pass(2);
    await bench.grant(2);
    bench.pass(2);
    bench.grants.yield(AT);
    bench.end(1);
    bench.pass(2);
    expect(bench.deployments).toHaveLength(1);
    expect(bench.statements[1]?.wants).toMatchObject([{ held: { instances: 1 }, more: 1 }]);
  });

  it("asks again when an answer is an error, or never comes", async ({ expect }) => {
    const bench = new Bench();
    bench.pass(1);
    bench.fail?.(new Error("lost"));
    await Promise.resolve();
    await Promise.resolve();
    expect(bench.failedUntil).toBe(bench.now + 500);
    bench.now += 500;
    bench.pass(1);
    expect(bench.statements).toHaveLength(2);
    bench.now += 2 * STATE_AGAIN_MS;
    bench.pass(1);
    expect(bench.statements).toHaveLength(3);
    await bench.grant(1);
    bench.pass(1);
    expect(bench.deployments).toHaveLength(1);
  });

  it("takes the number of a later statement that its account knows of", async ({ expect }) => {
    const bench = new Bench();
    bench.pass(1);
    bench.answer?.({ outcome: "stale", number: 9_000 });
    await Promise.resolve();
    await Promise.resolve();
    bench.pass(1);
    expect(bench.statements[1]?.number).toBe(9_001);
  });
});
