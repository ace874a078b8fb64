import { array, assert, constantFrom, integer, property, record } from "fast-check";
import { describe, it } from "vitest";
import { decideRollout, ROLLOUT_ACTIONS, type RolloutAction } from "./actions.ts";
import { advance, type Observed } from "./advance.ts";
import type { Analysis } from "./gates.ts";
import { markOf } from "./mark.ts";
import { isOver, newRollout, wireStatus, type Rollout, type RolloutSpec } from "./rollout.ts";
import { stepTarget, surgeOf, unavailableOf } from "./targets.ts";

const NOW = 1_000_000;
const MINUTE = 60_000;

const SPEC: RolloutSpec = {
  description: "",
  strategy: "rolling",
  kind: "full_auto",
  steps: [10, 50, 100].map((percentage) => ({ percentage, description: "" })),
  maxSurge: { count: 1 },
  maxUnavailable: { count: 0 },
  minHealthyMs: 10_000,
  progressDeadlineMs: 10 * MINUTE,
  autoRevert: true,
  scaleDownDelayMs: 0,
  gates: [],
  sticky: null,
};

function rollout(spec: Partial<RolloutSpec> = {}, fields: Partial<Rollout> = {}): Rollout {
  const given = { id: "r", fromVersion: 1, toVersion: 2, isFromStable: true, isFirst: false };
  return { ...newRollout({ ...given, spec: { ...SPEC, ...spec } }, NOW), ...fields };
}

function seen(healthy: number, fields: Partial<Observed> = {}): Observed {
  const others = Array.from({ length: Math.max(0, 10 - healthy) }, (_, index) => `app-${index}`);
  const given = {
    wanted: 10,
    held: 0,
    fresh: healthy,
    healthy,
    healthySince: null,
    ripening: [],
    oldReady: 10 - healthy,
  };
  return { ...given, others, named: [], failing: [], notBack: ["app-0"], ...fields };
}

function on(before: Rollout, observed: Observed, now = NOW, analysis: Analysis = "none") {
  return advance(before, observed, { analysis, message: null }, now);
}

/** Instances that are to be at the target. */
function targetOf(current: Rollout, wanted: number): number {
  const mark = markOf(current);
  return mark === null ? (current.phase === "completed" ? wanted : 0) : stepTarget(mark.toPercentage, wanted);
}

const STANDING = { fresh: 5, wanted: 10, held: 0, healthy: 10 };

function act(before: Rollout, action: RolloutAction, now = NOW): Rollout {
  const decision = decideRollout(before, action, STANDING, now);
  if (decision.type === "refused") throw new Error(decision.message);
  return decision.rollout;
}

describe("a share of the instances", () => {
  it.for([
    [10, 10, 1],
    [41, 10, 4],
    [45, 10, 5],
    [44, 10, 4],
    [1, 3, 1],
    [50, 3, 2],
    [100, 7, 7],
    [10, 0, 0],
  ] as const)("of %i %% of %i is %i", ([percentage, wanted, target], { expect }) => {
    expect(stepTarget(percentage, wanted)).toBe(target);
  });

  it("rounds up above what is wanted and down below it, and is never nothing both ways", ({ expect }) => {
    expect(surgeOf({ percentage: 25 }, 10)).toBe(3);
    expect(unavailableOf({ percentage: 25 }, 10, 3)).toBe(2);
    expect(unavailableOf({ percentage: 25 }, 3, 1)).toBe(0);
    expect(unavailableOf({ count: 0 }, 3, 0)).toBe(1);
    expect(unavailableOf({ count: 9 }, 3, 0)).toBe(3);
  });
});

