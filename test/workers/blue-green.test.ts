/** Blue-green: requests are handed on from one version to the other at once, whatever copies of the routing are about. */
import { exports } from "cloudflare:workers";
import { afterEach, describe, it, vi } from "vitest";
import { Instance } from "../../src/containers/instance.ts";
import { applicationStub, instanceStub } from "../../src/stubs.ts";
import {
  call,
  createApplication,
  eventsOf,
  eventually,
  instancesOf,
  raw,
  testEnv,
  untilReady,
  type WireInstance,
} from "./client.ts";
import { containerOf, FakeContainer } from "./fake-container.ts";
import { spreadOver } from "./shard-count.ts";
import { forget } from "./writes.ts";

type Colour = "old" | "new";

const coloured = (value: Colour) => ({ image: "hello-world", environment_variables: [{ name: "COLOUR", value }] });
const colourOf = (container: FakeContainer) => (container.starts.at(-1)?.env["COLOUR"] ?? "") as Colour;

/** In the order in which containers began and answered requests. */
interface Seen {
  readonly what: "begun" | "answered";
  readonly colour: Colour;
  readonly path: string;
}

function watchRequests(mark: string): Seen[] {
  const seen: Seen[] = [];
  // oxlint-disable-next-line typescript/unbound-method -- called below with the object that it belongs to
  const answer = FakeContainer.prototype.fetch;
  vi.spyOn(FakeContainer.prototype, "fetch").mockImplementation(async function fetch(
    this: FakeContainer,
    port,
    request,
  ) {
    if (request.headers.get("x-mark") !== mark) return await answer.call(this, port, request);
    const { pathname: path } = new URL(request.url);
    seen.push({ what: "begun", colour: colourOf(this), path });
    const response = await answer.call(this, port, request);
    seen.push({ what: "answered", colour: colourOf(this), path });
    return response;
  });
  return seen;
}

const BIG = "x".repeat(100_000);

/** One request by that address, for each of which the Worker has a copy of the routing of its own, as isolates have. */
async function ask(host: string, mark: string, isUpload: boolean): Promise<string | null> {
  const body = new Blob([BIG]).stream().pipeThrough(new IdentityTransformStream());
  const headers = { "x-mark": mark };
  const response = isUpload
    ? await raw("POST", `http://${host}/x`, body, headers)
    : await raw("GET", `http://${host}/x`, undefined, headers);
  const text = await response.text();
  if (response.status !== 200) return `${response.status} ${text}`;
  return isUpload && !text.includes(BIG) ? "an upload came in part" : null;
}

