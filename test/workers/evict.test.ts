/**
 * Every flow of several steps, while its account, its applications and its instances die at random points of it: it
 * finishes, what runs is what is wanted, nothing is left over or counted twice.
 *
 * `EVICT_SEED` and `EVICT_ROUNDS` give the first seed and how many there are. The same seed gives the same deaths as far
 * as the objects come to the same points in the same order, which is for workerd to say.
 */
import { describe, inject, it } from "vitest";
import { applicationStub } from "../../src/stubs.ts";
import { ACCOUNT_ID, testEnv, type WireInstance } from "./client.ts";
import { containerOf } from "./fake-container.ts";
import { exempt, turnOnMortality } from "./mortality.ts";
import { PATIENCE_MS, World } from "./mortal-world.ts";
import { spreadOver } from "./shard-count.ts";

turnOnMortality();
// The first account is everybody's.
exempt("ACCOUNT", ACCOUNT_ID);

/** Who takes traffic is healthy: what is tried here is not time. */
const AT_ONCE = { rollout: { min_healthy_time: 0 } };
const { seed: FIRST_SEED, rounds: ROUNDS } = inject("evictions");
const SEEDS = Array.from({ length: ROUNDS }, (_, index) => FIRST_SEED + index);
console.log({ message: "evictions", seed: FIRST_SEED, rounds: ROUNDS });

const coloured = (value: string) => ({ image: "hello-world", environment_variables: [{ name: "COLOUR", value }] });
const isColoured = (value: string) => (one: WireInstance) => containerOf(one.id).starts.at(-1)?.env["COLOUR"] === value;
const isReady = ({ ready }: WireInstance) => ready;

interface Flow {
  readonly name: string;
  /** Before anything dies; returns the applications that there are. */
  readonly begin?: (world: World) => Promise<readonly string[]>;
  /** Returns the applications that there are then, of those that `begin` made and those that it made itself. */
  readonly run: (world: World, ids: readonly string[]) => Promise<readonly string[]>;
  readonly isDone: (world: World, ids: readonly string[]) => Promise<boolean>;
  /** What the account's ledger holds in the end. */
  readonly held: number;
  /** More containers of one application than this never live at a time. Those on their way out count, so that a rollout has no such bound. */
  readonly most?: number;
}

const ready = (count: number, also: (one: WireInstance) => boolean = () => true) => {
  return async (world: World, [id = ""]: readonly string[]) => {
    const all = await world.instances(id);
    return all.length === count && all.every((one) => one.ready && also(one));
  };
};

const application = (body: Record<string, unknown>) => async (world: World) => [await world.create(body)];
const patched = (body: Record<string, unknown>) => async (world: World, ids: readonly string[]) => {
  await world.insist("PATCH", `/applications/${ids[0]}`, body);
  return ids;
};

/** The instance in that slot, and what is done to it. */
async function act(world: World, id: string, slot: number, action: string): Promise<void> {
  const one = (await world.instances(id)).find(({ name }) => name.endsWith(`-${slot}`));
  if (one === undefined) throw new Error(`no instance in slot ${slot}`);
  await world.insist("POST", `/applications/${id}/instances/${one.deployment_id}/${action}`);
}

async function called(world: World, id: string, name: string): Promise<void> {
  const since = Date.now();
  for (;;) {
    const routing = await applicationStub(testEnv, id)
      .callInstance(name, 300)
      .then(
        (answer) => answer,
        () => null,
      );
    if (routing?.instance != null) return;
    if (Date.now() - since < PATIENCE_MS) continue;
    world.fate.end();
    await world.ring();
  }
}

async function slept(world: World, id: string, name: string): Promise<void> {
  await world.insist("POST", `/applications/${id}/instances/${name}/sleep`);
}

const PUBLIC = {
  image: "hello-world",
  ports: [{ name: "http", port: 8_080 }],
  network: { mode: "public" },
};

async function given(world: World): Promise<number> {
  const { result } = await world.insist("GET", "/ips?allocated=true");
  return new Set(result.ips.map((ip: { allocation?: { deploymentID?: string } }) => ip.allocation?.deploymentID)).size;
}

