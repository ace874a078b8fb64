import { describe, it } from "vitest";
import { intendPlacement, intendStart } from "../intents.ts";
import { isPooled, NAMED_SLOT, STOP, type Deployment } from "./deployment.ts";
import { admitted, awakeCount } from "./named.ts";
import { observe, type Report } from "./observe.ts";
import { DEFAULT_LIMITS, plan, type Action, type Delivery, type PlanInput } from "./plan.ts";
import type { Desired } from "./selection.ts";

const NOW = 1_000_000;
const HEARD: Delivery = {
  isAcknowledged: () => true,
  isInFlight: () => false,
  retryAt: () => 0,
  lastSentAt: () => NOW,
  isSilent: () => false,
};
const RUNNING: Report = { state: "running", ready: true };

function named(name: string, fields: Partial<Deployment> = {}): Deployment {
  const placed = intendPlacement(`d-${name}`, NAMED_SLOT, 1, NOW, "Called", null, name).next;
  return { ...placed, phase: "running", ready: true, readyAt: NOW, ...fields };
}

const ASLEEP = { phase: "pending", ready: false, readyAt: null, isAsleep: true } as const;

function run(deployments: readonly Deployment[], fields: Partial<PlanInput> = {}, desired: Partial<Desired> = {}) {
  return plan({
    desired: {
      instances: 0,
      namedInstances: 2,
      version: 1,
      isOutdated: () => false,
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

const summary = (actions: readonly Action[]) =>
  actions.map((action) => `${action.type} ${"id" in action ? action.id : ("name" in action && action.name) || "pool"}`);

function ended(deployment: Deployment, reason: string, kind: "exited" | "lost" | "stopped" = "exited"): Deployment {
  const report: Report = { state: "ended", outcome: { kind, exitCode: null, reason } };
  const { next } = observe(deployment, deployment.generation, report, NOW);
  if (next === null) throw new Error("an end is always kept");
  return next;
}

describe("an instance that is called by name", () => {
  it("is placed when it is called for the first time, beside the pool and not of it", ({ expect }) => {
    const { actions } = run([], { called: ["alice"] }, { instances: 1 });
    expect(summary(actions)).toEqual(["place alice", "place pool"]);
    expect(actions[0]).toMatchObject({ slot: NAMED_SLOT, reason: "Called" });
    expect(isPooled(named("alice"))).toBe(false);
  });

  it("neither fills the pool nor is stopped when that is scaled down", ({ expect }) => {
    const { actions } = run([named("alice")], {}, { instances: 1 });
    expect(summary(actions)).toEqual(["place pool"]);
    expect(run([named("alice")]).actions).toEqual([]);
  });

  it("stays asleep until somebody calls it, and is the same deployment then", ({ expect }) => {
    const sleeper = named("alice", ASLEEP);
    expect(run([sleeper]).actions).toEqual([]);
    expect(run([sleeper]).requeueAt).toBeNull();
    expect(summary(run([sleeper], { called: ["alice"] }).actions)).toEqual(["start d-alice"]);
    const awake = intendStart(sleeper, 1, "Called", NOW).next;
    expect(awake).toMatchObject({ id: "d-alice", name: "alice", generation: 2 });
    expect(awake.isAsleep).toBeUndefined();
  });

  it("is put to sleep when it says that it is idle, and a member of the pool is not", ({ expect }) => {
    const idle = observe(named("alice"), 1, { ...RUNNING, isIdle: true }, NOW);
    expect(idle.next).toMatchObject({ phase: "stopping", stopReason: STOP.idle, isAsleep: true });
    const { name: _, ...member } = named("alice");
    expect(observe(member, 1, { ...RUNNING, isIdle: true }, NOW).next).toBeNull();
  });

  it("sleeps after any end of its container, so that it starts again only for a caller, and after its back-off", ({
    expect,
  }) => {
    for (const [reason, kind] of [
      ["ExitedWithCode", "exited"],
      ["Vanished", "lost"],
      ["HardTimeout", "stopped"],
    ] as const) {
      const over = ended(named("alice"), reason, kind);
      expect(over).toMatchObject({ phase: "pending", isAsleep: true });
      expect(run([over]).actions).toEqual([]);
    }
    const crashed = { ...ended(named("alice", { failures: 1 }), "ExitedWithCode") };
    const called = run([crashed], { called: ["alice"] });
    expect(called.actions).toEqual([]);
    expect(called.requeueAt).toBe(crashed.nextStartAt);
    expect(crashed.nextStartAt).toBeGreaterThan(NOW);
  });

  it("that a user restarts is started again without a caller", ({ expect }) => {
    const restarted = ended(named("alice", { phase: "stopping", stopReason: STOP.restarted }), "ExitedWithCode");
    expect(restarted.isAsleep).toBeUndefined();
    expect(summary(run([restarted]).actions)).toEqual(["start d-alice"]);
  });

  it("that a user stopped is not woken by a call", ({ expect }) => {
    expect(run([named("alice", { ...ASLEEP, held: true })], { called: ["alice"] }).actions).toEqual([]);
  });

  it("waits while as many are awake as may be, those who came first before others", ({ expect }) => {
    const { actions } = run([named("alice")], { called: ["bob", "carol"] });
    expect(summary(actions)).toEqual(["place bob"]);
    expect(summary(run([named("alice"), named("bob")], { called: ["carol"] }).actions)).toEqual([]);
    const falling = named("bob", { phase: "stopping", stopReason: STOP.idle, isAsleep: true });
    expect(awakeCount([named("alice"), falling])).toBe(2);
    expect(summary(run([named("alice"), named("bob", ASLEEP)], { called: ["carol"] }).actions)).toEqual([
      "place carol",
    ]);
  });

  it("is not made while its application is being deleted, and is stopped with it", ({ expect }) => {
    const { actions } = run([named("alice")], { called: ["bob"] }, { deleting: true });
    expect(summary(actions)).toEqual(["stop d-alice"]);
    expect(summary(run([named("alice", ASLEEP)], {}, { deleting: true }).actions)).toEqual(["remove d-alice"]);
  });

  it("goes when it is destroyed, and the next call makes another", ({ expect }) => {
    const last = { kind: "stopped", exitCode: null, reason: STOP.destroyed, at: NOW } as const;
    const gone = named("alice", { phase: "pending", ready: false, last });
    expect(summary(run([gone], { called: ["alice"] }).actions)).toEqual(["remove d-alice"]);
  });
});

describe("who is called", () => {
  const DESIRED: Desired = {
    instances: 0,
    namedInstances: 9,
    version: 1,
    isOutdated: () => false,
    strategy: "rolling",
    deleting: false,
  };
  const last = { kind: "stopped", exitCode: 0, reason: STOP.destroyed, at: NOW } as const;

  it.for<[string, Partial<Deployment>, boolean]>([
    ["sleeps", ASLEEP, true],
    ["waits, but not for a call", { ...ASLEEP, isAsleep: false }, false],
    ["runs, and slept before", { isAsleep: true }, false],
    ["is held by a user", { ...ASLEEP, held: true }, false],
    ["is on its way out", { ...ASLEEP, last }, false],
  ])("wakes one that %s: %s", ([, fields, isWoken], { expect }) => {
    const { woken, arrivals } = admitted([named("a", fields)], ["a"], DESIRED);
    expect([...woken]).toEqual(isWoken ? ["d-a"] : []);
    expect(arrivals).toEqual([]);
  });

  it("takes no room when it cannot be woken", ({ expect }) => {
    const rows = [named("a", { ...ASLEEP, held: true }), named("b", ASLEEP)];
    expect([...admitted(rows, ["a", "b"], { ...DESIRED, namedInstances: 1 }).woken]).toEqual(["d-b"]);
  });

  it("is nobody of an application that is being deleted", ({ expect }) => {
    expect(admitted([named("a", ASLEEP)], ["a", "b"], { ...DESIRED, deleting: true })).toEqual({
      woken: new Set(),
      arrivals: [],
    });
  });

  it("is never one of a pool", ({ expect }) => {
    const { name: _, ...pooled } = named("a", ASLEEP);
    expect(admitted([{ ...pooled, slot: 0 }], ["a"], DESIRED).arrivals).toEqual(["a"]);
  });
});

describe("what takes room", () => {
  it("is everything named but what sleeps without a container", ({ expect }) => {
    expect(awakeCount([named("a"), named("b", ASLEEP), named("c", { ...ASLEEP, isAsleep: false })])).toBe(2);
    expect(awakeCount([named("a", { phase: "stopping", isAsleep: true })])).toBe(1);
  });
});