/** Clients that ask one after the other, until they are told to stop. */
function load(hosts: readonly string[], mark: string) {
  const failures: string[] = [];
  const state = { isStopped: false };
  let count = 0;
  const clients = Array.from({ length: 10 }, async (_, client) => {
    for (let nth = client; !state.isStopped; nth += 1) {
      const failure = await ask(hosts[client % hosts.length] ?? "", mark, nth % 4 === 0).catch(String);
      if (failure !== null) failures.push(failure);
      count += 1;
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
  });
  return {
    failures,
    count: () => count,
    stop: async () => {
      state.isStopped = true;
      await Promise.all(clients);
    },
  };
}

async function begin(id: string, fields: object = {}, target: object = { target_configuration: coloured("new") }) {
  const { result, errors } = await call("POST", `/applications/${id}/rollouts`, {
    description: "",
    strategy: "blue_green",
    min_healthy_time: "0s",
    ...target,
    ...fields,
  });
  if (result === null) throw new Error(JSON.stringify(errors));
  return `/applications/${id}/rollouts/${result.id}`;
}

async function started(instances: number) {
  const own = crypto.randomUUID().slice(0, 8);
  const hostnames = Array.from({ length: 4 }, (_, nth) => `h${nth}.${own}.test`);
  const { id, name } = await createApplication({ instances, hostnames, configuration: coloured("old") });
  await untilReady(id, instances);
  return { id, name, hosts: [`${name}.localhost`, ...hostnames] };
}

const switches = async (id: string) => (await eventsOf(id)).filter((event) => event.name === "RolloutSwitched").length;
const phaseOf = async (rollout: string) => (await call("GET", rollout)).result.phase as string;

const rows = async ({ deployment_id }: WireInstance) =>
  (await instanceStub(testEnv, deployment_id).billing()).rowsWritten;
const isNew = ({ id }: WireInstance) => colourOf(containerOf(id)) === "new";

/** As another isolate does it: a write through this one would let it forget its copies of the routing. */
async function next(id: string, rollout: string): Promise<void> {
  const guard = { ifMatch: null, lease: null, seed: crypto.randomUUID(), isRetry: false };
  await applicationStub(testEnv, id).rolloutAction(rollout.split("/").at(-1) ?? "", "next", "operator", guard);
}

/** Whether anything of the one was begun after anything of the other. */
function begunAfter(seen: readonly Seen[], late: Colour, first: Colour): Seen[] {
  const since = seen.findIndex(({ colour }) => colour === first);
  return since === -1 ? [] : seen.slice(since).filter(({ what, colour }) => what === "begun" && colour === late);
}

describe("a switch to another version", () => {
  it("under load from several isolates fails for nobody, and nobody begins at the old one after the new one; nor on the way back", async ({
    expect,
  }) => {
    const { id, hosts } = await started(3);
    const seen = watchRequests(id);
    const clients = load(hosts, id);
    await eventually(async () => clients.count() > 50);
    await begin(id, { scale_down_delay: "60s" });
    await eventually(async () => (await switches(id)) === 1);
    const count = clients.count();
    await eventually(async () => clients.count() > count + 50);
    const there = seen.splice(0);
    expect(begunAfter(there, "old", "new")).toEqual([]);
    expect(there.at(-1)?.colour).toBe("new");
    const back = await begin(id, {}, { target_version: 1 });
    await eventually(async () => (await switches(id)) === 2);
    const then = clients.count();
    await eventually(async () => clients.count() > then + 50);
    await clients.stop();
    expect(begunAfter(seen, "new", "old")).toEqual([]);
    expect([seen.at(-1)?.colour, clients.failures]).toEqual(["old", []]);
    await eventually(async () => (await phaseOf(back)) === "completed");
  });

  afterEach(() => spreadOver(null));

  it.for([1, 2])(
    "is kept to by copies of the routing that know nothing of it yet, over %i objects",
    async (shards, { expect }) => {
      spreadOver(shards);
      const { id, hosts } = await started(2);
      const seen = watchRequests(id);
      const rollout = await begin(id, { kind: "full_manual", scale_down_delay: "60s" });
      await eventually(async () => (await phaseOf(rollout)) === "waiting");
      // A copy is used for four seconds, and made here before the switch.
      for (const host of hosts) expect(await ask(host, id, false)).toBeNull();
      expect(new Set(seen.map(({ colour }) => colour))).toEqual(new Set(["old"]));
      await next(id, rollout);
      await eventually(async () => (await switches(id)) === 1);
      seen.splice(0);
      const askAll = async (some: readonly string[]) => {
        const answers = await Promise.all(
          some.flatMap((host) => [true, false, true, false].map(async (isUpload) => await ask(host, id, isUpload))),
        );
        expect(answers.filter((failure) => failure !== null)).toEqual([]);
        expect(new Set(seen.map(({ colour }) => colour))).toEqual(new Set(["new"]));
      };
      await askAll(hosts.slice(0, 2));
      // Also when it is over, and the old ones stand by.
      await eventually(async () => (await phaseOf(rollout)) === "completed");
      await askAll(hosts.slice(2));
    },
  );

  it("lets what is under way go on, answers who names an old instance, and costs each of those a row", async ({
    expect,
  }) => {
    const { id, name, hosts } = await started(1);
    const rollout = await begin(id, { kind: "full_manual", scale_down_delay: "60s" });
    await eventually(async () => (await phaseOf(rollout)) === "waiting");
    const [old, fresh] = (await instancesOf(id)).toSorted((a, b) => Number(isNew(a)) - Number(isNew(b)));
    if (old === undefined || fresh === undefined) throw new Error("there are two");
    const before = [await rows(old), await rows(fresh)];
    const streaming = await raw("GET", `http://${hosts[0]}/stream`);
    const reader = streaming.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe("first");
    await next(id, rollout);
    await eventually(async () => (await phaseOf(rollout)) === "completed");
    containerOf(old.id).streams = false;
    expect((await reader?.read())?.value).toBe(" last");
    expect([await rows(old), await rows(fresh)]).toEqual([(before[0] ?? 0) + 1, before[1]]);
    const named = await exports.Gantry.fetch(`http://gantry.internal/a/${name}/@${old.id}/x`);
    expect([named.status, named.headers.get("gantry-instance")]).toEqual([200, old.id]);
    expect((await named.json<{ headers: object }>()).headers).not.toHaveProperty("gantry-direct");
    // Nobody outside says that it means it.
    const forged = await raw("GET", `http://${hosts[0]}/x`, undefined, { "gantry-direct": "named" });
    expect([forged.headers.get("gantry-instance"), await forged.text()]).toEqual([
      fresh.id,
      expect.not.stringContaining("gantry-direct"),
    ]);
  });

  it("that is cut off by the death of its object is finished by the next, and callers wait for it", async ({
    expect,
  }) => {
    const { id, hosts } = await started(2);
    const seen = watchRequests(id);
    const rollout = await begin(id, { kind: "full_manual", scale_down_delay: "60s" });
    await eventually(async () => (await phaseOf(rollout)) === "waiting");
    let asked = 0;
    const admit = vi.spyOn(Instance.prototype, "admit").mockImplementation(() => {
      asked += 1;
      throw new Error("lost");
    });
    await next(id, rollout);
    await eventually(async () => asked > 2);
    expect(await phaseOf(rollout)).toBe("switching");
    const waiting = hosts.map(async (host) => await ask(host, id, true));
    await forget(id);
    admit.mockRestore();
    waiting.push(...hosts.map(async (host) => await ask(host, id, false)));
    // Whoever was waiting in the object that died has heard of it, and that is all: nothing was sent twice.
    const answers = await Promise.all(waiting);
    expect(answers.slice(hosts.length)).toEqual(hosts.map(() => null));
    expect(new Set(seen.map(({ colour }) => colour))).toEqual(new Set(["new"]));
    await eventually(async () => (await phaseOf(rollout)) === "completed");
    expect(await switches(id)).toBe(1);
  });

  it("is undone by any rollout: who was told to refuse finds out, and no request fails", async ({ expect }) => {
    const { id, hosts } = await started(3);
    const seen = watchRequests(id);
    const there = await begin(id, { scale_down_delay: "60s" });
    await eventually(async () => (await phaseOf(there)) === "completed");
    const clients = load(hosts, id);
    await eventually(async () => clients.count() > 50);
    expect(new Set(seen.map(({ colour }) => colour))).toEqual(new Set(["new"]));
    const back = await begin(id, { strategy: "rolling" }, { target_version: 1 });
    await eventually(async () => (await phaseOf(back)) === "completed");
    const count = clients.count();
    await eventually(async () => clients.count() > count + 50);
    await clients.stop();
    expect([seen.at(-1)?.colour, clients.failures]).toEqual(["old", []]);
  });
});