describe("a rollout by itself", () => {
  it("goes from step to step while all of a step is healthy, and is complete with the last", ({ expect }) => {
    let current = rollout();
    const targets: number[] = [];
    for (const healthy of [1, 5, 10]) {
      targets.push(targetOf(current, 10));
      expect(on(current, seen(healthy - 1)).happened).toEqual([]);
      current = on(current, seen(healthy)).rollout;
    }
    expect(targets).toEqual([1, 5, 10]);
    expect(current).toMatchObject({ phase: "completed", doneAt: [NOW, NOW, NOW] });
  });

  it("tells each step that is done, also of several at once", ({ expect }) => {
    expect(on(rollout(), seen(10)).happened).toEqual([
      { type: "step-done", step: 0 },
      { type: "step-done", step: 1 },
      { type: "step-done", step: 2 },
      { type: "completed" },
    ]);
  });

  it("is not complete while one live instance reports something else, and names it", ({ expect }) => {
    const last = rollout({}, { step: 2, mostHealthy: 10 });
    const held = seen(10, { others: ["app-7"] });
    expect(on(last, held).rollout.phase).toBe("progressing");
    const overdue = on(last, held, NOW + 10 * MINUTE);
    expect(overdue.rollout.message).toContain("app-7");
    const why = "app-9: ExitedWithCode, exit code 1, 3 times";
    const told = on(last, { ...held, failing: [why] }, NOW + 10 * MINUTE).rollout.message;
    expect([told?.includes(why), told?.includes("app-7")]).toEqual([true, false]);
  });

  it("fails when nothing becomes healthy for too long, and goes back to what served", ({ expect }) => {
    const { rollout: failed, happened } = on(rollout(), seen(0), NOW + 10 * MINUTE);
    expect(happened).toEqual([{ type: "failed", reason: "ProgressDeadlineExceeded", goesBack: true }]);
    expect([failed.phase, targetOf(failed, 10), wireStatus(failed)]).toEqual(["reverting", 0, "progressing"]);
    expect(on(failed, seen(0)).rollout.phase).toBe("reverting");
    const back = on(failed, seen(0, { notBack: [] })).rollout;
    expect([back.phase, wireStatus(back)]).toEqual(["reverted", "reverted"]);
  });

  it("has more time with each instance that becomes healthy, and with nothing else", ({ expect }) => {
    const step = rollout({}, { step: 1 });
    const first = on(step, seen(1), NOW + 9 * MINUTE).rollout;
    expect(first.progressedAt).toBe(NOW + 9 * MINUTE);
    // One that is lost and comes back is no progress.
    const lost = on(first, seen(0), NOW + 12 * MINUTE).rollout;
    expect(on(lost, seen(1), NOW + 18 * MINUTE).rollout.progressedAt).toBe(NOW + 9 * MINUTE);
    expect(on(lost, seen(1), NOW + 19 * MINUTE).rollout.phase).toBe("reverting");
    expect(on(rollout({ progressDeadlineMs: null }), seen(0), NOW + 999 * MINUTE).rollout.phase).toBe("progressing");
  });

  it("goes back only to what has served, and only to something else", ({ expect }) => {
    const late = NOW + 10 * MINUTE;
    expect(on(rollout({}, { isFromStable: false }), seen(0), late).rollout.phase).toBe("stalled");
    expect(on(rollout({}, { fromVersion: 2 }), seen(0), late).rollout.phase).toBe("stalled");
    const kept = on(rollout({ autoRevert: false }), seen(0, { fresh: 1 }), late).rollout;
    expect([kept.phase, kept.reason, targetOf(kept, 10)]).toEqual(["stalled", "ProgressDeadlineExceeded", 1]);
  });

  it("wakes for the deadline, or for who will have been ready long enough before", ({ expect }) => {
    expect(on(rollout(), seen(0))).toMatchObject({ deadlineAt: NOW + 10 * MINUTE, ripeAt: null });
    expect(on(rollout(), seen(0, { ripening: [NOW + 7_000, NOW + 8_000] })).ripeAt).toBe(NOW + 7_000);
    // Of fewer than are missing there is nothing to wait for.
    expect(on(rollout({}, { step: 1 }), seen(0, { ripening: [NOW + 7_000] })).ripeAt).toBeNull();
    const paused = rollout({}, { phase: "paused", pausedFrom: "progressing" });
    expect(on(paused, seen(0))).toMatchObject({ deadlineAt: null, ripeAt: null });
  });

  it("waits for its measurements after a step, and does what they say", ({ expect }) => {
    const gating = on(rollout(), seen(1), NOW, "pending").rollout;
    expect([gating.phase, targetOf(gating, 10)]).toEqual(["gating", 1]);
    expect(on(gating, seen(1), NOW + 99 * MINUTE, "pending").rollout).toBe(gating);
    expect(on(gating, seen(1), NOW, "passed").rollout).toMatchObject({ phase: "progressing", step: 1 });
    expect(on(gating, seen(1), NOW, "failed").rollout).toMatchObject({ phase: "reverting", reason: "AnalysisFailed" });
    const unsure = on(gating, seen(1), NOW, "inconclusive").rollout;
    expect(unsure).toMatchObject({ phase: "paused", reason: "AnalysisInconclusive" });
    expect(act(unsure, "resume")).toMatchObject({ phase: "progressing", step: 1, reason: null });
  });

  it("is over at once where nothing is wanted", ({ expect }) => {
    expect(on(rollout(), seen(0, { wanted: 0, others: [] })).rollout.phase).toBe("completed");
  });
});

