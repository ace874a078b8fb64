/** What is told of a rollout while it is followed. */
import { describe, it } from "vitest";
import type { Api } from "./api.ts";
import { follow, lineOf, outcomeOf, type Rollout } from "./rollouts.ts";

const step = (percentage: number, status: string) => ({ step_size: { percentage }, status });

function rollout(more: object): Rollout {
  const shown = {
    phase: "progressing",
    reason: null,
    message: "all of it",
    target_version: 2,
    health: { summary: "1 of 4 instances are healthy at version 2, 3 are at another version" },
    steps: [step(50, "completed"), step(100, "progressing")],
    holding: [],
    ...more,
  };
  return shown as unknown as Rollout;
}

/** Each look finds the next one. */
async function toldOf(...looks: Rollout[]): Promise<string[]> {
  const said: string[] = [];
  const send = () => Promise.resolve({ result: looks.shift() });
  const api = { send, once: () => Promise.resolve({}) } as unknown as Api;
  const io = { now: () => 0, sleep: () => Promise.resolve() };
  await follow({ api, io, deadline: 1, say: (text) => void said.push(text) }, "web", "r");
  return said;
}

const healthy = (count: number, ...holding: string[]) =>
  rollout({ holding, health: { summary: `${count} of 4 instances are healthy` } });
const DONE = rollout({ phase: "completed", message: "version 2 is what runs" });

describe("follow", () => {
  it("says what it waits for when that is another", async ({ expect }) => {
    const looks = [healthy(2, "a", "b"), healthy(2, "a", "b"), healthy(3, "a", "b"), healthy(3, "b"), healthy(4)];
    expect(await toldOf(...looks, DONE)).toEqual([
      "step 2 of 2 (100 %): 2 of 4 healthy at version 2; waits for a, b",
      "step 2 of 2 (100 %): 3 of 4 healthy at version 2",
      "step 2 of 2 (100 %): 3 of 4 healthy at version 2; waits for b",
      "step 2 of 2 (100 %): 4 of 4 healthy at version 2",
      "version 2 is what runs",
    ]);
  });

  it("names the first few of many, and none before the last step", async ({ expect }) => {
    const names = ["a", "b", "c", "d", "e", "f", "g"];
    const early = rollout({ holding: names, steps: [step(50, "progressing"), step(100, "pending")] });
    expect(await toldOf(early, healthy(0, ...names), DONE)).toEqual([
      "step 1 of 2 (50 %): 1 of 4 healthy at version 2",
      "step 2 of 2 (100 %): 0 of 4 healthy at version 2; waits for a, b, c, d, e and 2 more",
      "version 2 is what runs",
    ]);
  });
});

describe("a line", () => {
  it("of what is paused has step and share, once", ({ expect }) => {
    const ramp = [step(10, "completed"), step(100, "pending")];
    const paused = { phase: "paused", steps: undefined, ramp };
    expect(lineOf(rollout({ ...paused, message: "paused; resume goes on" }))).toBe(
      "step 1 of 2 (10 %): paused; resume goes on",
    );
    const whole = "paused at step 1 of 2 (10 %); resume goes on";
    expect(lineOf(rollout({ ...paused, message: whole }))).toBe(whole);
  });
});

describe("an outcome", () => {
  it.for([
    ["progressing", null, null],
    ["gating", null, null],
    ["switching", null, null],
    ["reverting", "Aborted", null],
    ["waiting", null, "waiting"],
    ["paused", "PausedByUser", "paused"],
    ["paused", "AnalysisInconclusive", "failed"],
    ["stalled", "ProgressDeadlineExceeded", "failed"],
    ["reverted", "Aborted", "failed"],
    ["replaced", "Replaced", "replaced"],
    ["completed", null, "completed"],
  ] as const)("of %s by %s is %s", ([phase, reason, outcome], { expect }) => {
    expect(outcomeOf({ phase, reason })).toBe(outcome);
  });
});
