/** `start` with a choice, `stop` with a signal, and snapshots: what one named instance is given beside its configuration. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { describe, it } from "vitest";
import type { Account } from "../../src/account/account.ts";
import type { Instance } from "../../src/containers/instance.ts";
import type { Application } from "../../src/orchestrator/application.ts";
import {
  dropChoice,
  keepChoice,
  keptChoice,
  openChoice,
  resealChoices,
  sealChoice,
} from "../../src/orchestrator/start/kept.ts";
import { Database } from "../../src/database.ts";
import { accountStub, applicationStub, instanceStub } from "../../src/stubs.ts";
import { freshAccount } from "./accounts.ts";
import {
  ACCOUNT_ID,
  call,
  createApplication,
  domainError,
  eventsOf,
  eventually,
  instancesOf,
  raw,
  testEnv,
} from "./client.ts";
import { containerOf } from "./fake-container.ts";

const gantry = () => exports.Gantry;

async function application(configuration: Record<string, unknown> = {}, body: Record<string, unknown> = {}) {
  return await createApplication({
    instances: 0,
    named_instances: 3,
    ingress: { mode: "public" },
    configuration: { image: "hello-world", ...configuration },
    ...body,
  });
}

interface Thrown {
  readonly code: string;
  readonly message: string;
  readonly details: Record<string, unknown>;
}

function errorOf(work: Promise<unknown>): Promise<Thrown | null> {
  return work.then(
    () => null,
    (error: unknown) => error as Thrown,
  );
}

async function containerIn(id: string, name = "alice") {
  const instance = (await instancesOf(id)).find((one) => one.name === name);
  return containerOf(instance?.id ?? "");
}

const stopped = (name: string, instance = "alice") =>
  eventually(async () => (await gantry().getState(name, instance)).state === "stopped");

/** All that an object has stored, as text. */
async function storedIn(object: DurableObjectStub<Application | Account | Instance>): Promise<string> {
  return await runInDurableObject(object as DurableObjectStub<Application>, (_, { storage }) => {
    const tables = storage.sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'").toArray();
    const own = tables.filter(({ name }) => !name.startsWith("_cf"));
    return JSON.stringify(own.map(({ name }) => storage.sql.exec(`SELECT * FROM "${name}"`).toArray()));
  });
}

