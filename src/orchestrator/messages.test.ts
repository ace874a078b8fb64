import { describe, it, vi } from "vitest";
import { ended, READY, schedulerWorld } from "../../test/unit/scheduler-world.ts";
import { MAX_IN_FLIGHT } from "./outbox.ts";
import type { InstanceAnswer, LaunchOrder } from "./scheduler-deps.ts";

const AUTOSCALING = { min: 1, max: 3, target: { kind: "rps", value: 10 }, idleAfterMs: 600_000 } as const;

describe("a launch", () => {
  it("says what is to be started, and nothing more", async ({ expect }) => {
    const world = schedulerWorld({ spec: { checkEveryMs: 5_000 } });
    await world.pass();
    expect(world.orders).toStrictEqual([
      {
        applicationId: "a",
        applicationName: "web",
        deploymentId: "d1",
        instanceName: "web-0",
        generation: 1,
        version: 1,
        revision: "r1",
        checkEveryMs: 5_000,
        spec: expect.objectContaining({ port: expect.any(Number) }),
      },
    ]);
  });

  it("of one whose place is verified says so", async ({ expect }) => {
    const verified = schedulerWorld({ spec: { constraints: { isVerified: true } } });
    await verified.pass();
    expect(verified.orders[0]).toMatchObject({ isPlaceVerified: true });
    const plain = schedulerWorld({ spec: { constraints: { isVerified: false } } });
    await plain.pass();
    expect(plain.orders[0]).not.toHaveProperty("isPlaceVerified");
  });

  it("of a member of a pool that follows its load says so, and of a named one that it is named", async ({ expect }) => {
    const world = schedulerWorld({
      spec: { namedInstances: 1, autoscaling: AUTOSCALING },
      deps: { called: () => ["room"] },
    });
    await world.pass();
    const [pooled] = world.orders.filter(({ isNamed }) => isNamed === undefined);
    const [named] = world.orders.filter(({ isNamed }) => isNamed === true);
    expect(pooled).toMatchObject({ reportsLoad: true });
    expect(named).toMatchObject({ instanceName: expect.stringContaining("room") });
    expect(named).not.toHaveProperty("reportsLoad");
    const other = schedulerWorld({ spec: { namedInstances: 1, autoscaling: null }, deps: { called: () => ["room"] } });
    await other.pass();
    expect(other.orders.some((order) => "reportsLoad" in order)).toBe(false);
  });
});

/** One more than may be under way, so that the last one waits for its turn. */
async function crowded() {
  const answers = new Map<string, (answer: InstanceAnswer) => void>();
  const world = schedulerWorld({
    spec: { instances: MAX_IN_FLIGHT + 1 },
    launch: ({ deploymentId, generation }) =>
      generation === 1
        ? new Promise<InstanceAnswer>((resolve) => answers.set(deploymentId, resolve))
        : { generation, report: READY },
  });
  await world.pass();
  // As many as one pass may begin.
  await world.pass();
  const last = `d${MAX_IN_FLIGHT + 1}`;
  return {
    world,
    last,
    /** One place more is free. */
    letOn: async () => {
      answers.get("d1")?.({ generation: 1, report: READY });
      await world.settle();
    },
    saidOfLast: () => world.said().filter(([, id]) => id === last),
  };
}

describe("a message that waits for its turn", () => {
  it("is sent when its turn comes", async ({ expect }) => {
    const { letOn, saidOfLast, last } = await crowded();
    expect(saidOfLast()).toEqual([]);
    await letOn();
    expect(saidOfLast()).toEqual([["launch", last, 1]]);
  });

  it("is not sent when something else is meant by then", async ({ expect }) => {
    const { world, letOn, saidOfLast, last } = await crowded();
    world.act(last, "stop");
    await letOn();
    expect(saidOfLast()).toEqual([["stop", last, 1, "StoppedByUser"]]);
  });

  it("is not sent when another placement is meant by then", async ({ expect }) => {
    const { world, letOn, saidOfLast, last } = await crowded();
    world.deployments.put({ ...world.get(last), generation: 2 });
    const passes = world.count.passed;
    await letOn();
    expect(world.count.passed).toBeGreaterThan(passes);
    await world.pass();
    expect(saidOfLast()).toEqual([["launch", last, 2]]);
  });
});

describe("a launch that takes long to prepare", () => {
  it("is not made when something else is meant by then, which is looked at again", async ({ expect }) => {
    const prepared = Promise.withResolvers<void>();
    const prepare = async (order: LaunchOrder) => {
      await prepared.promise;
      return order;
    };
    const world = schedulerWorld({ deps: { prepare } });
    await world.pass();
    world.act("d1", "stop");
    prepared.resolve();
    await world.settle();
    expect(world.said()).toEqual([["stop", "d1", 1, "StoppedByUser"]]);
    expect(world.get("d1").phase).toBe("pending");
  });
});

describe("an instance", () => {
  it("that is silent is asked how it is, and not stopped", async ({ expect }) => {
    const world = schedulerWorld({ silentAfterMs: 10_000 });
    await world.pass();
    world.said();
    world.at.now += 10_001;
    await world.pass();
    expect(world.said()).toEqual([["check", "d1", 1]]);
    expect(world.get("d1").ready).toBe(true);
  });

  it("that answers is not silent any more", async ({ expect }) => {
    const world = schedulerWorld({ silentAfterMs: 10_000 });
    await world.pass();
    world.said();
    world.at.now += 8_000;
    world.scheduler.observe("d1", 1, READY);
    world.at.now += 8_000;
    await world.pass();
    expect(world.said()).toEqual([]);
  });

  it("whose stop has no reason is stopped all the same", async ({ expect }) => {
    const world = schedulerWorld();
    await world.pass();
    world.said();
    world.deployments.put({ ...world.get("d1"), phase: "stopping", ready: false, stopReason: null });
    await world.pass();
    expect(world.said()[0]).toEqual(["stop", "d1", 1, "Stopped"]);
  });

  it("that cannot be told to let go is written to the log", async ({ expect }) => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const world = schedulerWorld({ release: () => Promise.reject(new Error("gone")) });
    await world.pass();
    world.change({ deleting: true });
    await world.pass();
    expect(warned.mock.calls).toEqual([
      [{ message: "instance.release.failed", deployment: "d1", error: "Error: gone" }],
    ]);
  });

  it("whose answer cannot be applied is written to the log", async ({ expect }) => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const world = schedulerWorld({
      launch: ({ generation }) => ({ generation, report: ended("ExitedWithCode", "exited") }),
      deps: {
        onRoutingChanged: () => {
          throw new Error("disk is full");
        },
      },
    });
    await world.pass();
    expect(warned.mock.calls).toEqual([
      [{ message: "instance.answer.failed", deployment: "d1", error: expect.stringContaining("disk is full") }],
    ]);
  });
});
