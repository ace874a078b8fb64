/** Each invariant is shown able to fail: with one thing wrong in the code under test, the simulator says which rule it breaks. */
import { describe, it } from "vitest";
import type { InstanceAnswer } from "../../src/orchestrator/scheduler-deps.ts";
import type { Report } from "../../src/orchestrator/plan/observe.ts";
import { invariantOf } from "./engine/simulation.ts";
import { simulate } from "./scheduler/simulate.ts";
import { lifecycle, patched, reported, scenarioOf, scheduler, store, written, type Bug } from "./bugs.ts";
import { simulateCapacity } from "./capacity/simulate.ts";
import type { CapacityScenario } from "./capacity/scenario.ts";
import type { CapacityTampering } from "./capacity/world.ts";

const ENDED: Report = { state: "ended", outcome: { kind: "stopped", exitCode: 0, reason: "Stopped" } };

const BUGS: readonly Bug[] = [
  {
    name: "one deployment is overlooked",
    breaks: "S1",
    tampering: store((rows) => ({ all: () => rows.all().filter(({ slot, ready }) => slot > 0 || !ready) })),
  },
  {
    name: "what is held stopped is started",
    breaks: "S1",
    deeds: [{ at: 10_000, do: "act", nth: 0, action: "stop" }],
    tampering: store((rows) => ({
      all: () => rows.all().map((row) => (row.phase === "pending" ? { ...row, held: false } : row)),
    })),
  },
  {
    name: "what starts is taken for ready",
    breaks: "S2",
    deeds: [{ at: 10_000, do: "activate", version: 2 }],
    tampering: store((rows) => ({
      all: () => rows.all().map((row) => (row.phase === "starting" ? { ...row, phase: "running", ready: true } : row)),
    })),
  },
  {
    name: "a container that runs is taken for gone",
    breaks: "S16",
    tampering: lifecycle(({ port }) => ({ port: patched(port, { running: false }) })),
  },
  {
    name: "an end is not kept and told again",
    breaks: "S4",
    faults: { exits: 1, messageTwice: 1 },
    tampering: written((next) => (next.phase === "pending" ? { ...next, phase: "running" } : next)),
  },
  {
    name: "failures are not counted",
    breaks: "S4",
    faults: { exits: 1 },
    tampering: written((next) => ({ ...next, failures: 0 })),
  },
  {
    name: "placements are numbered anew",
    breaks: "S5",
    faults: { vanishes: 1 },
    tampering: written((next) => ({ ...next, generation: next.phase === "pending" ? 0 : next.generation })),
  },
  {
    name: "events are dropped with their totals",
    breaks: "S5",
    deeds: [{ at: 30_000, do: "crash", nth: 4 }],
    tampering: scheduler(({ db }) => ({ onRoutingChanged: () => db.run("DELETE FROM events WHERE id > 2") })),
  },
  {
    name: "what was removed is written once more",
    breaks: "S6",
    deeds: [{ at: 10_000, do: "scale", instances: 1 }],
    tampering: store((rows) => ({
      remove: (id) => {
        const row = rows.get(id);
        rows.remove(id);
        if (row !== undefined) rows.put(row);
      },
    })),
  },
  {
    name: "an ended placement comes back to life",
    breaks: "S6",
    faults: { exits: 1 },
    tampering: store((rows) => ({
      put: (next) => {
        rows.put(next);
        if (next.phase === "pending") rows.put({ ...next, phase: "running" });
      },
    })),
  },
  {
    name: "a stop is taken back",
    breaks: "S6",
    deeds: [{ at: 10_000, do: "act", nth: 0, action: "restart" }],
    tampering: store((rows) => ({
      put: (next) => {
        rows.put(next);
        if (next.phase === "stopping") rows.put({ ...next, phase: "running" });
      },
    })),
  },
  {
    name: "what is on its way out is kept after all",
    breaks: "S6",
    deeds: [{ at: 10_000, do: "scale", instances: 1 }],
    tampering: store((rows) => ({
      put: (next) => {
        rows.put(next);
        if (next.stopReason === "ScaledDown") rows.put({ ...next, stopReason: "Restarted" });
      },
    })),
  },
  {
    name: "a row is lost in a reset",
    breaks: "S6",
    deeds: [{ at: 30_000, do: "crash", nth: 4 }],
    tampering: scheduler(({ db }) => ({ onRoutingChanged: () => db.run("DELETE FROM deployments WHERE slot = 1") })),
  },
  {
    name: "what does not listen is called ready",
    breaks: "S8",
    deeds: [{ at: 5_000, do: "activate", version: 4 }],
    tampering: reported((report) => (report.state === "starting" ? { state: "running", ready: true } : report)),
  },
  {
    name: "a cordon is forgotten",
    breaks: "S8",
    deeds: [{ at: 10_000, do: "act", nth: 0, action: "cordon" }],
    tampering: written((next) => ({ ...next, cordoned: false })),
  },
  {
    name: "what says nothing of its place takes traffic where that has to be verified",
    breaks: "S8",
    faults: { execFails: 1 },
    deeds: [{ at: 0, do: "constrain", constraints: { regions: ["WEUR"], isVerified: true } }],
    tampering: written((next) => ({ ...next, ready: next.phase === "running" })),
  },
  {
    name: "what takes traffic is being stopped",
    breaks: "S8",
    deeds: [{ at: 10_000, do: "act", nth: 0, action: "restart" }],
    tampering: written((next) => ({ ...next, ready: next.ready || next.phase === "stopping" })),
  },
  {
    name: "what vanished is told as a success",
    breaks: "S9",
    faults: { vanishes: 1 },
    tampering: reported((report) =>
      report.state !== "ended" ? report : { ...report, outcome: { ...report.outcome, kind: "exited", exitCode: 0 } },
    ),
  },
  {
    name: "an exit code is told wrongly",
    breaks: "S9",
    faults: { exits: 1 },
    tampering: reported((report) =>
      report.state !== "ended" ? report : { ...report, outcome: { ...report.outcome, exitCode: 200 } },
    ),
  },
  {
    name: "what we destroyed is told as an exit",
    breaks: "S9",
    scenario: { configurations: { one: 2, two: 2 } },
    faults: { networkDies: 1, ignoresSigterm: 1 },
    tampering: reported((report) =>
      report.state !== "ended" ? report : { ...report, outcome: { ...report.outcome, kind: "exited" } },
    ),
  },
  {
    name: "a launch is one generation ahead",
    breaks: "S11",
    tampering: scheduler(({ instances }) => ({
      instances: {
        ...instances,
        launch: (order) => instances.launch({ ...order, generation: order.generation + 1 }),
      },
    })),
  },
  {
    name: "whoever speaks is believed",
    breaks: "S4",
    faults: { vanishes: 0.5, messageTwice: 1 },
    tampering: store((rows) => ({
      get: (id) => {
        const row = rows.get(id);
        return row === undefined ? undefined : { ...row, generation: 1 };
      },
      // What is written is as it was: only what is asked is wrong.
      put: (next) => rows.put({ ...next, generation: Math.max(next.generation, rows.get(next.id)?.generation ?? 0) }),
    })),
  },
  {
    name: "a standalone deployment gets another id",
    breaks: "S14",
    scenario: { kind: "deployment", instances: 1 },
    deeds: [{ at: 10_000, do: "act", nth: 0, action: "restart" }],
    tampering: store((rows) => ({
      put: (next) => {
        if (next.phase === "pending") rows.remove(next.id);
        rows.put(next.phase === "pending" ? { ...next, id: "another" } : next);
      },
    })),
  },
  {
    name: "a slot that is taken is given away",
    breaks: "S14",
    deeds: [{ at: 10_000, do: "scale", instances: 5 }],
    tampering: store((rows) => ({ all: () => rows.all().map((row) => ({ ...row, slot: row.slot + 100 })) })),
  },
  {
    name: "nobody waits for what is granted",
    breaks: "S15",
    scenario: { limit: 2, instances: 2 },
    deeds: [{ at: 30_000, do: "scale", instances: 5 }],
    tampering: scheduler(({ capacity }) =>
      capacity === undefined ? {} : { capacity: patched(capacity, { allowance: () => undefined }) },
    ),
  },
  {
    name: "a stop is called done without being asked for",
    breaks: "S16",
    scenario: { chaosMs: 360_000 },
    deeds: [{ at: 10_000, do: "scale", instances: 1 }],
    tampering: {
      scheduler: (deps) => ({
        ...deps,
        instances: {
          ...deps.instances,
          stop: async (_, generation): Promise<InstanceAnswer> => ({ generation, report: ENDED }),
          release: async () => undefined,
        },
      }),
      lifecycle: (deps) => ({
        ...deps,
        report: async (record, said) => ({ ...(await deps.report(record, said)), owned: true }),
      }),
    },
  },
  {
    name: "a crash loop does not back off",
    breaks: "H1",
    faults: { exits: 1 },
    tampering: written((next) => ({ ...next, nextStartAt: Math.min(next.nextStartAt, next.since) })),
  },
  {
    name: "a readiness check kills",
    breaks: "H2",
    faults: { exits: 1 },
    tampering: reported((report) =>
      report.state !== "ended" ? report : { ...report, outcome: { ...report.outcome, kind: "killed" } },
    ),
  },
  {
    name: "constraints are not looked at",
    breaks: "P",
    deeds: [{ at: 0, do: "constrain", constraints: { regions: ["OC"] } }],
    tampering: scheduler(({ places }) =>
      places === undefined
        ? {}
        : {
            places: patched(places, {
              where: (row) => {
                const where = places.where(row);
                return where === null ? null : { ...where, constraints: {} };
              },
            }),
          },
    ),
  },
  {
    name: "disabled locations are taken",
    breaks: "P",
    deeds: [
      { at: 1_000, do: "switch", location: "enam", enabled: false },
      { at: 30_000, do: "scale", instances: 6 },
    ],
    tampering: scheduler(({ places }) =>
      places === undefined
        ? {}
        : {
            places: patched(places, {
              where: (row) => {
                const where = places.where(row);
                if (where === null) return null;
                return { ...where, locations: where.locations.map((location) => ({ ...location, enabled: true })) };
              },
            }),
          },
    ),
  },
  {
    name: "what is in its place is called misplaced",
    breaks: "P",
    deeds: [{ at: 10_000, do: "act", nth: 0, action: "restart" }],
    tampering: written((next) => (next.stopReason === "Restarted" ? { ...next, stopReason: "Misplaced" } : next)),
  },
  {
    name: "a warm one is counted twice",
    breaks: "S1",
    scenario: { warm: 1 },
    tampering: store((rows) => ({ all: () => rows.all().filter(({ slot, ready }) => slot > 0 || !ready) })),
  },
  {
    name: "who has a name is not known by it",
    breaks: "N1",
    scenario: { named: 2 },
    deeds: [{ at: 10_000, do: "call", name: "alice", waitMs: 10_000, usedMs: 0 }],
    tampering: store((rows) => ({ all: () => rows.all().filter(({ name }) => name === undefined) })),
  },
  {
    name: "who sleeps is woken for nobody",
    breaks: "N2",
    scenario: { named: 2 },
    deeds: [{ at: 10_000, do: "call", name: "alice", waitMs: 10_000, usedMs: 0 }],
    tampering: store((rows) => ({
      all: () => rows.all().map((row) => (row.isAsleep === true ? { ...row, isAsleep: false } : row)),
    })),
  },
  {
    name: "who is awake is taken to sleep",
    breaks: "N3",
    scenario: { named: 1 },
    deeds: [
      { at: 10_000, do: "call", name: "alice", waitMs: 10_000, usedMs: 60_000 },
      { at: 30_000, do: "call", name: "bob", waitMs: 10_000, usedMs: 0 },
    ],
    tampering: store((rows) => ({
      all: () =>
        rows.all().map((row) => (row.slot < 0 && row.ready ? { ...row, phase: "pending", isAsleep: true } : row)),
    })),
  },
  {
    name: "nobody is put to sleep",
    breaks: "N4",
    scenario: { named: 2 },
    deeds: [{ at: 10_000, do: "call", name: "alice", waitMs: 10_000, usedMs: 0 }],
    tampering: reported((report) => (report.state === "running" ? { ...report, isIdle: false } : report)),
  },
  {
    name: "a load asks for more than may be",
    breaks: "A1",
    scenario: { autoscaling: { min: 1, max: 4, target: 2 } },
    deeds: [{ at: 30_000, do: "load", inFlight: 20, ms: 30_000 }],
    tampering: {
      autoscaler: (deps) => ({ ...deps, scale: (count, decision) => deps.scale(count + 1, decision) }),
    },
  },
  {
    name: "nobody looks when the load has gone",
    breaks: "A2",
    scenario: { autoscaling: { min: 1, max: 4, target: 2 } },
    deeds: [{ at: 30_000, do: "load", inFlight: 20, ms: 30_000 }],
    tampering: { autoscaler: (deps) => ({ ...deps, wakeAt: () => undefined }) },
  },
  {
    name: "nothing is ever launched",
    breaks: "L1",
    tampering: scheduler(({ instances }) => ({
      instances: { ...instances, launch: () => new Promise(() => undefined) },
    })),
  },
  {
    name: "no location is ever open",
    breaks: "L5",
    tampering: scheduler(({ places }) =>
      places === undefined
        ? {}
        : {
            places: patched(places, {
              where: (row) => {
                const where = places.where(row);
                if (where === null) return null;
                return { ...where, locations: where.locations.map((location) => ({ ...location, enabled: false })) };
              },
            }),
          },
    ),
  },
  {
    name: "no answer is remembered",
    breaks: "L6",
    tampering: scheduler(({ outbox }) => ({
      outbox: patched(outbox, { isAcknowledged: () => false, isInFlight: () => false }),
    })),
  },
  {
    name: "each look is told three times",
    breaks: "L6",
    tampering: lifecycle(({ report }) => ({
      report: async (record, said) => {
        await report(record, said);
        await report(record, said);
        return await report(record, said);
      },
    })),
  },
  {
    name: "an instance never stops talking",
    breaks: "L0",
    tampering: lifecycle(({ report }) => ({
      report: async (record, said) => {
        for (;;) await report(record, said);
      },
    })),
  },
];