describe.concurrent("an instance that is started with a choice", () => {
  it("has that environment, image and size, and of the configuration what was not chosen", async ({ expect }) => {
    await call("POST", "/secrets", { name: "start-one", value: "of the account" });
    const { id, name } = await application({
      environment_variables: [{ name: "FROM", value: "configuration" }],
      secrets: [{ name: "SECRET", type: "env", secret: "start-one" }],
      instance_type: "lite",
    });
    const state = await gantry().start(name, "alice", {
      env: { A: "1" },
      image: "ignores-sigterm",
      instanceType: "basic",
    });
    expect(state).toMatchObject({ name: "alice", state: "running", ready: true, generation: 1 });
    const [first] = (await containerIn(id)).starts;
    expect(first).toMatchObject({
      image: "local/ignores-sigterm:1",
      size: { vcpu: 0.25, memoryMib: 1_024, diskMb: 4_000 },
    });
    expect(first?.env).toMatchObject({ A: "1", GANTRY_INSTANCE: "alice" });
    expect(Object.keys(first?.env ?? {})).not.toContain("FROM");
    expect(Object.keys(first?.env ?? {})).not.toContain("SECRET");
    await gantry().start(name, "bob", { instanceType: "basic" });
    const [other] = (await containerIn(id, "bob")).starts;
    expect(other).toMatchObject({
      image: "local/hello-world:1",
      env: { FROM: "configuration", SECRET: "of the account" },
    });
  });

  it("shows by name what was chosen, and no value of it anywhere", async ({ expect }) => {
    const { id, name } = await application();
    const value = `hidden-${crypto.randomUUID()}`;
    await gantry().start(name, "alice", { env: { TOKEN: value, OTHER: "x" }, instanceType: "standard-2" });
    await errorOf(gantry().start(name, "alice", { env: { TOKEN: `${value}-2` } }));
    const key = { "idempotency-key": crypto.randomUUID(), "content-type": "application/json" };
    const body = { environment_variables: [{ name: "TOKEN", value: `${value}-3` }] };
    const path = `/applications/${id}/instances/bob/start`;
    const answer = await (await raw("POST", path, JSON.stringify(body), key)).text();
    const all = await instancesOf(id);
    const [instance, other] = ["alice", "bob"].map((one) => all.find((shown) => shown.name === one));
    expect(instance).toMatchObject({ name: "alice", overridden: ["env", "instance_type"] });
    expect(other).toMatchObject({ name: "bob", overridden: ["env"] });
    const seen = await Promise.all([
      call("GET", `/applications/${id}/instances/${instance?.id}`),
      call("GET", `/applications/${id}/events?per_page=1000`),
      call("GET", `/applications/${id}`),
      call("GET", "/audit?per_page=100"),
      (await raw("GET", "http://control.test/metrics")).text(),
      storedIn(applicationStub(testEnv, id)),
      storedIn(accountStub(testEnv, ACCOUNT_ID)),
      storedIn(instanceStub(testEnv, instance?.deployment_id ?? "")),
      storedIn(instanceStub(testEnv, other?.deployment_id ?? "")),
    ]);
    expect(answer + JSON.stringify(seen)).not.toContain(value);
    // It is there all the same, sealed.
    expect(seen[5]).toContain("v1.");
    expect((await containerIn(id)).starts[0]?.env["TOKEN"]).toBe(value);
    const { labels } = (await containerIn(id)).starts[0] ?? {};
    expect(JSON.stringify(labels)).not.toContain(value);
  });

  it("keeps it while it sleeps, wakes, is restarted and lost, and in a new version", async ({ expect }) => {
    const { id, name } = await application();
    await gantry().start(name, "alice", { env: { A: "1" } });
    await gantry().stop(name, "alice");
    await stopped(name);
    await (await raw("GET", `http://control.test/a/${name}/@alice/`)).text();
    await call("POST", `/applications/${id}/instances/alice/restart`);
    await eventually(async () => (await gantry().getState(name, "alice")).generation === 3);
    await eventually(async () => (await gantry().getState(name, "alice")).ready);
    (await containerIn(id)).kill();
    await eventually(async () => (await gantry().getState(name, "alice")).state === "provisioning");
    const environment = [{ name: "NEW", value: "version" }];
    const put = {
      configuration: { image: "ignores-sigterm", environment_variables: environment, drain_timeout: 0, stop_grace: 0 },
    };
    expect((await call("PATCH", `/applications/${id}`, put)).status).toBe(200);
    const rollout = {
      description: "next",
      strategy: "rolling",
      kind: "full_auto",
      step_percentage: 100,
      target_version: 2,
    };
    expect((await call("POST", `/applications/${id}/rollouts`, rollout)).status).toBeLessThan(300);
    expect((await gantry().start(name, "alice")).version).toBe(2);
    const { starts } = await containerIn(id);
    expect(starts.map(({ env }) => [env["A"], env["NEW"]])).toEqual(Array.from({ length: 4 }, () => ["1", undefined]));
    expect(starts.at(-1)?.image).toBe("local/ignores-sigterm:1");
    // Each has another revision than without: what differs would be started anew.
    expect(new Set(starts.map(({ labels }) => labels["gantry.revision"])).size).toBe(2);
  });

  it("takes another choice only while it sleeps, and nothing of the old one is left", async ({ expect }) => {
    const { id, name } = await application();
    await gantry().start(name, "alice", { env: { A: "1" } });
    await gantry().start(name, "alice", { env: { A: "1" } });
    await gantry().start(name, "alice");
    const conflict = await errorOf(gantry().start(name, "alice", { env: { A: "2" }, image: "hello-world" }));
    expect(conflict).toMatchObject({ code: "START_CONFLICT", details: { differs: ["env", "image"] } });
    expect((await containerIn(id)).starts).toHaveLength(1);
    await gantry().stop(name, "alice");
    await stopped(name);
    await gantry().start(name, "alice", { instanceType: "basic" });
    const { starts } = await containerIn(id);
    expect(starts[1]?.env).not.toHaveProperty("A");
    expect((await instancesOf(id))[0]).toMatchObject({ overridden: ["instance_type"] });
    await gantry().destroy(name, "alice");
    await eventually(async () => (await instancesOf(id)).length === 0);
    expect(await storedIn(applicationStub(testEnv, id))).not.toContain("v1.");
    await gantry().start(name, "alice");
    expect((await instancesOf(id))[0]).not.toHaveProperty("overridden");
  });

  it("that runs as configured is a conflict too", async ({ expect }) => {
    const { name } = await application();
    await gantry().start(name, "alice");
    expect(await errorOf(gantry().start(name, "alice", { env: {} }))).toMatchObject({
      code: "START_CONFLICT",
      details: { differs: ["env"] },
    });
  });

  it("starts once for a hundred callers with one choice", async ({ expect }) => {
    const { id, name } = await application();
    const states = await Promise.all(
      Array.from({ length: 100 }, () => gantry().start(name, "alice", { env: { A: "1" } })),
    );
    expect(new Set(states.map(({ instance, generation }) => `${instance} ${generation}`)).size).toBe(1);
    expect((await containerIn(id)).starts).toHaveLength(1);
  });

  it("is started with one of two choices, and whoever had the other hears of the conflict", async ({ expect }) => {
    const { id, name } = await application();
    const choices = Array.from({ length: 40 }, (_, n) => ({ env: { WHO: n % 2 === 0 ? "even" : "odd" } }));
    const errors = await Promise.all(choices.map((choice) => errorOf(gantry().start(name, "alice", choice))));
    const { starts } = await containerIn(id);
    expect(starts).toHaveLength(1);
    const winner = starts[0]?.env["WHO"];
    const outcomes = choices.map(
      ({ env }, n) =>
        (errors[n] === null ? "started" : errors[n]?.code) === (env.WHO === winner ? "started" : "START_CONFLICT"),
    );
    expect(outcomes.every(Boolean)).toBe(true);
  });

  it("is known after an eviction of everything, and what runs is not started anew", async ({ expect }) => {
    const { id, name } = await application();
    await gantry().start(name, "alice", { env: { A: "1" } });
    const [instance] = await instancesOf(id);
    await evictDurableObject(applicationStub(testEnv, id));
    const object = () => instanceStub(testEnv, instance?.deployment_id ?? "");
    await runInDurableObject(object(), (_: Instance, state) => state.abort("reset by the test")).catch(() => undefined);
    // The next look compares what runs with what was started.
    await runInDurableObject(object(), (_: Instance, { storage }) => {
      storage.sql.exec("UPDATE timers SET due_at = 0");
    });
    await runInDurableObject(object(), (own: Instance) => own.alarm());
    expect((await gantry().start(name, "alice", { env: { A: "1" } })).generation).toBe(1);
    expect(await errorOf(gantry().start(name, "alice", { env: { A: "2" } }))).toMatchObject({ code: "START_CONFLICT" });
    expect((await containerIn(id)).starts).toHaveLength(1);
  });

  it("that cannot be started with it is told so, and takes another choice at once", async ({ expect }) => {
    const { name } = await application();
    expect(await errorOf(gantry().start(name, "alice", { image: "never-boots" }))).toMatchObject({
      code: "INSTANCE_CANNOT_START",
    });
    expect(await gantry().start(name, "alice", { image: "hello-world" })).toMatchObject({ ready: true, generation: 2 });
  });

  it.for([
    ["a name that is none", { env: { "A=B": "1" } }, "env.A=B"],
    ["a name of Gantry's own", { env: { GANTRY_X: "1" } }, "env.GANTRY_X"],
    ["a value that is no text", { env: { A: 1 } }, "env.A"],
    ["a NUL", { env: { A: "a\0b" } }, "env.A"],
    ["a value that is too long", { env: { A: "x".repeat(32_769) } }, "env.A"],
    [
      "too much of it",
      { env: Object.fromEntries(Array.from({ length: 5 }, (_, n) => [`V${n}`, "x".repeat(32_000)])) },
      "env",
    ],
    ["too many", { env: Object.fromEntries(Array.from({ length: 129 }, (_, n) => [`V${n}`, ""])) }, "env"],
    ["a list", { env: ["A"] }, "env"],
    ["a type that is none", { instanceType: "huge" }, "instanceType"],
    ["a field of the API", { instance_type: "basic" }, "instance_type"],
    ["a field of others", { envVars: {} }, "envVars"],
    ["an image and a snapshot", { image: "hello-world", snapshot: "one" }, "snapshot"],
  ] as const)("with %s is refused by its field, and starts nothing", async ([, options, field], { expect }) => {
    const { id, name } = await application();
    const error = await errorOf(gantry().start(name, "alice", options));
    expect(error).toMatchObject({ code: "VALIDATE_INPUT" });
    expect(Object.keys(error?.details ?? {})).toEqual([field]);
    expect(JSON.stringify(error)).not.toContain("xxxx");
    expect(await instancesOf(id)).toEqual([]);
  });

  it("with an image that nobody has declared, or a size beyond the account's, is refused by name", async ({
    expect,
  }) => {
    const { id, name } = await application();
    const unknown = await errorOf(gantry().start(name, "alice", { image: "nowhere" }));
    expect(unknown).toMatchObject({
      code: "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE",
      details: { image: expect.anything() },
    });
    const account = await freshAccount();
    const made = await account.create({ instances: 0, named_instances: 2, configuration: { image: "hello-world" } });
    await account.call("PATCH", "/me", { limits: { memory_mib_per_deployment: 1_024 } });
    const path = `/applications/${made.result.id}/instances/alice/start`;
    const large = await account.call("POST", path, { instance_type: "standard-1" });
    expect(domainError(large).error).toBe("SURPASSED_BASE_LIMITS");
    expect(await instancesOf(id)).toEqual([]);
  });
});

