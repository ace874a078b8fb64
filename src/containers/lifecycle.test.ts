import { describe, it, onTestFinished, vi } from "vitest";
import { memoryDatabase } from "../../test/unit/sqlite-storage.ts";
import type { Database } from "../database.ts";
import { migrate } from "../migrations.ts";
import { toLaunchSpec } from "../orchestrator/launch-spec.ts";
import type { Report } from "../orchestrator/plan/observe.ts";
import type { LaunchOrder, ReportReply } from "../orchestrator/scheduler-deps.ts";
import { Timers } from "../timers.ts";
import { Lifecycle, TIMER } from "./lifecycle.ts";
import type { ContainerPort, Printed } from "./port.ts";
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

const owned = async (): Promise<ReportReply> => ({ owned: true, checkEveryMs: 60_000 });
const DISOWNED: ReportReply = { owned: false, checkEveryMs: 60_000 };

/** A container that listens and ends when it is told to. */
function container(hazards: Partial<ContainerPort> = {}) {
  const exit = Promise.withResolvers<void>();
  let isRunning = false;
  const port: ContainerPort = {
    images: { app: "local/app:1" },
    get running() {
      return isRunning;
    },
    intercept: async () => undefined,
    start: () => void (isRunning = true),
    monitor: () => exit.promise,
    destroy: async () => void (isRunning = false),
    signal: () => undefined,
    inspect: async () => null,
    setInactivityTimeout: async () => undefined,
    run: () => new Promise(() => undefined),
    fetch: async () => new Response("ok"),
    accepts: async () => true,
    exec: async () => ({ exitCode: 0, output: "" }),
  };
  Object.assign(port, hazards);
  const end = () => {
    isRunning = false;
    exit.resolve();
  };
  return { port, end };
}

/** One lifetime of an Instance object on storage that outlives it. */
function lifetime(
  db: Database,
  port: ContainerPort,
  report: (report: Report) => Promise<ReportReply>,
  reset: (why: string) => void = () => undefined,
  clock: () => number = () => NOW,
) {
  const timers = new Timers(db, { setAlarm: () => undefined, deleteAlarm: () => undefined });
  const work: Promise<void>[] = [];
  const lifecycle = new Lifecycle({
    db,
    timers,
    port,
    clock,
    report: (_, told) => report(told),
    reset,
    background: (task) => void work.push(task),
  });
  return { lifecycle, timers };
}

const broken = async () => await Promise.reject(new Error("PromiseFulfiller was destroyed"));

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

  it("is found by a later lifetime that the platform does not answer about anything else", async ({ expect }) => {
    const db = memoryDatabase();
    migrate(db, INSTANCE_MIGRATIONS);
    let isBroken = false;
    const { port, end } = container({
      setInactivityTimeout: async () => await (isBroken ? broken() : undefined),
      intercept: async () => await (isBroken ? broken() : undefined),
    });
    await lifetime(db, port, owned).lifecycle.launch(ORDER);
    isBroken = true;
    const told: Report[] = [];
    const after = lifetime(db, port, async (report) => {
      told.push(report);
      return { owned: true, checkEveryMs: 60_000 };
    });
    await after.lifecycle.resume();
    end();
    await expect.poll(() => told).toMatchObject([{ state: "ended", outcome: { kind: "exited", exitCode: 0 } }]);
  });

  it("keeps its timer when the answer to what was told before comes behind it", async ({ expect }) => {
    const db = memoryDatabase();
    migrate(db, INSTANCE_MIGRATIONS);
    const failed = Promise.withResolvers<void>();
    const { port } = container({ monitor: () => failed.promise });
    const heard = Promise.withResolvers<ReportReply>();
    const told: Report[] = [];
    const { lifecycle, timers } = lifetime(db, port, (report) => {
      told.push(report);
      return heard.promise;
    });
    await lifecycle.launch(ORDER);
    await expect.poll(() => told).toMatchObject([{ state: "running" }]);
    failed.reject(new Error("Container failed to start"));
    await expect.poll(() => lifecycle.record?.phase).toBe("ended");
    heard.resolve({ owned: true, checkEveryMs: 60_000 });
    await new Promise((resolve) => setImmediate(resolve));
    expect(timers.dueAt(TIMER.report)).toBe(NOW);
  });
});

