import * as fc from "fast-check";
import { describe, it } from "vitest";
import { intendPlacement, intendStart, intendStop } from "../intents.ts";
import type { Deployment } from "./deployment.ts";
import { DEFAULT_LIMITS, plan, type Action, type Delivery, type PlanInput } from "./plan.ts";
import type { Desired } from "./selection.ts";

const NOW = 1_000_000;

/** Knows nothing: what a scheduler remembers right after an eviction. */
const FORGETFUL: Delivery = {
  isAcknowledged: () => false,
  isInFlight: () => false,
  retryAt: () => 0,
  lastSentAt: () => 0,
  isSilent: () => false,
};
const HEARD: Delivery = { ...FORGETFUL, isAcknowledged: () => true };
const SENDING: Delivery = { ...FORGETFUL, isInFlight: () => true };

function deployment(slot: number, fields: Partial<Deployment> = {}): Deployment {
  return {
    id: `d${slot}`,
    slot,
    createdAt: 0,
    phase: "running",
    ready: true,
    generation: 1,
    version: 1,
    since: NOW,
    readyAt: NOW,
    failures: 0,
    losses: 0,
    nextStartAt: 0,
    stopReason: null,
    last: null,
    held: false,
    cordoned: false,
    ...fields,
  };
}

function desire(fields: Partial<Desired> = {}): Desired {
  return { instances: 1, version: 1, isOutdated: () => false, strategy: "rolling", deleting: false, ...fields };
}

function run(instances: number, deployments: readonly Deployment[], fields: Partial<PlanInput> = {}) {
  return plan({
    desired: desire({ instances }),
    deployments,
    delivery: FORGETFUL,
    limits: DEFAULT_LIMITS,
    now: NOW,
    ...fields,
  });
}

function deliveryOf({ acknowledged, inFlight, silent }: { acknowledged: boolean; inFlight: boolean; silent: boolean }) {
  return {
    isAcknowledged: () => acknowledged,
    isInFlight: () => inFlight,
    retryAt: () => 0,
    lastSentAt: () => 0,
    isSilent: () => silent,
  } satisfies Delivery;
}

const isLive = ({ phase }: Deployment) => phase === "starting" || phase === "running";

const kinds = (actions: readonly Action[]) =>
  actions.map((action) => `${action.type} ${"id" in action ? action.id : "slot" in action ? action.slot : ""}`.trim());

describe("what is missing", () => {
  it("is placed in the lowest free slots", ({ expect }) => {
    expect(kinds(run(4, [deployment(0), deployment(2)]).actions)).toEqual(["place 1", "place 3"]);
  });

  it("is not placed into the slot of one that is being stopped", ({ expect }) => {
    const stopping = deployment(0, { phase: "stopping", ready: false });
    expect(kinds(run(1, [stopping], { delivery: HEARD }).actions)).toEqual(["place 1"]);
  });

  it("starts again in its slot when its time has come, and not before", ({ expect }) => {
    const waiting = deployment(0, { phase: "pending", ready: false, nextStartAt: NOW + 5_000 });
    expect(run(1, [waiting])).toMatchObject({ actions: [], requeueAt: NOW + 5_000 });
    expect(kinds(run(1, [waiting], { now: NOW + 5_000 }).actions)).toEqual(["start d0"]);
  });

  it("begins no more starts in a pass than the limit, and the rest right after", ({ expect }) => {
    const limits = { ...DEFAULT_LIMITS, startsPerPass: 2 };
    const { actions, requeueAt } = run(5, [], { limits });
    expect(kinds(actions)).toEqual(["place 0", "place 1"]);
    expect(requeueAt).toBe(NOW + 1);
  });

  it("a slot that waits for its time costs no start of the limit", ({ expect }) => {
    const waiting = deployment(0, { phase: "pending", ready: false, nextStartAt: NOW + 5_000 });
    const limits = { ...DEFAULT_LIMITS, startsPerPass: 1 };
    expect(kinds(run(2, [waiting], { limits }).actions)).toEqual(["place 1"]);
  });

  it("carries the version that is wanted and the reason of the last end", ({ expect }) => {
    const lost = { kind: "lost", exitCode: null, reason: "Vanished", at: 0 } as const;
    const ended = deployment(0, { phase: "pending", ready: false, last: lost });
    expect(run(1, [ended], { desired: desire({ version: 3 }) }).actions).toEqual([
      { type: "start", id: "d0", version: 3, forgive: false, reason: "Vanished" },
    ]);
  });
});