describe.concurrent("a choice at rest", () => {
  it("is sealed again by the newest key, and tells what no key opens", async ({ expect }) => {
    const { id, name } = await application();
    await gantry().start(name, "alice", { env: { A: "1" } });
    const [old, next, lost] = ["o", "n", "l"].map((text) => btoa(text.repeat(32)));
    await runInDurableObject(applicationStub(testEnv, id), async (_: Application, { storage }) => {
      const db = new Database(storage);
      const kept = await sealChoice([old ?? ""], id, "one", { env: { A: "kept" } });
      keepChoice(db, "one", { id: "one", sealed: kept });
      keepChoice(db, "two", { id: "two", sealed: await sealChoice([lost ?? ""], id, "two", { env: {} }) });
      keepChoice(db, "moved", { id: "moved", sealed: kept });
      const [deployment] = db.all<{ deployment: string }>("SELECT deployment FROM start_choices WHERE length(id) = 36");
      dropChoice(db, deployment?.deployment ?? "");
      const report = await resealChoices(db, [next ?? "", old ?? ""], id);
      // One of another deployment's place does not open.
      expect(report).toEqual({ resealed: 1, unreadable: ["moved", "two"] });
      expect(await openChoice([next ?? ""], id, keptChoice(db, "one") ?? { id: "", sealed: "" })).toEqual({
        env: { A: "kept" },
      });
      expect((await resealChoices(db, [next ?? "", old ?? ""], id)).resealed).toBe(0);
    });
    expect((await call("POST", "/secrets/reseal")).result.unreadable).toContain(`what two of ${name} was started with`);
  });

  it("that no key opens any more refuses the launch, and is replaced by another", async ({ expect }) => {
    const { id, name } = await application();
    await gantry().start(name, "alice", { env: { A: "1" } });
    await gantry().stop(name, "alice");
    await stopped(name);
    await runInDurableObject(applicationStub(testEnv, id), (_: Application, { storage }) => {
      storage.sql.exec("UPDATE start_choices SET sealed = 'v1.0.AAAA.AAAA'");
    });
    expect(await errorOf(gantry().start(name, "alice"))).toMatchObject({
      code: "INSTANCE_CANNOT_START",
      details: { reason: "SECRET_UNREADABLE" },
    });
    await gantry().start(name, "alice", { env: { A: "2" } });
    expect((await containerIn(id)).starts.at(-1)?.env["A"]).toBe("2");
  });

  it("keeps the protocol of its image in use until the instance is destroyed", async ({ expect }) => {
    const proto = `p${crypto.randomUUID().slice(0, 8)}`;
    const domains = [{ domain: "registry.cloudflare.com", path: "" }];
    expect((await call("POST", "/registries/protos", { proto, domains })).status).toBe(201);
    const { id, name } = await application({ image: "ignores-sigterm", stop_grace: 0 });
    expect(await errorOf(gantry().start(name, "alice", { image: "no-such://x" }))).toMatchObject({
      code: "IMAGE_REGISTRY_PROTOCOL_NOT_FOUND",
    });
    await gantry().start(name, "alice", { image: `${proto}://hello-world` });
    expect((await containerIn(id)).starts[0]?.image).toBe("local/hello-world:1");
    const remove = () => call("DELETE", `/registries/protos/${proto}`);
    expect(domainError(await remove()).error).toBe("IMAGE_REGISTRY_PROTO_IS_REFERENCED");
    await gantry().destroy(name, "alice");
    await eventually(async () => (await remove()).status === 200);
  });
});

