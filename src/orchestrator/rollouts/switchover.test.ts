import { describe, it, onTestFinished, vi } from "vitest";
import { Random } from "../../../test/simulation/random.ts";
import type { Deployment } from "../plan/deployment.ts";
import type { Traffic } from "./mark.ts";
import type { RolloutSide } from "./rollout.ts";
import { isTargetOf, sidesToSwitch, Switchover, TELL_FOR_MS, type SwitchoverDeps } from "./switchover.ts";

interface FakeInstance {
  readonly side: RolloutSide;
  generation: number;
  isOpen: boolean;
}

type Message = Parameters<SwitchoverDeps["tell"]>;

/** Two of each side, and an object that is switching from one to the other until it hears that this is done. */
function stage() {
  vi.useFakeTimers({ now: 1_000_000 });
  onTestFinished(() => void vi.useRealTimers());
  const instances = new Map<string, FakeInstance>();
  for (const side of ["from", "to"] as const) {
    for (const nth of [1, 2]) instances.set(`${side}${nth}`, { side, generation: 1, isOpen: side === "from" });
  }
  const world = {
    instances,
    to: "to" as RolloutSide,
    traffic: { kind: "none" } as Traffic,
    /** What happened, in its order. */
    log: [] as string[],
    /** What a message comes to: delivered by `deliver`, and answered by returning. */
    tell: async (message: Message, deliver: () => void) => {
      await Promise.resolve(message);
      deliver();
    },
    errors: [] as unknown[],
  };
  const listed = (isMeant: (side: RolloutSide) => boolean) =>
    [...instances].flatMap(([deploymentId, { side, generation }]) =>
      isMeant(side) ? [{ deploymentId, generation }] : [],
    );
  /** The object as it comes into memory. */
  const lifetime = () => {
    let isDead = false;
    const alive = async <T>(value: T): Promise<T> => (isDead ? await new Promise<T>(() => undefined) : value);
    const switchover = new Switchover({
      clock: Date.now,
      sides: async () =>
        await alive({ close: listed((side) => side !== world.to), open: listed((side) => side === world.to) }),
      tell: async (...message) => {
        const [deploymentId, generation, isOpen] = message;
        if (isDead) return;
        await world.tell(message, () => {
          const instance = instances.get(deploymentId);
          world.log.push(`${isOpen ? "open" : "close"} ${deploymentId}`);
          if (instance?.generation === generation) instance.isOpen = isOpen;
        });
        await alive(null);
      },
      onDone: (rolloutId) => {
        world.log.push(`done ${rolloutId}`);
        world.traffic = { kind: "only", side: world.to };
        follow();
      },
      background: (work) => void work.catch((error: unknown) => world.errors.push(error)),
    });
    const follow = () => switchover.follow({ rollout: markWith(world.traffic), deleting: false });
    return { follow, die: () => (isDead = true) };
  };
  const open = () => [...instances].flatMap(([id, { isOpen }]) => (isOpen ? [id] : []));
  return { world, lifetime, open, pass: async (ms: number) => await vi.advanceTimersByTimeAsync(ms) };
}

function markWith(traffic: Traffic) {
  const amounts = { maxSurge: { count: 1 }, maxUnavailable: { count: 0 }, minHealthyMs: 0, scaleDownDelayMs: 0 };
  return { id: "r", fromVersion: 1, toVersion: 2, toPercentage: 100, from: "all" as const, ...amounts, traffic };
}

