/** When the planner looks again, what it counts, and what it says of what it does: exactly. */
import { describe, it } from "vitest";
import { intendPlacement } from "../intents.ts";
import type { PlacementRecord } from "../placement/placing.ts";
import { NAMED_SLOT, type Deployment } from "./deployment.ts";
import { DEFAULT_LIMITS, plan, type Action, type Delivery, type PlanInput } from "./plan.ts";
import type { Desired } from "./selection.ts";

const NOW = 1_000_000;
const RECHECK_MS = 10_000;
const HEARD: Delivery = {
  isAcknowledged: () => true,
  isInFlight: () => false,
  retryAt: () => 0,
  lastSentAt: () => 0,
  isSilent: () => false,
};
const SENDING: Delivery = { ...HEARD, isInFlight: () => true };
const SHORTAGE = { reason: "NoCapacity", shortfall: { vcpu: 1 }, isImpossible: false } as const;

function row(slot: number, fields: Partial<Deployment> = {}): Deployment {
  const running = { phase: "running", ready: true, readyAt: NOW, since: NOW } as const;
  return { ...intendPlacement(`d${slot}`, slot, 1, 0).next, ...running, ...fields };
}

const WAITING = { phase: "pending", ready: false, readyAt: null, nextStartAt: NOW } as const;

function run(deployments: readonly Deployment[], fields: Partial<PlanInput> = {}, desired: Partial<Desired> = {}) {
  return plan({
    desired: {
      instances: deployments.length,
      version: 1,
      isOutdated: (version) => version !== 1,
      strategy: "rolling",
      deleting: false,
      ...desired,
    },
    deployments,
    delivery: HEARD,
    limits: DEFAULT_LIMITS,
    now: NOW,
    ...fields,
  });
}

/** Room for any number, unless it says otherwise. */
function allowanceOf(rooms = 99, starts = 99): PlanInput["allowance"] {
  return { room: () => rooms, free: new Map(), starts, shortage: SHORTAGE };
}

describe("a pass that may begin no more", () => {
  const limits = { ...DEFAULT_LIMITS, startsPerPass: 1 };

  it("looks again at once, and counts what waits where", ({ expect }) => {
    const rows = [row(0, { ...WAITING, location: "weur" }), row(1, { ...WAITING, location: "enam" })];
    const { actions, requeueAt, unbegun } = run(rows, { limits, allowance: allowanceOf() });
    expect(actions).toEqual([{ type: "start", id: "d0", version: 1, forgive: false, reason: "NotStarted" }]);
    expect(requeueAt).toBe(NOW + 1);
    expect(Object.fromEntries(unbegun ?? [])).toEqual({ enam: 1 });
  });

  it("counts the new slots that wait", ({ expect }) => {
    const { actions, requeueAt, unbegun } = run([], { limits, allowance: allowanceOf() }, { instances: 3 });
    expect(actions).toHaveLength(1);
    expect(requeueAt).toBe(NOW + 1);
    expect(Object.fromEntries(unbegun ?? [])).toEqual({ auto: 2 });
  });
});

describe("a start whose last message is under way", () => {
  it("waits for that, and is counted as waiting", ({ expect }) => {
    const { actions, requeueAt, unbegun } = run([row(0, WAITING)], { delivery: SENDING, allowance: allowanceOf() });
    expect(actions).toEqual([]);
    expect(requeueAt).toBe(NOW + RECHECK_MS);
    expect(Object.fromEntries(unbegun ?? [])).toEqual({ auto: 1 });
  });

  it("costs none of the starts that others may have", ({ expect }) => {
    const delivery = { ...HEARD, isInFlight: (id: string) => id === "d0" };
    const { actions } = run([row(0, WAITING), row(1, WAITING)], {
      delivery,
      limits: { ...DEFAULT_LIMITS, startsPerPass: 1 },
    });
    expect(actions).toMatchObject([{ type: "start", id: "d1" }]);
  });
});

describe("a silent instance", () => {
  const silent = { ...HEARD, isSilent: () => true };

  it("is asked how it is", ({ expect }) => {
    const { actions, requeueAt } = run([row(0)], { delivery: { ...silent, lastSentAt: () => NOW - RECHECK_MS } });
    expect(actions).toEqual([{ type: "verify", id: "d0", reason: "Silent" }]);
    expect(requeueAt).toBeNull();
  });

  it("is asked again a while after the last message, or when that may be tried again", ({ expect }) => {
    const sent = run([row(0)], { delivery: { ...silent, lastSentAt: () => NOW - 4_000 } });
    expect(sent).toMatchObject({ actions: [], requeueAt: NOW - 4_000 + RECHECK_MS });
    const failed = run([row(0)], { delivery: { ...silent, retryAt: () => NOW + 700 } });
    expect(failed).toMatchObject({ actions: [], requeueAt: NOW + 700 });
    const both = run([row(0)], { delivery: { ...silent, retryAt: () => NOW + 700, lastSentAt: () => NOW } });
    expect(both.requeueAt).toBe(NOW + RECHECK_MS);
  });

  it("that is being asked is not asked again", ({ expect }) => {
    expect(run([row(0)], { delivery: { ...silent, isInFlight: () => true } })).toMatchObject({
      actions: [],
      requeueAt: null,
    });
  });
});