const start = (id: string, instance: string, body: unknown) =>
  call("POST", `/applications/${id}/instances/${instance}/start`, body);

describe.concurrent("a start with a body over HTTP", () => {
  it("makes what is not there, starts what sleeps or is held, and says what it did", async ({ expect }) => {
    const { id, name } = await application();
    const made = await start(id, "alice", {
      environment_variables: [{ name: "A", value: "1" }],
      image: "hello-world",
      instance_type: "basic",
    });
    expect([made.status, made.result.name]).toEqual([200, "alice"]);
    expect(made.result.overridden).toEqual(["env", "image", "instance_type"]);
    await eventually(async () => (await gantry().getState(name, "alice")).ready);
    expect((await containerIn(id)).starts[0]).toMatchObject({ env: { A: "1" }, size: { memoryMib: 1_024 } });
    const conflict = await start(id, "alice", { environment_variables: [] });
    expect([conflict.status, domainError(conflict).error]).toEqual([409, "START_CONFLICT"]);
    await call("POST", `/applications/${id}/instances/alice/stop`);
    await stopped(name);
    const held = await start(id, "alice", { environment_variables: [{ name: "A", value: "2" }] });
    expect(held.result).toMatchObject({ held: false, overridden: ["env"] });
    expect((await eventsOf(id)).some((event) => event.name === "InstanceStarted")).toBe(true);
    await eventually(async () => (await containerIn(id)).starts.at(-1)?.env["A"] === "2");
  });

  it("without one, or with an empty one, is what it was", async ({ expect }) => {
    const { id, name } = await application();
    expect((await call("POST", `/applications/${id}/instances/alice/start`)).status).toBe(404);
    expect((await start(id, "alice", {})).status).toBe(200);
    await eventually(async () => (await gantry().getState(name, "alice")).ready);
    expect((await call("POST", `/applications/${id}/instances/alice/start`)).result.generation).toBe(1);
  });

  it("says at once that as many are awake as may be", async ({ expect }) => {
    const { id, name } = await application({}, { named_instances: 1 });
    await gantry().start(name, "alice");
    const late = await start(id, "bob", { environment_variables: [] });
    expect(domainError(late)).toMatchObject({ error: "INSTANCE_LIMIT_REACHED", details: { named_instances: 1 } });
    expect(domainError(late).message).toContain("has all of its 1 named instances awake");
  });

  it("of a member of the pool, or of what cannot be, is refused by name", async ({ expect }) => {
    const { id, name } = await application({}, { instances: 1 });
    await eventually(async () => (await instancesOf(id)).length === 1);
    const pooled = await start(id, `${name}-0`, { environment_variables: [] });
    expect([pooled.status, domainError(pooled).error]).toEqual([409, "INSTANCE_NOT_NAMED"]);
    expect(domainError(await start(id, `${name}-7`, {})).error).toBe("INSTANCE_NOT_FOUND");
    expect(domainError(await start(id, "alice", { env: {} })).details).toMatchObject({ env: expect.anything() });
    const twice = [
      { name: "A", value: "1" },
      { name: "A", value: "2" },
    ];
    const refused = domainError(await start(id, "alice", { environment_variables: twice }));
    expect(Object.keys(refused.details)).toContain("environment_variables[1].name");
  });

  it("needs a token that may deploy", async ({ expect }) => {
    const { id } = await application();
    const { result } = await call("POST", "/tokens", { name: `op-${crypto.randomUUID()}`, scopes: ["operate"] });
    const headers = { authorization: `Bearer ${result.token ?? result.value}`, "content-type": "application/json" };
    const path = `/applications/${id}/instances/alice/start`;
    expect((await raw("POST", path, '{"image": "hello-world"}', headers)).status).toBe(403);
    expect((await raw("POST", path, "{}", headers)).status).toBe(200);
  });
});

