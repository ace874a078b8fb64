import { describe, it } from "vitest";
import { emptySlot } from "../intents.ts";
import type { Deployment } from "../plan/deployment.ts";
import type { ApplicationRow } from "../storage/application-row.ts";
import { beginRollout, servingIn, type Beginning } from "./begin.ts";
import { desiredRollout } from "./desired-rollout.ts";
import { followedRow } from "./follow.ts";
import { markOf } from "./mark.ts";
import { observeShare } from "./observed.ts";
import { newRollout, type Rollout, type RolloutSpec } from "./rollout.ts";

const NOW = 1_000_000;
const SPEC: RolloutSpec = {
  description: "",
  strategy: "rolling",
  kind: "full_auto",
  steps: [10, 100].map((percentage) => ({ percentage, description: "" })),
  maxSurge: { count: 1 },
  maxUnavailable: { count: 0 },
  minHealthyMs: 0,
  progressDeadlineMs: 60_000,
  autoRevert: true,
  scaleDownDelayMs: 0,
  gates: [],
  sticky: null,
};

/** Version 11 starts what version 1 does. */
const revisionOf = (version: number) => `r${version % 10}`;

function serving(...versions: number[]): Deployment[] {
  return versions.map((version, slot) => {
    return { ...emptySlot(`d${slot}`, slot, version, undefined, 0), phase: "running", ready: true, readyAt: 0 };
  });
}

function underWay(fromVersion: number, toVersion: number, fields: Partial<Rollout> = {}): Rollout {
  const given = { id: "before", spec: SPEC, fromVersion, toVersion, isFromStable: true, isFirst: false };
  return { ...newRollout(given, NOW - 1), ...fields };
}

function begin(toVersion: number, deployments: readonly Deployment[], fields: Partial<Beginning> = {}) {
  const given = {
    id: "r",
    spec: SPEC,
    activeVersion: 1,
    wanted: deployments.length,
    current: null,
    stableVersion: null,
  };
  return beginRollout({ ...given, toVersion, serving: servingIn(deployments), revisionOf, ...fields }, NOW).rollout;
}

describe("a rollout that begins", () => {
  it("goes away from what all that are wanted are ready in", ({ expect }) => {
    expect(begin(2, serving(1, 1))).toMatchObject({ fromVersion: 1, isFromStable: true, step: 0, serving: "from" });
    expect(begin(2, serving(1), { wanted: 2 })).toMatchObject({ fromVersion: 1, isFromStable: false });
  });

  it("goes about nothing carefully where nobody else serves", ({ expect }) => {
    expect(begin(2, [])).toMatchObject({ step: 1, serving: "to" });
    expect(begin(2, serving(2, 2))).toMatchObject({ step: 1, serving: "to" });
  });

  it("in the place of another goes away from what served before that one", ({ expect }) => {
    const current = underWay(1, 2);
    expect(begin(3, serving(1, 2), { current, activeVersion: 2 })).toMatchObject({
      fromVersion: 1,
      isFromStable: true,
    });
  });

  it("in the place of one without anything to go back to goes away from what most serve in", ({ expect }) => {
    const current = underWay(1, 2, { isFromStable: false });
    const all = serving(1, 1, 1, 2);
    expect(begin(3, all, { current, activeVersion: 2 })).toMatchObject({ fromVersion: 1, step: 0, serving: "from" });
    // What was on its way serves nobody, and that is what is to come as well.
    expect(begin(12, serving(1, 1), { current, activeVersion: 2 })).toMatchObject({ fromVersion: 1, serving: "from" });
  });

  it("goes away from what serves, where what was activated at once does not yet", ({ expect }) => {
    expect(begin(3, serving(1, 1), { activeVersion: 2 })).toMatchObject({ fromVersion: 1, isFromStable: true });
    expect(begin(12, serving(1, 1), { activeVersion: 2 })).toMatchObject({ phase: "completed", reason: "NothingToDo" });
  });

  it("back to what still serves does not bring that to what is given up first", ({ expect }) => {
    const current = underWay(1, 2);
    expect(begin(1, serving(1, 1, 2), { current, activeVersion: 2 })).toMatchObject({ fromVersion: 2, step: 1 });
    // Once the others are more, it is as any other.
    expect(begin(1, serving(1, 2, 2), { current, activeVersion: 2 })).toMatchObject({ fromVersion: 2, step: 0 });
    const spec: RolloutSpec = { ...SPEC, strategy: "blue_green" };
    const handed = underWay(1, 2, { spec, serving: "to" });
    const back = begin(1, serving(1, 1, 2), { spec, current: handed, activeVersion: 2 });
    expect(back).toMatchObject({ serving: "from" });
  });
});