const FLOWS: readonly Flow[] = [
  {
    name: "a create",
    run: async (world) => {
      const body = { name: "made", instances: 3, configuration: { image: "hello-world" } };
      return [(await world.insist("POST", "/applications", body)).result.id];
    },
    isDone: ready(3),
    held: 3,
    most: 3,
  },
  {
    name: "a scale up",
    begin: application({ instances: 1 }),
    run: patched({ instances: 5 }),
    isDone: ready(5),
    held: 5,
    most: 5,
  },
  {
    name: "a scale down",
    begin: application({ instances: 5 }),
    run: patched({ instances: 1 }),
    isDone: ready(1),
    held: 1,
    most: 5,
  },
  {
    name: "a scale down to none and up again",
    begin: application({ instances: 3 }),
    run: async (world, ids) => {
      await patched({ instances: 0 })(world, ids);
      return await patched({ instances: 2 })(world, ids);
    },
    isDone: ready(2),
    held: 2,
    most: 5,
  },
  {
    name: "a delete",
    begin: application({ instances: 3 }),
    run: async (world, [id = ""]) => {
      await world.insist("DELETE", `/applications/${id}`);
      return [];
    },
    isDone: async () => true,
    held: 0,
  },
  {
    name: "a PUT of a new version",
    begin: application({ instances: 3, configuration: coloured("red") }),
    run: async (world, ids) => {
      await world.insist("PUT", `/applications/${ids[0]}`, {
        instances: 3,
        ...AT_ONCE,
        configuration: coloured("green"),
      });
      return ids;
    },
    isDone: async (world, ids) => {
      if (!(await ready(3, isColoured("green"))(world, ids))) return false;
      const { result } = await world.insist("GET", `/applications/${ids[0]}/rollouts`);
      return result.every(({ status }: { status: string }) => status === "completed");
    },
    held: 3,
  },
  {
    name: "an activation that is taken back half way",
    begin: application({ instances: 3, configuration: coloured("red") }),
    run: async (world, ids) => {
      const path = `/applications/${ids[0]}`;
      await world.insist("PATCH", path, { configuration: coloured("green") });
      for (const target of [2, 1]) {
        const body = {
          description: "over and back",
          strategy: "rolling",
          ...AT_ONCE.rollout,
          target_version: target,
        };
        await world.insist("POST", `${path}/rollouts`, body);
      }
      return ids;
    },
    isDone: ready(3, isColoured("red")),
    held: 3,
  },
  {
    name: "restart, stop, cordon and destroy",
    begin: application({ instances: 4 }),
    run: async (world, ids) => {
      const [id = ""] = ids;
      for (const [slot, action] of ["restart", "stop", "cordon", "destroy"].entries())
        await act(world, id, slot, action);
      return ids;
    },
    isDone: async (world, [id = ""]) => {
      const all = await world.instances(id);
      const states = all.map(({ status }) => status.state).toSorted();
      return all.length === 4 && states.join(" ") === "running running running stopped";
    },
    held: 4,
    most: 4,
  },
  {
    name: "a stop and a start",
    begin: application({ instances: 2 }),
    run: async (world, ids) => {
      await act(world, ids[0] ?? "", 0, "stop");
      await act(world, ids[0] ?? "", 0, "start");
      return ids;
    },
    isDone: ready(2),
    held: 2,
    most: 2,
  },
  {
    name: "a recreate of an application's deployment",
    begin: application({ instances: 2 }),
    run: async (world, ids) => {
      const [one] = await world.instances(ids[0] ?? "");
      await world.insist("POST", `/applications/${ids[0]}/deployments/${one?.deployment_id}/recreate`, {});
      return ids;
    },
    isDone: ready(2),
    held: 2,
    most: 3,
  },
  {
    name: "calls, sleep and the destruction of named instances",
    begin: async (world) => [await world.create({ instances: 0, named_instances: 3 })],
    run: async (world, ids) => {
      const [id = ""] = ids;
      for (const name of ["anna", "bert", "carl"]) await called(world, id, name);
      for (const name of ["anna", "bert"]) await slept(world, id, name);
      await called(world, id, "anna");
      await world.insist("POST", `/applications/${id}/instances/carl/destroy`);
      return ids;
    },
    isDone: async (world, [id = ""]) => {
      const all = await world.instances(id);
      const states = all.map(({ name, status }) => `${name} ${status.state}`).toSorted();
      return states.join(", ") === "anna running, bert stopped";
    },
    held: 3,
    most: 3,
  },
  {
    name: "a load that comes, and a lower bound",
    begin: application({ instances: 1, autoscaling: { min: 1, max: 3, target_concurrency: 1 } }),
    run: async (world, ids) => {
      const [id = ""] = ids;
      for (let turn = 0; (await world.view(id)).instances !== 3; turn += 1) {
        const load = { inFlight: 100, requestsPerSecond: 0, at: Date.now() };
        await applicationStub(testEnv, id)
          .load("busy", load)
          .then(
            () => null,
            () => null,
          );
        if (turn > 200) throw new Error(`it never went up\n${world.story()}`);
      }
      return await patched({ autoscaling: { min: 1, max: 2, target_concurrency: 1 } })(world, ids);
    },
    isDone: ready(2),
    held: 2,
    most: 3,
  },
  {
    name: "a preemption, and the end of whom it was for",
    begin: async (world) => {
      await world.insist("PATCH", "/me", { capacity: { instances: 4 } });
      return [await world.create({ instances: 4, priorities: { default: -10 } })];
    },
    run: async (world, [low = ""]) => {
      const body = { instances: 3, priorities: { default: 5 }, configuration: { image: "hello-world" } };
      const { result } = await world.insist("POST", "/applications", { name: "high", ...body });
      return [result.id, low];
    },
    isDone: async (world, [high = "", low = ""]) => {
      const [above, below] = [await world.instances(high), await world.instances(low)];
      const { granted } = await world.me();
      return (
        above.length === 3 && above.every(isReady) && below.filter(isReady).length === 1 && granted.instances === 4
      );
    },
    held: 7,
    most: 4,
  },
  {
    name: "a queue of those for whom there is no room",
    begin: async (world) => {
      await world.insist("PATCH", "/me", { capacity: { instances: 3 } });
      return [await world.create({ instances: 3 })];
    },
    run: async (world, [first = ""]) => {
      const made: string[] = [];
      for (const name of ["second", "third"]) {
        const body = { name, instances: 2, configuration: { image: "hello-world" } };
        made.push((await world.insist("POST", "/applications", body)).result.id);
      }
      await world.insist("PATCH", `/applications/${first}`, { instances: 1 });
      await world.insist("PATCH", "/me", { capacity: { instances: 4 } });
      return [first, ...made];
    },
    isDone: async (world, ids) => {
      const { granted } = await world.me();
      const all = (await Promise.all(ids.map((id) => world.instances(id)))).flat();
      return all.filter(isReady).length === 4 && granted.instances === 4 && granted.waiting === 1;
    },
    held: 5,
    most: 3,
  },
  {
    name: "the rotation of a secret",
    begin: async (world) => {
      await world.insist("POST", "/secrets", { name: "KEY", value: "red" });
      const configuration = { image: "hello-world", secrets: [{ name: "COLOUR", type: "env", secret: "KEY" }] };
      return [await world.create({ instances: 2, configuration })];
    },
    run: async (world, ids) => {
      await world.insist("PATCH", "/secrets/KEY", { value: "green" });
      await world.insist("POST", "/secrets/reseal");
      for (const slot of [0, 1]) await act(world, ids[0] ?? "", slot, "restart");
      return ids;
    },
    isDone: ready(2, isColoured("green")),
    held: 2,
    most: 2,
  },
  {
    name: "the allocation and the release of addresses",
    begin: application({ instances: 1, configuration: PUBLIC }),
    run: async (world, ids) => {
      await patched({ instances: 3 })(world, ids);
      await act(world, ids[0] ?? "", 0, "destroy");
      return await patched({ instances: 2 })(world, ids);
    },
    isDone: async (world, ids) => (await ready(2)(world, ids)) && (await given(world)) === 2,
    held: 2,
    most: 4,
  },
];

