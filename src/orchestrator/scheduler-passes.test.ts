/** What a pass of the control loop does beside planning, and what becomes of what instances say. */
import { describe, it, vi } from "vitest";
import { ended, READY, schedulerWorld, START, type WorldOptions } from "../../test/unit/scheduler-world.ts";
import { ANYWHERE } from "../account/locations.ts";
import type { Allowance } from "./capacity/allowance.ts";
import type { Location } from "./placement/location.ts";
import type { Where } from "./placement/placing.ts";
import type { CapacityInHand, PlacesInHand } from "./scheduler-deps.ts";

const WEUR: Location = { code: "weur", name: "W", region: "WEUR", city: null, pop: null, weight: 1, enabled: true };
const ENAM: Location = { ...WEUR, code: "enam", region: "ENAM" };
const where = (...locations: Location[]): Where => ({
  locations,
  constraints: {},
  companions: null,
  failing: new Set(),
});

/** Places that a test finds out, and what was said of them. */
function inPlaces(at: { where: Where | null }) {
  const heard: string[] = [];
  const places: PlacesInHand = {
    where: () => at.where,
    ask: ({ name }) => void heard.push(`ask ${name}`),
    failed: (location) => void heard.push(`failed ${location}`),
  };
  return { places, heard: () => heard.splice(0) };
}

/** Capacity that a test grants, and what was said of it. */
function withCapacity(allowance?: Partial<Allowance>, passed: () => number | null = () => null) {
  const heard: unknown[] = [];
  const all: Allowance = { room: () => 100, free: new Map(), starts: 100, shortage: null };
  const capacity: CapacityInHand = {
    allowance: () => (allowance === undefined ? undefined : { ...all, ...allowance }),
    passed: (_, unbegun) => {
      heard.push(["passed", unbegun === null ? null : Object.fromEntries(unbegun)]);
      return passed();
    },
    started: (count) => {
      if (count > 0) heard.push(["started", count]);
    },
    rateLimited: () => void heard.push(["rate"]),
    yield: (location) => void heard.push(["yield", location]),
  };
  return { capacity, heard: () => heard.splice(0) };
}

/** Several that run. */
async function running(instances: number, options: WorldOptions = {}) {
  const world = schedulerWorld({ ...options, spec: { instances, ...options.spec } });
  await world.pass();
  world.said();
  world.events();
  Object.assign(world.count, { routing: 0, passed: 0 });
  return world;
}

const order = (ceiling: number) => ({ location: ANYWHERE, ceiling, by: ["b"] });

/** Two that run version 1; version 2 starts the same, version 3 does not. */
const two = async () => {
  const world = await running(2);
  world.store(2, { image: "app" }, "r1");
  world.store(3, { image: "next" }, "r3");
  return world;
};

