import { describe, it } from "vitest";
import type { CheckState } from "../check-state.ts";
import { intendPlacement, intendStart, intendStop, messageFor } from "../intents.ts";
import type { Deployment, OutcomeKind } from "./deployment.ts";
import { observe, type Report } from "./observe.ts";

const NOW = 5_000;
const starting = intendPlacement("d0", 0, 1, 0).next;
const running = observe(starting, 1, { state: "running", ready: true }, NOW).next ?? starting;
const stopping = intendStop(running, "ScaledDown", NOW).next;
const ended = (kind: Exclude<OutcomeKind, "never-started">, exitCode: number | null = null): Report => ({
  state: "ended",
  outcome: { kind, exitCode, reason: "Because" },
});
const pending = observe(running, 1, ended("lost"), NOW).next ?? running;

describe("an intent", () => {
  it("to start numbers a new generation and forgets the readiness of the last", ({ expect }) => {
    const { next, event } = intendStart(pending, 2, "Because", 9_000);
    expect(next).toMatchObject({
      phase: "starting",
      generation: 2,
      version: 2,
      since: 9_000,
      ready: false,
      readyAt: null,
    });
    expect(next).toMatchObject({ slot: 0, losses: 1, last: pending.last });
    expect(event).toMatchObject({
      type: "Info",
      name: "SchedulerPlaced",
      generation: 2,
      details: { reason: "Because" },
    });
  });

  it("to stop takes the instance out of routing and keeps its generation", ({ expect }) => {
    expect(stopping).toMatchObject({ phase: "stopping", ready: false, generation: 1, stopReason: "ScaledDown" });
  });

  it("to stop what never started is the platform's error, any other is information", ({ expect }) => {
    expect(intendStop(starting, "NeverStarted", NOW).event.type).toBe("SystemError");
    expect(intendStop(starting, "ScaledDown", NOW).event.type).toBe("Info");
  });

  it("asks for a message only where something is intended", ({ expect }) => {
    const phases = ["starting", "stopping", "pending", "running"] as const;
    expect(phases.map(messageFor)).toEqual(["launch", "stop", null, null]);
  });
});

