import { describe, it } from "vitest";
import { intendPlacement } from "../intents.ts";
import type { Deployment } from "./deployment.ts";
import { DEFAULT_LIMITS, plan, type Action, type Delivery } from "./plan.ts";
import { select, type Desired } from "./selection.ts";

const NOW = 1_000_000;
const ACKNOWLEDGED: Delivery = {
  isAcknowledged: () => true,
  isInFlight: () => false,
  retryAt: () => 0,
  lastSentAt: () => 0,
  isSilent: () => false,
};

function row(slot: number, version: number, fields: Partial<Deployment> = {}): Deployment {
  const running = { phase: "running", ready: true, readyAt: NOW, since: NOW } as const;
  return { ...intendPlacement(`d${slot}`, slot, version, NOW).next, ...running, ...fields };
}

const STARTING = { phase: "starting", ready: false, readyAt: null } as const;
const UNREADY = { ready: false } as const;
const HELD = { phase: "pending", ready: false, readyAt: null, held: true } as const;
const FAILING = { phase: "pending", ready: false, readyAt: null, failures: 3, nextStartAt: NOW + 60_000 } as const;
const CORDONED = { cordoned: true } as const;
const leaving = (stopReason: string) => ({ phase: "stopping", ready: false, stopReason }) as const;

/** Versions 1 and 3 are one revision. The active one is 2. */
function steps(instances: number, rows: readonly Deployment[], desired: Partial<Desired> = {}): string[] {
  const { actions } = plan({
    desired: {
      instances,
      version: 2,
      isOutdated: (version) => version !== 2,
      strategy: "rolling",
      deleting: false,
      ...desired,
    },
    deployments: rows,
    delivery: ACKNOWLEDGED,
    limits: DEFAULT_LIMITS,
    now: NOW,
  });
  return actions.map(describeAction);
}

function named(id: string): (deployment: Deployment) => boolean {
  return (deployment) => deployment.id === id;
}

function describeAction(action: Action): string {
  const target = "id" in action ? action.id : "slot" in action ? action.slot : "";
  return `${action.type} ${target} ${action.reason}`;
}