describe("a pass", () => {
  it("brings what is wanted to run, tells of it, and rests", async ({ expect }) => {
    const logged = vi.spyOn(console, "log").mockImplementation(() => undefined);
    const world = schedulerWorld({ spec: { instances: 2 } });
    await world.pass();
    expect(world.said()).toEqual([
      ["launch", "d1", 1],
      ["launch", "d2", 1],
    ]);
    expect(world.all()).toEqual({ d1: ["running", true, 1], d2: ["running", true, 1] });
    expect(logged.mock.calls[0]).toEqual([
      expect.objectContaining({ message: "application.planned", application: "web", place: 2 }),
    ]);
    expect(world.events().map(({ name, deployment }) => [name, deployment])).toEqual(
      expect.arrayContaining([
        ["SchedulerPlaced", "d1"],
        ["SchedulerPlaced", "d2"],
      ]),
    );
    expect([world.wakeAt(), world.count.deleted]).toEqual([null, 0]);
    logged.mockClear();
    await world.pass();
    expect([world.said(), world.events(), logged.mock.calls]).toEqual([[], [], []]);
  });

  it("over nothing does nothing", async ({ expect }) => {
    const world = schedulerWorld();
    world.db.run("DELETE FROM application");
    world.change({});
    world.db.run("DELETE FROM application");
    world.db.memory.clear();
    world.scheduler.pass();
    expect([world.said(), world.count.passed, world.wakeAt()]).toEqual([[], 0, null]);
  });

  it("over what is deleted stops it, lets go of its slots, and says when nothing is left", async ({ expect }) => {
    const world = await running(1);
    world.change({ deleting: true });
    await world.pass();
    expect(world.said()).toEqual([
      ["stop", "d1", 1, "Deleted"],
      ["release", "d1"],
    ]);
    expect([world.all(), world.count.deleted]).toEqual([{}, 1]);
  });

  it("says when it is over", ({ expect }) => {
    const world = schedulerWorld({ spec: { instances: 0 } });
    world.scheduler.pass();
    expect(world.count.passed).toBe(1);
  });

  it("takes what is scaled down out of traffic at once, and lets go of it when it has ended", async ({ expect }) => {
    const answer = Promise.withResolvers<{ generation: number; report: ReturnType<typeof ended> }>();
    const world = await running(2, { stop: () => answer.promise });
    world.change({ spec: { ...world.row().spec, instances: 1 } });
    await world.pass();
    expect([world.said(), world.count.routing]).toEqual([[["stop", "d2", 1, "ScaledDown"]], 1]);
    expect(world.events()).toMatchObject([{ name: "VMStopping", deployment: "d2" }]);
    answer.resolve({ generation: 1, report: ended("Unknown", "stopped") });
    await world.settle();
    expect([world.said(), Object.keys(world.all())]).toEqual([[["release", "d2"]], ["d1"]]);
  });

  it("that stops nothing changes no traffic", async ({ expect }) => {
    const never = new Promise<never>(() => undefined);
    const world = schedulerWorld({ spec: { instances: 2 }, launch: () => never });
    await world.pass();
    expect(world.count.routing).toBe(0);
  });

  it("forgets what is gone, so that another under its id would be sent for", async ({ expect }) => {
    const world = await running(1);
    expect(world.outbox.lastSentAt("d1")).toBe(START);
    world.change({ deleting: true });
    await world.pass();
    expect(world.outbox.lastSentAt("d1")).toBe(0);
  });
});

describe("a shard of an application", () => {
  it("runs its share, in slots of its own and under ids of its own", async ({ expect }) => {
    const asked: unknown[] = [];
    const world = schedulerWorld({
      spec: { instances: 5 },
      row: { sharding: { shard: 1, shards: 2, turn: 0, holder: 0 } },
      deps: {
        newDeploymentId: (...args) => {
          asked.push(args);
          return `s${asked.length}`;
        },
      },
    });
    await world.pass();
    expect(world.deployments.all().map(({ slot }) => slot)).toEqual([1, 3]);
    expect(asked).toEqual([
      ["a", null, 1],
      ["a", null, 1],
    ]);
  });
});

describe("the deadlines of a version", () => {
  it("are when an instance that says nothing is looked at", async ({ expect }) => {
    const configuration = { startup_deadline: 90, drain_timeout: 20, stop_grace: 7 } as const;
    const silent = { state: "starting" } as const;
    const world = schedulerWorld({
      configuration,
      launch: ({ generation }) => ({ generation, report: silent }),
      stop: (_, generation) => ({ generation, report: { state: "stopping" } }),
    });
    await world.pass();
    expect(world.wakeAt()).toBe(START + 90_000);
    world.at.now += 1_000;
    world.scheduler.observe("d1", 1, READY);
    world.change({ spec: { ...world.row().spec, instances: 0 } });
    await world.pass();
    expect(world.get("d1").phase).toBe("stopping");
    const usual = schedulerWorld({ stop: (_, generation) => ({ generation, report: { state: "stopping" } }) });
    await usual.pass();
    usual.at.now += 1_000;
    usual.change({ spec: { ...usual.row().spec, instances: 0 } });
    await usual.pass();
    // The usual version drains for 5 seconds and gives 10 after SIGTERM.
    expect((world.wakeAt() ?? 0) - (usual.wakeAt() ?? 0)).toBe(27_000 - 15_000);
    expect((usual.wakeAt() ?? 0) - usual.at.now).toBeGreaterThan(15_000);
  });
});

