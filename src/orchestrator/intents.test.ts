import { describe, it } from "vitest";
import { emptySlot, intendPlacement, intendStart, intendStop } from "./intents.ts";
import type { Location } from "./placement/location.ts";
import type { PlacementRecord } from "./placement/placing.ts";
import type { Deployment } from "./plan/deployment.ts";
import type { Placing } from "./plan/plan.ts";

const NOW = 5_000;
const WEUR: Location = {
  code: "weur",
  name: "Western Europe",
  region: "WEUR",
  city: "Berlin",
  pop: "TXL",
  weight: 1,
  enabled: true,
};
const DECISION = {
  location: "weur",
  table: [{ location: "weur", scores: { spread: 1 / 3, weight: -2 / 3 }, score: -1 / 6 }],
  filtered: { disabled: 0, regions: 0, jurisdiction: 0, cities: 0, pops: 0, capacity: 0 },
};
const placing = (misplaced: number): Placing => ({ location: WEUR, decision: DECISION, misplaced });
const BLANK = {
  slot: 2,
  createdAt: NOW,
  ready: false,
  version: 3,
  since: NOW,
  readyAt: null,
  failures: 0,
  losses: 0,
  nextStartAt: NOW,
  stopReason: null,
  last: null,
  held: false,
  cordoned: false,
};
/** With the decision's numbers as they are kept: for people, three digits. */
const RECORD = {
  region: "WEUR",
  city: "Berlin",
  pop: "TXL",
  decidedAt: NOW,
  decision: { ...DECISION, table: [{ location: "weur", scores: { spread: 0.333, weight: -0.667 }, score: -0.167 }] },
};

describe("a first placement", () => {
  it("is a row that starts, and an event that says where", ({ expect }) => {
    const { next, event } = intendPlacement("d", 2, 3, NOW, "Surge", placing(0));
    expect(next).toStrictEqual({
      ...BLANK,
      id: "d",
      phase: "starting",
      generation: 1,
      location: "weur",
      placement: RECORD,
    });
    expect(event).toStrictEqual({
      type: "Info",
      name: "SchedulerPlaced",
      message: "placed in slot 2 as generation 1 in weur: Surge",
      deployment: "d",
      generation: 1,
      details: { slot: 2, version: 3, reason: "Surge", location: "weur" },
      statusChange: { health: "placed", ready: false },
    });
  });

  it("without a place says no place, and why by default", ({ expect }) => {
    const { next, event } = intendPlacement("d", 2, 3, NOW);
    expect(next).toStrictEqual({ ...BLANK, id: "d", phase: "starting", generation: 1 });
    expect(event.message).toBe("placed in slot 2 as generation 1: BelowDesiredCount");
    expect(event.details).toStrictEqual({ slot: 2, version: 3, reason: "BelowDesiredCount" });
  });

  it("of a named one says the name instead of the slot", ({ expect }) => {
    const { next, event } = intendPlacement("d", 2, 3, NOW, "Called", null, "room-1");
    expect(next.name).toBe("room-1");
    expect(event.message).toBe("placed for room-1 as generation 1: Called");
    expect(event.details).toStrictEqual({ name: "room-1", version: 3, reason: "Called" });
  });

  it("keeps how many before it were found in a wrong place", ({ expect }) => {
    const { next } = intendPlacement("d", 2, 3, NOW, "Misplaced", placing(2));
    expect(next.placement).toStrictEqual({ ...RECORD, misplaced: 2 });
  });
});

describe("a slot without a placement", () => {
  it("has nothing but its place", ({ expect }) => {
    expect(emptySlot("d", 2, 3, "weur", NOW)).toStrictEqual({
      ...BLANK,
      id: "d",
      phase: "pending",
      generation: 0,
      location: "weur",
    });
    expect(emptySlot("d", 2, 3, undefined, NOW)).not.toHaveProperty("location");
  });
});

describe("a start", () => {
  const ended: Deployment = {
    ...intendPlacement("d", 2, 3, 0, "Surge", placing(1)).next,
    phase: "pending",
    failures: 2,
    losses: 1,
    readyAt: 100,
    ready: true,
    stopReason: "Restarted",
    cordoned: true,
    isAsleep: true,
  };

  it("forgets what was of the container before: its end, its cordon, its place", ({ expect }) => {
    const observed = { location: "TXL", region: "WEUR", country: "DE" };
    const before: Deployment = { ...ended, placement: { ...RECORD, misplaced: 1, observed } as PlacementRecord };
    const { next } = intendStart(before, 4, "Called", NOW);
    const { isAsleep: _, ...awake } = ended;
    expect(next).toStrictEqual({
      ...awake,
      placement: { ...RECORD, misplaced: 1 },
      phase: "starting",
      generation: 2,
      version: 4,
      since: NOW,
      ready: false,
      readyAt: null,
      stopReason: null,
      cordoned: false,
    });
  });

  it("keeps what failed, unless that was another revision", ({ expect }) => {
    expect(intendStart(ended, 4, "Why", NOW).next).toMatchObject({ failures: 2, losses: 1 });
    expect(intendStart(ended, 4, "Why", NOW, true).next).toMatchObject({ failures: 0, losses: 0 });
  });

  it("of what has no record of its placement makes none up", ({ expect }) => {
    const { placement: _, ...unplaced } = ended;
    expect(intendStart(unplaced, 4, "Why", NOW).next).not.toHaveProperty("placement");
  });
});

describe("a stop", () => {
  const running: Deployment = { ...intendPlacement("d", 2, 3, 0).next, phase: "running", ready: true };

  it("says why", ({ expect }) => {
    const { next, event } = intendStop(running, "ScaledDown", NOW);
    expect(next).toStrictEqual({ ...running, phase: "stopping", since: NOW, ready: false, stopReason: "ScaledDown" });
    expect(event).toStrictEqual({
      type: "Info",
      name: "VMStopping",
      message: "stopping the container: ScaledDown",
      deployment: "d",
      generation: 1,
      details: { reason: "ScaledDown" },
      statusChange: { health: "stopping", ready: false },
    });
  });

  it("of what never started is the platform's fault, and says what comes next", ({ expect }) => {
    const { event } = intendStop(running, "NeverStarted", NOW);
    expect(event.type).toBe("SystemError");
    expect(event.message).toBe("the container did not prove itself in time: destroying it and placing it again");
  });
});