describe("an invariant of the scheduler", () => {
  it("holds in a quiet world, and under each of the deeds and faults below", async ({ expect }) => {
    const broken: string[] = [];
    for (const bug of BUGS) {
      const { violation } = await simulate(scenarioOf(bug));
      if (violation !== null) broken.push(`${bug.name}: ${violation}`);
    }
    expect(broken).toEqual([]);
  });

  it.for(BUGS)("$breaks is broken when $name", async (bug, { expect }) => {
    const { violation } = await simulate(scenarioOf(bug), undefined, bug.tampering);
    expect(invariantOf(violation), violation ?? "nothing is broken").toBe(bug.breaks);
  });
});

describe("an invariant of the capacity", () => {
  const scenario: CapacityScenario = {
    seed: 1,
    applications: [
      { priority: 0, vcpu: 1 },
      { priority: 1, vcpu: 1 },
    ],
    limits: { instances: 4, vcpu: null },
    chaosMs: 30_000,
    faults: { messageLost: 0, answerLost: 0, messageTwice: 0, messageSlow: 0 },
    deeds: [
      { at: 1_000, do: "want", nth: 0, instances: 4 },
      { at: 10_000, do: "want", nth: 1, instances: 2 },
      { at: 20_000, do: "want", nth: 0, instances: 2 },
    ],
  };
  const crowded: CapacityScenario = { ...scenario, deeds: scenario.deeds.slice(0, 2) };
  const bugs: readonly (readonly [string, string, CapacityScenario, CapacityTampering])[] = [
    [
      "S15",
      "twice as much is granted as is claimed",
      scenario,
      {
        answer: (answer) => {
          if (answer.outcome === "stale") return answer;
          const twice = Object.entries(answer.granted).map(([location, load]) => {
            return [location, { ...load, instances: 2 * load.instances, vcpu: 9, memoryMib: 9_999, diskMb: 99_999 }];
          });
          return { ...answer, granted: Object.fromEntries(twice) };
        },
      },
    ],
    ["L5", "nobody makes room", crowded, { claimant: (claimant) => ({ ...claimant, makeRoom: async () => 0 }) }],
    [
      "S15",
      "nothing that is granted arrives",
      scenario,
      { answer: (answer) => (answer.outcome === "stale" ? answer : { ...answer, granted: {} }) },
    ],
  ];

  it("holds in a quiet world", async ({ expect }) => {
    for (const quiet of [scenario, crowded]) expect((await simulateCapacity(quiet)).violation).toBeNull();
  });

  it.for(bugs)("%s is broken when %s", async ([breaks, , broken, tampering], { expect }) => {
    const { violation } = await simulateCapacity(broken, undefined, tampering);
    expect(invariantOf(violation)).toBe(breaks);
  });
});