describe.concurrent("a size of its own", () => {
  const place = ["afr", "apac", "eeur", "enam", "me", "oc", "sam", "wnam"].map((location) => ({
    location,
    enabled: false,
  }));

  it("is counted in the capacity, and refused with what is missing", async ({ expect }) => {
    const account = await freshAccount();
    await account.call("PATCH", "/me", { capacity: { memory_mib: 5_000 }, locations: place });
    const configuration = { image: "hello-world", instance_type: "basic" };
    const { result } = await account.create({ instances: 0, named_instances: 5, configuration });
    const started = (name: string, body: unknown) =>
      account.call("POST", `/applications/${result.id}/instances/${name}/start`, body);
    expect((await started("small", {})).status).toBe(200);
    const large = await started("large", { instance_type: "standard-1" });
    // 5000 - 1024 are left, 4096 are asked for.
    expect(domainError(large)).toMatchObject({ error: "INSTANCE_NOT_READY", details: { memory_mib_short: 120 } });
    const huge = await started("huge", { instance_type: "standard-2" });
    expect(domainError(huge)).toMatchObject({ error: "INSTANCE_CANNOT_START", details: { memory_mib_short: 2_168 } });
    // Who was refused has left nothing behind, and others get what is left.
    expect((await account.call("GET", `/applications/${result.id}/instances-v2`)).result).toHaveLength(1);
    expect((await started("other", {})).status).toBe(200);
    await account.call("POST", `/applications/${result.id}/instances/small/destroy`);
    await account.call("POST", `/applications/${result.id}/instances/other/destroy`);
    const granted = async () => (await account.call("GET", "/me")).result.granted.memory_mib as number;
    await eventually(async () => (await granted()) === 0);
    expect((await started("large", { instance_type: "standard-1" })).status).toBe(200);
    await eventually(async () => (await granted()) === 4_096);
  });

  it("is counted in the account's limits until it is destroyed", async ({ expect }) => {
    const account = await freshAccount();
    const configuration = { image: "hello-world", instance_type: "basic" };
    const { result } = await account.create({ instances: 0, named_instances: 2, configuration });
    const used = async () => (await account.call("GET", "/me")).result.usage?.memory_mib as number;
    const patched = await account.call("PATCH", "/me", { limits: { total_memory_mib: 6_000 } });
    expect(patched.status).toBe(200);
    const started = (name: string, type: string) =>
      account.call("POST", `/applications/${result.id}/instances/${name}/start`, { instance_type: type });
    expect((await started("one", "standard-1")).status).toBe(200);
    // 2 x 1024 are kept, and 3072 more; another 3072 are not there.
    const second = await started("two", "standard-1");
    expect(domainError(second)).toMatchObject({
      error: "SURPASSED_TOTAL_LIMITS",
      details: { memory_mib_shortfall: 2_192 },
    });
    await account.call("POST", `/applications/${result.id}/instances/one/destroy`);
    await eventually(async () => (await started("two", "standard-1")).status === 200);
    expect(await used()).not.toBe(0);
  });
});

