/** Where new slots go beside what is there, where there is no room for them, and what waits where. */
import { describe, it } from "vitest";
import { loadOf } from "../../account/capacity/load.ts";
import { intendPlacement } from "../intents.ts";
import type { Location, Region } from "../placement/location.ts";
import type { PlacementRecord, Where } from "../placement/placing.ts";
import type { Deployment } from "./deployment.ts";
import { DEFAULT_LIMITS, plan, type Delivery, type PlanInput } from "./plan.ts";
import type { Desired } from "./selection.ts";

const NOW = 1_000_000;
const HEARD: Delivery = {
  isAcknowledged: () => true,
  isInFlight: () => false,
  retryAt: () => 0,
  lastSentAt: () => NOW,
  isSilent: () => false,
};
const SHORTAGE = { reason: "MaxInstances", shortfall: { instances: 1 }, isImpossible: false } as const;

function location(region: Region, extra: Partial<Location> = {}): Location {
  return {
    code: region.toLowerCase(),
    name: region,
    region,
    city: null,
    pop: null,
    weight: 1,
    enabled: true,
    ...extra,
  };
}

const TWO: Where = {
  locations: [location("ENAM"), location("WEUR")],
  constraints: {},
  companions: null,
  failing: new Set(),
};

function row(slot: number, at: string, fields: Partial<Deployment> = {}): Deployment {
  const running = { phase: "running", ready: true, readyAt: NOW, since: NOW, location: at } as const;
  return { ...intendPlacement(`d${slot}`, slot, 1, 0).next, ...running, ...fields };
}

function run(deployments: readonly Deployment[], fields: Partial<PlanInput> = {}, desired: Partial<Desired> = {}) {
  return plan({
    desired: {
      instances: 2,
      version: 1,
      isOutdated: (version) => version !== 1,
      strategy: "rolling",
      deleting: false,
      ...desired,
    },
    deployments,
    delivery: HEARD,
    limits: DEFAULT_LIMITS,
    where: TWO,
    now: NOW,
    ...fields,
  });
}

/** Each location has that much room left, all of it granted or none. */
function limited(rooms: Readonly<Record<string, number>>, granted = true, starts = 99): PlanInput["allowance"] {
  return {
    room: (at) => (granted ? (rooms[at] ?? 0) : 0),
    free: new Map(Object.entries(rooms).map(([at, room]) => [at, granted ? 0 : room])),
    starts,
    shortage: SHORTAGE,
  };
}

function placedAt({ actions }: ReturnType<typeof run>): (string | undefined)[] {
  return actions.flatMap((action) => (action.type === "place" ? [action.placing?.location.code] : []));
}

function isFirst({ id }: Deployment): boolean {
  return id === "d0";
}

describe("new slots", () => {
  it("go where fewest are of what stays", ({ expect }) => {
    expect(placedAt(run([row(0, "enam")]))).toEqual(["weur"]);
    expect(placedAt(run([row(0, "weur")]))).toEqual(["enam"]);
    const { location: _, ...nowhere } = row(0, "enam");
    expect(placedAt(run([nowhere]))).toEqual(["enam"]);
  });

  it("take the place of what is outdated", ({ expect }) => {
    const rows = [row(0, "enam", { version: 2 }), row(1, "weur")];
    expect(placedAt(run(rows))).toEqual(["enam"]);
  });

  it("take the place of what was found elsewhere and goes for them", ({ expect }) => {
    const result = run([row(0, "enam"), row(1, "weur")], {}, { isFoundOutside: isFirst });
    expect(result.actions).toMatchObject([
      { type: "stop", id: "d0", reason: "Misplaced" },
      { type: "place", slot: 2, reason: "Misplaced", placing: { location: { code: "enam" }, misplaced: 1 } },
    ]);
    // One that waits has no container anywhere: it keeps its place.
    const waiting = row(0, "enam", { phase: "pending", ready: false, nextStartAt: NOW + 9_000 });
    expect(placedAt(run([waiting, row(1, "weur")], {}, { isFoundOutside: isFirst, instances: 3 }))).toEqual(["enam"]);
    expect(placedAt(run([waiting], {}, { isFoundOutside: isFirst }))).toEqual(["weur"]);
  });

  it("come for each that goes, beside those that are missing anyway", ({ expect }) => {
    const placement = { region: "ENAM", misplaced: 2 } as unknown as PlacementRecord;
    const rows = [row(0, "enam", { placement }), row(1, "weur")];
    const { actions } = run(rows, {}, { instances: 3, isFoundOutside: () => true });
    expect(actions.map((action) => [action.type, action.reason])).toEqual([
      ["place", "BelowDesiredCount"],
      ["stop", "Misplaced"],
      ["place", "Misplaced"],
      ["stop", "Misplaced"],
      ["place", "Misplaced"],
    ]);
    expect(actions).toMatchObject([
      { placing: { misplaced: 0 } },
      { id: "d0" },
      { placing: { misplaced: 3 } },
      { id: "d1" },
      { placing: { misplaced: 1 } },
    ]);
  });
});

