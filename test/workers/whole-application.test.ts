/** `PUT` of whole applications, their dry runs, and the fields that clients of Cloudflare's API send. */
import { runInDurableObject } from "cloudflare:test";
import { describe, it, vi } from "vitest";
import { GantryError } from "../../src/errors.ts";
import { accountStub, applicationStub } from "../../src/stubs.ts";
import {
  ACCOUNT_ID,
  createApplication,
  domainError,
  eventsOf,
  eventually,
  instancesOf,
  testEnv,
  untilReady,
} from "./client.ts";
import { billed, forget, send, unheard } from "./writes.ts";

const SPEC = { instances: 0, configuration: { image: "hello-world" } };
const unused = () => `put-${crypto.randomUUID().slice(0, 8)}`;
const env = (value: string) => ({ environment_variables: [{ name: "A", value }] });
const namespaceId = () => crypto.randomUUID().replaceAll("-", "");

async function put(name: string, body: object, headers: Record<string, string> = {}) {
  return await send("PUT", `/applications/${name}`, body, headers);
}

async function idsOf(query: string): Promise<string[]> {
  return (await send("GET", `/applications?${query}`)).result.map((application: { id: string }) => application.id);
}

async function planned(name: string, body: object) {
  return await send("PUT", `/applications/${name}?dry_run=true`, body);
}

/** Starts and stops since an event, from what is told. */
async function happened(id: string, after: number) {
  const events = (await eventsOf(id)).slice(after);
  const count = (name: string) => events.filter((event) => event.name === name).length;
  return { starts: count("SchedulerPlaced"), stops: count("VMStopping") };
}

async function settled(id: string): Promise<void> {
  const { status } = await send("GET", `/applications/${id}/wait?state=settled`);
  if (status !== 200) throw new Error(`not settled: ${status}`);
}