describe("what a rollout asks for", () => {
  const row = {
    kind: "application",
    spec: { instances: 4, maxInstances: null, ingress: "public", checkEveryMs: 1 },
  } as const;
  const asked = (rollout: Rollout) => desiredRollout({ ...row, rollout: markOf(rollout) ?? undefined! }, revisionOf);

  it("is one side where both versions start the same", ({ expect }) => {
    const paused: Partial<Rollout> = { phase: "paused", frozen: { fresh: 0, wanted: 4 } };
    expect(asked(underWay(1, 11, paused))).toMatchObject({ fresh: 4, old: 0 });
    expect(asked(underWay(1, 2, paused))).toMatchObject({ fresh: 0, old: 4 });
  });

  it("is of a blue-green one that the side serves which requests go to", ({ expect }) => {
    const spec: RolloutSpec = { ...SPEC, strategy: "blue_green" };
    const open = (fields: Partial<Rollout>) => {
      const isOpen = asked(underWay(1, 2, { spec, ...fields }))?.isOpen ?? (() => false);
      return (["from", "stray", "to"] as const).filter((side) => isOpen(side));
    };
    expect(open({})).toEqual(["from", "stray"]);
    expect(open({ serving: "to" })).toEqual(["to"]);
    expect(open({ switchTo: "to" })).toEqual(["from", "stray", "to"]);
  });
});

function seen(deployments: readonly Deployment[]) {
  const mark = markOf(underWay(1, 2));
  return mark === null ? null : observeShare(deployments, mark, revisionOf, ({ id }) => id, NOW);
}

describe("what is seen of its instances", () => {
  it("counts for a side only what was started for it and says so", ({ expect }) => {
    const [a, b, c, d] = serving(2, 2, 1, 1) as [Deployment, Deployment, Deployment, Deployment];
    const all = [a, { ...b, revision: "r1" }, c, { ...d, revision: "r2" }];
    expect(seen(all)).toMatchObject({
      fresh: 2,
      healthy: 1,
      oldReady: 1,
      others: ["d1", "d2", "d3"],
      notBack: ["d0", "d1", "d3"],
    });
  });

  it("tells what users hold stopped apart", ({ expect }) => {
    const [a, b] = serving(1, 2) as [Deployment, Deployment];
    expect(seen([{ ...a, phase: "pending", ready: false, held: true }, b])).toMatchObject({ held: 1, others: [] });
  });

  it("names who is called by name and runs another image, but where a choice of its own makes it another", ({
    expect,
  }) => {
    const [a, b] = serving(2, 2) as [Deployment, Deployment];
    const named = { ...a, name: "alice", revision: "r1" };
    expect(seen([named, b])).toMatchObject({ named: ["d0"] });
    expect(seen([{ ...named, override: { id: "o", fields: [] } }, b])).toMatchObject({ named: [] });
  });
});

const ROW = { activeVersion: 2, generation: 1, rollout: {} } as unknown as ApplicationRow;
const stableAfter = (fields: Partial<Rollout>) => followedRow(ROW, underWay(1, 2, fields), 0).stableVersion;

describe("the version that is stable", () => {
  it("is what one has brought to its end, or gone back to", ({ expect }) => {
    expect(stableAfter({ phase: "progressing", mostHealthy: 3 })).toBeUndefined();
    expect(stableAfter({ phase: "completed", mostHealthy: 3 })).toBe(2);
    expect(stableAfter({ phase: "reverted" })).toBe(1);
  });

  it("is none that never served: of an empty application, or that a person went back to", ({ expect }) => {
    expect(stableAfter({ phase: "completed", mostHealthy: 0 })).toBeUndefined();
    expect(stableAfter({ phase: "reverted", isFromStable: false })).toBeUndefined();
  });

  it("outlives whatever is listed", ({ expect }) => {
    const row = { ...ROW, stableVersion: 7 };
    expect(followedRow(row, underWay(1, 2, { phase: "completed", mostHealthy: 0 }), 0).stableVersion).toBe(7);
  });
});
