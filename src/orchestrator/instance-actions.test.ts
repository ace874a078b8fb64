import { describe, it } from "vitest";
import { decideAction, decideReplacement, INSTANCE_ACTIONS, type ActionContext } from "./instance-actions.ts";
import { intendPlacement } from "./intents.ts";
import type { Deployment } from "./plan/deployment.ts";

const NOW = 50_000;
const CONTEXT: ActionContext = { actor: "ann", name: "web-0", kind: "application" };
const starting = intendPlacement("d0", 0, 1, 0).next;
const running: Deployment = { ...starting, phase: "running", ready: true, readyAt: 1 };
const backedOff: Deployment = { ...starting, phase: "pending", failures: 3, losses: 2, nextStartAt: NOW + 9_000 };
const held: Deployment = { ...starting, phase: "pending", held: true, failures: 1 };
const stopping = (stopReason: string): Deployment => ({ ...running, phase: "stopping", ready: false, stopReason });

const act = (row: Deployment, action: (typeof INSTANCE_ACTIONS)[number], context = CONTEXT) =>
  decideAction(row, action, context, NOW);

describe("stop", () => {
  it("holds the deployment and stops its container as the user's wish", ({ expect }) => {
    for (const row of [starting, running]) {
      expect(act(row, "stop")).toMatchObject({
        type: "changed",
        next: { held: true, phase: "stopping", stopReason: "StoppedByUser", ready: false, since: NOW },
        event: { name: "VMStopping", details: { reason: "StoppedByUser", action: "stop", actor: "ann" } },
      });
    }
  });

  it("holds one that waits, without a stop", ({ expect }) => {
    expect(act(backedOff, "stop")).toMatchObject({
      next: { ...backedOff, held: true },
      event: { name: "InstanceStopped", details: { action: "stop", actor: "ann" } },
    });
  });

  it("in the middle of another stop takes it over, but not the platform's fault", ({ expect }) => {
    expect(act(stopping("Restarted"), "stop")).toMatchObject({ next: { held: true, stopReason: "StoppedByUser" } });
    expect(act(stopping("NeverStarted"), "stop")).toMatchObject({ next: { held: true, stopReason: "NeverStarted" } });
  });
});

describe("start", () => {
  it("ends the hold and the back-off, and starts now", ({ expect }) => {
    expect(act({ ...held, nextStartAt: NOW + 1_000 }, "start")).toMatchObject({
      next: { held: false, failures: 0, losses: 0, nextStartAt: NOW, phase: "pending" },
      event: { name: "InstanceStarted", details: { action: "start", actor: "ann" } },
    });
    expect(act(backedOff, "start")).toMatchObject({ next: { failures: 0, losses: 0, nextStartAt: NOW } });
  });

  it("during the stop does not take it back", ({ expect }) => {
    const row = { ...stopping("StoppedByUser"), held: true };
    expect(act(row, "start")).toMatchObject({ next: { held: false, phase: "stopping", stopReason: "StoppedByUser" } });
  });
});

describe("restart", () => {
  it("stops the container and keeps the deployment", ({ expect }) => {
    expect(act(running, "restart")).toMatchObject({
      next: { id: "d0", held: false, phase: "stopping", stopReason: "Restarted" },
      event: { details: { action: "restart", actor: "ann" } },
    });
  });

  it("of one in back-off starts it now", ({ expect }) => {
    expect(act(backedOff, "restart")).toMatchObject({ next: { nextStartAt: NOW, failures: 0 } });
  });

  it("of a held one is refused and says what to do", ({ expect }) => {
    const refusal = { type: "refused", code: "INSTANCE_HELD", details: { instance: "web-0", deployment_id: "d0" } };
    expect(act(held, "restart")).toMatchObject(refusal);
    expect(act(held, "restart")).toHaveProperty("message", expect.stringContaining("start it"));
  });
});

describe("destroy", () => {
  it("stops for good, also in the middle of a stop that would keep the slot", ({ expect }) => {
    expect(act(running, "destroy")).toMatchObject({ next: { phase: "stopping", stopReason: "Destroyed" } });
    const stops = { ...stopping("StoppedByUser"), held: true };
    expect(act(stops, "destroy")).toMatchObject({ next: { held: false, stopReason: "Destroyed" } });
  });

  it("of one without a container is its end", ({ expect }) => {
    const end = { phase: "pending", held: false, last: { kind: "stopped", reason: "Destroyed", at: NOW } };
    expect(act(held, "destroy")).toMatchObject({ next: end });
  });

  it("of a standalone deployment is its delete, and refused here", ({ expect }) => {
    const context: ActionContext = { ...CONTEXT, kind: "deployment" };
    expect(act(running, "destroy", context)).toMatchObject({ type: "refused", code: "DESTROY_IS_DELETE" });
  });
});

