import { describe, it } from "vitest";
import { GATHER_MS, Inbox, type Observation } from "./inbox.ts";

class Bench {
  now = 1_000;
  readonly turns: string[][] = [];
  readonly timers: (() => void)[] = [];
  breaks = false;
  readonly inbox = new Inbox({
    clock: () => this.now,
    later: (run) => void this.timers.push(run),
    take: (observations) => {
      if (this.breaks) throw new Error("no storage");
      this.turns.push(observations.map(({ deploymentId }) => deploymentId));
      return observations.map(({ deploymentId }) => deploymentId !== "stranger");
    },
  });

  hear(deploymentId: string): Promise<boolean> {
    const observation: Observation = { deploymentId, generation: 1, report: { state: "starting" } };
    return this.inbox.hear(observation);
  }

  passGather(): void {
    this.now += GATHER_MS;
    for (const run of this.timers.splice(0)) run();
  }
}

describe("what instances say", () => {
  it("is taken at once when nothing was said just before", async ({ expect }) => {
    const bench = new Bench();
    expect(await bench.hear("a")).toBe(true);
    bench.now += GATHER_MS;
    expect(await bench.hear("b")).toBe(true);
    expect(bench.turns).toEqual([["a"], ["b"]]);
    expect(bench.timers).toEqual([]);
  });

  it("is taken together, in its order, when it comes close together; each hears of itself", async ({ expect }) => {
    const bench = new Bench();
    const first = bench.hear("a");
    const rest = [bench.hear("b"), bench.hear("stranger"), bench.hear("b")];
    expect(bench.turns).toEqual([["a"]]);
    expect(bench.timers).toHaveLength(1);
    bench.passGather();
    expect(await Promise.all([first, ...rest])).toEqual([true, true, false, true]);
    expect(bench.turns).toEqual([["a"], ["b", "stranger", "b"]]);
  });

  it("is taken with what comes later when its timer never fires", async ({ expect }) => {
    const bench = new Bench();
    const early = [bench.hear("a"), bench.hear("b")];
    bench.timers.length = 0;
    bench.now += GATHER_MS;
    await bench.hear("c");
    expect(await Promise.all(early)).toEqual([true, true]);
    expect(bench.turns).toEqual([["a"], ["b", "c"]]);
  });

  it("is not held up by a clock that was set back", async ({ expect }) => {
    const bench = new Bench();
    await bench.hear("a");
    bench.now -= 3_600_000;
    await bench.hear("b");
    expect(bench.turns).toEqual([["a"], ["b"]]);
  });

  it("is answered with the error when it could not be applied, and the next is taken", async ({ expect }) => {
    const bench = new Bench();
    bench.breaks = true;
    await expect(bench.hear("a")).rejects.toThrow("no storage");
    bench.breaks = false;
    bench.now += GATHER_MS;
    expect(await bench.hear("a")).toBe(true);
  });
});