describe.concurrent("a stop with a signal", () => {
  it("sends that one in place of SIGTERM, and SIGKILL after the grace as ever", async ({ expect }) => {
    const { id, name } = await application({ stop_grace: 0.05 });
    await gantry().start(name, "alice");
    await gantry().stop(name, "alice", { signal: "SIGINT" });
    await stopped(name);
    expect((await containerIn(id)).signals).toEqual([2]);
    await gantry().start(name, "alice");
    await gantry().stop(name, "alice", { signal: 10 });
    await stopped(name);
    await gantry().start(name, "alice");
    await gantry().stop(name, "alice");
    await stopped(name);
    expect((await containerIn(id)).signals).toEqual([2, 10, 15]);
    const ends = (await eventsOf(id)).filter((event) => event.name === "VMStopped");
    expect(ends.map(({ details }) => details["signal"]).filter((signal) => signal !== undefined)).toHaveLength(2);
    await gantry().start(name, "bob", { image: "ignores-sigterm" });
    await gantry().stop(name, "bob", { signal: "SIGUSR1" });
    const bob = await containerIn(id, "bob");
    await eventually(async () => !bob.running);
    expect(bob.signals).toEqual([10]);
  });

  it.for([0, 65, 1.5, "SIGNONE", "sigint", "", null])(
    "called %s is refused, and stops nothing",
    async (signal, { expect }) => {
      const { name } = await application();
      await gantry().start(name, "alice");
      const error = await errorOf(gantry().stop(name, "alice", { signal }));
      expect(error).toMatchObject({ code: "VALIDATE_INPUT", details: { signal: expect.anything() } });
      expect((await gantry().getState(name, "alice")).state).toBe("running");
    },
  );
});

const run = (name: string, command: string, ...args: string[]) => gantry().exec(name, "alice", { command, args });

