/** What people read of what an instance said of itself, word for word. */
import { describe, it } from "vitest";
import type { CheckState } from "../check-state.ts";
import { intendPlacement, intendStop } from "../intents.ts";
import type { PlacementRecord } from "../placement/placing.ts";
import type { Deployment, Outcome } from "./deployment.ts";
import { observe, SESSION_ENDED, type Report } from "./observe.ts";

const NOW = 5_000;
const STARTING = intendPlacement("d", 0, 1, 0).next;
const RUNNING: Deployment = { ...STARTING, phase: "running", ready: true, readyAt: 1_000, since: 900 };
const STOPPING = intendStop(RUNNING, "ScaledDown", 2_000).next;

function check(state: CheckState["state"], name = "http"): CheckState {
  return { name, kind: "ready", state, since: 0, detail: null };
}

function running(ready: boolean, more: Partial<Extract<Report, { state: "running" }>> = {}): Report {
  return { state: "running", ready, ...more };
}

function ended(outcome: Partial<Omit<Outcome, "at">>): Report {
  return { state: "ended", outcome: { kind: "exited", exitCode: null, reason: "Because", ...outcome } };
}

function eventOf(deployment: Deployment, report: Report) {
  return observe(deployment, 1, report, NOW).events[0];
}

describe("the first word of a container", () => {
  it("says that it is ready", ({ expect }) => {
    const { next, events, owned } = observe(STARTING, 1, running(true), NOW);
    expect(owned).toBe(true);
    expect(next).toStrictEqual({ ...STARTING, phase: "running", since: NOW, ready: true, readyAt: NOW });
    expect(events).toStrictEqual([
      {
        type: "Info",
        name: "ContainerStarted",
        message: "container started and is ready",
        deployment: "d",
        generation: 1,
        details: { ready: true },
        statusChange: { health: "running", ready: true },
      },
    ]);
  });

  it("says why it is not, and names no check that turned: none was known", ({ expect }) => {
    const report = running(false, { detail: "503", checks: [check("failing")] });
    const { next, events } = observe(STARTING, 1, report, NOW);
    expect(next).toStrictEqual({
      ...STARTING,
      phase: "running",
      since: NOW,
      detail: "503",
      checks: [check("failing")],
    });
    expect(events).toMatchObject([
      {
        type: "Info",
        message: "container started, not ready yet: 503",
        details: { ready: false, detail: "503" },
        statusChange: { health: "running", ready: false },
      },
    ]);
    expect(events[0]?.details).not.toHaveProperty("check.http");
  });

  it("gives no reason for being ready", ({ expect }) => {
    const { next, events } = observe(STARTING, 1, running(true, { detail: "of before" }), NOW);
    expect(next).not.toHaveProperty("detail");
    expect(events[0]?.message).toBe("container started and is ready");
    const again = observe({ ...RUNNING, ready: false }, 1, running(true, { detail: "of before" }), NOW);
    expect(again.next).not.toHaveProperty("detail");
    expect(again.events[0]?.message).toBe("container is ready");
    expect(
      observe({ ...RUNNING, ready: false }, 1, running(false, { checks: [check("failing")] }), NOW).next,
    ).not.toHaveProperty("detail");
  });

  it("is no news twice: whoever starts or stops says nothing new", ({ expect }) => {
    for (const state of ["starting", "stopping"] as const) {
      expect(observe(RUNNING, 1, { state }, NOW)).toStrictEqual({ next: null, events: [], owned: true });
    }
    expect(observe(STOPPING, 1, running(true), NOW)).toStrictEqual({ next: null, events: [], owned: true });
  });
});