describe("a rolling activation", () => {
  it("begins with one placement above the count and stops nothing", ({ expect }) => {
    expect(steps(3, [row(0, 1), row(1, 1), row(2, 1)])).toEqual(["place 3 Surge"]);
  });

  it("that others are at places nothing above the count, and replaces at once only what serves nobody", ({
    expect,
  }) => {
    const waiting = { maySurge: false };
    expect(steps(3, [row(0, 1), row(1, 1), row(2, 1)], waiting)).toEqual([]);
    expect(steps(3, [row(0, 1), row(1, 1)], waiting)).toEqual(["place 2 BelowDesiredCount"]);
    expect(steps(2, [row(0, 1), row(1, 1, UNREADY)], waiting)).toEqual([
      "stop d1 Outdated",
      "place 2 BelowDesiredCount",
    ]);
    expect(steps(2, [row(0, 1), row(1, 1), row(2, 1)], waiting)).toEqual(["stop d2 Outdated"]);
    expect(steps(2, [row(0, 1, HELD), row(1, 1, HELD), row(2, 1)], waiting)).toEqual([]);
  });

  it("waits while the new one is not ready, however long it fails", ({ expect }) => {
    const old = [row(0, 1), row(1, 1)];
    for (const fresh of [STARTING, UNREADY, FAILING]) expect(steps(2, [...old, row(2, 2, fresh)])).toEqual([]);
  });

  it("stops one old for the new one that is ready, and places the next", ({ expect }) => {
    const rows = [row(0, 1), row(1, 1), row(2, 1), row(3, 2)];
    expect(steps(3, rows)).toEqual(["stop d2 Outdated", "place 4 Surge"]);
  });

  it("ends with the count and no surge", ({ expect }) => {
    expect(steps(2, [row(0, 1), row(1, 2), row(2, 2)])).toEqual(["stop d0 Outdated"]);
    expect(steps(2, [row(0, 1, leaving("Outdated")), row(1, 2), row(2, 2)])).toEqual([]);
  });

  it("takes what does not serve first and at once, since it costs nothing", ({ expect }) => {
    const unready = [row(0, 1), row(1, 1, UNREADY), row(2, 1, STARTING), row(3, 1, CORDONED)];
    expect(steps(4, unready)).toEqual([
      "stop d1 Outdated",
      "stop d2 Outdated",
      "stop d3 Outdated",
      "place 4 BelowDesiredCount",
      "place 5 BelowDesiredCount",
      "place 6 BelowDesiredCount",
      "place 7 BelowDesiredCount",
    ]);
  });

  it("starts a failing old one with the new version without its back-off, and forgives it", ({ expect }) => {
    const [action] = plan({
      desired: { instances: 1, version: 2, isOutdated: (v) => v !== 2, strategy: "rolling", deleting: false },
      deployments: [row(0, 1, FAILING)],
      delivery: ACKNOWLEDGED,
      limits: DEFAULT_LIMITS,
      now: NOW,
    }).actions;
    expect(action).toEqual({ type: "start", id: "d0", version: 2, forgive: true, reason: "VersionActivated" });
    expect(steps(1, [row(0, 2, FAILING)])).toEqual([]);
  });

  it("replaces nothing that runs the same revision under another number", ({ expect }) => {
    const rows = [row(0, 1), row(1, 3)];
    expect(steps(2, rows, { version: 3, isOutdated: (version) => version === 2 })).toEqual([]);
  });

  it("turned back drops what is new and not ready, and keeps the old", ({ expect }) => {
    const back = { version: 1, isOutdated: (version: number) => version === 2 };
    expect(steps(2, [row(0, 1), row(1, 1), row(2, 2, STARTING)], back)).toEqual(["stop d2 Outdated"]);
    expect(steps(2, [row(0, 1), row(1, 1), row(2, 2, FAILING)], back)).toEqual(["remove d2 NotWanted"]);
  });

  it("to a third version replaces both others, the ready ones not before theirs is ready", ({ expect }) => {
    const rows = [row(0, 1), row(1, 4), row(2, 4, STARTING)];
    expect(steps(2, rows)).toEqual(["stop d2 Outdated", "place 3 Surge"]);
  });

  it("scaled down meanwhile gives up old ones, not the one that comes", ({ expect }) => {
    const rows = [row(0, 1), row(1, 1), row(2, 1), row(3, 2, STARTING)];
    expect(steps(1, rows)).toEqual(["stop d1 Outdated", "stop d2 Outdated"]);
  });

  it("scaled up meanwhile places what is missing in the new version", ({ expect }) => {
    const rows = [row(0, 1), row(1, 2, STARTING)];
    expect(steps(3, rows)).toEqual(["place 2 BelowDesiredCount", "place 3 BelowDesiredCount"]);
  });

  it("scaled to zero or deleted meanwhile stops everything", ({ expect }) => {
    const rows = [row(0, 1), row(1, 2, STARTING)];
    expect(steps(0, rows)).toEqual(["stop d0 ScaledDown", "stop d1 ScaledDown"]);
    expect(steps(2, rows, { deleting: true })).toEqual(["stop d0 Deleted", "stop d1 Deleted"]);
  });

  it("does not wait for one that a user holds or has taken out of traffic", ({ expect }) => {
    expect(steps(2, [row(0, 1), row(1, 1, HELD)])).toEqual(["place 2 Surge"]);
    expect(steps(2, [row(0, 1), row(1, 1, HELD), row(2, 2)])).toEqual(["stop d0 Outdated"]);
    expect(steps(2, [row(0, 1), row(1, 2, CORDONED), row(2, 2)])).toEqual(["stop d0 Outdated"]);
  });

  it("never takes the last one that serves for one that does not", ({ expect }) => {
    expect(steps(1, [row(0, 1), row(1, 2, CORDONED)])).toEqual([]);
    // The new one was stopped by a user before it was ever ready: another one is tried.
    expect(steps(1, [row(0, 1), row(1, 2, HELD)])).toEqual(["place 2 Surge"]);
    expect(steps(1, [row(0, 1), row(1, 2, HELD), row(2, 2)])).toEqual(["stop d0 Outdated", "remove d1 NotWanted"]);
  });

  it("does not count what was found where it may not be: that goes by itself", ({ expect }) => {
    const rows = [row(0, 2), row(1, 2), row(2, 1)];
    expect(steps(2, rows)).toEqual(["stop d2 Outdated"]);
    expect(steps(2, rows, { isFoundOutside: named("d0") })).toEqual(["stop d0 Misplaced", "place 3 Misplaced"]);
    expect(steps(2, rows, { isFoundOutside: named("d2") })).toEqual(["stop d2 Outdated"]);
  });

  it("takes what does not serve beside, not instead of, one that is not needed any more", ({ expect }) => {
    const rows = [row(0, 1), row(1, 1, UNREADY), row(2, 2), row(3, 2)];
    expect(steps(2, rows)).toEqual(["stop d0 Outdated", "stop d1 Outdated"]);
  });

  it("keeps a failing new one beside those that users hold", ({ expect }) => {
    expect(steps(3, [row(0, 1), row(1, 1, HELD), row(2, 1, HELD), row(3, 2, FAILING)])).toEqual([]);
  });

  it("scaled down below what is there gives up a held one, not one that serves", ({ expect }) => {
    const rows = [row(0, 1), row(1, 1, HELD), row(2, 2), row(3, 2), row(4, 2, STARTING)];
    expect(steps(3, rows)).toEqual(["remove d1 NotWanted"]);
  });
});

