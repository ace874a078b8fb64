/** What containers may reach: decided for each request, as the policy is in that moment, and told to whoever asks. */
import { env, exports } from "cloudflare:workers";
import { createExecutionContext, runInDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import { serveEgress } from "../../src/egress/serve.ts";
import {
  call,
  createApplication,
  domainError,
  eventsOf,
  eventually,
  instancesOf,
  testEnv,
  untilReady,
} from "./client.ts";
import { ask, HANDLED, running, statusOf, workloadOf, type Running } from "./egress-world.ts";
import { containerOf } from "./fake-container.ts";

const egressOf = async ({ id, instance }: Running) =>
  (await call("GET", `/applications/${id}/instances/${instance}/egress`)).result;

describe.concurrent("a request that no URL can be made of", () => {
  it("is denied as any that cannot be read", async ({ expect }) => {
    const app = await running({ default: "allow" });
    const asked = new Proxy(new Request("http://a.test/"), {
      get: (target, name) => (name === "url" ? "http://a.test@:80@b.test:x/" : Reflect.get(target, name, target)),
    });
    await expect(serveEgress(asked, workloadOf(app.instance), testEnv, createExecutionContext())).rejects.toMatchObject(
      {
        code: "EGRESS_DENIED",
        details: { reason: "malformed", rule: "url" },
      },
    );
  });
});

describe.concurrent("a container whose application has no policy", () => {
  it("reaches nothing, and is told so", async ({ expect }) => {
    const app = await running(undefined);
    const answer = await ask(app.instance, "https://example.com/");
    expect(answer.status).toBe(403);
    expect(domainError(await answer.json())).toMatchObject({
      error: "EGRESS_DENIED",
      message: expect.stringContaining("add it to egress.allow"),
      details: {
        host: "example.com",
        rule: "default",
        reason: "not_allowed",
        application: app.name,
        instance: app.instance,
      },
    });
    expect(await egressOf(app)).toMatchObject({ policy: { default: "deny" }, verified: "registration" });
  });

  it("was started without the internet, with what it asks for by HTTP coming to Gantry", async ({ expect }) => {
    const { instance } = await running(undefined);
    const { starts, intercepted } = containerOf(instance);
    expect(starts.map(({ isOpen }) => isOpen)).toEqual([false]);
    expect(intercepted.map(({ reach, isRunning }) => [reach, isRunning])).toEqual([["http", false]]);
  });

  it("gets HTTPS with a policy, from its next start on, which is said", async ({ expect }) => {
    const app = await running(undefined);
    const put = await call("PUT", `/applications/${app.id}/egress`, { allow: ["a.test"], handlers: HANDLED });
    expect(put.result).toMatchObject({ told: 1, pending: [], restart: [app.instance] });
    expect([await statusOf(app.instance, "http://a.test/"), (await egressOf(app)).restart_needed]).toEqual([200, true]);
    await call("POST", `/applications/${app.id}/instances/${app.instance}/restart`);
    await eventually(async () =>
      (await instancesOf(app.id)).some(({ ready, generation }) => ready && generation === 2),
    );
    expect(containerOf(app.instance).intercepted.at(-1)?.reach).toBe("all");
    expect(await egressOf(app)).toMatchObject({ restart_needed: false, verified: "probe" });
  });
});

describe.concurrent("a policy", () => {
  it("holds for the next request of what runs, whichever way it is changed", async ({ expect }) => {
    const app = await running({ allow: ["a.test"], handlers: HANDLED });
    const seen = async () => [
      await statusOf(app.instance, "http://a.test/"),
      await statusOf(app.instance, "http://b.test/"),
    ];
    expect(await seen()).toEqual([200, 403]);
    const put = await call("PUT", `/applications/${app.id}/egress`, { allow: ["b.test"], handlers: HANDLED });
    expect(put.result).toMatchObject({ policy: { allow: ["b.test"] }, told: 1, pending: [] });
    expect(await seen()).toEqual([403, 200]);
    await call("PATCH", `/applications/${app.id}`, { egress: { allow: ["a.test", "b.test"], handlers: HANDLED } });
    expect(await seen()).toEqual([200, 200]);
    await call("PATCH", `/applications/${app.id}`, { egress: null });
    expect(await seen()).toEqual([403, 403]);
    const names = (await eventsOf(app.id)).map(({ name }) => name);
    expect(names.filter((name) => name === "EgressChanged")).toHaveLength(3);
  });

  it("is changed for one instance alone, until it is reset", async ({ expect }) => {
    const { id } = await createApplication({ instances: 2, egress: { allow: ["a.test"], handlers: HANDLED } });
    const [one, other] = await untilReady(id, 2);
    const path = `/applications/${id}/instances/${one?.id}/egress`;
    const seen = async (host: string) => [
      await statusOf(one?.id ?? "", `http://${host}/`),
      await statusOf(other?.id ?? "", `http://${host}/`),
    ];
    const patched = await call("PATCH", path, { allow: ["b.test"], deny: ["a.test"] });
    expect(patched.result).toMatchObject({
      policy: { allow: ["a.test", "b.test"], deny: ["a.test"] },
      overrides: { allow: { added: ["b.test"] }, deny: { added: ["a.test"] } },
    });
    expect([await seen("a.test"), await seen("b.test")]).toEqual([
      [403, 200],
      [200, 403],
    ]);
    const told = await eventually(async () => {
      const found = (await eventsOf(id)).filter(({ name }) => name === "EgressChanged");
      return found.length === 1 && found;
    });
    expect(told[0]?.message).toBe("changed for this instance alone: allow b.test; deny a.test");
    expect((await call("DELETE", path)).result.overrides.allow).toEqual({ set: null, added: [], removed: [] });
    expect([await seen("a.test"), await seen("b.test")]).toEqual([
      [200, 200],
      [403, 403],
    ]);
  });

  it("is kept when its instance's object is dropped from memory, what was changed there with it", async ({
    expect,
  }) => {
    const app = await running({ allow: ["a.test"], handlers: HANDLED });
    await call("PATCH", `/applications/${app.id}/instances/${app.instance}/egress`, { allow: ["b.test"] });
    await runInDurableObject(env.INSTANCE.getByName(app.deployment), (_, state: DurableObjectState) =>
      state.abort("dropped by the test"),
    ).catch(() => undefined);
    expect(await statusOf(app.instance, "http://a.test/")).toBe(200);
    expect(await statusOf(app.instance, "http://b.test/")).toBe(200);
    expect(await statusOf(app.instance, "http://c.test/")).toBe(403);
  });

  it("reaches with its next report whoever did not hear of it", async ({ expect }) => {
    const app = await running({ allow: ["a.test"], handlers: HANDLED }, { check_every: "1s" });
    // As if the message had been lost: what the instance knows is of an earlier write, and of another policy.
    await runInDurableObject(env.INSTANCE.getByName(app.deployment), (instance) =>
      (instance as unknown as { adoptEgress(now: object): void }).adoptEgress({ seq: 1, policy: null }),
    );
    expect(await statusOf(app.instance, "http://a.test/")).toBe(403);
    await eventually(async () => (await statusOf(app.instance, "http://a.test/")) === 200);
  });

  it("counts what goes through and lists what is denied, each once as news", async ({ expect }) => {
    const app = await running({ allow: ["a.test"], handlers: HANDLED });
    for (const host of ["evil.test", "evil.test", "other.test", "a.test"])
      await statusOf(app.instance, `http://${host}/`);
    const log = await eventually(async () => {
      const { result } = await call("GET", `/applications/${app.id}/egress/log`);
      return result.length === 2 && result;
    });
    const lines = log.map(({ host, count, rule, instance }: Record<string, unknown>) => [host, count, rule, instance]);
    expect(lines.toSorted()).toEqual([
      ["evil.test", 2, "allow", app.instance],
      ["other.test", 1, "allow", app.instance],
    ]);
    const events = (await eventsOf(app.id)).filter(({ name }) => name === "EgressDenied");
    expect(events.map(({ details }) => String(details["host"])).toSorted()).toEqual(["evil.test", "other.test"]);
    const { result } = await call("GET", `/applications/${app.id}/egress`);
    expect(result.usage.denied).toBe(3);
  });

  it("lists what was denied of the names inside, too", async ({ expect }) => {
    const app = await running({ allow: [] });
    await statusOf(app.instance, `http://${app.name}.gantry.internal/`);
    await statusOf(app.instance, "http://kv.gantry.internal/NAMES/key");
    await statusOf(app.instance, "http://registry.gantry.internal/v2/");
    const log = await eventually(async () => {
      const { result } = await call("GET", `/applications/${app.id}/egress/log`);
      return result.length === 3 && result;
    });
    const lines = log.map(({ host, rule, message }: Record<string, unknown>) => [host, rule, message]);
    expect(lines.toSorted()).toEqual([
      [`${app.name}.gantry.internal`, "internal", "egress.internal does not name it"],
      ["kv.gantry.internal", "bindings", "egress.bindings does not name it"],
      ["registry.gantry.internal", "registry", "egress.registry does not name it"],
    ]);
  });

  it("denies what it cannot read, as any other", async ({ expect }) => {
    const app = await running({ default: "allow", handlers: HANDLED });
    expect(await statusOf(app.instance, "http://169.254.169.254/latest/meta-data")).toBe(403);
    expect(await statusOf(app.instance, "http://[::ffff:7f00:1]/")).toBe(403);
    expect(await statusOf(app.instance, "http://a.test:8080/")).toBe(403);
  });

  it.for([
    [{ allow: ["*x.com"] }, "egress.allow[0]"],
    [{ allow: ["https://x.com"] }, "egress.allow[0]"],
    [{ deny: [{ host: "x.com", ports: [22] }] }, "egress.deny[0].ports[0]"],
    [{ open: true }, "egress.open"],
    [{ handlers: [{ hosts: ["x.com"], binding: "NOBODY" }] }, "egress.handlers[0].binding"],
    [{ bindings: [{ type: "do", binding: "INSTANCE" }] }, "egress.bindings[0].binding"],
    [{ credentials: [{ hosts: ["x.com"], header: "Host", secret: "s" }] }, "egress.credentials[0].header"],
    [{ internal: ["Not A Name"] }, "egress.internal[0]"],
    [{ registry: ["Team/Web"] }, "egress.registry[0]"],
    [{ registry: ["team*"] }, "egress.registry[0]"],
  ] as const)("is refused where it says what cannot be: %j", async ([egress, field], { expect }) => {
    const name = `app-${crypto.randomUUID().slice(0, 8)}`;
    const refused = await call("POST", "/applications", {
      name,
      instances: 1,
      configuration: { image: "hello-world" },
      egress,
    });
    expect(refused.status).toBe(400);
    expect(Object.keys(domainError(refused).details)).toContain(field);
  });
});

describe.concurrent("the proof that a policy holds", () => {
  it("is a request of the container itself", async ({ expect }) => {
    const app = await running({ allow: [] });
    expect((await egressOf(app)).verified).toBe("probe");
  });

  it("is the registration where the image has nothing that could ask", async ({ expect }) => {
    const configuration = { image: "hello-world", environment_variables: [{ name: "CLIENT", value: "none" }] };
    const app = await running({ allow: [] }, { configuration });
    expect((await egressOf(app)).verified).toBe("registration");
  });

  it("is waited for: without it an instance gets no traffic, and says why", async ({ expect }) => {
    const { id, instance } = await running({ allow: [] });
    const container = containerOf(instance);
    container.intercepts = false;
    await call("POST", `/applications/${id}/instances/${instance}/restart`);
    const failing = await eventually(async () => {
      const [one] = await instancesOf(id);
      return one?.checks.find(({ name, state }) => name === "egress" && state === "failing");
    });
    expect(failing.detail).toContain("requests of the container do not come to Gantry: connection refused");
    expect((await instancesOf(id)).map(({ ready }) => ready)).toEqual([false]);
    container.intercepts = true;
    await untilReady(id, 1);
  });
});

describe.concurrent("an open policy", () => {
  it("starts containers with the platform's own way to the internet, and keeps the names inside", async ({
    expect,
  }) => {
    const app = await running({ default: "allow", open: true });
    const { starts, intercepted } = containerOf(app.instance);
    expect(starts.map(({ isOpen }) => isOpen)).toEqual([true]);
    expect(intercepted.at(-1)?.reach).toBe("internal");
    expect((await egressOf(app)).verified).toBe("open");
    const put = await call("PUT", `/applications/${app.id}/egress`, { allow: [] });
    expect(put.result.restart).toEqual([app.instance]);
    await call("PUT", `/applications/${app.id}/egress`, { default: "allow", open: true });
    const refused = await call("PATCH", `/applications/${app.id}/instances/${app.instance}/egress`, {
      deny: ["a.test"],
    });
    expect([refused.status, domainError(refused).error]).toEqual([409, "EGRESS_OPEN"]);
  });
});

describe.concurrent("a container that is over", () => {
  it("reaches nothing any more", async ({ expect }) => {
    const app = await running({ allow: ["a.test"], handlers: HANDLED });
    const before = workloadOf(app.instance);
    await call("POST", `/applications/${app.id}/instances/${app.instance}/restart`);
    await eventually(async () =>
      (await instancesOf(app.id)).some(({ ready, generation }) => ready && generation === 2),
    );
    const response = await exports.Egress({ props: before }).fetch(new Request("http://a.test/"));
    expect([response.status, domainError(await response.json()).error]).toEqual([410, "PLACEMENT_ENDED"]);
    expect(await statusOf(app.instance, "http://a.test/")).toBe(200);
  });
});