describe("a container that turns", () => {
  it("to unready is a warning with the reason and the checks", ({ expect }) => {
    const before = { ...RUNNING, checks: [check("passing"), check("passing", "db")] };
    const report = running(false, { detail: "503", checks: [check("failing"), check("failing", "db")] });
    const { next, events, owned } = observe(before, 1, report, NOW);
    expect(owned).toBe(true);
    expect(next).toMatchObject({ ready: false, detail: "503", since: 900, readyAt: 1_000 });
    expect(events).toStrictEqual([
      {
        type: "Warn",
        name: "CheckUpdate",
        message: "container is not ready: 503 (http is failing, db is failing)",
        deployment: "d",
        generation: 1,
        details: { ready: false, detail: "503", "check.http": "failing", "check.db": "failing" },
        statusChange: { health: "unhealthy", ready: false },
      },
    ]);
  });

  it("back to ready is good news, and its reason is over", ({ expect }) => {
    const before = { ...RUNNING, ready: false, detail: "503", checks: [check("failing")] };
    const { next, events } = observe(before, 1, running(true, { checks: [check("passing")] }), NOW);
    expect(next).not.toHaveProperty("detail");
    expect(events).toMatchObject([
      {
        type: "Info",
        name: "CheckUpdate",
        message: "container is ready (http is passing)",
        statusChange: { health: "running", ready: true },
      },
    ]);
  });

  it("in a check that decides nothing is kept, and no news", ({ expect }) => {
    const before = { ...RUNNING, checks: [check("pending")] };
    const { next, events, owned } = observe(before, 1, running(true, { checks: [check("passing")] }), NOW);
    expect(next?.checks).toStrictEqual([check("passing")]);
    expect({ events, owned }).toStrictEqual({ events: [], owned: true });
  });

  it("loses its checks when it has none any more", ({ expect }) => {
    const before = { ...RUNNING, ready: false, checks: [check("passing")] };
    expect(observe(before, 1, running(true), NOW).next).not.toHaveProperty("checks");
  });
});

describe("where a container found itself", () => {
  const place = { location: "TXL", region: "WEUR", country: "DE" };
  const placement = { region: "WEUR", city: null, pop: null, decidedAt: 0 } as unknown as PlacementRecord;
  const at = (observed?: typeof place | null): Deployment => ({
    ...RUNNING,
    placement: observed === undefined ? placement : { ...placement, observed },
  });

  it("is a note that costs no row, with its reason where it is not ready", ({ expect }) => {
    expect(observe(at(), 1, running(true, { place }), NOW)).toStrictEqual({
      next: at(place),
      events: [],
      owned: true,
      isNote: true,
    });
    const unready = { ...at(), ready: false };
    const { next } = observe(unready, 1, running(false, { place, detail: "503" }), NOW);
    expect(next).toStrictEqual({ ...unready, detail: "503", placement: { ...placement, observed: place } });
    expect(observe(unready, 1, running(false, { place }), NOW).next).not.toHaveProperty("detail");
    expect(observe(at(), 1, running(true, { place, detail: "late" }), NOW).next).not.toHaveProperty("detail");
  });

  it("is news only when any of it differs", ({ expect }) => {
    expect(observe(at(place), 1, running(true, { place: { ...place } }), NOW).next).toBeNull();
    expect(observe(at(null), 1, running(true, { place: null }), NOW).next).toBeNull();
    expect(observe(at(place), 1, running(true), NOW).next).toBeNull();
    for (const other of [{ location: "AMS" }, { region: "ENAM" }, { country: "NL" }]) {
      const next = { ...place, ...other };
      expect(observe(at(place), 1, running(true, { place: next }), NOW).next?.placement?.observed).toEqual(next);
    }
    expect(observe(at(place), 1, running(true, { place: null }), NOW).next?.placement?.observed).toBeNull();
    expect(observe(at(null), 1, running(true, { place }), NOW).next?.placement?.observed).toEqual(place);
    expect(observe(at(), 1, running(true, { place: null }), NOW).next?.placement?.observed).toBeNull();
  });

  it("is nothing to what was placed before there were places", ({ expect }) => {
    expect(observe(RUNNING, 1, running(true, { place }), NOW).next).toBeNull();
  });

  it("is asked for before it may take traffic, where it has to be verified", ({ expect }) => {
    const verdicts: unknown[] = [];
    const verify = (observed: unknown) => {
      verdicts.push(observed);
      return "not here";
    };
    const { next } = observe(at(place), 1, running(true), NOW, verify);
    expect(verdicts).toEqual([place]);
    expect(next).toMatchObject({ ready: false, detail: "not here" });
    expect(observe(RUNNING, 1, running(true), NOW, verify).next).toMatchObject({ ready: false });
    // What is not ready anyway is not asked about.
    observe({ ...at(place), ready: false }, 1, running(false), NOW, verify);
    expect(verdicts).toHaveLength(2);
  });
});