describe("places", () => {
  it("that are not known are asked for, and nothing is placed or told meanwhile", async ({ expect }) => {
    const at = { where: null as Where | null };
    const { places, heard } = inPlaces(at);
    const world = schedulerWorld({ deps: { places }, row: { blocked: { reason: "NoLocationEnabled", since: START } } });
    await world.pass();
    expect([heard(), world.said(), world.row().blocked?.reason]).toEqual([["ask web"], [], "NoLocationEnabled"]);
    at.where = where(WEUR);
    await world.pass();
    expect([heard(), world.said(), world.row().blocked]).toEqual([[], [["launch", "d1", 1]], undefined]);
    expect(world.events().map(({ name }) => name)).toContain("PlacementUnblocked");
    expect(world.orders[0]).toMatchObject({ location: "weur" });
  });

  it("decide where the object of an instance is made, with its jurisdiction", async ({ expect }) => {
    const asked: unknown[] = [];
    const newDeploymentId = (...args: unknown[]) => {
      asked.push(args);
      return `p${asked.length}`;
    };
    const { places } = inPlaces({ where: where(WEUR) });
    await schedulerWorld({ deps: { places, newDeploymentId } }).pass();
    await schedulerWorld({
      spec: { constraints: { jurisdiction: "eu" } },
      deps: { places, newDeploymentId },
    }).pass();
    expect(asked).toEqual([
      ["a", { region: "WEUR", jurisdiction: null }, 0],
      ["a", { region: "WEUR", jurisdiction: "eu" }, 0],
    ]);
  });

  it("where nothing may be placed block, which is told once, looked at again, and told elsewhere not at all", async ({
    expect,
  }) => {
    const { places } = inPlaces({ where: where() });
    const world = schedulerWorld({ deps: { places } });
    await world.pass();
    expect(world.events().map(({ name }) => name)).toEqual(["PlacementBlocked"]);
    expect([world.row().blocked?.since, world.wakeAt()]).toEqual([START, START + 1_000]);
    world.at.now += 5_000;
    await world.pass();
    // As long as it has waited.
    expect([world.events(), world.wakeAt()]).toEqual([[], START + 10_000]);
    const other = schedulerWorld({
      deps: { places, blockedElsewhere: () => ["NoLocationAllowed", "NoLocationEnabled"] },
    });
    await other.pass();
    expect([other.events(), other.row().blocked?.since]).toEqual([[], START]);
  });

  it("where a start failed are heard of, once for each", async ({ expect }) => {
    const at = { where: where(WEUR) };
    const { places, heard } = inPlaces(at);
    const world = schedulerWorld({
      deps: { places },
      launch: ({ generation }) => ({ generation, report: ended("NoCapacity", "unavailable") }),
    });
    await world.pass();
    expect(heard()).toEqual(["failed weur"]);
  });

  it("where one that had been ready ended, or whose own fault it was, are not", async ({ expect }) => {
    const { places, heard } = inPlaces({ where: where(WEUR) });
    const ready = await running(1, { deps: { places } });
    ready.scheduler.observe("d1", 1, ended("Vanished", "unavailable"));
    expect(heard()).toEqual([]);
    const refused = schedulerWorld({
      deps: { places },
      launch: ({ generation }) => ({ generation, report: ended("ExitedWithCode", "exited") }),
    });
    await refused.pass();
    expect([refused.get("d1").phase, heard()]).toEqual(["pending", []]);
  });

  it("where an instance was found elsewhere than asked for are heard of, and it is replaced", async ({ expect }) => {
    const at = { where: { ...where(WEUR, ENAM), constraints: { regions: ["WEUR"] } } as Where };
    const { places, heard } = inPlaces(at);
    const world = await running(1, {
      spec: { constraints: { regions: ["WEUR"], isVerified: true } },
      deps: { places },
      launch: ({ generation }) => ({
        generation,
        report: { state: "running", ready: true, place: { location: "ewr", region: "ENAM", country: "US" } },
      }),
    });
    expect(world.said()).toEqual([]);
    // The last one is not sought a better place for.
    expect(heard()).toEqual(["failed weur", "failed weur", "failed weur"]);
    expect(world.row().blocked?.reason).toBe("LocationUnsatisfied");
  });

  it("that are verified keep an instance from traffic until it is known to be right", async ({ expect }) => {
    const { places } = inPlaces({ where: where(WEUR) });
    const world = await running(1, {
      spec: { constraints: { regions: ["WEUR"], isVerified: true } },
      deps: { places },
    });
    expect([world.get("d1").phase, world.get("d1").ready]).toEqual(["running", false]);
    world.scheduler.observe("d1", 1, {
      state: "running",
      ready: true,
      place: { location: "ams", region: "WEUR", country: "NL" },
    });
    expect(world.get("d1").ready).toBe(true);
    const lenient = await running(1, { spec: { constraints: { regions: ["WEUR"] } }, deps: { places } });
    expect(lenient.get("d1").ready).toBe(true);
  });

  it("that are not allowed any more are no fault of theirs when their instances go", async ({ expect }) => {
    const at = { where: where(WEUR, ENAM) };
    const { places, heard } = inPlaces(at);
    const world = await running(1, { deps: { places } });
    world.change({ deleting: true });
    await world.pass();
    expect(heard()).toEqual([]);
  });
});