describe("places that are not known", () => {
  it("are asked for, and again after a while", ({ expect }) => {
    expect(run([], { where: null })).toMatchObject({ needsPlaces: true, actions: [], requeueAt: NOW + 10_000 });
  });

  it("are asked for at the pace of what is blocked, where something is", ({ expect }) => {
    expect(run([], { where: null, blockedSince: NOW - 3_000 }).requeueAt).toBe(NOW + 3_000);
    expect(run([], { where: null, blockedSince: NOW }).requeueAt).toBe(NOW + 1_000);
  });

  it("do not matter where nothing is missing, or there are none", ({ expect }) => {
    expect(run([row(0, "enam"), row(1, "weur")], { where: null })).toMatchObject({
      needsPlaces: false,
      requeueAt: null,
    });
    const { actions } = run([], { where: undefined });
    expect(actions).toMatchObject([
      { type: "place", placing: null },
      { type: "place", placing: null },
    ]);
  });
});

describe("limited room", () => {
  it("is filled where there is some", ({ expect }) => {
    expect(placedAt(run([], { allowance: limited({ enam: 0, weur: 2 }) }))).toEqual(["weur", "weur"]);
  });

  it("that is gone is waited for where the slot would be, and said to be missing", ({ expect }) => {
    const result = run([], { allowance: limited({ enam: 0, weur: 1 }) }, { instances: 4 });
    expect(placedAt(result)).toEqual(["weur"]);
    expect(Object.fromEntries(result.unbegun ?? [])).toEqual({ enam: 2, weur: 1 });
    expect(result.blocked).toMatchObject({ reason: "NoCapacity", decision: { filtered: { capacity: 2 } } });
    expect(result.requeueAt).toBe(NOW + 1_000);
    expect(result.needsPlaces).toBe(false);
  });

  it("that is not granted yet is asked for where there is some", ({ expect }) => {
    const result = run([], { allowance: limited({ enam: 0, weur: 3 }, false) });
    expect(placedAt(result)).toEqual([]);
    expect(Object.fromEntries(result.unbegun ?? [])).toEqual({ weur: 2 });
    expect(result.blocked).toEqual({ reason: "MaxInstances", shortage: SHORTAGE });
  });

  it("is nothing to what no location may take", ({ expect }) => {
    const where = { ...TWO, locations: TWO.locations.map((one) => ({ ...one, enabled: false })) };
    const result = run([], { where, allowance: limited({ enam: 1 }) });
    expect(result.blocked).toMatchObject({ reason: "NoLocationEnabled", decision: { filtered: { disabled: 2 } } });
    expect(Object.fromEntries(result.unbegun ?? [])).toEqual({});
  });

  it("of the pass is not that of the account: what waits is counted all the same", ({ expect }) => {
    const limits = { ...DEFAULT_LIMITS, startsPerPass: 1 };
    const result = run([], { limits, allowance: limited({ enam: 5, weur: 5 }) }, { instances: 3 });
    expect(placedAt(result)).toHaveLength(1);
    expect([...(result.unbegun ?? new Map<string, number>()).values()].reduce((a, b) => a + b, 0)).toBe(2);
    const unlimited = run([], { limits }, { instances: 3 });
    expect(placedAt(unlimited)).toHaveLength(1);
    expect(unlimited.requeueAt).toBe(NOW + 1);
  });
});

function slots(deployments: readonly Deployment[], own?: PlanInput["slots"]): number[] {
  const { actions } = run(deployments, own === undefined ? {} : { slots: own }, { instances: 4 });
  return actions.flatMap((action) => (action.type === "place" ? [action.slot] : []));
}

describe("the numbers of slots", () => {
  it("are the lowest that are free", ({ expect }) => {
    expect(slots([row(1, "enam")])).toEqual([0, 2, 3]);
  });

  it("are those of its share", ({ expect }) => {
    expect(slots([row(3, "enam")], { first: 1, step: 2 })).toEqual([1, 5, 7]);
  });
});

describe("what was found in a wrong place", () => {
  it("is replaced beside what is missing", ({ expect }) => {
    const { actions } = run([row(0, "enam")], {}, { isFoundOutside: isFirst });
    expect(actions).toMatchObject([
      { type: "place", reason: "BelowDesiredCount" },
      { type: "stop", id: "d0", reason: "Misplaced" },
      { type: "place", reason: "Misplaced" },
    ]);
  });

  it("leaves its place to what replaces it", ({ expect }) => {
    expect(placedAt(run([row(0, "weur"), row(1, "enam")], {}, { isFoundOutside: isFirst }))).toEqual(["weur"]);
  });
});

describe("what is called by name", () => {
  const small = { vcpu: 0.25, memoryMib: 64, diskMb: 500 };
  const each = loadOf({ vcpu: 1, memoryMib: 256, diskMb: 2_000 }, 1);
  const named = (ownSize: NonNullable<PlanInput["ownSize"]>, rooms: Readonly<Record<string, number>>) => {
    const allowance = { ...limited(rooms), measured: { left: () => loadOf(small, 1), each } } as PlanInput["allowance"];
    const result = run([], { called: ["mine"], ownSize, allowance }, { instances: 0, namedInstances: 1 });
    return [placedAt(result), result.blocked?.reason];
  };

  it("goes where there is room for it, which is counted in its own size", ({ expect }) => {
    expect(named(() => small, { enam: 0, weur: 0 })).toEqual([["enam"], undefined]);
    expect(named((name) => (name === "mine" ? small : null), { enam: 0, weur: 1 })).toEqual([["enam"], undefined]);
  });

  it("goes where there is room for everybody when it has no size of its own", ({ expect }) => {
    expect(named(() => null, { enam: 0, weur: 1 })).toEqual([["weur"], undefined]);
    expect(named(() => null, { enam: 0, weur: 0 })).toEqual([[], "NoCapacity"]);
  });
});
