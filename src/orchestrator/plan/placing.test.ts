/** What the planner does about places: asks, places, waits, moves and gives up. */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { intendPlacement, intendStop } from "../intents.ts";
import { desiredPlace } from "../placement/desired-place.ts";
import { REGIONS, type Location, type Region } from "../placement/location.ts";
import type { Where } from "../placement/placing.ts";
import type { PlacementConstraints } from "../storage/application-row.ts";
import type { Deployment } from "./deployment.ts";
import { observe, type Report } from "./observe.ts";
import { DEFAULT_LIMITS, plan, type Action, type Delivery, type PlanInput } from "./plan.ts";

const NOW = 1_000_000;
const ANSWERED: Delivery = {
  isAcknowledged: () => true,
  isInFlight: () => false,
  retryAt: () => 0,
  lastSentAt: () => NOW,
  isSilent: () => false,
};

const locations = (["WEUR", "ENAM", "APAC"] as const).map((region): Location => {
  return { code: region.toLowerCase(), name: region, region, city: null, pop: null, weight: 1, enabled: true };
});

const where = (extra: Partial<Where> = {}): Where => {
  return { locations, constraints: {}, companions: null, failing: new Set(), ...extra };
};

interface Wish {
  readonly instances: number;
  readonly constraints?: PlacementConstraints;
  readonly where?: Where | null;
  readonly blockedSince?: number | null;
}

function planFor({ instances, constraints = {}, ...input }: Wish, deployments: readonly Deployment[] = []) {
  const spec = { instances, maxInstances: null, ingress: "private", checkEveryMs: 60_000, constraints } as const;
  const full: PlanInput = {
    desired: {
      instances,
      version: 1,
      isOutdated: (version) => version !== 1,
      strategy: "rolling",
      deleting: false,
      ...desiredPlace({ kind: "application", spec }),
    },
    deployments,
    delivery: ANSWERED,
    limits: DEFAULT_LIMITS,
    now: NOW,
    where: where(),
    ...input,
  };
  return plan(full);
}

function placedBy(actions: readonly Action[]): Deployment[] {
  return actions.flatMap((action) => {
    if (action.type !== "place") return [];
    const { next } = intendPlacement(`d${action.slot}`, action.slot, 1, NOW, action.reason, action.placing);
    return [{ ...next, phase: "running" as const, ready: true, readyAt: NOW }];
  });
}

const kinds = (actions: readonly Action[]) =>
  actions.map((action) => {
    if (action.type === "place") return `place ${action.placing?.location.code}`;
    return `${action.type} ${"id" in action ? action.id : ""}`;
  });

/** One that runs, where it was asked to or elsewhere. */
function found(slot: number, region: Region | null, extra: Partial<Deployment> = {}, misplaced = 0): Deployment {
  const [deployment] = placedBy(planFor({ instances: 1, where: where({ locations: locations.slice(0, 1) }) }).actions);
  if (deployment?.placement === undefined) throw new Error("nothing was placed");
  const observed = region === null ? null : { location: null, region, country: null };
  const placement = { ...deployment.placement, observed, ...(misplaced === 0 ? {} : { misplaced }) };
  return { ...deployment, id: `d${slot}`, slot, placement, ...extra };
}

const VERIFIED: PlacementConstraints = { regions: ["WEUR"], isVerified: true };

describe("what is missing", () => {
  it("is asked about first when it is not known where it may go", ({ expect }) => {
    const { actions, needsPlaces, requeueAt } = planFor({ instances: 2, where: null });
    expect([actions, needsPlaces]).toEqual([[], true]);
    // Its answer may be lost with this lifetime.
    expect(requeueAt).toBeGreaterThan(NOW);
  });

  it("asks for nothing when nothing is missing", ({ expect }) => {
    const running = placedBy(planFor({ instances: 3 }).actions);
    expect(planFor({ instances: 3, where: null }, running)).toMatchObject({ actions: [], needsPlaces: false });
  });

  it("goes to where the fewest are, those that go not counted", ({ expect }) => {
    const running = placedBy(planFor({ instances: 3 }).actions);
    const first = running[0]?.location ?? "";
    const [gone, ...left] = running;
    expect(kinds(planFor({ instances: 3 }, left).actions)).toEqual([`place ${gone?.location}`]);
    // Those of the old version leave as much room as there was before them.
    const [replaced, ...others] = running.map((deployment) => ({ ...deployment, version: 0 }));
    if (replaced === undefined) throw new Error("nothing was placed");
    const twice = [replaced, { ...replaced, id: "d8", slot: 8 }, ...others];
    expect(kinds(planFor({ instances: 4 }, twice).actions)[0]).toBe(`place ${first}`);
  });

  it("is blocked with the decision that says why, and looked at again", ({ expect }) => {
    const closed = locations.map((location) => ({ ...location, enabled: false }));
    const wish = { instances: 1, where: where({ locations: closed }) };
    const first = planFor(wish);
    expect(first.blocked).toMatchObject({ reason: "NoLocationEnabled", decision: { filtered: { disabled: 3 } } });
    expect([first.actions, first.requeueAt]).toEqual([[], NOW + 1_000]);
    expect(planFor({ ...wish, blockedSince: NOW - 20_000 }).requeueAt).toBe(NOW + 20_000);
    expect(planFor({ ...wish, blockedSince: NOW - 3_600_000 }).requeueAt).toBe(NOW + 30_000);
    expect(planFor({ ...wish, where: null, blockedSince: NOW - 3_600_000 }).requeueAt).toBe(NOW + 30_000);
  });
});

