import { describe, it, onTestFinished, vi } from "vitest";
import { containerPort } from "../../test/unit/container-port.ts";
import { memoryDatabase } from "../../test/unit/sqlite-storage.ts";
import { migrate } from "../migrations.ts";
import { toLaunchSpec } from "../orchestrator/launch-spec.ts";
import type { Report } from "../orchestrator/plan/observe.ts";
import type { LaunchOrder } from "../orchestrator/scheduler-deps.ts";
import { Timers } from "../timers.ts";
import { Lifecycle, TIMER } from "./lifecycle.ts";
import type { ContainerPort, Executed } from "./port.ts";
import { INSTANCE_MIGRATIONS } from "./run-record.ts";

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
const SILENT = new Promise<never>(() => undefined);

/** An object with storage that outlives it, and a container that runs from its launch on. */
function world(answers: Partial<ContainerPort>) {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const db = memoryDatabase();
  migrate(db, INSTANCE_MIGRATIONS);
  const signals: number[] = [];
  const told: Report[] = [];
  const resets: string[] = [];
  const container = { isRunning: false };
  const port = containerPort({
    images: { app: "local/app:1" },
    intercept: async () => undefined,
    start: () => void (container.isRunning = true),
    monitor: () => SILENT,
    destroy: async () => void (container.isRunning = false),
    signal: (signal) => void signals.push(signal),
    inspect: async () => null,
    setInactivityTimeout: async () => undefined,
    fetch: async () => new Response("ok"),
    exec: async () => ({ exitCode: 0, output: "" }),
    ...answers,
  });
  Object.defineProperty(port, "running", { get: () => container.isRunning });
  const lifetime = (ownPort: Partial<ContainerPort> = {}) => {
    Object.assign(port, ownPort);
    const timers = new Timers(db, { setAlarm: () => undefined, deleteAlarm: () => undefined });
    const lifecycle = new Lifecycle({
      db,
      timers,
      port,
      clock: Date.now,
      report: async (_, report) => {
        told.push(report);
        return { owned: true, checkEveryMs: 60_000 };
      },
      reset: (why) => void resets.push(why),
      background: () => undefined,
    });
    return { lifecycle, timers };
  };
  return { lifetime, signals, told, resets, container };
}

const ended = (told: readonly Report[]) => told.filter(({ state }) => state === "ended");

const refuses = async () => await Promise.reject<Response>(new Error("The container is not listening"));

describe("a stop that the engine does not answer", () => {
  it("is in doubt, tells no end, and is ended by the next lifetime", async ({ expect }) => {
    const { lifetime, told, resets, container } = world({ destroy: () => SILENT });
    const { lifecycle, timers } = lifetime();
    await lifecycle.launch(ORDER);
    await lifecycle.retire("d", 1, "ScaledDown");
    const fired = timers.fire(timers.dueAt(TIMER.keepalive) ?? 0, (key) => lifecycle.onTimer(key));
    await vi.advanceTimersByTimeAsync(4_999);
    expect(resets).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await fired;
    expect([resets, ended(told)]).toEqual([["EngineSilent"], []]);
    const next = lifetime({ destroy: async () => void (container.isRunning = false) });
    await next.lifecycle.resume();
    expect(next.lifecycle.record?.phase).toBe("stopping");
    const dueAt = next.timers.dueAt(TIMER.keepalive) ?? Infinity;
    await next.timers.fire(dueAt, (key) => next.lifecycle.onTimer(key));
    await vi.advanceTimersByTimeAsync(0);
    expect(container.isRunning).toBe(false);
    expect(ended(told)).toMatchObject([{ outcome: { kind: "stopped", reason: "ScaledDown" } }]);
  });

  it("sends SIGTERM only when no command of ours is under way, and begins none afterwards", async ({ expect }) => {
    const first = Promise.withResolvers<Executed>();
    const exec = vi.fn<ContainerPort["exec"]>(() => first.promise);
    const { lifetime, signals } = world({ exec });
    const { lifecycle } = lifetime();
    await lifecycle.launch(ORDER);
    await lifecycle.retire("d", 1, "ScaledDown");
    await vi.advanceTimersByTimeAsync(500);
    expect(signals).toEqual([]);
    first.resolve({ exitCode: 127, output: "" });
    await vi.advanceTimersByTimeAsync(0);
    expect(signals).toEqual([15]);
    await vi.advanceTimersByTimeAsync(9_000);
    expect(exec).toHaveBeenCalledTimes(1);
  });

  it("waits a second for a command that hangs, and no longer, and leaves the whole grace period", async ({
    expect,
  }) => {
    const { lifetime, signals } = world({ exec: () => SILENT });
    const { lifecycle, timers } = lifetime();
    await lifecycle.launch(ORDER);
    const stoppedAt = Date.now();
    await lifecycle.retire("d", 1, "ScaledDown");
    await vi.advanceTimersByTimeAsync(999);
    expect(signals).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(signals).toEqual([15]);
    expect(timers.dueAt(TIMER.keepalive)).toBe(stoppedAt + 1_000 + ORDER.spec.stopGraceMs);
  });
});

describe("an image that listens nowhere", () => {
  it("is ready when it has run for long and the engine says that it is there", async ({ expect }) => {
    const { lifetime, resets } = world({ fetch: refuses });
    const { lifecycle } = lifetime();
    await lifecycle.launch(ORDER);
    await vi.advanceTimersByTimeAsync(12_000);
    expect([lifecycle.record?.ready, resets]).toEqual([true, []]);
  });

  it("is not ready while the engine says nothing, and lost when the next lifetime finds it gone", async ({
    expect,
  }) => {
    const { lifetime, resets, told, container } = world({ fetch: refuses, inspect: () => SILENT });
    const { lifecycle } = lifetime();
    await lifecycle.launch(ORDER);
    await vi.advanceTimersByTimeAsync(17_000);
    expect([lifecycle.record?.ready, resets]).toEqual([false, ["EngineSilent"]]);
    container.isRunning = false;
    const next = lifetime();
    await next.lifecycle.resume();
    await vi.advanceTimersByTimeAsync(0);
    expect(ended(told)).toMatchObject([{ outcome: { kind: "lost", reason: "Vanished" } }]);
    expect(told).not.toContainEqual(expect.objectContaining({ ready: true }));
  });
});