describe("a PUT", () => {
  it("creates an application under the name in its path", async ({ expect }) => {
    const name = unused();
    const { status, result, etag } = await put(name, { name, ...SPEC });
    expect([status, result.name, result.version]).toEqual([201, name, 1]);
    expect(etag).toMatch(/^"/);
    expect((await send("GET", `/applications/${name}`)).result).toEqual(result);
  });

  it("creates one when two come at once, and both succeed", async ({ expect }) => {
    const name = unused();
    const answers = await Promise.all([put(name, SPEC), put(name, SPEC), put(name, SPEC)]);
    expect(answers.every(({ status }) => status === 200 || status === 201 || status === 409)).toBe(true);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect((await send("GET", `/applications?name=${name}`)).result).toHaveLength(1);
  });

  it.for([
    ["another name in the body", { name: "other", ...SPEC }, "name"],
    ["no instances", { configuration: SPEC.configuration }, "instances"],
    ["no image", { instances: 0, configuration: {} }, "configuration.image"],
    ["an unknown field", { ...SPEC, colour: "red" }, "colour"],
  ] as const)("with %s is refused and makes nothing", async ([, body, field], { expect }) => {
    const name = unused();
    const answer = await put(name, body);
    expect([answer.status, Object.keys(domainError(answer).details)]).toEqual([400, [field]]);
    expect((await send("GET", `/applications/${name}`)).status).toBe(404);
  });

  it("of an id that is not there is a 404, and of a name that is none a 400", async ({ expect }) => {
    expect((await put(crypto.randomUUID(), SPEC)).status).toBe(404);
    expect(Object.keys(domainError(await put("Upper", SPEC)).details)).toEqual(["name"]);
  });

  it("replaces everything, activates it, and what is left out is at its default", async ({ expect }) => {
    const { id, name } = await createApplication({
      instances: 1,
      max_instances: 4,
      check_every: 90,
      ingress: { mode: "token" },
      observability: { logs: { enabled: true } },
      configuration: { image: "hello-world", ...env("1"), labels: [{ name: "team", value: "media" }] },
    });
    await untilReady(id, 1);
    const { status, result } = await put(id, { instances: 2, configuration: { image: "hello-world", ...env("2") } });
    expect(status).toBe(200);
    expect(result).toMatchObject({ id, name, instances: 2, version: 2, check_every: 60, ingress: { mode: "public" } });
    expect(result.configuration).toMatchObject(env("2"));
    expect(result.configuration.labels).toBeUndefined();
    expect([result.max_instances, result.observability]).toEqual([undefined, undefined]);
    await settled(id);
    expect((await instancesOf(id)).map((instance) => (instance as unknown as { version: number }).version)).toEqual([
      2, 2,
    ]);
  });

  it("takes back what was read, changes nothing by it and writes no row", async ({ expect }) => {
    const { id } = await createApplication({
      instances: 1,
      max_instances: 3,
      observability: { logs: { enabled: false } },
      durable_objects: { namespace_id: namespaceId() },
      configuration: {
        image: "hello-world",
        instance_type: "basic",
        ...env("1"),
        ports: [{ name: "http", port: 8_080 }],
      },
    });
    await settled(id);
    const { result: read } = await send("GET", `/applications/${id}`);
    const before = await billed(id);
    const { status, result } = await put(id, read);
    expect([status, result]).toEqual([200, read]);
    expect(await billed(id)).toBe(before);
    expect((await send("GET", `/applications/${id}/versions`)).result).toHaveLength(1);
  });

  it("supersedes a stored version that was not active", async ({ expect }) => {
    const { id } = await createApplication(SPEC);
    await send("PATCH", `/applications/${id}`, { configuration: env("patched") });
    expect((await put(id, SPEC)).result.version).toBe(3);
    const { result } = await send("PATCH", `/applications/${id}`, { configuration: { labels: [] } });
    expect(result.version).toBe(3);
    const [newest] = (await send("GET", `/applications/${id}/versions`)).result;
    expect(newest.configuration.environment_variables).toBeUndefined();
  });

  it("of two writers with one ETag serves one, and the other is told the new one", async ({ expect }) => {
    const { id } = await createApplication(SPEC);
    const { etag } = await send("GET", `/applications/${id}`);
    const answers = await Promise.all(
      [1, 2, 3].map(async (count) => await put(id, { ...SPEC, max_instances: count }, { "if-match": etag })),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412, 412]);
    const current = (await send("GET", `/applications/${id}`)).etag;
    expect(answers.filter(({ status }) => status === 412).map((answer) => answer.etag)).toEqual([current, current]);
  });

  it("with If-Match makes no application", async ({ expect }) => {
    const name = unused();
    expect((await put(name, SPEC, { "if-match": '"x-1"' })).status).toBe(412);
    expect((await send("GET", `/applications/${name}`)).status).toBe(404);
  });

  it("is done once when its answer was not heard, ETag and all", async ({ expect }) => {
    const { id } = await createApplication(SPEC);
    const { etag } = await send("GET", `/applications/${id}`);
    const key = crypto.randomUUID();
    const body = { ...SPEC, configuration: { image: "hello-world", ...env("2") } };
    const headers = { "idempotency-key": key, "if-match": etag };
    const first = await put(id, body, headers);
    await unheard(ACCOUNT_ID, key);
    await forget(id);
    const second = await put(id, body, headers);
    expect([first.status, second.status, second.result]).toEqual([200, 200, first.result]);
    expect(second.headers.get("idempotency-replayed")).toBeNull();
    expect((await eventsOf(id)).filter(({ name }) => name === "VersionActivated")).toHaveLength(1);
  });

  it("that creates is done once when its answer was not heard", async ({ expect }) => {
    const [name, key] = [unused(), crypto.randomUUID()];
    const first = await put(name, SPEC, { "idempotency-key": key });
    await unheard(ACCOUNT_ID, key);
    const second = await put(name, SPEC, { "idempotency-key": key });
    expect([first.status, second.result.id]).toEqual([201, first.result.id]);
  });
});

describe("a write that is undone", () => {
  it("leaves nothing in the memory of what it would have stored", async ({ expect }) => {
    const { id } = await createApplication({ ...SPEC, observability: { logs: { enabled: true } } });
    const application = applicationStub(testEnv, id);
    const { row } = (await application.view()) ?? {};
    if (row === undefined) throw new Error("no view");
    const write = (value: string) => ({
      spec: row.spec,
      version: { configuration: { image: "hello-world", ...env(value) }, revision: value },
    });
    const guard = { ifMatch: null, lease: null, seed: crypto.randomUUID(), isRetry: false };
    const late = {
      intent: crypto.randomUUID(),
      location: "auto",
      amounts: { instances: 0, vcpu: 0, memoryMib: 0, diskMb: 0, ipv4s: 0 },
      until: 0,
    };
    const refused = await application.put(write("undone"), guard, late).then(
      () => "nothing",
      (error: unknown) => (GantryError.is(error) ? error.code : String(error)),
    );
    expect(refused).toBe("WRITE_CONFLICT");
    const view = await application.put(write("done"), guard);
    expect([view.row.activeVersion, view.configuration]).toMatchObject([2, env("done")]);
  });
});