describe("cordon", () => {
  it("belongs to a container: without one it is refused", ({ expect }) => {
    expect(act(running, "cordon")).toMatchObject({ next: { ...running, cordoned: true } });
    expect(act({ ...running, cordoned: true }, "uncordon")).toMatchObject({ next: running });
    for (const row of [backedOff, held, stopping("Restarted")]) {
      expect(act(row, "cordon")).toMatchObject({ type: "refused", code: "INSTANCE_NOT_RUNNING" });
    }
  });
});

describe("an action", () => {
  it.for([
    ["start", running],
    ["start", starting],
    ["start", stopping("Restarted")],
    ["start", { ...backedOff, nextStartAt: NOW }],
    ["stop", held],
    ["restart", stopping("Restarted")],
    ["restart", stopping("NeverStarted")],
    ["restart", { ...backedOff, nextStartAt: NOW }],
    ["destroy", stopping("ScaledDown")],
    ["cordon", { ...running, cordoned: true }],
    ["uncordon", running],
  ] as const)("%s changes nothing that is as wished", ([action, row], { expect }) => {
    expect(act(row, action)).toEqual({ type: "unchanged" });
  });

  it("done twice is a change once", ({ expect }) => {
    const rows = [starting, running, backedOff, held];
    const firsts = INSTANCE_ACTIONS.flatMap((action) => rows.map((row) => ({ action, first: act(row, action) })));
    const again = firsts.flatMap(({ action, first }) => (first.type === "changed" ? [act(first.next, action)] : []));
    expect(again.length).toBeGreaterThan(10);
    expect(again.filter(({ type }) => type !== "unchanged")).toEqual([]);
  });

  it("on one that is being removed is refused, whatever it is", ({ expect }) => {
    for (const action of INSTANCE_ACTIONS.filter((name) => name !== "destroy")) {
      expect(act(stopping("ScaledDown"), action)).toMatchObject({ type: "refused", code: "INSTANCE_LEAVING" });
    }
  });
});

describe("a replacement", () => {
  it("is a restart of the placement that is current, and of no other", ({ expect }) => {
    expect(decideReplacement(running, 1, CONTEXT, NOW)).toMatchObject({
      next: { phase: "stopping", stopReason: "Restarted" },
      event: { details: { action: "replace" } },
    });
    const stale = decideReplacement(running, 2, CONTEXT, NOW);
    expect(stale).toMatchObject({ type: "refused", code: "PLACEMENT_NOT_CURRENT" });
    expect(stale).toHaveProperty("message", "instance web-0 is at placement 1, not 2: read it again");
    expect(decideReplacement(stopping("Deleted"), 1, CONTEXT, NOW)).toMatchObject({ code: "INSTANCE_LEAVING" });
  });
});

describe("sleep", () => {
  const named: Deployment = { ...running, name: "room-1" };
  const waiting: Deployment = { ...backedOff, name: "room-1" };

  it("stops the container until the next call", ({ expect }) => {
    expect(act(named, "sleep")).toMatchObject({
      type: "changed",
      next: { id: "d0", isAsleep: true, phase: "stopping", stopReason: "Idle" },
      event: { name: "VMStopping", details: { reason: "Idle", action: "sleep", actor: "ann" } },
    });
  });

  it("of one without a container only says that it is not to come back by itself", ({ expect }) => {
    expect(act(waiting, "sleep")).toMatchObject({
      next: { ...waiting, isAsleep: true },
      event: { name: "InstanceSlept", details: { action: "sleep", actor: "ann" } },
    });
  });

  it("changes nothing of one that sleeps, or that a user holds", ({ expect }) => {
    expect(act({ ...waiting, isAsleep: true }, "sleep")).toEqual({ type: "unchanged" });
    expect(act({ ...waiting, held: true }, "sleep")).toEqual({ type: "unchanged" });
  });

  it("of a member of the pool is refused: nobody would wake it", ({ expect }) => {
    expect(act(running, "sleep")).toEqual({
      type: "refused",
      code: "INSTANCE_NOT_NAMED",
      message: "instance web-0 is a member of the pool, which does not sleep: stop it",
      details: { instance: "web-0", deployment_id: "d0" },
    });
  });

  it("is ended by a start", ({ expect }) => {
    const asleep = { ...waiting, nextStartAt: 0, isAsleep: true };
    expect(act(asleep, "start")).toMatchObject({ type: "changed", event: { name: "InstanceStarted" } });
    expect(act({ ...running, nextStartAt: NOW + 1 }, "start")).toEqual({ type: "unchanged" });
  });
});