describe("an intent that is not answered", () => {
  const stopping = row(0, { phase: "stopping", ready: false, stopReason: "Restarted" });

  it("is sent again, and looked at again", ({ expect }) => {
    const { actions, requeueAt } = run([stopping], { delivery: { ...HEARD, isAcknowledged: () => false } });
    expect(actions).toEqual([{ type: "resend", id: "d0", reason: "Unanswered" }]);
    expect(requeueAt).toBe(NOW + RECHECK_MS);
  });

  it("that is under way is looked at when it should be over, but not at once", ({ expect }) => {
    expect(run([stopping], { delivery: SENDING }).requeueAt).toBe(NOW + DEFAULT_LIMITS.stopDeadlineMs);
    const late = { ...stopping, since: NOW - DEFAULT_LIMITS.stopDeadlineMs };
    expect(run([late], { delivery: SENDING }).requeueAt).toBe(NOW + RECHECK_MS);
  });
});

describe("what a plan counts", () => {
  it("is each kind of action, and what nothing happens to", ({ expect }) => {
    const rows = [
      row(0),
      row(1, { ...WAITING, failures: 1 }),
      row(2, { phase: "stopping", ready: false, stopReason: "Restarted" }),
      row(3),
    ];
    const delivery = { ...HEARD, isAcknowledged: () => false, isSilent: (id: string) => id === "d3" };
    const { explain } = run(rows, { delivery }, { instances: 5 });
    expect(explain).toEqual({
      place: 1,
      park: 0,
      recall: 0,
      start: 1,
      stop: 0,
      "end-attempt": 0,
      resend: 1,
      verify: 1,
      remove: 0,
      "finish-delete": 0,
      unchanged: 1,
    });
  });

  it("of the end of an application is its end", ({ expect }) => {
    const { actions, explain } = run([], {}, { deleting: true });
    expect(actions).toEqual([{ type: "finish-delete", reason: "NothingLeft" }]);
    expect(explain).toMatchObject({ "finish-delete": 1, unchanged: 0 });
  });
});

function isFoundOutside({ placement }: Deployment): boolean {
  return placement?.observed?.region === "ENAM";
}

describe("what is blocked", () => {
  it("is what has no room, with how much it lacks", ({ expect }) => {
    const { blocked, actions } = run([row(0, WAITING)], { allowance: allowanceOf(0) });
    expect(actions).toEqual([]);
    expect(blocked).toEqual({ reason: "NoCapacity", shortage: SHORTAGE });
    expect(run([row(0)], { allowance: allowanceOf(0) }).blocked).toBeNull();
  });

  const observed = { location: null, region: "ENAM", country: null };
  const placement = { region: "WEUR", observed } as unknown as PlacementRecord;
  const last = { kind: "stopped", exitCode: 0, reason: "LocationUnsatisfied", at: NOW } as const;
  const given = row(0, { ...WAITING, placement, last });

  it("is what was found in wrong places too often, and is not started again", ({ expect }) => {
    const { blocked, actions } = run([given], {}, { isFoundOutside });
    expect(actions).toEqual([]);
    expect(blocked).toEqual({ reason: "LocationUnsatisfied" });
  });

  it.for<[string, Partial<Deployment>]>([
    ["runs", { phase: "running", ready: true }],
    ["is held by a user", { held: true }],
    ["ended for another reason", { last: { ...last, reason: "Restarted" } }],
    ["never ended", { last: null }],
    ["is of another version", { version: 2 }],
    ["was found where it may be", { placement: { ...placement, observed: { ...observed, region: "WEUR" } } }],
  ])("is not one that %s", ([, fields], { expect }) => {
    expect(run([{ ...given, ...fields }], {}, { isFoundOutside }).blocked).toBeNull();
  });

  it("is nothing where no place is verified", ({ expect }) => {
    const { blocked, actions } = run([given]);
    expect(blocked).toBeNull();
    expect(actions).toMatchObject([{ type: "start", reason: "LocationUnsatisfied" }]);
  });
});

describe("named ones beside a pool", () => {
  it("are followed apart from it: neither takes the other's place", ({ expect }) => {
    const asleep = { ...WAITING, slot: NAMED_SLOT, name: "room-1", isAsleep: true } as const;
    const rows = [row(0), row(1), { ...row(2, asleep), slot: NAMED_SLOT }];
    const steps = (instances: number) =>
      run(rows, {}, { instances, namedInstances: 5 }).actions.map((action: Action) => action.type);
    expect(steps(2)).toEqual([]);
    expect(steps(1)).toEqual(["stop"]);
    expect(steps(3)).toEqual(["place"]);
  });

  it("are followed apart from it: what waits in the pool is started once", ({ expect }) => {
    const named = { ...row(2, { slot: NAMED_SLOT, name: "room-1" }) };
    const { actions } = run([row(0, WAITING), named], {}, { instances: 1, namedInstances: 5 });
    expect(actions).toMatchObject([{ type: "start", id: "d0" }]);
  });

  it("are seen to their sleep: a stop that was not heard is said again", ({ expect }) => {
    const falling = {
      slot: NAMED_SLOT,
      name: "room-1",
      isAsleep: true,
      phase: "stopping",
      ready: false,
      stopReason: "Idle",
    } as const;
    const delivery = { ...HEARD, isAcknowledged: () => false };
    const { actions } = run([row(0, falling)], { delivery }, { instances: 0, namedInstances: 5 });
    expect(actions).toEqual([{ type: "resend", id: "d0", reason: "Unanswered" }]);
  });
});