describe("a dry run", () => {
  it("of what is not there tells what would be made, and makes nothing", async ({ expect }) => {
    const name = unused();
    const { status, result } = await planned(name, { instances: 3, configuration: { image: "hello-world" } });
    expect(status).toBe(200);
    expect(result).toMatchObject({
      dry_run: true,
      create: true,
      instances: { start: 3, stop: 0, update: 0, unchanged: 0 },
      cost_estimate: { before: { vcpu: 0 }, after: { vcpu: 0.1875, memory_mib: 768, disk_mb: 6_000 } },
      etag: null,
    });
    expect(result.changes).toContainEqual({ field: "configuration.image", from: null, to: "hello-world" });
    expect((await send("GET", `/applications/${name}`)).status).toBe(404);
  });

  it("names each field that changes, from what to what, and writes no row", async ({ expect }) => {
    const { id } = await createApplication({ instances: 1, max_instances: 5 });
    await settled(id);
    const before = await billed(id);
    const { result, etag } = await planned(id, {
      instances: 2,
      configuration: { image: "hello-world", ...env("2") },
    });
    expect(result.changes).toEqual([
      { field: "instances", from: 1, to: 2 },
      { field: "max_instances", from: 5, to: null },
      { field: "configuration.environment_variables", from: null, to: env("2").environment_variables },
    ]);
    expect(result.cost_estimate).toMatchObject({ before: { memory_mib: 256 }, peak: { memory_mib: 768 } });
    expect(result.etag).toBe(etag);
    expect(await billed(id)).toBe(before);
  });

  it("names how rollouts are to replace instances, and tells never from not said", async ({ expect }) => {
    const { id } = await createApplication({ ...SPEC, rollout: { max_surge: 2 }, rollout_active_grace_period: 5 });
    const { result } = await planned(id, { ...SPEC, rollout: { max_surge: "50%", progress_deadline: null } });
    expect(result.changes.filter(({ field }: { field: string }) => field.startsWith("rollout"))).toEqual([
      { field: "rollout_active_grace_period", from: 5, to: null },
      { field: "rollout.max_surge", from: 2, to: "50%" },
      { field: "rollout.progress_deadline", from: null, to: "never" },
    ]);
  });

  it.for([
    ["nothing", 2, 2, "1"],
    ["more", 1, 3, "1"],
    ["fewer", 3, 1, "1"],
    ["another version", 3, 3, "2"],
    ["another version and more", 2, 4, "2"],
    ["another version and fewer", 4, 2, "2"],
    ["none", 2, 0, "2"],
  ] as const)("of %s counts what the write then does", async ([, from, to, value], { expect }) => {
    const { id } = await createApplication({ instances: from, configuration: { image: "hello-world", ...env("1") } });
    await settled(id);
    const after = (await eventsOf(id)).length;
    const body = {
      instances: to,
      rollout: { min_healthy_time: 0 },
      configuration: { image: "hello-world", ...env(value) },
    };
    const { result: plan } = await planned(id, body);
    const { status } = await put(id, body, { "if-match": plan.etag });
    expect(status).toBe(200);
    await settled(id);
    const { start, stop, update, unchanged } = plan.instances;
    expect(await happened(id, after)).toEqual({ starts: start + update, stops: stop + update });
    expect(unchanged + start + update).toBe(to);
  });

  it("is refused with an ETag that is not the present one", async ({ expect }) => {
    const { id } = await createApplication(SPEC);
    const answer = await send("PUT", `/applications/${id}?dry_run=true`, SPEC, { "if-match": '"x-1"' });
    expect(answer.status).toBe(412);
  });
});

describe("a partial configuration", () => {
  it("is merged over the newest version, and nothing that runs is touched", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0, configuration: { image: "hello-world", ...env("1") } });
    await send("PATCH", `/applications/${id}`, { configuration: { labels: [{ name: "a", value: "b" }] } });
    const { result } = await send("PATCH", `/applications/${id}`, { configuration: { instance_type: "basic" } });
    expect(result).toMatchObject({ version: 1 });
    const [newest] = (await send("GET", `/applications/${id}/versions`)).result;
    expect(newest).toMatchObject({
      version: 3,
      configuration: { ...env("1"), labels: [{ name: "a", value: "b" }], instance_type: "basic" },
    });
    expect(newest.configuration.vcpu).toBeUndefined();
  });

  it("of many writers at once loses none", async ({ expect }) => {
    const { id } = await createApplication(SPEC);
    const patches = [
      env("1"),
      { labels: [{ name: "a", value: "b" }] },
      { entrypoint: ["node"] },
      { instance_type: "lite" },
    ];
    const answers = await Promise.all(
      patches.map(async (configuration) => await send("PATCH", `/applications/${id}`, { configuration })),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const [newest] = (await send("GET", `/applications/${id}/versions`)).result;
    expect(newest.configuration).toMatchObject(Object.assign({}, ...patches));
  });

  it("keeps the other sizes when one is given over a type", async ({ expect }) => {
    const { id } = await createApplication({
      instances: 0,
      configuration: { image: "hello-world", instance_type: "basic" },
    });
    await send("PATCH", `/applications/${id}`, { configuration: { memory_mib: 2_048 } });
    const [newest] = (await send("GET", `/applications/${id}/versions`)).result;
    expect(newest.configuration).toMatchObject({ vcpu: 0.25, memory_mib: 2_048, disk: { size_mb: 4_000 } });
  });
});