describe("what is told of an action", () => {
  it.for<[Parameters<typeof act>[1], Deployment, string]>([
    ["start", backedOff, "InstanceStarted"],
    ["stop", backedOff, "InstanceStopped"],
    ["restart", backedOff, "InstanceRestarted"],
    ["destroy", backedOff, "InstanceDestroyed"],
    ["destroy", stopping("Restarted"), "InstanceDestroyed"],
    ["cordon", running, "InstanceCordoned"],
    ["uncordon", { ...running, cordoned: true }, "InstanceUncordoned"],
  ])("%s: who, on what", ([action, row, name], { expect }) => {
    const decision = act(row, action);
    expect(decision).toMatchObject({ type: "changed" });
    expect(decision.type === "changed" ? decision.event : null).toStrictEqual({
      type: "Info",
      name,
      message: `${action} of web-0 by ann`,
      deployment: "d0",
      generation: 1,
      details: { action, actor: "ann" },
    });
  });

  it.for(["stop", "restart", "destroy"] as const)(
    "that stops a container (%s) is told as its stop",
    (action, { expect }) => {
      const decision = act(running, action);
      const event = decision.type === "changed" ? decision.event : null;
      expect(event?.message).toMatch(new RegExp(`^stopping the container: .* \\(${action} by ann\\)$`));
      expect(event?.details).toMatchObject({ action, actor: "ann" });
    },
  );

  it("carries the mark of its request, where there is one", ({ expect }) => {
    const marked = act(running, "cordon", { ...CONTEXT, request: "r-1" });
    expect(marked).toMatchObject({ event: { details: { action: "cordon", actor: "ann", request: "r-1" } } });
  });
});

function messageOf(decision: ReturnType<typeof act>): string | null {
  return decision.type === "refused" ? decision.message : null;
}

function leaving(why: string): string {
  return `instance web-0 is being removed (${why}): act on another instance`;
}

describe("what is said of a refusal", () => {
  it("names the instance, its state and the way out", ({ expect }) => {
    expect(messageOf(act(running, "destroy", { ...CONTEXT, kind: "deployment" }))).toBe(
      "instance web-0 is a deployment of its own: delete the deployment",
    );
    expect(messageOf(act(backedOff, "cordon"))).toBe(
      "instance web-0 has no container that runs (pending), and a cordon ends with its container: start it first",
    );
    expect(messageOf(act(held, "restart"))).toBe("instance web-0 was stopped by a user and stays so: start it");
    expect(messageOf(decideReplacement(running, 7, CONTEXT, NOW))).toBe(
      "instance web-0 is at placement 1, not 7: read it again",
    );
  });

  it("of one on its way out says why it goes", ({ expect }) => {
    expect(messageOf(act(stopping("ScaledDown"), "stop"))).toBe(leaving("ScaledDown"));
    const last = { kind: "stopped", exitCode: 0, reason: "Destroyed", at: 1 } as const;
    expect(messageOf(act({ ...backedOff, last }, "stop"))).toBe(leaving("Destroyed"));
    const nameless = { ...stopping("ScaledDown"), stopReason: null };
    expect(messageOf(act(nameless, "stop"))).toBe(leaving("NotWanted"));
    expect(messageOf(act({ ...nameless, last }, "stop"))).toBe(leaving("Destroyed"));
    expect(messageOf(decideReplacement(stopping("ScaledDown"), 1, CONTEXT, NOW))).toBe(leaving("ScaledDown"));
  });

  it("is not made of a destroy where that may be", ({ expect }) => {
    expect(act(running, "stop", { ...CONTEXT, kind: "deployment" })).toMatchObject({ type: "changed" });
  });
});