describe("what people do to a rollout", () => {
  it("next goes on when a step is done by hand, and says why it does not before", ({ expect }) => {
    const manual = rollout({ kind: "full_manual" });
    expect(decideRollout(manual, "next", STANDING, NOW)).toMatchObject({
      type: "refused",
      message: expect.stringContaining("10 %"),
    });
    const waiting = on(manual, seen(1)).rollout;
    expect(waiting.phase).toBe("waiting");
    expect(on(waiting, seen(1), NOW + 99 * MINUTE).rollout).toBe(waiting);
    expect(act(waiting, "next", NOW + 5)).toMatchObject({ phase: "progressing", step: 1, progressedAt: NOW + 5 });
  });

  it("previous and revert go back to a mark that was passed", ({ expect }) => {
    const third = rollout({}, { step: 2, doneAt: [1, 2] });
    expect(act(third, "previous")).toMatchObject({ phase: "progressing", step: 1, doneAt: [1] });
    expect(act(third, "revert")).toMatchObject({ phase: "progressing", step: 0, doneAt: [] });
    expect(decideRollout(rollout(), "previous", STANDING, NOW).type).toBe("refused");
  });

  it("a pause stops its clock and keeps its share of what is wanted", ({ expect }) => {
    const paused = act(rollout({}, { step: 1 }), "pause");
    expect(on(paused, seen(0), NOW + 99 * MINUTE).rollout).toBe(paused);
    expect([targetOf(paused, 10), targetOf(paused, 20)]).toEqual([5, 10]);
    const on_ = act(paused, "resume", NOW + 99 * MINUTE);
    expect(on_).toMatchObject({ phase: "progressing", step: 1, progressedAt: NOW + 99 * MINUTE });
  });

  it("promote skips what is left of its steps, abort goes back, retry begins again", ({ expect }) => {
    expect(act(rollout(), "promote")).toMatchObject({ phase: "progressing", step: 2 });
    const aborted = act(rollout({ autoRevert: false }), "abort");
    expect(aborted).toMatchObject({ phase: "reverting", reason: "Aborted" });
    expect(act(aborted, "retry")).toMatchObject({ phase: "progressing", step: 0, reason: null });
    const stalled = on(rollout({ autoRevert: false }, { step: 2 }), seen(0), NOW + 10 * MINUTE).rollout;
    expect(act(stalled, "retry")).toMatchObject({ phase: "progressing", step: 0, doneAt: [] });
    expect(decideRollout(rollout(), "retry", STANDING, NOW).type).toBe("refused");
  });

  it.for(ROLLOUT_ACTIONS)("%s does nothing to what is over", (action, { expect }) => {
    for (const phase of ["completed", "reverted", "replaced"] as const) {
      expect(decideRollout(rollout({}, { phase }), action, STANDING, NOW).type).toBe("refused");
    }
  });
});

describe("requests of a blue-green one", () => {
  const spec: Partial<RolloutSpec> = { strategy: "blue_green", steps: [{ percentage: 100, description: "" }] };
  const gating = rollout(spec, { phase: "gating", doneAt: [NOW] });

  it("are handed on only once as many are healthy as are needed", ({ expect }) => {
    const some = on(gating, seen(3), NOW + 1, "passed");
    expect(some.rollout).toMatchObject({ phase: "progressing", serving: "from", switchTo: null });
    expect(some.deadlineAt).toBe(NOW + 1 + 10 * MINUTE);
    const all = on(some.rollout, seen(10), NOW + 2, "passed");
    expect(all.rollout).toMatchObject({ phase: "switching", switchTo: "to", doneAt: [NOW] });
    // That its step is done was told before.
    expect(all.happened).toEqual([{ type: "switching", side: "to" }]);
  });

  it("are handed on by nobody while too few are healthy", ({ expect }) => {
    const few = { ...STANDING, healthy: 3 };
    const waiting = rollout({ ...spec, kind: "full_manual" }, { phase: "waiting", doneAt: [NOW] });
    const unsaid = { phase: "paused", pausedFrom: "gating", reason: "AnalysisInconclusive", doneAt: [NOW] } as const;
    for (const [before, action] of [
      [waiting, "next"],
      [waiting, "promote"],
      [rollout(spec, unsaid), "resume"],
    ] as const) {
      const decision = decideRollout(before, action, few, NOW);
      expect(decision).toMatchObject({ type: "refused", message: expect.stringContaining("only 3 of its 10") });
      expect(decideRollout(before, action, STANDING, NOW)).toMatchObject({ rollout: { phase: "switching" } });
    }
    expect(decideRollout(waiting, "next", { ...few, held: 7 }, NOW)).toMatchObject({ rollout: { phase: "switching" } });
  });
});