describe("what Cloudflare's clients send", () => {
  it("and what happens anyway is taken and shown", async ({ expect }) => {
    const { status, result } = await send("POST", "/applications", {
      name: unused(),
      scheduling_policy: "default",
      instances: 0,
      max_instances: 1,
      constraints: { tiers: [1, 2] },
      rollout_active_grace_period: 0,
      jobs: false,
      configuration: { image: "hello-world", instance_type: "dev", observability: { logs: { enabled: true } } },
    });
    expect(status).toBe(201);
    expect(result).toMatchObject({
      constraints: { tiers: [1, 2] },
      rollout_active_grace_period: 0,
      configuration: { instance_type: "lite", observability: { logs: { enabled: true } } },
    });
  });

  it.for([
    ["constraints.tiers", { constraints: { tiers: [1] } }],
    ["scheduling_policy", { scheduling_policy: "gpu" }],
    ["observability.target_instance_count", { observability: { logs: { enabled: true }, target_instance_count: 1 } }],
    ["durable_objects.namespace_id", { durable_objects: { namespace_id: "x" } }],
  ])("and what has no effect, %s, is refused by name and reason in every write", async ([field, part], { expect }) => {
    const { id } = await createApplication(SPEC);
    const answers = [
      await send("POST", "/applications", { name: unused(), ...SPEC, ...(part as object) }),
      await put(id, { ...SPEC, ...(part as object) }),
      await send("PATCH", `/applications/${id}`, part),
    ];
    for (const answer of answers) {
      expect([answer.status, Object.keys(domainError(answer).details)]).toEqual([400, [field]]);
      expect(String(Object.values(domainError(answer).details)[0])).toMatch(/must be|not supported/);
    }
  });

  it("about logs in two places at once is refused", async ({ expect }) => {
    const observability = { logs: { enabled: true } };
    const answer = await put(unused(), {
      ...SPEC,
      observability,
      configuration: { image: "hello-world", observability },
    });
    expect(Object.keys(domainError(answer).details)).toEqual(["observability"]);
  });

  it("about logs in a configuration beside the application's own switch is refused", async ({ expect }) => {
    const observability = { logs: { enabled: true } };
    const { id } = await createApplication({ ...SPEC, observability: { logs: { enabled: false } } });
    const patch = await send("PATCH", `/applications/${id}`, { configuration: { observability } });
    expect(Object.keys(domainError(patch).details)).toEqual(["configuration.observability"]);
    const rollout = { description: "x", strategy: "rolling", target_configuration: { observability } };
    const refused = await send("POST", `/applications/${id}/rollouts`, rollout);
    expect(Object.keys(domainError(refused).details)).toEqual(["target_configuration.observability"]);
  });

  it("to change what never changes is refused, and to say it again is not", async ({ expect }) => {
    const namespace = namespaceId();
    const { id, name } = await createApplication({ ...SPEC, durable_objects: { namespace_id: namespace } });
    const same = { name, durable_objects: { namespace_id: namespace }, scheduling_policy: "default" };
    expect((await send("PATCH", `/applications/${id}`, same)).status).toBe(200);
    for (const [field, part] of [
      ["name", { name: "other" }],
      ["durable_objects", { durable_objects: { namespace_id: namespaceId() } }],
    ] as const) {
      for (const answer of [await send("PATCH", `/applications/${id}`, part), await put(id, { ...SPEC, ...part })]) {
        expect([answer.status, Object.keys(domainError(answer).details)]).toEqual([400, [field]]);
      }
    }
  });
});

