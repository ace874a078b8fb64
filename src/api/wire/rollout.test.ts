/** What is told of a rollout in each of its phases. */
import { describe, it } from "vitest";
import type { RolloutSpec, RolloutStep } from "../../orchestrator/rollouts/rollout.ts";
import { DEFAULT_POLICY, newRollout, type Rollout } from "../../orchestrator/rollouts/rollout.ts";
import { iso } from "../../iso.ts";
import { applicationView, type RolloutView } from "../../orchestrator/views.ts";
import { rolloutResult } from "../results/rollout.ts";
import { wireRollout } from "./rollout.ts";

const NOW = 1_790_000_000_000;
const CONFIGURATION = { image: "hello-world" };
const marks = (...percentages: number[]): RolloutStep[] =>
  percentages.map((percentage) => ({ percentage, description: `to ${percentage}` }));
const SPEC: RolloutSpec = {
  ...DEFAULT_POLICY,
  description: "d",
  strategy: "rolling",
  kind: "full_auto",
  steps: marks(10, 50, 100),
  gates: [],
  sticky: null,
};
const row = {
  id: "00000000-0000-4000-8000-000000000001",
  kind: "application",
  accountId: "a",
  name: "web",
  spec: { instances: 10, maxInstances: null, ingress: "private", checkEveryMs: 60_000 },
  activeVersion: 2,
  generation: 1,
  observedGeneration: 1,
  deleting: false,
  session: "",
  createdAt: NOW,
  updatedAt: NOW,
} as const;

function told(state: Partial<Rollout>, seen: Partial<RolloutView> = {}) {
  const given = { id: row.id, spec: state.spec ?? SPEC, fromVersion: 1, toVersion: 2 };
  const rollout = { ...newRollout({ ...given, isFromStable: true, isFirst: false }, NOW), ...state };
  const application = applicationView(row, CONFIGURATION, [], (id) => id);
  const view = { updated: 0, healthy: 0, old: 10, holding: [], failing: [], deadlineAt: null, ...seen };
  return wireRollout({ rollout, current: CONFIGURATION, target: CONFIGURATION, application, ...view });
}

const statuses = (rollout: ReturnType<typeof told>) => rollout.steps?.map(({ status }) => status);
function distribution(state: Partial<Rollout>, seen: Partial<RolloutView>) {
  const shown = told(state, seen).progress?.version_distribution;
  return [shown?.current_version_instances, shown?.target_version_instances, shown?.target_version_percentage];
}

const types = (rollout: ReturnType<typeof told>) => rollout.conditions.map(({ type }) => type);