describe("capacity", () => {
  it("hears of what begins, and of what is wanted beyond", async ({ expect }) => {
    const { capacity, heard } = withCapacity({ room: () => 2 - world.deployments.size });
    const world = schedulerWorld({ spec: { instances: 3 }, deps: { capacity } });
    world.scheduler.pass();
    const said = heard();
    expect(said).toContainEqual(["started", 2]);
    expect(said.at(-1)).toEqual(["passed", { [ANYWHERE]: 1 }]);
    await world.settle();
    expect(Object.keys(world.all())).toHaveLength(2);
  });

  it("hears of what begins again, and not of what is stopped", async ({ expect }) => {
    const { capacity, heard } = withCapacity({});
    const world = await running(2, { deps: { capacity } });
    heard();
    world.scheduler.observe("d1", 1, ended("Vanished"));
    expect(heard().filter((news) => Array.isArray(news) && news[0] === "started")).toEqual([["started", 1]]);
    world.change({ spec: { ...world.row().spec, instances: 0 } });
    world.scheduler.pass();
    expect(heard().filter((news) => Array.isArray(news) && news[0] === "started")).toEqual([]);
  });

  it("is asked again when it says, or when the plan says, whichever is first", async ({ expect }) => {
    const again: { at: number | null } = { at: START + 5_000 };
    const { capacity } = withCapacity({}, () => again.at);
    const idle = schedulerWorld({ spec: { instances: 0 }, deps: { capacity } });
    idle.scheduler.pass();
    expect(idle.wakeAt()).toBe(START + 5_000);
    const starting = schedulerWorld({
      configuration: { startup_deadline: 60 },
      deps: { capacity },
      launch: ({ generation }) => ({ generation, report: { state: "starting" } }),
    });
    await starting.pass();
    expect(starting.wakeAt()).toBe(START + 5_000);
    again.at = START + 100_000;
    await starting.pass();
    // A timer is moved only to an earlier time.
    expect(starting.wakeAt()).toBe(START + 5_000);
    starting.at.now = START + 5_000;
    await starting.pass();
    expect(starting.wakeAt()).toBe(START + 60_000);
    again.at = null;
    await starting.pass();
    expect(starting.wakeAt()).toBe(START + 60_000);
  });

  it("hears when the platform takes no more starts, and only then", async ({ expect }) => {
    const { capacity, heard } = withCapacity({});
    const report = { now: ended("RateLimited", "unavailable") };
    const world = schedulerWorld({
      deps: { capacity },
      launch: ({ generation }) => ({ generation, report: report.now }),
    });
    await world.pass();
    expect(heard()).toContainEqual(["rate"]);
    report.now = ended("NoCapacity", "unavailable");
    world.at.now = world.get("d1").nextStartAt;
    await world.pass();
    expect(world.get("d1").last?.reason).toBe("NoCapacity");
    expect(heard()).not.toContainEqual(["rate"]);
    world.at.now = world.get("d1").nextStartAt;
    report.now = READY;
    await world.pass();
    expect(heard()).not.toContainEqual(["rate"]);
  });
});

