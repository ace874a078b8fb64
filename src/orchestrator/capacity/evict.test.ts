import { describe, it } from "vitest";
import { memoryDatabase } from "../../../test/unit/sqlite-storage.ts";
import { migrate } from "../../migrations.ts";
import { listEvents } from "../events.ts";
import { intendPlacement } from "../intents.ts";
import type { Deployment } from "../plan/deployment.ts";
import { APPLICATION_MIGRATIONS } from "../storage/schema.ts";
import { intendEvictions, mayBePreempted, tellRoomMade } from "./evict.ts";

const NOW = 5_000;

function row(slot: number, fields: Partial<Deployment> = {}): Deployment {
  const running = { phase: "running", ready: true, location: "weur" } as const;
  return { ...intendPlacement(`d${slot}`, slot, 1, 0).next, ...running, ...fields };
}

function evicted(rows: readonly Deployment[], ceiling: number, location = "weur"): string[] {
  return intendEvictions(rows, { location, ceiling, by: ["other"] }, NOW).map(({ next }) => next.id);
}

describe("what makes room", () => {
  it("is what has not started, then what takes no traffic, then the youngest", ({ expect }) => {
    const rows = [row(0), row(1, { phase: "starting", ready: false }), row(2, { cordoned: true }), row(3)];
    expect(evicted(rows, 4)).toEqual([]);
    expect(evicted(rows, 3)).toEqual(["d1"]);
    expect(evicted(rows, 2)).toEqual(["d1", "d2"]);
    expect(evicted(rows, 1)).toEqual(["d1", "d2", "d3"]);
    expect(evicted(rows, 0)).toEqual(["d1", "d2", "d3", "d0"]);
    expect(evicted(rows, 9)).toEqual([]);
  });

  it("is only what lives in that location", ({ expect }) => {
    const { location: _, ...anywhere } = row(2);
    const rows = [row(0, { location: "enam" }), row(1, { phase: "pending" }), anywhere, row(3, { phase: "stopping" })];
    expect(evicted(rows, 0)).toEqual([]);
    expect(evicted(rows, 0, "enam")).toEqual(["d0"]);
    expect(evicted(rows, 0, "auto")).toEqual(["d2"]);
  });

  it("is stopped, and told for whom", ({ expect }) => {
    const order = { location: "weur", ceiling: 0, by: ["first", "second"] };
    const [one, two, three] = intendEvictions([row(0), row(1), row(2)], order, NOW);
    expect(one?.next).toMatchObject({ id: "d2", phase: "stopping", stopReason: "Preempted", since: NOW });
    expect(one?.events.map(({ name }) => name)).toEqual(["VMStopping", "Preempted"]);
    expect(one?.events[1]).toStrictEqual({
      type: "Warn",
      name: "Preempted",
      message: "makes room for application first, which has a higher priority; it is placed again when there is room",
      deployment: "d2",
      generation: 1,
      details: { by: "first" },
    });
    expect(two?.events[1]?.details).toEqual({ by: "second" });
    // More go than are named: they go for the first.
    expect(three?.events[1]?.details).toEqual({ by: "first" });
    const nameless = intendEvictions([row(0)], { ...order, by: [] }, NOW);
    expect(nameless[0]?.events[1]?.details).toEqual({ by: "" });
  });
});

describe("an application", () => {
  const spec = { instances: 1, maxInstances: null, ingress: "public", checkEveryMs: 60_000 } as const;

  it("may be preempted unless it says no, or is being deleted", ({ expect }) => {
    expect(mayBePreempted({ spec, deleting: false })).toBe(true);
    expect(mayBePreempted({ spec: { ...spec, isPreemptible: true }, deleting: false })).toBe(true);
    expect(mayBePreempted({ spec: { ...spec, isPreemptible: false }, deleting: false })).toBe(false);
    expect(mayBePreempted({ spec, deleting: true })).toBe(false);
  });

  it("hears what was stopped for it", ({ expect }) => {
    const db = memoryDatabase();
    migrate(db, APPLICATION_MIGRATIONS);
    tellRoomMade(db, { application: "low", location: "weur", count: 2 }, NOW);
    expect(listEvents(db, 0, 10).events).toMatchObject([
      {
        type: "Info",
        name: "PreemptedOther",
        message: "2 instances of application low are being stopped to make room for this one",
        details: { application: "low", location: "weur", count: 2 },
        time: NOW,
      },
    ]);
  });
});