describe("what is too many", () => {
  it("is what is worth least: failing, waiting, starting, unready, ready, then the higher slot", ({ expect }) => {
    const all = [
      deployment(0, { ready: false }),
      deployment(1),
      deployment(2),
      deployment(3, { phase: "starting", ready: false }),
      deployment(4, { phase: "pending", ready: false, nextStartAt: NOW + 1 }),
      deployment(5, { phase: "pending", ready: false, failures: 2, nextStartAt: NOW + 1 }),
    ];
    const gone = (wanted: number) =>
      run(wanted, all, { delivery: HEARD })
        .actions.filter(({ type }) => type === "stop" || type === "remove")
        .map((action) => ("id" in action ? action.id : ""));
    expect(gone(5)).toEqual(["d5"]);
    expect(gone(4)).toEqual(["d4", "d5"]);
    expect(gone(3)).toEqual(["d3", "d4", "d5"]);
    expect(gone(2)).toEqual(["d0", "d3", "d4", "d5"]);
    expect(gone(1)).toEqual(["d0", "d2", "d3", "d4", "d5"]);
  });

  it("is removed without a stop when it holds nothing, but not while a message is under way", ({ expect }) => {
    const empty = deployment(0, { phase: "pending", ready: false });
    expect(kinds(run(0, [empty]).actions)).toEqual(["remove d0"]);
    expect(run(0, [empty], { delivery: SENDING }).actions).toEqual([]);
  });

  it("is stopped because of the delete when the application is deleted", ({ expect }) => {
    const desired = desire({ instances: 2, deleting: true });
    expect(run(2, [deployment(0)], { desired }).actions).toEqual([{ type: "stop", id: "d0", reason: "Deleted" }]);
    expect(kinds(run(2, [], { desired }).actions)).toEqual(["finish-delete"]);
  });
});

describe("an intent", () => {
  const starting = deployment(0, { phase: "starting", ready: false, readyAt: null });

  it("that nobody answered is sent again", ({ expect }) => {
    expect(kinds(run(1, [starting]).actions)).toEqual(["resend d0"]);
  });

  it("that failed is sent again only at its time", ({ expect }) => {
    const delivery = { ...FORGETFUL, retryAt: () => NOW + 500, lastSentAt: () => 0 };
    expect(run(1, [starting], { delivery })).toMatchObject({ actions: [], requeueAt: NOW + 500 });
  });

  it("that was answered is waited for until its deadline", ({ expect }) => {
    const deadline = NOW + DEFAULT_LIMITS.startDeadlineMs;
    expect(run(1, [starting], { delivery: HEARD })).toMatchObject({ actions: [], requeueAt: deadline });
  });

  it("to start that did not come true by its deadline is taken back by a stop", ({ expect }) => {
    const now = NOW + DEFAULT_LIMITS.startDeadlineMs;
    expect(run(1, [starting], { delivery: HEARD, now }).actions).toEqual([
      { type: "stop", id: "d0", reason: "NeverStarted" },
    ]);
  });

  it("to start that is being given up keeps its slot, in which it is tried again", ({ expect }) => {
    const given = deployment(0, { phase: "stopping", ready: false, stopReason: "NeverStarted" });
    expect(run(1, [given], { delivery: HEARD }).actions).toEqual([]);
    expect(run(0, [given], { delivery: HEARD }).actions).toEqual([]);
    expect(kinds(run(1, [given]).actions)).toEqual(["resend d0"]);
  });

  it("to stop that is not confirmed by its deadline is sent again", ({ expect }) => {
    const stopping = deployment(0, { phase: "stopping", ready: false });
    const now = NOW + DEFAULT_LIMITS.stopDeadlineMs;
    expect(run(0, [stopping], { delivery: HEARD, now: now - 1 }).actions).toEqual([]);
    expect(kinds(run(0, [stopping], { delivery: HEARD, now }).actions)).toEqual(["resend d0"]);
  });
});

describe("a running instance", () => {
  it("that speaks needs nothing, not even a wake-up", ({ expect }) => {
    expect(run(2, [deployment(0), deployment(1)])).toMatchObject({
      actions: [],
      requeueAt: null,
      explain: { unchanged: 2 },
    });
  });

  it("that is silent is asked, once at a time", ({ expect }) => {
    const delivery = { ...FORGETFUL, isSilent: () => true };
    expect(kinds(run(1, [deployment(0)], { delivery }).actions)).toEqual(["verify d0"]);
    expect(run(1, [deployment(0)], { delivery: { ...delivery, isInFlight: () => true } }).actions).toEqual([]);
  });
});