describe("what an instance says", () => {
  it("of its traffic is told to who routes, once for each change", async ({ expect }) => {
    const world = await running(2);
    world.scheduler.observe("d1", 1, READY);
    expect(world.count.routing).toBe(0);
    world.scheduler.observe("d1", 1, { state: "running", ready: false });
    expect([world.count.routing, world.get("d1").ready]).toEqual([1, false]);
  });

  it("is believed only of the placement that is current", async ({ expect }) => {
    const world = await running(1);
    expect(world.scheduler.observe("d1", 1, READY)).toBe(true);
    expect(world.scheduler.observe("d1", 7, ended("Vanished"))).toBe(false);
    expect(world.scheduler.observe("nobody", 1, READY)).toBe(false);
    expect([world.get("d1").phase, world.count.routing]).toEqual(["running", 0]);
  });

  it("together is applied together, and routed once if any of it matters", async ({ expect }) => {
    vi.useFakeTimers();
    try {
      const world = schedulerWorld({ spec: { instances: 3 }, deps: { later: (run, ms) => void setTimeout(run, ms) } });
      world.scheduler.pass();
      await vi.runAllTimersAsync();
      world.at.now += 1_000;
      world.count.routing = 0;
      const owned = [
        world.scheduler.hear({ deploymentId: "d1", generation: 1, report: READY }),
        world.scheduler.hear({ deploymentId: "d2", generation: 1, report: { state: "running", ready: false } }),
        world.scheduler.hear({ deploymentId: "d3", generation: 1, report: READY }),
        world.scheduler.hear({ deploymentId: "d3", generation: 9, report: READY }),
      ];
      await vi.runAllTimersAsync();
      expect(await Promise.all(owned)).toEqual([true, true, true, false]);
      expect(world.count.routing).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it("of how busy it is is known, and costs no row and no word", async ({ expect }) => {
    const world = await running(1);
    const busy = { state: "running", ready: true, isBusy: true } as const;
    world.scheduler.observe("d1", 1, busy);
    expect([world.get("d1").isBusy, world.count.routing, world.events()]).toEqual([true, 0, []]);
  });

  it("of its end starts another placement", async ({ expect }) => {
    const world = await running(1);
    expect(world.scheduler.observe("d1", 1, ended("Vanished"))).toBe(true);
    await world.settle();
    expect(world.said()).toEqual([["launch", "d1", 2]]);
    expect(world.get("d1")).toMatchObject({ phase: "running", generation: 2 });
    expect(world.events().map(({ name }) => name)).toContain("VMFailed");
  });
});

describe("when everything is lost at once", () => {
  it("each is told as lost for that reason, and the next pass starts them again", async ({ expect }) => {
    const world = await running(2);
    world.scheduler.loseAll("SessionEnded");
    expect(world.all()).toEqual({ d1: ["pending", false, 1], d2: ["pending", false, 1] });
    expect(world.get("d1").last).toMatchObject({ kind: "lost", reason: "SessionEnded", exitCode: null });
    expect(world.events()).toMatchObject([
      { name: "VMFailed", deployment: "d1", details: { outcome: "lost", reason: "SessionEnded" } },
      { name: "VMFailed", deployment: "d2" },
    ]);
    await world.pass();
    expect(world.said()).toEqual([
      ["launch", "d1", 2],
      ["launch", "d2", 2],
    ]);
  });

  it("leaves what did not live", async ({ expect }) => {
    const world = await running(1);
    world.act("d1", "stop");
    await world.settle();
    world.events();
    const before = world.get("d1");
    world.scheduler.loseAll("SessionEnded");
    expect([world.get("d1"), world.events()]).toEqual([before, []]);
  });
});

describe("what a user does to one instance", () => {
  it("is stored, told, routed and sent", async ({ expect }) => {
    const world = await running(2);
    expect(world.act("d1", "stop")).toMatchObject({ id: "d1", phase: "stopping", held: true });
    expect(world.count.routing).toBeGreaterThan(0);
    await world.settle();
    expect(world.said()).toEqual([["stop", "d1", 1, "StoppedByUser"]]);
    expect(world.events().map(({ name, deployment }) => [name, deployment])).toContainEqual(["VMStopping", "d1"]);
    expect(world.get("d1").phase).toBe("pending");
  });

  it("that changes no phase is sent to nobody", async ({ expect }) => {
    const world = await running(1);
    expect(world.act("d1", "cordon")).toMatchObject({ cordoned: true, phase: "running" });
    await world.settle();
    expect([world.said(), world.count.routing]).toEqual([[], 1]);
    expect(world.act("d1", "cordon")).toMatchObject({ cordoned: true });
    expect([world.count.routing, world.count.passed]).toEqual([1, 1]);
  });

  it("that lets it begin again begins at once", async ({ expect }) => {
    const world = await running(1);
    world.act("d1", "stop");
    await world.settle();
    world.said();
    expect(world.act("d1", "start")).toMatchObject({ id: "d1", phase: "starting", generation: 2 });
    await world.settle();
    expect(world.said()).toEqual([["launch", "d1", 2]]);
  });

  it("that ends one that lives keeps it until it has ended", async ({ expect }) => {
    const answer = Promise.withResolvers<{ generation: number; report: ReturnType<typeof ended> }>();
    const world = await running(1, { stop: () => answer.promise });
    expect(world.act("d1", "destroy")).toMatchObject({ phase: "stopping", stopReason: "Destroyed" });
    await world.settle();
    expect([world.get("d1").phase, world.said()[0]]).toEqual(["stopping", ["stop", "d1", 1, "Destroyed"]]);
    answer.resolve({ generation: 1, report: ended("Unknown", "stopped") });
    await world.settle();
    expect(world.deployments.get("d1")).toBeUndefined();
  });

  it("that ends one that does not live lets go of it at once", async ({ expect }) => {
    const world = await running(1);
    world.act("d1", "stop");
    await world.settle();
    world.said();
    world.events();
    const last = world.act("d1", "destroy");
    expect(last).toMatchObject({ id: "d1", phase: "pending" });
    expect(world.deployments.get("d1")).toBeUndefined();
    await world.settle();
    expect(world.said()).toEqual([
      ["release", "d1"],
      ["launch", "d2", 1],
    ]);
    expect(world.events().map(({ deployment }) => deployment)).toContain("d1");
  });

  it("that ends one that a message is under way to keeps it until that is answered", async ({ expect }) => {
    const answer = Promise.withResolvers<{ generation: number; report: ReturnType<typeof ended> }>();
    const world = schedulerWorld({ spec: { instances: 1 }, launch: () => answer.promise });
    await world.pass();
    world.scheduler.observe("d1", 1, ended("ExitedWithCode", "exited"));
    expect(world.get("d1").phase).toBe("pending");
    world.act("d1", "destroy");
    expect(world.deployments.get("d1")).toBeDefined();
    answer.resolve({ generation: 1, report: ended("ExitedWithCode", "exited") });
    await world.settle();
    expect(world.deployments.get("d1")).toBeUndefined();
    expect(world.said()).toContainEqual(["release", "d1"]);
  });
});

describe("an order to make room", () => {
  it("stops what is above it, tells capacity, people and traffic, and says how many", async ({ expect }) => {
    const { capacity, heard } = withCapacity({});
    const world = await running(3, { deps: { capacity } });
    heard();
    expect(world.scheduler.makeRoom(order(1))).toBe(2);
    expect(heard()[0]).toEqual(["yield", ANYWHERE]);
    expect(world.count.routing).toBeGreaterThan(0);
    expect(world.count.passed).toBeGreaterThan(0);
    expect(world.events().filter(({ name }) => name === "Preempted")).toMatchObject([
      { deployment: "d3", details: { by: "b" } },
      { deployment: "d2", details: { by: "b" } },
    ]);
    expect(world.all()).toMatchObject({ d2: ["stopping", false, 1], d3: ["stopping", false, 1] });
    await world.settle();
    expect(world.said().slice(0, 2)).toEqual([
      ["stop", "d3", 1, "Preempted"],
      ["stop", "d2", 1, "Preempted"],
    ]);
  });

  it("that nothing is above changes nothing", async ({ expect }) => {
    const { capacity, heard } = withCapacity({});
    const world = await running(1, { deps: { capacity } });
    heard();
    expect(world.scheduler.makeRoom(order(1))).toBe(0);
    expect([heard(), world.count.routing, world.count.passed]).toEqual([[], 0, 0]);
  });

  it("is followed without an account that limits it", async ({ expect }) => {
    const world = await running(1);
    expect(world.scheduler.makeRoom(order(0))).toBe(1);
  });

  it("is not followed by what may not be preempted, or is not there", async ({ expect }) => {
    const world = await running(1, { spec: { isPreemptible: false } });
    expect(world.scheduler.makeRoom(order(0))).toBe(0);
    world.db.run("DELETE FROM application");
    world.db.memory.clear();
    expect(world.scheduler.makeRoom(order(0))).toBe(0);
    expect(world.all()).toEqual({ d1: ["running", true, 1] });
  });
});

describe("what runs is to be replaced by something else", () => {
  it("when the active version starts something else", async ({ expect }) => {
    const world = await two();
    expect(world.scheduler.isOutdated(world.row())).toBe(false);
    expect(world.scheduler.isOutdated({ ...world.row(), activeVersion: 2 })).toBe(false);
    expect(world.scheduler.isOutdated({ ...world.row(), activeVersion: 3 })).toBe(true);
  });

  it("not when nothing is wanted, or all is to go", async ({ expect }) => {
    const world = await two();
    const row = { ...world.row(), activeVersion: 3 };
    expect(world.scheduler.isOutdated({ ...row, deleting: true })).toBe(false);
    expect(world.scheduler.isOutdated({ ...row, spec: { ...row.spec, instances: 0 } })).toBe(false);
  });

  it("not when only what is leaving is of the old version, and so when one is not", async ({ expect }) => {
    const world = await two();
    const row = { ...world.row(), activeVersion: 3 };
    world.deployments.put({ ...world.get("d1"), phase: "stopping", stopReason: "Outdated" });
    expect(world.scheduler.isOutdated(row)).toBe(true);
    world.deployments.put({ ...world.get("d2"), version: 3 });
    expect(world.scheduler.isOutdated(row)).toBe(false);
  });

  it("not when it is one that is called by name", async ({ expect }) => {
    const world = await two();
    for (const id of ["d1", "d2"]) world.deployments.put({ ...world.get(id), name: `for-${id}` });
    expect(world.scheduler.isOutdated({ ...world.row(), activeVersion: 3 })).toBe(false);
  });

  it("and is, one after another, without an outage; what starts the same is left", async ({ expect }) => {
    const world = await two();
    world.change({ activeVersion: 2 });
    await world.pass();
    expect(world.said()).toEqual([]);
    world.change({ activeVersion: 3 });
    await world.pass();
    await world.settle();
    expect(world.said().map(([kind, id]) => [kind, id])[0]).toEqual(["launch", "d3"]);
    expect(Object.values(world.all())).toEqual([
      ["running", true, 3],
      ["running", true, 3],
    ]);
  });

  it("in its place when it is a standalone deployment", async ({ expect }) => {
    const world = await running(1, { kind: "deployment" });
    world.store(2, { image: "next" }, "r2");
    world.change({ activeVersion: 2 });
    await world.pass();
    expect(world.said()).toEqual([
      ["stop", "d1", 1, "Updating"],
      ["launch", "d1", 2],
    ]);
    expect(world.all()).toEqual({ d1: ["running", true, 2] });
  });
});

describe("a name that somebody calls", () => {
  it("is started, as many as may be awake", async ({ expect }) => {
    const world = schedulerWorld({
      spec: { instances: 0, namedInstances: 1 },
      deps: { called: () => ["room-1", "room-2"] },
    });
    await world.pass();
    expect(world.deployments.all().map(({ name }) => name)).toEqual(["room-1"]);
    const none = schedulerWorld({ spec: { instances: 0 }, deps: { called: () => ["room-1"] } });
    await none.pass();
    expect(none.deployments.all()).toEqual([]);
  });
});

describe("the wake-up", () => {
  it("is set again once its time has come, and gone when nothing is awaited", async ({ expect }) => {
    const world = schedulerWorld({
      launch: ({ generation }) => ({ generation, report: ended("ExitedWithCode", "exited") }),
    });
    await world.pass();
    const first = world.wakeAt();
    expect(first).toBe(world.get("d1").nextStartAt);
    // Moved when what is awaited comes earlier.
    world.deployments.put({ ...world.get("d1"), nextStartAt: START + 500 });
    world.scheduler.pass();
    expect(world.wakeAt()).toBe(START + 500);
    world.deployments.put({ ...world.get("d1"), nextStartAt: START + 900 });
    world.scheduler.pass();
    expect(world.wakeAt()).toBe(START + 500);
    world.at.now = START + 500;
    world.scheduler.pass();
    expect(world.wakeAt()).toBe(START + 900);
    world.change({ spec: { ...world.row().spec, instances: 0 } });
    await world.pass();
    expect(world.wakeAt()).toBeNull();
  });
});
