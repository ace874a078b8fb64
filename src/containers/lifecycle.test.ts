import { describe, it } from "vitest";
import { memoryDatabase } from "../../test/unit/sqlite-storage.ts";
import type { Database } from "../database.ts";
import { migrate } from "../migrations.ts";
import { toLaunchSpec } from "../orchestrator/launch-spec.ts";
import type { Report } from "../orchestrator/plan/observe.ts";
import type { LaunchOrder, ReportReply } from "../orchestrator/scheduler.ts";
import { Timers } from "../timers.ts";
import { Lifecycle, TIMER } from "./lifecycle.ts";
import type { ContainerPort } from "./port.ts";
import { INSTANCE_MIGRATIONS } from "./run-record.ts";

const NOW = 1_000;
const ORDER: LaunchOrder = {
  applicationId: "a",
  applicationName: "web",
  deploymentId: "d",
  instanceName: "web-0",
  generation: 1,
  version: 1,
  revision: "r",
  checkEveryMs: 60_000,
  spec: toLaunchSpec({ image: "app" }),
};

/** A container that listens and ends when it is told to. */
function container() {
  const exit = Promise.withResolvers<void>();
  let isRunning = false;
  const port: ContainerPort = {
    images: { app: "local/app:1" },
    get running() {
      return isRunning;
    },
    start: () => void (isRunning = true),
    monitor: () => exit.promise,
    destroy: async () => void (isRunning = false),
    signal: () => undefined,
    inspect: async () => null,
    setInactivityTimeout: async () => undefined,
    fetch: async () => new Response("ok"),
    accepts: async () => true,
    exec: async () => ({ exitCode: 0, output: "" }),
  };
  const end = () => {
    isRunning = false;
    exit.resolve();
  };
  return { port, end };
}

/** One lifetime of an Instance object on storage that outlives it. */
function lifetime(db: Database, port: ContainerPort, report: (report: Report) => Promise<ReportReply>) {
  const timers = new Timers(db, { setAlarm: () => undefined, deleteAlarm: () => undefined });
  const work: Promise<void>[] = [];
  const lifecycle = new Lifecycle({
    db,
    timers,
    port,
    clock: () => NOW,
    report: (_, told) => report(told),
    reset: () => undefined,
    background: (task) => void work.push(task),
  });
  return { lifecycle, timers };
}

describe("an end that the application has not heard of", () => {
  it("is told by a later lifetime of the object, from a timer that stays until it is heard", async ({ expect }) => {
    const db = memoryDatabase();
    migrate(db, INSTANCE_MIGRATIONS);
    const { port, end } = container();
    const unheard = Promise.withResolvers<ReportReply>();
    const before = lifetime(db, port, () => unheard.promise);
    await before.lifecycle.launch(ORDER);
    end();
    await expect.poll(() => before.lifecycle.record?.phase).toBe("ended");
    // The object is reset here, before any answer.
    const told: Report[] = [];
    const after = lifetime(db, port, async (report) => {
      told.push(report);
      return { owned: true, checkEveryMs: 60_000 };
    });
    await after.lifecycle.resume();
    expect(after.timers.dueAt(TIMER.keepalive)).toBe(NOW + 60_000);
    await after.lifecycle.onTimer(TIMER.keepalive);
    expect(told).toMatchObject([{ state: "ended", outcome: { kind: "exited", exitCode: 0 } }]);
    expect(after.timers.dueAt(TIMER.keepalive)).toBeNull();
  });
});