describe("a switch", () => {
  it("closes every instance of one side, then opens every one of the other, then is done, once", async ({ expect }) => {
    const { world, lifetime, open, pass } = stage();
    const { follow } = lifetime();
    follow();
    follow();
    await pass(1_000);
    expect(world.log).toEqual(["close from1", "close from2", "open to1", "open to2", "done r"]);
    expect(open()).toEqual(["to1", "to2"]);
  });

  it("does nothing while requests go to anybody, nor in a shard other than the first, nor in a delete", async ({
    expect,
  }) => {
    const { world, lifetime, pass } = stage();
    const { follow } = lifetime();
    world.traffic = { kind: "only", side: "from" };
    follow();
    const switching = markWith({ kind: "none" });
    const switchover = new Switchover({
      clock: Date.now,
      sides: () => expect.unreachable(),
      tell: async () => undefined,
      onDone: () => expect.unreachable(),
      background: (work) => void work.catch((error: unknown) => world.errors.push(error)),
    });
    switchover.follow({ rollout: switching, deleting: true });
    switchover.follow({
      rollout: switching,
      deleting: false,
      sharding: { shards: 2, shard: 1, turn: 0, holder: null },
    });
    await pass(1_000);
    expect([world.log, world.errors]).toEqual([[], []]);
  });

  it("goes the same way back", async ({ expect }) => {
    const { world, lifetime, open, pass } = stage();
    const { follow } = lifetime();
    follow();
    await pass(1_000);
    world.to = "from";
    world.traffic = { kind: "none" };
    follow();
    await pass(1_000);
    expect(world.log.slice(5)).toEqual(["close to1", "close to2", "open from1", "open from2", "done r"]);
    expect(open()).toEqual(["from1", "from2"]);
  });

  it("that is taken back while it is under way ends at the side that is meant at last", async ({ expect }) => {
    const { world, lifetime, open, pass } = stage();
    const { follow } = lifetime();
    world.tell = async ([, , isOpen], deliver) => {
      deliver();
      if (isOpen) world.to = "from";
      await Promise.resolve();
    };
    follow();
    await pass(1_000);
    expect([open(), world.log.at(-1)]).toEqual([["from1", "from2"], "done r"]);
  });

  it("begins from nothing when what it told may have been undone", async ({ expect }) => {
    const { world, lifetime, open, pass } = stage();
    const { follow } = lifetime();
    const { promise, resolve } = Promise.withResolvers<void>();
    world.tell = async ([id], deliver) => {
      deliver();
      if (id === "from2") await promise;
    };
    follow();
    await pass(10);
    // Requests go to the old ones again, one of which finds out by itself, and then they are to be handed on after all.
    world.traffic = { kind: "only", side: "from" };
    follow();
    for (const id of ["from1", "from2"]) (world.instances.get(id) as FakeInstance).isOpen = true;
    world.traffic = { kind: "none" };
    follow();
    resolve();
    await pass(5_000);
    expect([open(), world.log.filter((entry) => entry.startsWith("done"))]).toEqual([["to1", "to2"], ["done r"]]);
  });

  it("waits for one whose answers are lost, and tells it again", async ({ expect }) => {
    const { world, lifetime, open, pass } = stage();
    let lost = 3;
    world.tell = async ([id], deliver) => {
      if (id !== "from2") return deliver();
      lost -= 1;
      if (lost === 2) await new Promise(() => undefined);
      if (lost === 1) throw new Error("the network connection was lost");
      deliver();
      if (lost === 0) return;
      throw new Error("unexpected");
    };
    lifetime().follow();
    await pass(TELL_FOR_MS);
    expect(world.log).toEqual(["close from1", "close from2", "open to1", "open to2", "done r"]);
    expect(open()).toEqual(["to1", "to2"]);
  });

  it("goes on without one that never answers, after ten seconds, and no sooner", async ({ expect }) => {
    const { world, lifetime, pass } = stage();
    world.tell = async ([id], deliver) => {
      if (id === "from1") await new Promise(() => undefined);
      deliver();
    };
    lifetime().follow();
    await pass(TELL_FOR_MS - 2_000);
    expect(world.log).toEqual(["close from2"]);
    await pass(3_000);
    expect(world.log).toEqual(["close from2", "open to1", "open to2", "done r"]);
  });

  it("also closes what has started again in the meantime", async ({ expect }) => {
    const { world, lifetime, open, pass } = stage();
    world.tell = async ([id], deliver) => {
      deliver();
      const from1 = world.instances.get("from1") as FakeInstance;
      if (id === "from2" && from1.generation === 1) Object.assign(from1, { generation: 2, isOpen: true });
      await Promise.resolve();
    };
    lifetime().follow();
    await pass(1_000);
    expect([open(), world.log.at(-1)]).toEqual([["to1", "to2"], "done r"]);
  });

  it("whose object dies at any point is finished by the next one, and never has both sides open", async ({
    expect,
  }) => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = new Random(seed);
      const { world, lifetime, open, pass } = stage();
      let object = lifetime();
      let deaths = random.between(1, 4);
      world.tell = async (_, deliver) => {
        await new Promise((resolve) => setTimeout(resolve, random.between(0, 20)));
        const dies = deaths > 0 && random.next() < 0.3;
        if (dies && random.next() < 0.5) {
          deaths -= 1;
          object.die();
        }
        if (random.next() < 0.8) deliver();
        else throw new Error("lost");
        const sides = new Set(open().map((id) => id.slice(0, 2)));
        if (sides.size > 1) world.log.push(`both: ${open().join()}`);
        if (random.next() < 0.1) throw new Error("the answer is lost");
      };
      object.follow();
      for (let round = 0; round < 20 && world.traffic.kind === "none"; round += 1) {
        await pass(random.between(0, 30));
        if (random.next() < 0.3) {
          object.die();
          object = lifetime();
        }
        // The alarm that wakes it.
        object.follow();
      }
      object = lifetime();
      object.follow();
      await pass(60_000);
      const told = `seed ${seed}`;
      expect([told, open(), world.log.filter((entry) => entry.startsWith("both")), world.errors]).toEqual([
        told,
        ["to1", "to2"],
        [],
        [],
      ]);
      vi.useRealTimers();
    }
  });
});

function deployment(id: string, fields: Partial<Deployment> = {}): Deployment {
  return {
    id,
    slot: 0,
    createdAt: 0,
    phase: "running",
    ready: true,
    generation: 1,
    version: 1,
    since: 0,
    readyAt: 0,
    failures: 0,
    losses: 0,
    nextStartAt: 0,
    stopReason: null,
    last: null,
    held: false,
    cordoned: false,
    ...fields,
  };
}

const isTarget = (version: number) => isTargetOf({ toVersion: 3 }, version, (number) => (number === 1 ? "a" : "b"));

describe("the instances that are told", () => {
  it("are by what they start, whatever its number", ({ expect }) => {
    expect([0, 1, 2, 3].map(isTarget)).toEqual([false, false, true, true]);
  });

  it("are those of the pool that have ever been started and are not on their way out", ({ expect }) => {
    const all = [
      deployment("old"),
      deployment("waits", { phase: "pending", ready: false, generation: 4 }),
      deployment("never", { phase: "pending", ready: false, generation: 0, version: 0 }),
      deployment("named", { name: "ada" }),
      deployment("leaves", { phase: "stopping", stopReason: "ScaledDown", ready: false }),
      deployment("new", { version: 2 }),
      deployment("starts", { version: 3, phase: "starting", ready: false }),
    ];
    const to = sidesToSwitch(all, "to", isTarget);
    expect(to.close).toEqual([
      { deploymentId: "old", generation: 1 },
      { deploymentId: "waits", generation: 4 },
    ]);
    expect(to.open.map(({ deploymentId }) => deploymentId)).toEqual(["new", "starts"]);
    const back = sidesToSwitch(all, "from", isTarget);
    expect([back.close, back.open]).toEqual([to.open, to.close]);
  });
});
