import { describe, it } from "vitest";
import type { PlannedView } from "../../orchestrator/views.ts";
import { plannedResult } from "../results/explain.ts";
import { wirePlanned } from "./explain.ts";

function planned(slot: number) {
  const place = { type: "place", slot, version: 1, reason: "JobAttempt", placing: null };
  const view = {
    application: { row: { spec: { instances: 1 }, activeVersion: 1, deleting: false } },
    plan: { actions: [place], explain: { place: 1 }, requeueAt: null, blocked: null },
    instances: [],
  };
  // The parts of it that are shown.
  return wirePlanned(view as unknown as PlannedView);
}

describe("a plan", () => {
  it("shows the slot of a member of the pool, and none of what is in no pool", ({ expect }) => {
    expect(planned(2).actions).toMatchObject([{ slot: 2 }]);
    expect(planned(-2).actions[0]).not.toHaveProperty("slot");
    expect(plannedResult.safeParse(planned(-2)).success).toBe(true);
  });
});