describe("the applications of a list", () => {
  it("are found by labels, written either way, all of which count", async ({ expect }) => {
    const value = crypto.randomUUID().slice(0, 8);
    const labels = [
      { name: "team", value },
      { name: "tier", value: "web" },
    ];
    const { id } = await createApplication({ instances: 0, configuration: { image: "hello-world", labels } });
    expect(await idsOf(`label=team=${value}`)).toEqual([id]);
    expect(await idsOf(`label=team:${value}&label=tier=web`)).toEqual([id]);
    expect(await idsOf(`label=team:${value}&label=tier=db`)).toEqual([]);
    expect((await send("GET", "/applications?label=team")).status).toBe(400);
  });
});

describe("a Durable Object namespace", () => {
  it("has one application, which the refusal of a second names with code 1608", async ({ expect }) => {
    const durableObjects = { durable_objects: { namespace_id: namespaceId() } };
    const { id, name } = await createApplication({ ...SPEC, ...durableObjects });
    expect((await send("GET", `/applications/${id}`)).result).toMatchObject(durableObjects);
    const other = unused();
    const answer = await send("POST", "/applications", { name: other, ...SPEC, ...durableObjects });
    expect([answer.status, answer.errors[0]?.code]).toEqual([400, 1608]);
    expect(domainError(answer)).toMatchObject({
      error: "DURABLE_OBJECT_ALREADY_HAS_APPLICATION",
      details: { id, name },
    });
    expect((await send("GET", `/applications/${other}`)).status).toBe(404);
  });

  it("is free again when its application is deleted", async ({ expect }) => {
    const durableObjects = { durable_objects: { namespace_id: namespaceId() } };
    const { id } = await createApplication({ ...SPEC, ...durableObjects });
    await send("DELETE", `/applications/${id}`);
    const answer = await put(unused(), { ...SPEC, ...durableObjects });
    expect(answer.status).toBe(201);
  });

  it("and a name that a create was cut off with are free after a while, and not at once", async ({ expect }) => {
    const [namespace, name] = [namespaceId(), unused()];
    const account = accountStub(testEnv, ACCOUNT_ID);
    await account.reserveName(name, crypto.randomUUID(), "application", namespace);
    const other = { ...SPEC, durable_objects: { namespace_id: namespace } };
    expect([(await put(name, SPEC)).status, (await put(unused(), other)).status]).toEqual([409, 400]);
    await runInDurableObject(account, (_, state: DurableObjectState) => {
      state.storage.sql.exec("UPDATE applications SET created_at = created_at - 30001 WHERE name = ?", name);
    });
    expect((await put(unused(), other)).status).toBe(201);
    expect((await put(name, SPEC)).status).toBe(201);
  });

  it("goes to one of many that ask at once", async ({ expect }) => {
    const durableObjects = { durable_objects: { namespace_id: namespaceId() } };
    const answers = await Promise.all(
      Array.from({ length: 5 }, async () => await put(unused(), { ...SPEC, ...durableObjects })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  });
});

describe("observability.logs", () => {
  it.for([
    ["the application", { observability: { logs: { enabled: true } }, configuration: { image: "hello-world" } }],
    ["the configuration", { configuration: { image: "hello-world", observability: { logs: { enabled: true } } } }],
  ] as const)("of %s puts each event into the Worker's log", async ([, body], { expect }) => {
    const log = vi.spyOn(console, "log");
    const linesOf = (application: string) =>
      log.mock.calls
        .map(([line]) => line as Record<string, unknown>)
        .filter((line) => line?.["message"] === "application.event" && line["application"] === application);
    const { id, name } = await createApplication({ instances: 1, ...body });
    const silent = await createApplication();
    await untilReady(silent.id, 1);
    const [instance] = await untilReady(id, 1);
    const started = await eventually(async () => linesOf(name).find(({ event }) => event === "ContainerStarted"));
    expect(started).toMatchObject({ application_id: id, instance: instance?.name, version: 1, type: "Info" });
    expect(linesOf(name).map(({ event }) => event)).toEqual((await eventsOf(id)).map((event) => event.name));
    expect(linesOf(silent.name)).toEqual([]);
  });

  it("is switched off at once", async ({ expect }) => {
    const { id, name } = await createApplication({ ...SPEC, observability: { logs: { enabled: true } } });
    await send("PATCH", `/applications/${id}`, { observability: { logs: { enabled: false } } });
    const log = vi.spyOn(console, "log");
    await send("PATCH", `/applications/${id}`, { instances: 1 });
    await untilReady(id, 1);
    const lines = log.mock.calls.filter(([line]) => (line as Record<string, unknown>)?.["application"] === name);
    expect(lines.filter(([line]) => line.message === "application.event")).toEqual([]);
  });
});
