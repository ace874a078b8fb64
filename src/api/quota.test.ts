/** A write within the account's limits, over objects that answer as told. */
import { describe, it } from "vitest";
import type { Ask, Usage } from "../account/amounts.ts";
import type { Verdict } from "../account/ledger.ts";
import { GantryError } from "../errors.ts";
import { withinQuota } from "./quota.ts";

const SIZE = { vcpu: 1, memoryMib: 1_024, diskMb: 2_000 };
const APPLICATION = "app";

function usage(instances: number, generation: number): Usage {
  return { instances, size: SIZE, ipv4s: 0, location: "auto", generation };
}

/** An account that grants unless told otherwise, and an application whose usage is set. Records what is called. */
function objects(options: { usages?: (Usage | null)[]; refuses?: boolean; cannotSettle?: boolean } = {}) {
  const calls: [name: string, ...details: unknown[]][] = [];
  const usages = [...(options.usages ?? [usage(1, 1)])];
  const account = {
    reserve: async (_: string, ask: Ask, intent: string): Promise<Verdict> => {
      calls.push(["reserve", ask.instances]);
      if (options.refuses === true) {
        return { outcome: "refused", code: "SURPASSED_TOTAL_LIMITS", message: "too many", details: { instances: "x" } };
      }
      const amounts = { instances: ask.instances, vcpu: 1, memoryMib: 1, diskMb: 1, ipv4s: 0 };
      return { outcome: "granted", grant: { intent, location: "auto", amounts, until: 1 }, settled: false };
    },
    settle: async (_: string, { instances, generation }: Usage) => {
      calls.push(["settle", instances, generation]);
      if (options.cannotSettle === true) throw new Error("the account is not there");
    },
    withdraw: async () => void calls.push(["withdraw"]),
    removeApplication: async () => void calls.push(["removeApplication"]),
  };
  const application = { usage: async () => (usages.length > 1 ? usages.shift() : usages[0]) };
  const env = {
    ACCOUNT: { getByName: () => account },
    APPLICATION: { getByName: () => application },
  } as unknown as Env;
  return { calls, target: { env, accountId: "account" } };
}

const conflict = () => new GantryError("WRITE_CONFLICT", "another write came between");
const never = () => Promise.reject(new Error("was done"));
const cutOff = () => Promise.reject(new Error("Network connection lost."));
const stale = () => Promise.reject(new GantryError("PRECONDITION_FAILED", "changed"));

describe("a write within the account's limits", () => {
  it("is reserved, done and settled with what came of it", async ({ expect }) => {
    const { calls, target } = objects({ usages: [usage(1, 1), usage(3, 2)] });
    const result = await withinQuota(target, APPLICATION, { instances: 3 }, async () => ({ done: true }));
    expect(result).toEqual({ done: true });
    expect(calls).toEqual([
      ["reserve", 3],
      ["settle", 3, 2],
    ]);
  });

  it("between which and its grant another came begins again with what that one left", async ({ expect }) => {
    const { calls, target } = objects({ usages: [usage(1, 1), usage(5, 2)] });
    let tries = 0;
    await withinQuota(target, APPLICATION, {}, async () => {
      tries += 1;
      if (tries === 1) throw conflict();
      return {};
    });
    expect(calls).toEqual([["reserve", 1], ["withdraw"], ["reserve", 5], ["settle", 5, 2]]);
  });

  it("that never gets through says so in the end", async ({ expect }) => {
    const { calls, target } = objects();
    const write = () => withinQuota(target, APPLICATION, {}, () => Promise.reject(conflict()));
    await expect(write()).rejects.toMatchObject({ code: "WRITE_CONFLICT" });
    const names = calls.map(([name]) => name);
    expect(names.filter((name) => name === "reserve")).toHaveLength(names.filter((name) => name === "withdraw").length);
  });

  it("whose end nobody saw keeps its intent; one that was refused gives it back", async ({ expect }) => {
    const lost = objects();
    await expect(withinQuota(lost.target, APPLICATION, { instances: 9 }, cutOff)).rejects.toThrow("lost");
    expect(lost.calls).toEqual([["reserve", 9]]);
    const refused = objects();
    await expect(withinQuota(refused.target, APPLICATION, { instances: 9 }, stale)).rejects.toThrow("changed");
    expect(refused.calls).toEqual([["reserve", 9], ["withdraw"]]);
  });

  it("is not done when it is refused, and a new application's name is given up", async ({ expect }) => {
    const { calls, target } = objects({ refuses: true });
    const change = { instances: 2 };
    await expect(withinQuota(target, APPLICATION, change, never, { isNew: true })).rejects.toMatchObject({
      code: "SURPASSED_TOTAL_LIMITS",
      details: { instances: "x" },
    });
    expect(calls).toEqual([["reserve", 2], ["removeApplication"]]);
    await expect(withinQuota(target, APPLICATION, change, never)).rejects.toMatchObject({
      code: "SURPASSED_TOTAL_LIMITS",
    });
    expect(calls).toHaveLength(3);
  });

  it("is done, whether or not the account hears of it", async ({ expect }) => {
    const { target } = objects({ cannotSettle: true });
    expect(await withinQuota(target, APPLICATION, {}, async () => ({ done: true }))).toEqual({ done: true });
  });

  it("of an application that is not there is not found, and nothing is reserved", async ({ expect }) => {
    const { calls, target } = objects({ usages: [null] });
    const write = () => withinQuota(target, APPLICATION, {}, async () => ({}));
    await expect(write()).rejects.toMatchObject({ code: "APPLICATION_NOT_FOUND" });
    expect(calls).toEqual([]);
  });
});
