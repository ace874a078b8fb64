/** What every caller may rely on, whichever way it comes in: from outside, through the binding, with the SDK. */
import { exports } from "cloudflare:workers";
import { describe, it, vi } from "vitest";
import { createContainers } from "../../src/sdk/containers.ts";
import { GantryError } from "../../src/sdk/errors.ts";
import type { ContainerAccessor } from "../../src/sdk/handles.ts";
import { call, createApplication, eventsOf, eventually, instancesOf, raw, untilReady } from "./client.ts";
import { containerOf, FakeContainer } from "./fake-container.ts";

interface Call {
  readonly path: string;
  readonly method?: string;
  readonly body?: BodyInit;
}

interface Application {
  readonly id: string;
  readonly name: string;
  readonly sdk: ContainerAccessor;
}

/** `instance`: the one that is called by that name, else any of the pool. */
type Way = (application: Application, call: Call, instance?: string) => Promise<Response>;

const at = ({ name }: Application, instance: string | undefined) =>
  instance === undefined ? `/a/${name}` : `/a/${name}/@${encodeURIComponent(instance)}`;

const WAYS: readonly [string, Way][] = [
  [
    "from outside",
    async (application, { path, method = "GET", body }, instance) =>
      await raw(method, `http://control.test${at(application, instance)}${path}`, body),
  ],
  [
    "through the binding",
    async (application, { path, ...init }, instance) =>
      await exports.Gantry.fetch(new Request(`http://gantry.internal${at(application, instance)}${path}`, init)),
  ],
  [
    "with the SDK",
    async ({ sdk }, { path, ...init }, instance) => {
      const handle = instance === undefined ? sdk.any(undefined, FAST) : sdk.get(instance, FAST);
      try {
        return await handle.fetch(path, init);
      } catch (error) {
        if (GantryError.is(error)) return error.toResponse();
        throw error;
      }
    },
  ],
];

/** Every try that is allowed, without pauses. */
const FAST = { attempts: 5, backoffMs: 0 };
const BIG = 200_000;
/** Seconds, where the machine is not busy with other things. */
const LONG = { timeout: 300_000 };

async function create(body: Record<string, unknown> = {}): Promise<Application> {
  const { id, name } = await createApplication({ instances: 0, named_instances: 10, ...body });
  const { web } = createContainers(exports.Gantry, { web: { image: "./", name } });
  return { id, name, sdk: web };
}

async function containersOf({ id }: Application): Promise<FakeContainer[]> {
  return (await instancesOf(id)).map((instance) => containerOf(instance.id));
}

const instanceOf = (response: Response) => response.headers.get("gantry-instance") ?? "";

/** A body whose length nobody knows beforehand, and that can be read once. */
function streamed(bytes: number): ReadableStream {
  return new Blob(["x".repeat(bytes)]).stream().pipeThrough(new IdentityTransformStream());
}

/** Reads the beginning of a request to `/upload` and dies of it. How often that was tried, over all containers. */
function dieOfUploads(): () => number {
  let uploads = 0;
  // oxlint-disable-next-line typescript/unbound-method -- called below with the object that it belongs to
  const answer = FakeContainer.prototype.fetch;
  vi.spyOn(FakeContainer.prototype, "fetch").mockImplementation(async function fetch(
    this: FakeContainer,
    port,
    request,
  ) {
    if (new URL(request.url).pathname !== "/upload") return await answer.call(this, port, request);
    uploads += 1;
    await request.body?.getReader().read();
    this.kill();
    throw new Error("Network connection lost.");
  });
  return () => uploads;
}

describe("an id", () => {
  it("has one container, however many call it first at the same time and whichever way", LONG, async ({ expect }) => {
    const web = await create();
    const ids = ["alice", "bob", "carol"];
    const answers = await Promise.all(
      ids.flatMap((id) =>
        Array.from({ length: 100 }, async (_, index) => {
          const response = await WAYS[index % 3]?.[1](web, { path: "/" }, id);
          return [id, response?.status, instanceOf(response ?? new Response())] as const;
        }),
      ),
    );
    expect(answers.filter(([, status]) => status !== 200)).toEqual([]);
    const pairs = new Set(answers.map(([id, , instance]) => `${id} ${instance}`));
    expect(pairs.size).toBe(ids.length);
    const instances = await instancesOf(web.id);
    expect(instances.map(({ name }) => name).toSorted()).toEqual(ids);
    expect(instances.map((instance) => containerOf(instance.id).starts.length)).toEqual([1, 1, 1]);
  });

  it("is one of a thousand objects when there are a thousand ids, and stays the same one", LONG, async ({ expect }) => {
    const count = 1_000;
    const web = await create({ named_instances: count });
    const ids = Array.from({ length: count }, (_, index) => `entity-${index}`);
    const ask = async (upTo: number) => {
      const answered: string[] = [];
      for (let start = 0; start < upTo; start += 50) {
        const batch = ids.slice(start, start + 50).map(async (id, index) => {
          const response = await WAYS[index % 3]?.[1](web, { path: "/" }, id);
          if (response?.status !== 200) throw new Error(`${id}: ${await response?.text()}`);
          await response.text();
          return instanceOf(response);
        });
        answered.push(...(await Promise.all(batch)));
      }
      return answered;
    };
    const first = await ask(count);
    expect(new Set(first).size).toBe(count);
    expect(first.filter((instance) => containerOf(instance).starts.length !== 1)).toEqual([]);
    expect(await ask(100)).toEqual(first.slice(0, 100));
    await call("DELETE", `/applications/${web.id}`);
    await eventually(async () => first.every((instance) => !containerOf(instance).running));
  });
});