describe("an activation in place", () => {
  const inPlace = { strategy: "in-place" } as const;

  it("stops the placement and keeps the deployment", ({ expect }) => {
    expect(steps(1, [row(0, 1)], inPlace)).toEqual(["stop d0 Updating"]);
    expect(steps(1, [row(0, 1, STARTING)], inPlace)).toEqual(["stop d0 Updating"]);
    expect(steps(1, [row(0, 1, leaving("Updating"))], inPlace)).toEqual([]);
  });

  it("starts what is pending with the new version, and what is up to date stays", ({ expect }) => {
    expect(steps(1, [row(0, 1, FAILING)], inPlace)).toEqual(["start d0 VersionActivated"]);
    expect(steps(1, [row(0, 2)], inPlace)).toEqual([]);
    expect(steps(1, [row(0, 1, HELD)], inPlace)).toEqual([]);
  });
});

describe("a held deployment", () => {
  it("counts towards what is wanted, is not started and wakes nobody", ({ expect }) => {
    expect(steps(2, [row(0, 2), row(1, 2, HELD)])).toEqual([]);
    expect(steps(2, [row(0, 2), row(1, 2, { ...HELD, ...FAILING, held: true })])).toEqual([]);
  });

  it("goes before one that runs when there are too many", ({ expect }) => {
    expect(steps(1, [row(0, 2, HELD), row(1, 2)])).toEqual(["remove d0 NotWanted"]);
  });
});

describe("a stop", () => {
  it.for(["NeverStarted", "Updating", "StoppedByUser", "Restarted"])("by %s keeps its slot", (reason, { expect }) => {
    expect(steps(1, [row(0, 2, leaving(reason))])).toEqual([]);
  });

  it.for(["ScaledDown", "Deleted", "Outdated", "Destroyed"])(
    "by %s gives its place to another at once, and its own end is for good",
    (reason, { expect }) => {
      expect(steps(1, [row(0, 2, leaving(reason))])).toEqual(["place 1 BelowDesiredCount"]);
      const ended = row(0, 2, {
        phase: "pending",
        ready: false,
        last: { kind: "stopped", exitCode: 0, reason, at: NOW },
      });
      expect(steps(2, [ended, row(1, 2)])).toEqual(["remove d0 NotWanted", "place 2 BelowDesiredCount"]);
    },
  );
});