describe("an end", () => {
  it("says what it was, with its code, and when it starts again", ({ expect }) => {
    const before = { ...RUNNING, detail: "503", checks: [check("failing")], failures: 1 };
    const { next, events, owned } = observe(before, 1, ended({ exitCode: 3, reason: "ExitedWithCode" }), NOW);
    expect(owned).toBe(true);
    expect(next).toStrictEqual({
      ...RUNNING,
      phase: "pending",
      ready: false,
      readyAt: null,
      since: NOW,
      failures: 2,
      nextStartAt: NOW + 10_000,
      last: { kind: "exited", exitCode: 3, reason: "ExitedWithCode", at: NOW },
    });
    expect(events).toStrictEqual([
      {
        type: "Error",
        name: "VMFailed",
        message: "container exited: ExitedWithCode, exit code 3; next start in 10 s",
        deployment: "d",
        generation: 1,
        details: { outcome: "exited", reason: "ExitedWithCode", exit_code: 3, restart_in_ms: 10_000 },
        statusChange: { health: "failed", ready: false },
      },
    ]);
  });

  it.for<[Outcome["kind"], string, string, string]>([
    ["killed", "Error", "VMFailed", "container killed: Because, no exit code; starting again"],
    ["lost", "SystemError", "VMFailed", "container lost: Because, no exit code; starting again"],
    ["unknown", "SystemError", "VMFailed", "container unknown: Because, no exit code; starting again"],
    [
      "unavailable",
      "SystemError",
      "VMFailedToStart",
      "container did not start: Because, no exit code; next start in 1 s",
    ],
    ["refused", "UserError", "VMFailedToStart", "container did not start: Because, no exit code; next start in 10 s"],
  ])("of kind %s is told as %s", ([kind, type, name, message], { expect }) => {
    expect(eventOf(RUNNING, ended({ kind }))).toMatchObject({ type, name, message, statusChange: { ready: false } });
  });

  it("that we wanted is no failure, however it went, and says nothing of a start", ({ expect }) => {
    const { next, events } = observe(STOPPING, 1, ended({ exitCode: 143, kind: "exited" }), NOW);
    expect(next?.last).toEqual({ kind: "stopped", exitCode: 143, reason: "ScaledDown", at: NOW });
    expect(events).toMatchObject([
      {
        type: "Info",
        name: "VMStopped",
        message: "container stopped: ScaledDown, exit code 143",
        statusChange: { health: "stopped", ready: false },
      },
    ]);
    const nameless = { ...STOPPING, stopReason: null };
    expect(observe(nameless, 1, ended({}), NOW).next?.last?.reason).toBe("Stopped");
  });

  it("that says something new says it, and only that one does", ({ expect }) => {
    const event = eventOf(RUNNING, ended({ kind: "unknown", message: "a wording of tomorrow" }));
    expect(event?.message).toBe("container unknown: Because, a wording of tomorrow; starting again");
    expect(event?.details).toMatchObject({ unclassified: true, text: "a wording of tomorrow" });
    expect(eventOf(RUNNING, ended({ kind: "unknown" }))?.details).toMatchObject({ text: "" });
    expect(eventOf(RUNNING, ended({ kind: "lost" }))?.details).not.toHaveProperty("unclassified");
  });

  it("with the launcher's session is nobody's error, and counts for nothing", ({ expect }) => {
    const before = { ...RUNNING, failures: 3, losses: 2 };
    const { next, events } = observe(before, 1, ended({ kind: "lost", reason: SESSION_ENDED }), NOW);
    expect(next).toMatchObject({ failures: 3, losses: 2, nextStartAt: NOW });
    expect(events).toMatchObject([{ type: "Info", name: "VMFailed" }]);
  });

  it("of a named one is its sleep, unless it was to start again", ({ expect }) => {
    const named = { ...RUNNING, name: "room-1" };
    expect(observe(named, 1, ended({}), NOW).next).toMatchObject({ isAsleep: true });
    expect(observe(RUNNING, 1, ended({}), NOW).next).not.toHaveProperty("isAsleep");
    const restarted = intendStop(named, "Restarted", NOW).next;
    expect(observe(restarted, 1, ended({}), NOW).next).not.toHaveProperty("isAsleep");
  });
});

describe("an idle container", () => {
  it("goes to sleep when it is named, and stays when it is one of a pool", ({ expect }) => {
    const idle = running(true, { isIdle: true });
    const asleep = observe({ ...RUNNING, name: "room-1" }, 1, idle, NOW);
    expect(asleep.next).toMatchObject({ phase: "stopping", stopReason: "Idle" });
    expect(asleep.events).toMatchObject([{ name: "VMStopping", details: { reason: "Idle" } }]);
    expect(asleep.owned).toBe(true);
    expect(observe({ ...RUNNING, name: "room-1" }, 1, running(true), NOW).next).toBeNull();
    expect(observe(RUNNING, 1, idle, NOW).next).toBeNull();
  });
});