describe("a rollout on the wire", () => {
  it.for([
    ["progressing", {}, ["progressing", "pending", "pending"], 0, ["Progressing"]],
    ["progressing", { step: 1, doneAt: [1] }, ["completed", "progressing", "pending"], 1, ["Progressing"]],
    ["waiting", { step: 1, doneAt: [1, 2] }, ["completed", "completed", "pending"], 2, ["Waiting"]],
    ["gating", { doneAt: [1] }, ["completed", "pending", "pending"], 1, ["Analyzing"]],
    [
      "paused",
      { step: 1, doneAt: [1], pausedFrom: "progressing" },
      ["completed", "progressing", "pending"],
      1,
      ["Paused"],
    ],
    ["paused", { doneAt: [1], pausedFrom: "gating" }, ["completed", "pending", "pending"], 1, ["Paused"]],
    ["reverting", { step: 1, doneAt: [1], reason: "Aborted" }, ["reverting", "reverting", "pending"], 0, ["Aborting"]],
    [
      "reverting",
      { step: 1, doneAt: [1], reason: "AnalysisFailed" },
      ["reverting", "reverting", "pending"],
      0,
      ["Reverting", "Failed"],
    ],
    ["reverted", { step: 1, doneAt: [1], reason: "Aborted" }, ["reverted", "reverted", "pending"], 0, ["Reverted"]],
    ["replaced", { step: 1, doneAt: [1], reason: "Replaced" }, ["completed", "pending", "pending"], 1, ["Replaced"]],
    ["completed", { step: 2, doneAt: [1, 2, 3] }, ["completed", "completed", "completed"], 3, ["Completed"]],
  ] as const)("that is %s with %j has steps %j", ([phase, state, steps, done, conditions], { expect }) => {
    const rollout = told({ phase, ...state });
    expect([statuses(rollout), rollout.progress?.current_step, types(rollout)]).toEqual([steps, done, conditions]);
    expect(rolloutResult.parse(rollout)).toEqual(rollout);
  });

  it("says when its steps began and were done, and which were skipped", ({ expect }) => {
    const [at, later, end] = [NOW + 1_000, NOW + 2_000, NOW + 3_000];
    const { steps = [] } = told({ phase: "completed", step: 2, stepStartedAt: later, doneAt: [at, end] });
    expect(steps.map(({ started_at, completed_at, reason }) => [started_at, completed_at, reason])).toEqual([
      [iso(NOW), iso(at), undefined],
      [iso(at), undefined, "skipped"],
      [iso(later), iso(end), undefined],
    ]);
  });

  it("counts instances at both versions, and what is over for good as it ended", ({ expect }) => {
    expect(distribution({}, { updated: 1, old: 9 })).toEqual([9, 1, 10]);
    expect(distribution({}, { updated: 1, old: 2 })).toEqual([2, 1, 33.33]);
    expect(distribution({ phase: "completed" }, { updated: 3, old: 7 })).toEqual([0, 10, 100]);
    expect(distribution({ phase: "reverted" }, { updated: 3, old: 7 })).toEqual([10, 0, 0]);
  });

  it("of new_instances has a share and a ramp in place of steps and progress", ({ expect }) => {
    const spec: RolloutSpec = { ...SPEC, strategy: "new_instances" };
    const share = (state: Partial<Rollout>) => told({ spec, ...state }).percentage;
    expect([share({}), share({ step: 1 }), share({ phase: "reverting" }), share({ phase: "completed" })]).toEqual([
      10, 50, 0, 100,
    ]);
    const { steps, progress, ramp } = told({ spec });
    expect([steps, progress, ramp?.length]).toEqual([undefined, undefined, 3]);
  });

  it("of blue_green is not done before requests have been handed on", ({ expect }) => {
    const spec: RolloutSpec = { ...SPEC, strategy: "blue_green", steps: marks(100) };
    for (const phase of ["gating", "waiting", "switching"] as const) {
      expect(statuses(told({ spec, phase, doneAt: [NOW] }))).toEqual(["progressing"]);
    }
    expect(statuses(told({ spec, phase: "completed", doneAt: [NOW] }))).toEqual(["completed"]);
    expect(told({ spec }).policy).not.toHaveProperty("max_surge");
  });

  it.for([
    [{}, {}, "step 1 of 3 (10 %): 0 of 10 instances are healthy at version 2 (1 needed), 10 are at another version"],
    [
      { step: 2 },
      { healthy: 9, old: 1, holding: ["web-3"] },
      "step 3 of 3 (100 %): 9 of 10 instances are healthy at version 2, 1 is at another version; waits for web-3",
    ],
    [{ phase: "paused", reason: "PausedByUser" }, {}, "paused in step 1 of 3 (10 %); resume goes on, abort goes back"],
    [
      { phase: "paused", reason: "AnalysisInconclusive", message: "gate ask: no answer" },
      {},
      "paused in step 1 of 3 (10 %): gate ask: no answer; resume goes on, abort goes back",
    ],
    [
      { phase: "stalled", reason: "AnalysisFailed", message: "gate errors failed: 9 %" },
      {},
      "failed: gate errors failed: 9 %; it does not go back by itself: retry begins again, abort goes back",
    ],
    [{ phase: "reverted", reason: "Aborted" }, {}, "version 1 runs again: it was aborted"],
    [{ phase: "completed", fromVersion: 2 }, {}, "version 2 ran already"],
  ] as const)("%j of %j says so: %s", ([state, seen, message], { expect }) => {
    expect(told(state, seen).message).toBe(message);
  });
});