describe("scaling down", () => {
  it("gives up one that is out of traffic before one that serves", ({ expect }) => {
    expect(steps(1, [row(0, 2, CORDONED), row(1, 2)])).toEqual(["stop d0 ScaledDown"]);
  });
});

const DESIRED: Desired = {
  instances: 2,
  version: 2,
  isOutdated: (version) => version !== 2,
  strategy: "rolling",
  deleting: false,
};

function gone(rows: readonly Deployment[], instances: number): string[] {
  return select(rows, { ...DESIRED, instances }).leave.map(({ deployment }) => deployment.id);
}

describe("what stays, goes and is missing", () => {
  it("at rest is everything as it is", ({ expect }) => {
    const rows = [row(0, 2), row(1, 2)];
    expect(select(rows, DESIRED)).toEqual({ keep: rows, leave: [], missing: 0, reason: "BelowDesiredCount" });
  });

  it("asks once for each version, however many run it", ({ expect }) => {
    const asked: number[] = [];
    const isOutdated = (version: number) => asked.push(version) > 0 && version !== 2;
    select([row(0, 1), row(1, 1), row(2, 1), row(3, 2), row(4, 2)], { ...DESIRED, isOutdated });
    expect(asked.toSorted((a, b) => a - b)).toEqual([1, 2]);
  });

  it("is said to be a surge only above the count", ({ expect }) => {
    expect(select([row(0, 1), row(1, 1)], DESIRED)).toMatchObject({ missing: 1, reason: "Surge" });
    expect(select([row(0, 1)], DESIRED)).toMatchObject({ missing: 2, reason: "BelowDesiredCount" });
    expect(select([row(0, 2), row(1, 2), row(2, 2)], DESIRED)).toMatchObject({
      missing: 0,
      reason: "BelowDesiredCount",
    });
  });

  it("gives up the highest slots first, and what brings least before that", ({ expect }) => {
    expect(gone([row(2, 2), row(0, 2), row(1, 2)], 1)).toEqual(["d2", "d1"]);
    const waiting = { phase: "pending", ready: false, readyAt: null } as const;
    const rows = [row(0, 2, FAILING), row(1, 2, waiting), row(2, 2, STARTING), row(3, 2, UNREADY), row(4, 2)];
    expect(gone(rows, 4)).toEqual(["d0"]);
    expect(gone(rows, 3)).toEqual(["d0", "d1"]);
    expect(gone(rows, 2)).toEqual(["d0", "d1", "d2"]);
    expect(gone(rows, 1)).toEqual(["d0", "d1", "d2", "d3"]);
    expect(gone([row(0, 2, { ...leaving("Restarted") }), row(1, 2, FAILING)], 1)).toEqual(["d0"]);
  });

  it("of equals gives up what is outdated", ({ expect }) => {
    const rows = [row(0, 1, STARTING), row(1, 2, STARTING)];
    const { leave } = select(rows, { ...DESIRED, strategy: "in-place", instances: 1 });
    expect(leave.map(({ deployment }) => deployment.id)).toEqual(["d0"]);
  });

  it("looks for another place for what waits where it may not be, but not for what a user holds or what is named", ({
    expect,
  }) => {
    const rows = [row(0, 2, FAILING), row(1, 2, HELD)];
    const { keep, missing } = select(rows, { ...DESIRED, isMisplaced: () => true });
    expect(keep.map(({ id }) => id)).toEqual(["d1"]);
    expect(missing).toBe(1);
    const inPlace = select(rows, { ...DESIRED, strategy: "in-place", isMisplaced: () => true });
    expect(inPlace.keep).toEqual(rows);
  });

  it("takes what runs in a wrong place for outdated only where it can go to another", ({ expect }) => {
    expect(select([row(0, 2), row(1, 2)], { ...DESIRED, isMisplaced: () => true })).toMatchObject({
      missing: 1,
      reason: "Surge",
    });
    expect(select([row(0, 2), row(1, 2)], { ...DESIRED, strategy: "in-place", isMisplaced: () => true })).toMatchObject(
      {
        leave: [],
        missing: 0,
      },
    );
  });
});