async function live(flow: Flow, seed: number, name: string): Promise<string[]> {
  const world = await World.make(seed, name);
  const begun = (await flow.begin?.(world)) ?? [];
  world.most = flow.most ?? world.most;
  world.arm(...begun);
  const ids = await flow.run(world, begun);
  await world.until(flow.name, () => flow.isDone(world, ids), ids);
  const wrong = [...world.broken];
  for (const id of ids) {
    const difference = await world.agrees(id);
    if (difference !== null) wrong.push(difference);
    wrong.push(...(await world.miscounted(id)));
  }
  const held = await world.held();
  if (held !== flow.held) wrong.push(`the ledger holds ${held}, and ${flow.held} are wanted`);
  for (const id of ids) await world.insist("DELETE", `/applications/${id}`);
  const all = [...new Set([...begun, ...ids])];
  await world.until("its end", async () => {
    for (const id of all) if (!(await world.isErased(id))) return false;
    return true;
  });
  const left = [await world.held(), (await world.me()).granted.instances];
  if (left.some((count) => count !== 0)) wrong.push(`the ledger keeps ${left.join(" and ")}`);
  if ((await given(world)) !== 0) wrong.push("addresses are left");
  console.log({ message: "lived", flow: name, seed, deaths: world.fate.log.length, rings: world.rings });
  return wrong.length === 0 ? [] : [`seed ${seed}`, ...wrong, world.story()];
}

for (const seed of SEEDS) {
  describe.concurrent(`with the deaths of seed ${seed}`, () => {
    it.for(FLOWS)("$name finishes", { timeout: 90_000 }, async (flow, { expect }) => {
      expect(await live(flow, seed, flow.name)).toEqual([]);
    });
  });
}

const SPREAD: ReadonlySet<string> = new Set(["a create", "a scale up", "a delete", "a PUT of a new version"]);

it.for(SEEDS)("and over two objects, with the deaths of seed %i", { timeout: 90_000 }, async (seed, { expect }) => {
  spreadOver(2);
  try {
    const flows = FLOWS.filter(({ name }) => SPREAD.has(name));
    const wrong = await Promise.all(flows.map((flow) => live(flow, seed, `${flow.name} over two objects`)));
    expect(wrong.flat()).toEqual([]);
  } finally {
    spreadOver(null);
  }
});