describe("a rollout that is healthy as far as it can be", () => {
  const last = rollout({}, { step: 2 });

  it("does not wait for what a user holds stopped", ({ expect }) => {
    expect(on(last, seen(9, { held: 1, others: [] })).rollout.phase).toBe("completed");
    expect(on(last, seen(8, { held: 1, others: [] })).rollout.phase).toBe("progressing");
    const back = rollout({ strategy: "blue_green" }, { phase: "reverting", serving: "to" });
    expect(on(back, seen(0, { held: 1, oldReady: 9 })).rollout.switchTo).toBe("from");
  });

  it("goes back at once where both of its versions are the same: nobody would take what is handed on", ({ expect }) => {
    const back = rollout({ strategy: "blue_green" }, { phase: "reverting", serving: "to" });
    const same = seen(10, { oldReady: 10, notBack: [] });
    expect(on(back, same).rollout).toMatchObject({ phase: "reverted", switchTo: null });
    expect(on(back, { ...same, notBack: ["app-0"] }).rollout).toMatchObject({ phase: "reverting", switchTo: "from" });
  });

  it("waits for who is called by name without a deadline, and has all of it again when one is lost", ({ expect }) => {
    const late = NOW + 60 * MINUTE;
    const awaiting = on(last, seen(10, { named: ["alice"] }), late);
    expect(awaiting).toMatchObject({ rollout: { phase: "progressing" }, deadlineAt: null, happened: [] });
    const lost = on(awaiting.rollout, seen(9, { named: ["alice"] }), late + 1);
    expect(lost).toMatchObject({ rollout: { phase: "progressing" }, deadlineAt: late + 10 * MINUTE });
  });
});

describe("any rollout", () => {
  const event = record({
    healthy: integer({ min: 0, max: 12 }),
    wanted: integer({ min: 0, max: 12 }),
    minutes: integer({ min: 0, max: 4 }),
    analysis: constantFrom<Analysis>("none", "pending", "passed", "failed", "inconclusive"),
    action: constantFrom<RolloutAction | null>(null, null, null, ...ROLLOUT_ACTIONS),
  });

  it("rests once it has said something, keeps its end, and never passes a step that is not healthy", ({ expect }) => {
    assert(
      property(
        array(event, { maxLength: 40 }),
        constantFrom<"full_auto" | "full_manual">("full_auto", "full_manual"),
        (events, kind) => {
          let current = rollout({ kind });
          let now = NOW;
          for (const { healthy, wanted, minutes, analysis, action } of events) {
            now += minutes * MINUTE;
            const decision =
              action === null
                ? null
                : decideRollout(current, action, { fresh: Math.min(healthy, wanted), wanted, held: 0, healthy }, now);
            if (decision?.type === "changed") {
              expect(isOver(current)).toBe(false);
              current = decision.rollout;
            }
            const observed = seen(Math.min(healthy, wanted), { wanted, others: healthy < wanted ? ["x"] : [] });
            const before = current;
            const target = targetOf(before, wanted);
            const { rollout: after, deadlineAt } = on(before, observed, now, analysis);
            if (isOver(before)) expect(after).toBe(before);
            if (after.doneAt.length > before.doneAt.length) expect(observed.healthy).toBeGreaterThanOrEqual(target);
            if (after.phase === "completed" && before.phase !== "completed") expect(observed.others).toEqual([]);
            if (deadlineAt !== null) expect(deadlineAt).toBeGreaterThan(now);
            expect(on(after, observed, now, analysis === "none" ? "none" : "pending").happened).toEqual([]);
            current = after;
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