describe.concurrent("a snapshot", () => {
  it("brings back the disk as it was, at each start until the instance is destroyed", async ({ expect }) => {
    const { id, name } = await application();
    await run(name, "write", "before");
    const taken = await gantry().snapshot(name, "alice", { name: "one" });
    expect(taken).toMatchObject({ name: "one", id: expect.any(String), size: 134_289_218 });
    await run(name, "write", "after");
    const running = await errorOf(gantry().start(name, "alice", { snapshot: "one" }));
    expect(running).toMatchObject({ code: "START_CONFLICT", details: { differs: ["snapshot"] } });
    await gantry().stop(name, "alice");
    await stopped(name);
    await gantry().start(name, "alice", { snapshot: "one", env: { A: "1" } });
    expect((await run(name, "read")).stdout).toBe("before");
    expect((await containerIn(id)).starts.at(-1)).toMatchObject({ snapshot: taken.id, env: { A: "1" } });
    expect((await instancesOf(id))[0]).toMatchObject({ overridden: ["env", "snapshot"] });
    await gantry().stop(name, "alice");
    await stopped(name);
    expect((await run(name, "read")).stdout).toBe("before");
    await gantry().destroy(name, "alice");
    await eventually(async () => (await instancesOf(id)).length === 0);
    expect(await gantry().listSnapshots(name, "alice")).toEqual([]);
    expect((await run(name, "read")).stdout).toBe("");
  });

  it("is kept by its name, listed, replaced and deleted", async ({ expect }) => {
    const { name } = await application();
    await gantry().start(name, "alice");
    const first = await gantry().snapshot(name, "alice");
    expect(first.name).toBe("latest");
    const second = await gantry().snapshot(name, "alice", { name: "latest" });
    await gantry().snapshot(name, "alice", { name: "other" });
    const listed = await gantry().listSnapshots(name, "alice");
    expect(listed.map((one) => [one.name, one.id === first.id])).toEqual([
      ["other", false],
      ["latest", false],
    ]);
    expect(listed[1]).toEqual(second);
    await gantry().deleteSnapshot(name, "alice", "other");
    await gantry().deleteSnapshot(name, "alice", "other");
    expect((await gantry().listSnapshots(name, "alice")).map((one) => one.name)).toEqual(["latest"]);
    expect(await errorOf(gantry().snapshot(name, "alice", { name: "a/b" }))).toMatchObject({
      details: { name: expect.anything() },
    });
    for (let n = 0; n < 15; n += 1) await gantry().snapshot(name, "alice", { name: `n${n}` });
    expect(await errorOf(gantry().snapshot(name, "alice", { name: "more" }))).toMatchObject({
      code: "SNAPSHOT_LIMIT_REACHED",
    });
  });

  it("that the platform does not take, or has no more, is told in its words, and changes nothing", async ({
    expect,
  }) => {
    const { id, name } = await application();
    expect(await errorOf(gantry().snapshot(name, "alice"))).toMatchObject({ code: "INSTANCE_NOT_RUNNING" });
    await gantry().start(name, "alice");
    const container = await containerIn(id);
    container.refusesSnapshots = "snapshots are not enabled";
    expect(await errorOf(gantry().snapshot(name, "alice"))).toMatchObject({
      code: "SNAPSHOT_NOT_AVAILABLE",
      details: { reason: "snapshots are not enabled" },
    });
    expect(await gantry().listSnapshots(name, "alice")).toEqual([]);
    container.refusesSnapshots = null;
    await gantry().snapshot(name, "alice", { name: "one" });
    await runInDurableObject(applicationStub(testEnv, id), (_: Application, { storage }) => {
      storage.sql.exec('UPDATE deployments SET snapshots = replace(snapshots, \'"id":"\', \'"id":"gone-\')');
    });
    await evictDurableObject(applicationStub(testEnv, id));
    await gantry().stop(name, "alice");
    await stopped(name);
    expect(await errorOf(gantry().start(name, "alice", { snapshot: "two" }))).toMatchObject({
      code: "SNAPSHOT_NOT_FOUND",
    });
    expect(await errorOf(gantry().start(name, "alice", { snapshot: "one" }))).toMatchObject({
      code: "SNAPSHOT_NOT_AVAILABLE",
    });
    expect((await gantry().start(name, "alice", { image: "hello-world" })).ready).toBe(true);
  });
});