describe("an engine that tells nothing of a container any more", () => {
  it("is left to the next lifetime of the object, which finds the container gone", async ({ expect }) => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const db = memoryDatabase();
    migrate(db, INSTANCE_MIGRATIONS);
    const silent = new Promise<never>(() => undefined);
    const { port, end } = container({ inspect: () => silent, monitor: () => silent });
    const resets: string[] = [];
    let now = NOW;
    const before = lifetime(
      db,
      port,
      owned,
      (why) => void resets.push(why),
      () => now,
    );
    await before.lifecycle.launch(ORDER);
    await vi.advanceTimersByTimeAsync(5_000);
    // It has only just begun.
    expect(resets).toEqual([]);
    now = NOW + 60_000;
    const look = before.lifecycle.onTimer(TIMER.keepalive).catch(() => undefined);
    await vi.advanceTimersByTimeAsync(4_999);
    expect(resets).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(resets).toEqual(["EngineSilent"]);
    expect(before.timers.dueAt(TIMER.report)).toBe(now);
    await Promise.race([look, vi.advanceTimersByTimeAsync(60_000)]);
    end();
    const told: Report[] = [];
    const after = lifetime(db, port, async (report) => {
      told.push(report);
      return await owned();
    });
    await after.lifecycle.resume();
    await after.lifecycle.onTimer(TIMER.report);
    expect(told.at(-1)).toMatchObject({ state: "ended", outcome: { kind: "lost", reason: "Vanished" } });
  });
});

describe("a start or a watch that fails for a reason of the platform's own", () => {
  const lost = new Error("Network connection lost.");
  it.for([
    [
      "a start",
      {
        start: () => {
          throw lost;
        },
      },
    ],
    ["a watch", { monitor: () => Promise.reject(lost) }],
  ] as const)(
    "%s is called ended only by the next lifetime, which sees whether it runs",
    async ([, hazard], { expect }) => {
      const db = memoryDatabase();
      migrate(db, INSTANCE_MIGRATIONS);
      const { port } = container(hazard);
      const reset = vi.fn<(why: string) => void>();
      const heard = vi.fn<(report: Report) => Promise<ReportReply>>(() => Promise.reject(new Error("heard too early")));
      const before = lifetime(db, port, heard, reset);
      await before.lifecycle.launch(ORDER).catch(() => undefined);
      await expect.poll(() => reset.mock.calls.length).toBe(1);
      // Nobody hears of an end from this one, however it is asked.
      await expect(before.lifecycle.check("d", 1)).rejects.toThrow("is being found out");
      await before.lifecycle.onTimer(TIMER.report);
      expect(heard).not.toHaveBeenCalled();
      let destroyed = 0;
      const still = container({ destroy: async () => void (destroyed += 1) });
      still.port.start({
        image: "",
        size: { vcpu: 0, memoryMib: 0, diskMb: 0 },
        entrypoint: null,
        env: {},
        labels: {},
        isOpen: false,
      });
      const after = lifetime(db, still.port, async () => ({ owned: true, checkEveryMs: 60_000 }));
      await after.lifecycle.resume();
      expect(destroyed).toBe(1);
    },
  );
});

const ATTEMPT = { job: "j", name: "job", index: 0, count: 1, attempt: 1, payload: null, isWrapped: true };

describe("a container of a job that is gone", () => {
  it("is as its watch says, which may be two seconds later, and not lost", async ({ expect }) => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const db = memoryDatabase();
    migrate(db, INSTANCE_MIGRATIONS);
    let isRunning = false;
    const watch = Promise.withResolvers<void>();
    const { port } = container({
      start: () => void (isRunning = true),
      monitor: () => watch.promise,
      run: () => Promise.reject(new Error("there is no shell")),
    });
    Object.defineProperty(port, "running", { get: () => isRunning });
    const { lifecycle } = lifetime(db, port, async () => ({ owned: true, checkEveryMs: 60_000 }));
    await lifecycle.launch({ ...ORDER, attempt: ATTEMPT });
    isRunning = false;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(lifecycle.record?.phase).toBe("starting");
    watch.reject(new Error("Container failed to start"));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(lifecycle.record?.ending).toMatchObject({ kind: "refused", reason: "ImageDoesNotBoot" });
  });
});

