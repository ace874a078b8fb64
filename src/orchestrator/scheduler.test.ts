import { describe, it } from "vitest";
import { memoryDatabase } from "../../test/unit/sqlite-storage.ts";
import { GantryError } from "../errors.ts";
import { migrate } from "../migrations.ts";
import { Timers } from "../timers.ts";
import { applyCreate } from "./commands.ts";
import { DeploymentStore } from "./deployment-store.ts";
import { listEvents } from "./events.ts";
import { toLaunchSpec } from "./launch-spec.ts";
import { Outbox } from "./outbox.ts";
import { PASS_TIMER, Scheduler } from "./scheduler.ts";
import type { InstanceAnswer, LaunchOrder } from "./scheduler-deps.ts";
import { getVersion } from "./storage/application-row.ts";
import { APPLICATION_MIGRATIONS } from "./storage/schema.ts";

const NOW = 1_000_000;
const SPEC = { instances: 1, maxInstances: null, ingress: "private", checkEveryMs: 60_000 } as const;

/** An application with one instance, which answers as it is told. */
function scheduler(deps: {
  prepare: (order: LaunchOrder) => Promise<LaunchOrder>;
  /** What the instance says when it is looked at. */
  check?: InstanceAnswer;
}) {
  const db = memoryDatabase();
  migrate(db, APPLICATION_MIGRATIONS);
  const input = { id: "a", accountId: "c", name: "web", spec: SPEC, configuration: { image: "app" }, revision: "r" };
  applyCreate(db, input, "", NOW);
  const deployments = new DeploymentStore(db);
  const timers = new Timers(db, { setAlarm: () => undefined, deleteAlarm: () => undefined });
  const launched: LaunchOrder[] = [];
  const stopped: number[] = [];
  const ended = { state: "ended", outcome: { kind: "stopped", exitCode: null, reason: "Unknown" } } as const;
  const scheduling: Scheduler = new Scheduler({
    db,
    timers,
    deployments,
    outbox: new Outbox({ clock: () => NOW, silentAfterMs: () => Infinity, onSettled: () => scheduling.pass() }),
    clock: () => NOW,
    newDeploymentId: () => "d",
    version: (number) => {
      const version = getVersion(db, number);
      if (version === undefined) throw new Error(`no version ${number}`);
      return { version, spec: toLaunchSpec(version.configuration) };
    },
    instances: {
      launch: async (order) => {
        launched.push(order);
        return { generation: order.generation, report: { state: "running", ready: true } };
      },
      stop: async (_, generation) => {
        stopped.push(generation);
        return { generation, report: ended };
      },
      forbid: async (_, generation) => {
        stopped.push(generation);
        return { generation, report: ended };
      },
      check: async (_, generation) => deps.check ?? { generation, report: ended },
      release: async () => undefined,
    },
    prepare: deps.prepare,
    onRoutingChanged: () => undefined,
    onDeleted: () => undefined,
  });
  scheduling.pass();
  const row = () => deployments.get("d");
  const events = () => listEvents(db, 0, 100, {}).events;
  return { row, events, launched, stopped, wakeAt: () => timers.dueAt(PASS_TIMER) };
}

const refuse = async () => {
  throw new GantryError("SECRET_UNREADABLE", "secret TOKEN of the application web is not there: create it");
};

describe("an order that cannot be completed", () => {
  it("is not sent: the placement is refused, says why, and is tried again after a while", async ({ expect }) => {
    const world = scheduler({ prepare: refuse });
    await expect.poll(() => world.row()?.phase).toBe("pending");
    expect(world.launched).toEqual([]);
    expect(world.row()).toMatchObject({
      failures: 1,
      nextStartAt: NOW + 10_000,
      last: { kind: "refused", reason: "SECRET_UNREADABLE", exitCode: null },
    });
    expect(world.events().at(-1)).toMatchObject({
      type: "UserError",
      name: "VMFailedToStart",
      message: expect.stringContaining("secret TOKEN of the application web is not there: create it"),
      details: { outcome: "refused", reason: "SECRET_UNREADABLE" },
    });
    expect(world.wakeAt()).toBe(NOW + 10_000);
  });

  it("does not end what an earlier lifetime has launched", async ({ expect }) => {
    const running: InstanceAnswer = { generation: 1, report: { state: "running", ready: true } };
    const world = scheduler({ prepare: refuse, check: running });
    await expect.poll(() => world.row()?.ready).toBe(true);
    expect([world.stopped, world.row()?.generation]).toEqual([[], 1]);
  });

  it("changes nothing about the end of what an earlier lifetime has launched", async ({ expect }) => {
    const ended: InstanceAnswer = {
      generation: 1,
      report: { state: "ended", outcome: { kind: "exited", exitCode: 0, reason: "ExitedWithCode" } },
    };
    const world = scheduler({ prepare: refuse, check: ended });
    const ends = () => world.events().flatMap(({ details }) => (details?.["outcome"] === undefined ? [] : [details]));
    await expect.poll(() => ends().length).toBeGreaterThan(0);
    expect(ends()[0]).toMatchObject({ outcome: "exited", exit_code: 0 });
  });

  it("is fenced where the instance still knows an older placement only", async ({ expect }) => {
    const older: InstanceAnswer = {
      generation: 0,
      report: { state: "ended", outcome: { kind: "exited", exitCode: 1, reason: "ExitedWithCode" } },
    };
    const world = scheduler({ prepare: refuse, check: older });
    await expect.poll(() => world.row()?.phase).toBe("pending");
    expect(world.stopped).toEqual([1]);
    expect(world.row()?.last).toMatchObject({ kind: "refused" });
  });

  it("for another reason than a known one is a message that did not arrive", async ({ expect }) => {
    const world = scheduler({
      prepare: async () => {
        throw new Error("Network connection lost.");
      },
    });
    await expect.poll(() => world.wakeAt()).toBe(NOW + 500);
    expect(world.row()).toMatchObject({ phase: "starting", failures: 0 });
  });
});

describe("an order that is completed", () => {
  it("is what the instance gets", async ({ expect }) => {
    const world = scheduler({ prepare: async (order) => ({ ...order, instanceName: `${order.instanceName}!` }) });
    await expect.poll(() => world.row()?.ready).toBe(true);
    expect(world.launched).toMatchObject([{ deploymentId: "d", generation: 1, instanceName: "web-0!" }]);
  });
});
