import { describe, it, vi } from "vitest";
import { memoryDatabase } from "../../../test/unit/sqlite-storage.ts";
import { migrate } from "../../migrations.ts";
import { reserveName } from "../applications.ts";
import { ACCOUNT_MIGRATIONS } from "../migrations.ts";
import { claimsOf } from "./claims.ts";
import { CapacityKeeper, type Claimant } from "./keeper.ts";
import { ANY, loadOf, type Capacity } from "./load.ts";
import type { Statement } from "./statement.ts";

const NOW = 1_000_000;
const SIZE = { vcpu: 1, memoryMib: 256, diskMb: 2_000 };

/** An account with one application, and the clock and the answers in the test's hand. */
function account(claimant: Partial<Claimant> = {}) {
  const db = memoryDatabase();
  migrate(db, ACCOUNT_MIGRATIONS);
  reserveName(db, "web", "a", "application", NOW);
  const at = { now: NOW };
  let total: Capacity = ANY;
  const keeper = new CapacityKeeper({
    db,
    clock: () => at.now,
    pools: () => ({ total, locations: new Map() }),
    claimant: () => ({
      capacityFreed: async () => undefined,
      enlist: async () => null,
      makeRoom: async () => 0,
      roomMade: async () => undefined,
      ...claimant,
    }),
    background: (work) => void work,
  });
  const limit = async (instances: number | null) => {
    total = { ...ANY, instances };
    await keeper.changed();
  };
  const claimed = () => claimsOf(db, "a").reduce((sum, { load }) => sum + load.instances, 0);
  return { keeper, limit, claimed, at };
}

function stating(number: number, held: number): Statement {
  const wants = [{ location: "weur", held: loadOf(SIZE, held), more: 0 }];
  return {
    number,
    size: SIZE,
    priority: 0,
    isPreemptible: true,
    isBound: true,
    wants,
    starts: 0,
    isRateLimited: false,
  };
}

describe("a limit on what runs without one", () => {
  it("asks again whoever could not be asked", async ({ expect }) => {
    vi.useFakeTimers();
    try {
      let asked = 0;
      const enlist = async () => {
        asked += 1;
        if (asked < 3) throw new Error("Network connection lost.");
        return stating(NOW + 10, 2);
      };
      const { limit, claimed } = account({ enlist });
      await limit(5);
      expect(claimed()).toBe(0);
      await vi.runAllTimersAsync();
      expect(claimed()).toBe(2);
      expect(asked).toBe(3);
    } finally {
      vi.useRealTimers();
    }
  });

  it("does not take what was said before it for what is held now", async ({ expect }) => {
    const { keeper, limit, claimed, at } = account({ enlist: () => Promise.reject(new Error("not there")) });
    at.now += 10_000;
    vi.useFakeTimers();
    await limit(5);
    vi.useRealTimers();
    expect(await keeper.state("a", stating(NOW + 5_000, 0))).toEqual({ outcome: "stale", number: NOW + 10_000 });
    expect(claimed()).toBe(0);
    expect(await keeper.state("a", stating(NOW + 10_001, 2))).toMatchObject({ outcome: "granted", isLimited: true });
    expect(claimed()).toBe(2);
  });

  it("claims nothing for an application that is gone when its answer comes", async ({ expect }) => {
    const answer = Promise.withResolvers<Statement>();
    const { keeper, limit, claimed } = account({ enlist: () => answer.promise });
    const limited = limit(5);
    keeper.remove("a");
    answer.resolve(stating(NOW + 10, 2));
    await limited;
    expect(claimed()).toBe(0);
  });
});
