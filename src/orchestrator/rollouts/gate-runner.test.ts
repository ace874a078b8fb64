import { describe, it, vi } from "vitest";
import { GateRunner } from "./gate-runner.ts";
import { withMeasurement, type Gate, type Measurement, type Verdict } from "./gates.ts";
import { DEFAULT_POLICY, newRollout, type Rollout } from "./rollout.ts";

const START = 1_000_000;
const LOST_AFTER_MS = 5_000;
const GATE = {
  name: "a",
  type: "webhook",
  url: "http://hook.test/a",
  intervalMs: 10_000,
  count: 2,
  failureLimit: 0,
  timeoutMs: 2_000,
  isDryRun: false,
} satisfies Gate;

const steps = [50, 100].map((percentage) => ({ percentage, description: "" }));

function rolloutWith(gates: readonly Gate[]): Rollout {
  const spec = { ...DEFAULT_POLICY, description: "", strategy: "rolling", kind: "full_auto", steps, gates } as const;
  const given = { id: "r", fromVersion: 1, toVersion: 2, isFromStable: true, isFirst: false };
  return {
    ...newRollout({ ...given, spec: { ...spec, sticky: null } }, START),
    phase: "gating",
  };
}

/** A webhook is answered when the test says so. */
interface Asked {
  readonly gate: string;
  readonly measurement: number;
  readonly key: string | null;
  readonly signal: AbortSignal;
  answer(verdict: Verdict): Promise<void>;
}

function stage(gates: readonly Gate[] = [GATE]) {
  const state = { now: START, rollout: rolloutWith(gates) as Rollout | null, fails: false };
  const asked: Asked[] = [];
  const sinces: number[] = [];
  const measured: [string, number, number, Measurement][] = [];
  const runner = new GateRunner({
    clock: () => state.now,
    rollout: () => state.rollout,
    application: () => "web",
    members: async () => [{ deploymentId: "d", generation: 1, instanceId: "i" }],
    fetchWebhook: async (request) => {
      const { promise, resolve } = Promise.withResolvers<Response>();
      const { gate, measurement } = await request.json<{ gate: string; measurement: number }>();
      const { signal, headers } = request;
      const answer = async (verdict: Verdict) => {
        resolve(Response.json({ verdict }));
        await settled();
      };
      asked.push({ gate, measurement, key: headers.get("idempotency-key"), signal, answer });
      return await promise;
    },
    checkInstance: async () => null,
    requestCounts: async (_, since) => {
      sinces.push(since);
      return { answered: sinces.length === 1 ? 0 : 100, failed: 0 };
    },
    onMeasured: (id, step, stepStartedAt, measurement) => {
      if (state.fails) throw new Error("disk full");
      measured.push([id, step, stepStartedAt, measurement]);
      const { rollout } = state;
      if (rollout === null) return;
      const measurements = withMeasurement(rollout.spec.gates, rollout.measurements, measurement);
      state.rollout = { ...rollout, measurements };
    },
    background: (work) => void work,
  });
  const follow = async (afterMs = 0) => {
    state.now += afterMs;
    const wakeAt = runner.follow();
    await settled();
    return wakeAt === null ? null : wakeAt - START;
  };
  const change = (fields: Partial<Rollout>) => {
    if (state.rollout !== null) state.rollout = { ...state.rollout, ...fields };
  };
  return { state, asked, sinces, measured, follow, change };
}

async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
  await new Promise((resolve) => setTimeout(resolve, 0));
}