describe("for any rows", () => {
  const phases = fc.constantFrom("pending", "starting", "running", "stopping" as const);
  const rows = fc
    .array(
      fc.record({
        phase: phases,
        ready: fc.boolean(),
        failures: fc.nat(3),
        since: fc.integer({ min: NOW - 200_000, max: NOW }),
        nextStartAt: fc.integer({ min: NOW - 1_000, max: NOW + 1_000 }),
      }),
      { maxLength: 12 },
    )
    .map((items) =>
      items.map((item, slot) => deployment(slot, { ...item, ready: item.phase === "running" && item.ready })),
    );
  const wanted = fc.nat(12);
  const flags = fc.record({ acknowledged: fc.boolean(), inFlight: fc.boolean(), silent: fc.boolean() });

  /** The rows after the intents of a plan are stored. */
  function apply(before: readonly Deployment[], actions: readonly Action[]): Deployment[] {
    const after = new Map(before.map((row) => [row.id, row]));
    for (const action of actions) {
      if (action.type === "place")
        after.set(`new${action.slot}`, intendPlacement(`new${action.slot}`, action.slot, 1, NOW).next);
      if (!("id" in action)) continue;
      const row = after.get(action.id);
      if (row === undefined) throw new Error(`an action on ${action.id}, which is not there`);
      if (action.type === "start") after.set(row.id, intendStart(row, 1, action.reason, NOW).next);
      if (action.type === "stop") after.set(row.id, intendStop(row, action.reason, NOW).next);
      if (action.type === "remove") after.delete(row.id);
    }
    return [...after.values()];
  }

  it("a plan never makes more live than are wanted", ({ expect }) => {
    fc.assert(
      fc.property(rows, wanted, flags, (before, count, flag) => {
        const { actions } = run(count, before, { delivery: deliveryOf(flag) });
        expect(apply(before, actions).filter(isLive).length).toBeLessThanOrEqual(count);
      }),
    );
  });

  it("nothing is started when none is wanted, and everything is on its way out", ({ expect }) => {
    fc.assert(
      fc.property(rows, fc.boolean(), flags, wanted, (before, deleting, flag, count) => {
        const desired = desire({ instances: deleting ? count : 0, deleting });
        const { actions } = run(0, before, { desired, delivery: deliveryOf(flag) });
        expect(actions.filter(({ type }) => type === "place" || type === "start")).toEqual([]);
        expect(apply(before, actions).filter(isLive)).toEqual([]);
      }),
    );
  });

  it("planning again, while the messages are under way, plans nothing", ({ expect }) => {
    fc.assert(
      fc.property(rows, wanted, flags, (before, count, flag) => {
        const { actions } = run(count, before, { delivery: deliveryOf(flag) });
        const again = run(count, apply(before, actions), { delivery: SENDING });
        // A message under way keeps a row; everything else was done by the first plan.
        expect(again.actions.filter(({ type }) => !(flag.inFlight && type === "start"))).toEqual([]);
      }),
    );
  });

  it("a stop is never taken back, and no slot is taken twice", ({ expect }) => {
    fc.assert(
      fc.property(rows, wanted, flags, (before, count, flag) => {
        const { actions } = run(count, before, { delivery: deliveryOf(flag) });
        const after = apply(before, actions);
        for (const row of before.filter(({ phase }) => phase === "stopping")) expect(after).toContainEqual(row);
        expect(new Set(after.map(({ slot }) => slot)).size).toBe(after.length);
      }),
    );
  });

  it("no more is stopped than is too many or never started", ({ expect }) => {
    fc.assert(
      fc.property(rows, wanted, flags, (before, count, flag) => {
        const { actions } = run(count, before, { delivery: deliveryOf(flag) });
        const kept = before.filter(({ phase }) => phase !== "stopping").length;
        const gone = actions.filter(
          (action) => action.type === "remove" || (action.type === "stop" && action.reason !== "NeverStarted"),
        );
        expect(gone.length).toBeLessThanOrEqual(Math.max(0, kept - count));
      }),
    );
  });

  it("whatever is not as wanted is acted on, waited for with a time, or has a message under way", ({ expect }) => {
    fc.assert(
      fc.property(rows, wanted, fc.boolean(), (before, count, acknowledged) => {
        const delivery = { ...FORGETFUL, isAcknowledged: () => acknowledged };
        const { actions, requeueAt } = run(count, before, { delivery });
        const rests = before.length === count && before.every(({ phase }) => phase === "running");
        expect(actions.length === 0 && requeueAt === null).toBe(rests);
      }),
    );
  });
});

describe("an intent that is answered and does not come to its end", () => {
  it("is asked after again now and then, however often it is answered", ({ expect }) => {
    const stuck = deployment(0, { phase: "stopping", ready: false, stopReason: "ScaledDown", since: NOW });
    let sent = 0;
    let lastSentAt = NOW;
    const end = NOW + 10 * 60_000;
    // Each message is answered at once, and each answer makes a pass.
    for (let now = NOW; now < end; now += 100) {
      const delivery: Delivery = { ...HEARD, lastSentAt: () => lastSentAt };
      for (let pass = 0; pass < 3; pass += 1) {
        const { actions } = run(0, [stuck], { delivery, now });
        if (!actions.some(({ type }) => type === "resend")) continue;
        sent += 1;
        lastSentAt = now;
      }
    }
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThanOrEqual(60);
  });
});
