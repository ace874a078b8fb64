/** Starts under a name with a choice of their caller's. */
import { describe, it } from "vitest";
import { schedulerWorld } from "../../test/unit/scheduler-world.ts";
import type { Size } from "../account/amounts.ts";
import { ANYWHERE } from "../account/locations.ts";
import type { CapacityInHand } from "./scheduler-deps.ts";
import { keptChoice } from "./start/kept.ts";
import type { WaitingChoice } from "./start/waiting.ts";

const LARGE: Size = { vcpu: 2, memoryMib: 8_192, diskMb: 10_000 };
const choose = (id: string, size?: Size): WaitingChoice => ({
  override: { id, fields: [], ...(size === undefined ? {} : { size }) },
  choice: {},
  kept: { id, sealed: `sealed ${id}` },
});

/** An application of names, of which the given ones are called; and what its account is told that it waits for. */
function named(calls: { names: string[]; choices: Record<string, WaitingChoice> }, room = 99) {
  const told: Record<string, Size>[] = [];
  const capacity: CapacityInHand = {
    allowance: () => ({ room: () => room, free: new Map(), starts: 99, shortage: null }),
    passed: (_, __, unbegunOwn) => {
      told.push(Object.fromEntries(unbegunOwn ?? []));
      return null;
    },
    started: () => undefined,
    rateLimited: () => undefined,
    yield: () => undefined,
  };
  const world = schedulerWorld({
    spec: { instances: 0, namedInstances: 9 },
    deps: { called: () => calls.names, choiceFor: (name) => calls.choices[name], capacity },
  });
  const of = (name: string) => {
    const deployment = world.deployments.named(name);
    if (deployment === undefined) throw new Error(`nothing is called ${name}`);
    return deployment;
  };
  return { world, of, told, kept: (name: string) => keptChoice(world.db, of(name).id) };
}

describe("a start under a name", () => {
  it("takes the choice of its caller along in its row, and one without a choice none", async ({ expect }) => {
    const { world, of, kept } = named({ names: ["mine", "plain"], choices: { mine: choose("c1") } });
    await world.pass();
    expect([of("mine").override, of("plain").override]).toEqual([{ id: "c1", fields: [] }, undefined]);
    expect(kept("mine")).toMatchObject({ id: "c1", sealed: "sealed c1" });
    expect(kept("plain")).toBeUndefined();
  });

  it("again, after it has ended, takes the choice that there is by then", async ({ expect }) => {
    const calls = { names: ["mine"], choices: { mine: choose("c1") } as Record<string, WaitingChoice> };
    const { world, of, kept } = named(calls);
    await world.pass();
    const restart = async () => {
      calls.names = [];
      world.act(of("mine").id, "sleep");
      await world.settle();
      calls.names = ["mine"];
      await world.pass();
    };
    calls.choices = { mine: choose("c2") };
    await restart();
    expect([of("mine").phase, of("mine").generation, of("mine").override, kept("mine")?.sealed]).toEqual([
      "running",
      2,
      { id: "c2", fields: [] },
      "sealed c2",
    ]);
    // The same one again is not written again.
    calls.choices = { mine: { ...choose("c2"), kept: { id: "c2", sealed: "otherwise" } } };
    await restart();
    expect([of("mine").generation, kept("mine")?.sealed]).toEqual([3, "sealed c2"]);
    calls.choices = {};
    await restart();
    expect([of("mine").generation, of("mine").override, kept("mine")?.sealed]).toEqual([
      4,
      { id: "c2", fields: [] },
      "sealed c2",
    ]);
  });

  it("that is being stopped is not given a choice meanwhile", async ({ expect }) => {
    const calls = { names: ["mine"], choices: { mine: choose("c1") } as Record<string, WaitingChoice> };
    const { world, of } = named(calls);
    await world.pass();
    calls.choices = { mine: choose("c2") };
    world.change({ deleting: true });
    world.scheduler.pass();
    expect(of("mine")).toMatchObject({ phase: "stopping", override: { id: "c1" } });
  });

  it("of the pool has no choice", async ({ expect }) => {
    const world = schedulerWorld({ deps: { choiceFor: () => choose("c1") } });
    await world.pass();
    expect(world.get("d1").override).toBeUndefined();
  });
});

describe("the size that a start is counted in", () => {
  it("is its own where it has chosen another than its version's", async ({ expect }) => {
    const plain = named({ names: ["mine"], choices: {} });
    await plain.world.pass();
    const { vcpu, memoryMib, diskMb } = plain.world.orders[0]?.spec.size ?? LARGE;
    for (const size of [
      { vcpu: vcpu * 2, memoryMib, diskMb },
      { vcpu, memoryMib: memoryMib * 2, diskMb },
      { vcpu, memoryMib, diskMb: diskMb * 2 },
    ]) {
      const { world, told } = named({ names: ["mine"], choices: { mine: choose("c1", size) } }, 0);
      world.scheduler.pass();
      expect(told.at(-1)).toEqual({ [ANYWHERE]: size });
    }
    for (const choice of [choose("c1", { vcpu, memoryMib, diskMb }), choose("c1")]) {
      const { world, told } = named({ names: ["mine"], choices: { mine: choice } }, 0);
      world.scheduler.pass();
      expect(told.at(-1)).toEqual({});
    }
    const without = named({ names: ["mine"], choices: {} }, 0);
    without.world.scheduler.pass();
    expect(without.told.at(-1)).toEqual({});
  });
});