describe("the gates of a step", () => {
  it("are measured at once, and again at their interval, until they have decided", async ({ expect }) => {
    const { asked, measured, follow } = stage();
    expect(await follow()).toBe(GATE.timeoutMs + LOST_AFTER_MS);
    await asked[0]?.answer("passed");
    expect(measured).toEqual([["r", 0, START, expect.objectContaining({ gate: "a", at: START, verdict: "passed" })]]);
    expect(await follow(1_000)).toBe(GATE.intervalMs);
    expect(await follow(9_000)).toBe(10_000 + GATE.timeoutMs + LOST_AFTER_MS);
    await asked[1]?.answer("passed");
    expect(await follow(60_000)).toBeNull();
    expect(asked.map(({ measurement }) => measurement)).toEqual([1, 2]);
  });

  it("are each measured one at a time, and beside each other", async ({ expect }) => {
    const { asked, follow } = stage([GATE, { ...GATE, name: "b", timeoutMs: 1_000 }]);
    expect(await follow()).toBe(1_000 + LOST_AFTER_MS);
    await follow(500);
    expect(asked.map(({ gate }) => gate)).toEqual(["a", "b"]);
    await asked[1]?.answer("passed");
    expect(await follow(20_000)).not.toBeNull();
    expect(asked.map(({ gate, measurement }) => [gate, measurement])).toEqual([
      ["a", 1],
      ["b", 1],
      ["a", 1],
      ["b", 2],
    ]);
  });

  it("that have decided end what the others have under way", async ({ expect }) => {
    const { asked, measured, follow } = stage([GATE, { ...GATE, name: "b" }]);
    await follow();
    await asked[1]?.answer("failed");
    expect(await follow()).toBeNull();
    expect(asked[0]?.signal.aborted).toBe(true);
    await asked[0]?.answer("passed");
    expect(measured.map(([, , , { gate }]) => gate)).toEqual(["b"]);
  });

  it("are measured again for the same number when the object went meanwhile", async ({ expect }) => {
    const before = stage();
    await before.follow();
    const after = stage();
    await after.follow();
    expect(after.asked[0]?.key).toBe(before.asked[0]?.key);
  });

  it("are measured again for the same number when what was measured was not kept", async ({ expect }) => {
    vi.spyOn(console, "warn").mockReturnValue();
    const { state, asked, follow } = stage();
    await follow();
    state.fails = true;
    await asked[0]?.answer("passed");
    state.fails = false;
    await follow(GATE.timeoutMs + LOST_AFTER_MS);
    expect(asked.map(({ measurement }) => measurement)).toEqual([1, 1]);
  });

  it("count requests since the step began, or since the last that was enough to judge", async ({ expect }) => {
    const { name, intervalMs, failureLimit, timeoutMs, isDryRun } = GATE;
    const usual = { name, intervalMs, failureLimit, timeoutMs, isDryRun, count: 3 };
    const { sinces, follow } = stage([{ ...usual, type: "error_rate", maxRatio: 0.1, minRequests: 1 }]);
    for (const afterMs of [5_000, 10_000, 10_000]) await follow(afterMs);
    expect(sinces).toEqual([START, START, START + 15_000]);
  });
});

describe("nothing is measured, and no answer counts,", () => {
  it.for<[string, Partial<Rollout>]>([
    ["while it is paused", { phase: "paused", pausedFrom: "gating" }],
    ["once it goes back", { phase: "reverting" }],
    ["once it is over", { phase: "completed" }],
    ["before its step is done", { phase: "progressing" }],
    ["at another step", { step: 1 }],
    ["at the same step, begun again", { stepStartedAt: START + 1 }],
    ["of another rollout", { id: "other" }],
  ])("%s, whether the runner was told or not", async ([, fields], { expect }) => {
    for (const isTold of [true, false]) {
      const { asked, measured, change, follow } = stage();
      await follow();
      change(fields);
      if (isTold) {
        await follow();
        expect(asked[0]?.signal.aborted).toBe(true);
      }
      await asked[0]?.answer("failed");
      expect(measured).toEqual([]);
    }
  });

  it("without a rollout", async ({ expect }) => {
    const { state, asked, measured, follow } = stage();
    await follow();
    state.rollout = null;
    expect(await follow()).toBeNull();
    await asked[0]?.answer("passed");
    expect([asked.length, measured]).toEqual([1, []]);
  });

  it("and what was asked before a pause is asked again after it", async ({ expect }) => {
    const { asked, measured, change, follow } = stage();
    await follow();
    change({ phase: "paused", pausedFrom: "gating" });
    expect(await follow()).toBeNull();
    change({ phase: "gating", pausedFrom: null });
    await follow();
    await asked[0]?.answer("failed");
    await asked[1]?.answer("passed");
    expect(asked.map(({ measurement }) => measurement)).toEqual([1, 1]);
    expect(measured.map(([, , , { verdict }]) => verdict)).toEqual(["passed"]);
  });
});