describe("an observation", () => {
  const reports: Report[] = [
    { state: "starting" },
    { state: "running", ready: true },
    { state: "running", ready: false },
    { state: "stopping" },
    ended("exited", 1),
  ];

  it.for(reports)("of another generation changes nothing and disowns: %j", (report, { expect }) => {
    for (const row of [starting, running, stopping, pending]) {
      for (const generation of [0, 2]) {
        expect(observe(row, generation, report, NOW)).toEqual({ next: null, events: [], owned: false });
      }
    }
    expect(observe(undefined, 1, report, NOW).owned).toBe(false);
  });

  it.for(reports)("made twice is news once: %j", (report, { expect }) => {
    for (const row of [starting, running, stopping, pending]) {
      const { next } = observe(row, 1, report, NOW);
      expect(observe(next ?? row, 1, report, NOW)).toMatchObject({ next: null, events: [] });
    }
  });

  it("of life after the end was accounted for disowns", ({ expect }) => {
    expect(observe(pending, 1, { state: "running", ready: true }, NOW).owned).toBe(false);
    expect(observe(pending, 1, ended("lost"), NOW).owned).toBe(true);
  });

  it("of a running container does not take a stop back", ({ expect }) => {
    expect(observe(stopping, 1, { state: "running", ready: true }, NOW)).toEqual({
      next: null,
      events: [],
      owned: true,
    });
  });

  it("of readiness remembers when it came first", ({ expect }) => {
    const unready = observe(running, 1, { state: "running", ready: false }, 6_000);
    expect(unready.next).toMatchObject({ ready: false, readyAt: NOW, phase: "running" });
    expect(unready.events).toMatchObject([
      { type: "Warn", name: "CheckUpdate", statusChange: { health: "unhealthy" } },
    ]);
    const again = observe(unready.next ?? running, 1, { state: "running", ready: true }, 7_000);
    expect(again.next).toMatchObject({ ready: true, readyAt: NOW });
  });

  it.for([
    ["exited", "Error", "VMFailed", { failures: 1, losses: 0 }],
    ["killed", "Error", "VMFailed", { failures: 1, losses: 0 }],
    ["lost", "SystemError", "VMFailed", { failures: 0, losses: 1 }],
    ["unknown", "SystemError", "VMFailed", { failures: 0, losses: 1 }],
    ["unavailable", "SystemError", "VMFailedToStart", { failures: 0, losses: 1 }],
    ["refused", "UserError", "VMFailedToStart", { failures: 1, losses: 0 }],
  ] as const)("of an end that was %s is a %s event", ([kind, type, name, counts], { expect }) => {
    const { next, events } = observe(running, 1, ended(kind, 7), NOW);
    expect(next).toMatchObject({
      phase: "pending",
      ready: false,
      readyAt: null,
      ...counts,
      last: { kind, exitCode: 7 },
    });
    expect(events).toMatchObject([{ type, name, details: { outcome: kind, exit_code: 7 } }]);
  });

  it("of a check that turned is an event of its own, also when readiness stays as it is", ({ expect }) => {
    const check = (name: string, state: CheckState["state"], since = NOW): CheckState => ({
      name,
      kind: "ready",
      state,
      since,
      detail: state === "failing" ? "answered 503" : null,
    });
    const say = (row: Deployment, ...checks: CheckState[]) => {
      const isReady = checks.every(({ state }) => state === "passing");
      const report: Report = { state: "running", ready: isReady, checks };
      return observe(row, 1, report, NOW);
    };
    const one = say(running, check("a", "passing"), check("b", "failing"));
    expect(one.events).toMatchObject([{ name: "CheckUpdate", details: { ready: false, "check.b": "failing" } }]);
    const both = say(one.next ?? running, check("a", "failing"), check("b", "failing"));
    expect(both.events).toMatchObject([{ name: "CheckUpdate", details: { "check.a": "failing" } }]);
    expect(both.next?.checks).toHaveLength(2);
    expect(say(both.next ?? running, check("a", "failing"), check("b", "failing")).next).toBeNull();
    const over = observe(both.next ?? running, 1, ended("killed"), NOW);
    expect(over.next?.checks).toBeUndefined();
  });

  it("of a first pass beside readiness is kept, and no news", ({ expect }) => {
    const health = { name: "h", kind: "health", since: NOW, detail: null } as const;
    const waiting = observe(
      running,
      1,
      { state: "running", ready: true, checks: [{ ...health, state: "pending" }] },
      NOW,
    );
    const passed = observe(
      waiting.next ?? running,
      1,
      { state: "running", ready: true, checks: [{ ...health, state: "passing" }] },
      NOW,
    );
    expect([waiting.events, passed.events]).toEqual([[], []]);
    expect(passed.next?.checks?.[0]?.state).toBe("passing");
  });

  it("of an end in new words carries them, marked as such", ({ expect }) => {
    const outcome = { kind: "unknown", exitCode: null, reason: "Unclassified", message: "of tomorrow" } as const;
    const { events } = observe(running, 1, { state: "ended", outcome }, NOW);
    expect(events[0]?.details).toMatchObject({ unclassified: true, text: "of tomorrow" });
  });

  it("of an end that we wanted is a stop, however it went", ({ expect }) => {
    const { next, events } = observe(stopping, 1, ended("exited", 143), NOW);
    expect(next).toMatchObject({
      failures: 0,
      losses: 0,
      last: { kind: "stopped", reason: "ScaledDown", exitCode: 143 },
    });
    expect(events).toMatchObject([{ type: "Info", name: "VMStopped" }]);
  });

  it("of the end of a start that was given up is the platform's", ({ expect }) => {
    const given = intendStop(starting, "NeverStarted", NOW).next;
    const { next, events } = observe(given, 1, ended("stopped"), NOW);
    expect(next).toMatchObject({ failures: 0, losses: 1, last: { kind: "never-started" } });
    expect(events).toMatchObject([{ type: "SystemError", name: "RuntimeStartFailed" }]);
  });
});

describe("the attempt of a job", () => {
  const attempt = { number: 1, index: 0, past: { failures: 0, losses: 0 }, begunAt: NOW - 500, startedAt: null };
  const slot = (): Deployment => ({
    ...starting,
    attempt: { ...attempt, stopping: null, job: "j", name: "job", isOver: false },
  });
  const seen = (beganAt?: number) => {
    const report = { state: "running", ready: true, ...(beganAt === undefined ? {} : { beganAt }) } as const;
    return observe(slot(), slot().generation, report, NOW);
  };

  it("is known to run without a row of its own", ({ expect }) => {
    expect(seen()).toMatchObject({ next: { phase: "running" }, events: [], owned: true, isNote: true });
  });

  it("began when its instance says, within what is known here", ({ expect }) => {
    const times = [undefined, NOW - 100, NOW - 900, NOW + 900].map((at) => seen(at).next?.attempt?.startedAt);
    expect(times).toEqual([NOW, NOW - 100, NOW - 500, NOW]);
  });
});