describe("a container that cannot be destroyed", () => {
  it("is tried again by the next look when it is nobody's", async ({ expect }) => {
    const db = memoryDatabase();
    migrate(db, INSTANCE_MIGRATIONS);
    let destroyed = 0;
    const { port } = container({
      destroy: async () => {
        destroyed += 1;
        if (destroyed === 1) throw new Error("internal error");
      },
    });
    const { lifecycle, timers } = lifetime(db, port, async () => DISOWNED);
    await lifecycle.launch(ORDER);
    await expect.poll(() => lifecycle.record?.phase).toBe("ended");
    expect(timers.dueAt(TIMER.keepalive)).not.toBeNull();
    await lifecycle.onTimer(TIMER.keepalive);
    expect(destroyed).toBe(2);
    expect(timers.dueAt(TIMER.keepalive)).toBeNull();
  });

  it("is not called ended when an earlier word is told again", async ({ expect }) => {
    const db = memoryDatabase();
    migrate(db, INSTANCE_MIGRATIONS);
    let isStuck = true;
    const outcome = Promise.withResolvers<Printed>();
    const { port } = container({
      run: (_, onBegun) => {
        onBegun?.();
        return outcome.promise;
      },
      destroy: () => (isStuck ? Promise.reject(new Error("internal error")) : Promise.resolve()),
    });
    const told: string[] = [];
    const { lifecycle } = lifetime(db, port, async ({ state }) => {
      told.push(state);
      return { owned: true, checkEveryMs: 60_000 };
    });
    await lifecycle.launch({ ...ORDER, attempt: ATTEMPT });
    await expect.poll(() => told).toContain("running");
    outcome.resolve({ exitCode: 0, printed: new TextEncoder().encode("3 0 0\n") });
    await expect.poll(() => lifecycle.record?.phase).toBe("ended");
    await lifecycle.onTimer(TIMER.report);
    expect(told).not.toContain("ended");
    isStuck = false;
    await lifecycle.onTimer(TIMER.report);
    expect(told).toContain("ended");
  });

  it("is not called ended to whoever asks", async ({ expect }) => {
    const db = memoryDatabase();
    migrate(db, INSTANCE_MIGRATIONS);
    let isStuck = true;
    const { port } = container({
      destroy: async () => {
        if (isStuck) throw new Error("internal error");
      },
    });
    const { lifecycle } = lifetime(db, port, async () => DISOWNED);
    await lifecycle.launch(ORDER);
    await expect.poll(() => lifecycle.record?.phase).toBe("ended");
    await expect(lifecycle.check("d", 1)).rejects.toThrow("internal error");
    isStuck = false;
    expect(await lifecycle.check("d", 1)).toMatchObject({ generation: 1, report: { state: "ended" } });
  });

  it("is tried again by the next look when it was only to be marked as ended", async ({ expect }) => {
    const db = memoryDatabase();
    migrate(db, INSTANCE_MIGRATIONS);
    let destroyed = 0;
    const { port } = container({
      destroy: async () => {
        destroyed += 1;
        if (destroyed === 1) throw new Error("internal error");
      },
    });
    const { lifecycle, timers } = lifetime(db, port, async () => ({ owned: true, checkEveryMs: 60_000 }));
    await lifecycle.launch(ORDER);
    // A stop of a generation that never came here.
    await expect(lifecycle.retire("d", 2, "ScaledDown")).rejects.toThrow("internal error");
    expect(timers.dueAt(TIMER.keepalive)).not.toBeNull();
    await lifecycle.onTimer(TIMER.keepalive);
    expect(destroyed).toBe(2);
  });

  it("is not that of a launch that came before it was forbidden", async ({ expect }) => {
    const db = memoryDatabase();
    migrate(db, INSTANCE_MIGRATIONS);
    const { port } = container();
    const { lifecycle } = lifetime(db, port, async () => ({ owned: true, checkEveryMs: 60_000 }));
    await lifecycle.launch(ORDER);
    expect(await lifecycle.forbid("d", 1, "VALIDATE_INPUT")).not.toMatchObject({ report: { state: "ended" } });
    expect(port.running).toBe(true);
    const forbidden = await lifecycle.forbid("d", 2, "VALIDATE_INPUT");
    expect(forbidden).toMatchObject({ generation: 2, report: { state: "ended", outcome: { kind: "stopped" } } });
    expect(await lifecycle.launch({ ...ORDER, generation: 2 })).toMatchObject({ report: { state: "ended" } });
    expect(port.running).toBe(false);
  });

  it("is looked for by the next lifetime when this one has lost sight of it", async ({ expect }) => {
    const db = memoryDatabase();
    migrate(db, INSTANCE_MIGRATIONS);
    const watch = Promise.withResolvers<void>();
    const { port } = container({
      destroy: () => Promise.reject(new Error("internal error")),
      monitor: () => watch.promise,
    });
    const reset = vi.fn<(why: string) => void>();
    const { lifecycle, timers } = lifetime(db, port, async () => DISOWNED, reset);
    await lifecycle.launch(ORDER);
    await expect.poll(() => lifecycle.record?.phase).toBe("ended");
    watch.reject(new Error("Network connection lost."));
    await expect.poll(() => reset.mock.calls.length).toBe(1);
    expect(timers.dueAt(TIMER.report)).toBe(NOW);
  });
});

describe("a launch", () => {
  it("goes on when it is told meanwhile to take no requests, and the next of the same is told so too", async ({
    expect,
  }) => {
    const db = memoryDatabase();
    migrate(db, INSTANCE_MIGRATIONS);
    const word: { tell?: () => unknown } = {};
    const { port } = container({ intercept: async () => void word.tell?.() });
    const { lifecycle } = lifetime(db, port, owned);
    word.tell = () => lifecycle.admission.tell(1, false, 1);
    await lifecycle.launch(ORDER);
    expect([port.running, lifecycle.record?.generation, lifecycle.admission.isClosed]).toEqual([true, 1, true]);
    delete word.tell;
    await lifecycle.launch({ ...ORDER, generation: 2 });
    expect([port.running, lifecycle.record?.generation, lifecycle.admission.isClosed]).toEqual([true, 2, true]);
    await lifecycle.launch({ ...ORDER, generation: 3, revision: "other" });
    expect([port.running, lifecycle.record?.generation, lifecycle.admission.isClosed]).toEqual([true, 3, false]);
  });
});