describe("what runs", () => {
  it("stays when locations are enabled, disabled or forgotten", ({ expect }) => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }), fc.nat({ max: 12 }), (enabled, count) => {
        const running = placedBy(planFor({ instances: count }).actions);
        const switched = locations.map((location, index) => ({ ...location, enabled: enabled[index] ?? true }));
        expect(planFor({ instances: count, where: where({ locations: switched }) }, running).actions).toEqual([]);
        expect(planFor({ instances: count, where: where({ locations: [] }) }, running).actions).toEqual([]);
      }),
    );
  });

  it("where it may not be any more is replaced, one more at a time", ({ expect }) => {
    const running = placedBy(planFor({ instances: 3 }).actions);
    const constraints: PlacementConstraints = { regions: ["WEUR"] };
    const wish = { instances: 3, constraints, where: where({ constraints }) };
    expect(kinds(planFor(wish, running).actions)).toEqual(["place weur"]);
    const [fourth] = placedBy(planFor(wish, running).actions);
    if (fourth === undefined) throw new Error("nothing was placed");
    const next = planFor(wish, [...running, fourth]).actions;
    const last = running.findLast(({ location }) => location !== "weur");
    expect(next[0]).toMatchObject({ type: "stop", id: last?.id, reason: "Outdated" });
    expect(kinds(next).slice(1)).toEqual(["place weur"]);
  });

  it("but waits for a start where it may not be gives its slot to another place, unless a user holds it", ({
    expect,
  }) => {
    const constraints: PlacementConstraints = { regions: ["ENAM"] };
    const wish = { instances: 1, constraints, where: where({ constraints }) };
    const waiting = found(0, null, { phase: "pending", ready: false, readyAt: null, nextStartAt: NOW + 9_000 });
    expect(kinds(planFor(wish, [waiting]).actions)).toEqual(["remove d0", "place enam"]);
    expect(planFor(wish, [{ ...waiting, held: true }]).actions).toEqual([]);
  });
});

describe("what is found outside its constraints", () => {
  const wish = { instances: 1, constraints: VERIFIED, where: where({ constraints: { regions: ["WEUR"] } }) };

  it("goes when another comes, and not before it is known where that goes", ({ expect }) => {
    const wrong = found(0, "ENAM", { ready: false });
    const { actions } = planFor(wish, [wrong]);
    expect(kinds(actions)).toEqual(["stop d0", "place weur"]);
    expect(actions).toMatchObject([{ reason: "Misplaced" }, { slot: 1, placing: { misplaced: 1 } }]);
    expect(planFor({ ...wish, where: null }, [wrong])).toMatchObject({ actions: [], needsPlaces: true });
    const closed = where({ locations: [] });
    expect(planFor({ ...wish, where: closed }, [wrong])).toMatchObject({ actions: [], needsPlaces: false });
  });

  it("is the last after three others, and waits for other constraints", ({ expect }) => {
    const last = found(0, "ENAM", { ready: false }, 3);
    expect(planFor(wish, [last]).actions).toMatchObject([{ type: "stop", reason: "LocationUnsatisfied" }]);
    const { next: stopping } = intendStop(last, "LocationUnsatisfied", NOW);
    const ended = { state: "ended", outcome: { kind: "stopped", exitCode: null, reason: "" } } as const;
    const { next } = observe(stopping, stopping.generation, ended, NOW);
    if (next === null) throw new Error("its end changes nothing");
    expect(planFor(wish, [next])).toMatchObject({ actions: [], blocked: { reason: "LocationUnsatisfied" } });
    expect(planFor({ instances: 1, constraints: { regions: ["WEUR"] } }, [next])).toMatchObject({
      actions: [{ type: "start", id: "d0" }],
      blocked: null,
    });
  });

  it("is left alone where nobody verifies, and where it could not be read", ({ expect }) => {
    const constraints: PlacementConstraints = { regions: ["WEUR"] };
    expect(planFor({ ...wish, constraints }, [found(0, "ENAM")]).actions).toEqual([]);
    expect(planFor(wish, [found(0, null)]).actions).toEqual([]);
  });
});

function report(region: Region): Report {
  return { state: "running", ready: true, place: { location: null, region, country: null } };
}

/** Only those in Western Europe may take traffic. */
function isWeur(observed: { readonly region: string | null } | null | undefined): string | null {
  return observed?.region === "WEUR" ? null : "elsewhere";
}

describe("a place that is reported", () => {
  it("later than that it is ready is a note, and said again it is no news", ({ expect }) => {
    const running = found(0, null);
    const heard = observe(running, 1, report("ENAM"), NOW);
    expect(heard).toMatchObject({ isNote: true, events: [], next: { placement: { observed: { region: "ENAM" } } } });
    if (heard.next === null) throw new Error("nothing was heard");
    expect(observe(heard.next, 1, report("ENAM"), NOW).next).toBeNull();
  });

  it("decides whether it is ready where places are verified", ({ expect }) => {
    const starting = found(0, null, { phase: "starting", ready: false, readyAt: null });
    expect(observe(starting, 1, report("WEUR"), NOW, isWeur).next).toMatchObject({ phase: "running", ready: true });
    const wrong = observe(starting, 1, report("ENAM"), NOW, isWeur).next;
    expect(wrong).toMatchObject({ phase: "running", ready: false, readyAt: null, detail: "elsewhere" });
  });

  it("is forgotten with the container that was there", ({ expect }) => {
    fc.assert(
      fc.property(fc.constantFrom(...REGIONS), (region) => {
        const pending = found(0, region, { phase: "pending", ready: false });
        const start = planFor({ instances: 1 }, [pending]).actions;
        expect(kinds(start)).toEqual(["start d0"]);
      }),
      { numRuns: 3 },
    );
  });
});