describe.each(WAYS)("a call %s", (_, ask) => {
  it("gets the application's own 429 and 503, each after one try", async ({ expect }) => {
    const web = await create({ instances: 2 });
    await untilReady(web.id, 2);
    await (await ask(web, { path: "/" }, "alice")).text();
    for (const instance of ["alice", undefined]) {
      for (const status of [429, 503]) {
        const containers = await containersOf(web);
        for (const container of containers) container.statuses.set("/own", status);
        const before = containers.reduce((sum, { attempts }) => sum + attempts, 0);
        const response = await ask(web, { path: "/own", method: "POST", body: "work" }, instance);
        expect([response.status, response.headers.get("gantry-error")]).toEqual([status, null]);
        expect(containers.reduce((sum, { attempts }) => sum + attempts, 0) - before).toBe(1);
      }
    }
  });

  it.for([
    ["a stream, of the pool", () => streamed(BIG), undefined],
    ["a stream, of one instance", () => streamed(BIG), "alice"],
    ["a small body, of the pool", () => "x".repeat(1_000), undefined],
    ["a small body, of one instance", () => "x".repeat(1_000), "alice"],
  ] as const)("with a POST that kills the container in the middle sends it once: %s", async (given, { expect }) => {
    const [, body, instance] = given;
    const web = await create({ instances: 3 });
    await untilReady(web.id, 3);
    if (instance !== undefined) await (await ask(web, { path: "/" }, instance)).text();
    const uploads = dieOfUploads();
    const response = await ask(web, { path: "/upload", method: "POST", body: body() }, instance);
    expect(response.status).toBe(502);
    expect(await response.text()).toContain("INSTANCE_UNREACHABLE");
    expect(uploads()).toBe(1);
  });

  it("to an image that cannot be started fails at once, and is not tried again", async ({ expect }) => {
    const web = await create({ configuration: { image: "never-boots" } });
    const response = await ask(web, { path: "/" }, "alice");
    expect(response.status).toBe(503);
    expect(await response.text()).toContain("INSTANCE_CANNOT_START");
    const failures = (await eventsOf(web.id)).filter((event) => event.name === "VMFailedToStart");
    expect(failures).toHaveLength(1);
  });
});

describe("a pool whose members are all unready", () => {
  const CHECKED = {
    image: "hello-world",
    ports: [{ name: "http", port: 8_080 }],
    checks: [{ type: "http", kind: "ready", port: "http", interval: 1, http: { path: "/ready" } }],
    environment_variables: [{ name: "ANSWERS", value: "/ready=404" }],
  };
  const waitMs = 400;
  const wait = (name: string) =>
    exports.Gantry.fetch(
      new Request(`http://gantry.internal/a/${name}/x`, { headers: { "gantry-call": JSON.stringify({ waitMs }) } }),
    );

  it("has its callers wait as long as they may, then says why and when to come back; none is sent", async ({
    expect,
  }) => {
    const web = await create({ instances: 3, configuration: CHECKED });
    await eventually(async () => (await containersOf(web)).filter(({ running }) => running).length === 3);
    const began = Date.now();
    const answers = await Promise.all(Array.from({ length: 20 }, () => wait(web.name)));
    // It was not refused before its time.
    expect(Date.now() - began).toBeGreaterThanOrEqual(waitMs);
    for (const response of answers) {
      expect(response.status).toBe(503);
      expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(response.headers.get("gantry-error")).toBe("NO_READY_INSTANCE");
      expect(response.headers.get("gantry-retryable")).toBe("true");
      expect(await response.text()).toContain("0.4 s");
    }
    expect((await containersOf(web)).map(({ attempts }) => attempts)).toEqual([0, 0, 0]);
    // The first that becomes ready serves whoever waits.
    const waiting = raw("GET", `http://${web.name}.localhost/x`);
    const [first] = await containersOf(web);
    first?.statuses.set("/ready", 200);
    expect((await waiting).status).toBe(200);
    expect((await containersOf(web)).map(({ attempts }) => attempts).toSorted((a, b) => a - b)).toEqual([0, 0, 1]);
  });

  it("is told to the SDK's caller with reason and time", async ({ expect }) => {
    const web = await create({ instances: 2, configuration: CHECKED });
    const options = { attempts: 2, backoffMs: 0, maxBackoffMs: 0, waitMs: 50 };
    for (const handle of [web.sdk.any(undefined, options), web.sdk.pool(options)]) {
      const error = await handle.fetch("/x").then(
        () => null,
        (reason: unknown) => reason,
      );
      expect(error).toMatchObject({ code: "NO_READY_INSTANCE", status: 503, retryable: true });
      expect((error as GantryError).retryAfterMs).toBeGreaterThan(0);
    }
    expect((await containersOf(web)).reduce((sum, { attempts }) => sum + attempts, 0)).toBe(0);
  });
});
