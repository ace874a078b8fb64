/** The routes of egress: what they refuse and why, who may use them, ETags, pages, and how long a change of one instance lasts. */
import { describe, it } from "vitest";
import {
  call,
  createApplication,
  domainError,
  eventually,
  instancesOf,
  raw,
  untilReady,
  type Envelope,
} from "./client.ts";
import { HANDLED, running, statusOf, type Running } from "./egress-world.ts";

type Answer = Envelope & { status: number };

async function as(token: string, method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await raw(method, path, body === undefined ? undefined : JSON.stringify(body), {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
  });
  return { ...(await response.json<Envelope>()), status: response.status };
}

async function tokenOf(...scopes: string[]): Promise<string> {
  return (await call("POST", "/tokens", { name: "test", scopes })).result.value;
}

const one = ({ id, instance }: Running) => `/applications/${id}/instances/${instance}/egress`;
const refusal = ({ status, ...envelope }: Answer) => {
  const { error, details } = domainError(envelope);
  return [status, error, Object.keys(details)] as const;
};

describe.concurrent("the policy of an application", () => {
  it("is read as it was normalised, and written back as it was read", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const path = `/applications/${id}/egress`;
    await call("POST", "/secrets", { name: "k", value: "v" });
    expect((await call("GET", path)).result).toEqual({
      policy: { default: "deny" },
      usage: { requests: 0, denied: 0, bytes_up: 0, bytes_down: 0 },
    });
    const put = await call("PUT", path, {
      allow: ["API.Example.com.", { host: "Bücher.example", ports: [443], methods: ["GET"] }, "0x0a000001"],
      deny: ["10.0.0.0/8"],
      intercept_https: true,
      credentials: [{ hosts: ["API.example.com"], header: "X-Key", secret: "k" }],
    });
    const policy = {
      default: "deny",
      allow: ["api.example.com", { host: "xn--bcher-kva.example", ports: [443], methods: ["GET"] }, "10.0.0.1"],
      deny: ["10.0.0.0/8"],
      credentials: [{ hosts: ["api.example.com"], header: "x-key", secret: "k" }],
    };
    expect(put.result).toEqual({ policy, told: 0, pending: [], restart: [] });
    expect((await call("GET", path)).result.policy).toEqual(policy);
    expect((await call("GET", `/applications/${id}`)).result.egress).toEqual(policy);
    expect((await call("PUT", path, policy)).result.policy).toEqual(policy);
  });

  it.for([
    [{}, { unknown: 1 }, "unknown"],
    [{ allow: ["a.com", "*b.com"] }, {}, "allow[1]"],
    [{ deny: [{ host: "a.com", methods: ["get"] }] }, {}, "deny[0].methods[0]"],
    [{ allow: [{ ports: [80] }] }, {}, "allow[0]"],
    [{ credentials: [{ hosts: ["a.com"], header: "x", secret: "k", paths: ["v1"] }] }, {}, "credentials[0].paths[0]"],
    [{ open: true, default: "allow", deny: ["a.com"] }, {}, "open"],
    [{ handlers: [{ hosts: ["a.com"], binding: "NOBODY" }] }, {}, "handlers[0].binding"],
    [{ bindings: [{ type: "r2", binding: "NOBODY" }] }, {}, "bindings[0].binding"],
    [{ internal: ["Web"] }, {}, "internal[0]"],
  ] as const)("%j %j is refused with the field and the fix", async ([some, more, field], { expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const refused = await call("PUT", `/applications/${id}/egress`, { ...some, ...more });
    const { details } = domainError(refused);
    expect([refused.status, domainError(refused).error, Object.keys(details)]).toEqual([
      400,
      "VALIDATE_INPUT",
      [field],
    ]);
    expect(details[field]).not.toBe("Invalid input");
  });

  it("is written by whoever has read the last one, where that is asked for", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const url = `/applications/${id}/egress`;
    const etag = (await raw("GET", url)).headers.get("etag") ?? "";
    const put = async (ifMatch: string) =>
      await raw("PUT", url, JSON.stringify({ allow: ["a.test"] }), {
        "content-type": "application/json",
        "if-match": ifMatch,
      });
    const written = await put(etag);
    expect(written.status).toBe(200);
    const next = written.headers.get("etag");
    expect(next).not.toBe(etag);
    expect((await raw("GET", url)).headers.get("etag")).toBe(next);
    const late = await put(etag);
    expect([late.status, domainError(await late.json<Envelope>()).error]).toEqual([412, "PRECONDITION_FAILED"]);
  });

  it("names secrets that are there, and that stay as long as it names them", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 0 });
    const secret = `key-${crypto.randomUUID().slice(0, 8)}`;
    const egress = { credentials: [{ hosts: ["a.com"], header: "x-key", secret }] };
    const put = () => call("PUT", `/applications/${id}/egress`, egress);
    expect(refusal(await put())).toEqual([400, "VALIDATE_INPUT", ["credentials[0].secret"]]);
    const patched = await call("PATCH", `/applications/${id}`, { egress });
    expect(refusal(patched)).toEqual([400, "VALIDATE_INPUT", ["egress.credentials[0].secret"]]);
    const { result } = await call("POST", "/secrets", { name: secret, value: "v" });
    expect((await put()).status).toBe(200);
    const kept = await call("DELETE", `/secrets/${result.name}`);
    expect([kept.status, JSON.stringify(kept.errors)]).toEqual([
      409,
      expect.stringContaining(`${name}, a credential of its egress`),
    ]);
    await call("PUT", `/applications/${id}/egress`, {});
    expect((await call("DELETE", `/secrets/${result.name}`)).status).toBe(200);
  });

  it("names a secret that is made later, where its credential is optional, and never keeps it", async ({ expect }) => {
    const { id, instance } = await running(undefined);
    const secret = `key-${crypto.randomUUID().slice(0, 8)}`;
    const credential = { hosts: ["keyed.test"], header: "x-key", secret, optional: true };
    const egress = { allow: ["keyed.test"], credentials: [credential] };
    expect((await call("PUT", `/applications/${id}/egress`, egress)).result.policy).toMatchObject(egress);
    expect(await statusOf(instance, "http://keyed.test/")).toBe(503);
    await call("POST", "/secrets", { name: secret, value: "v" });
    const written = await call("PUT", `/applications/${id}/egress`, {
      ...egress,
      credentials: [{ ...credential, optional: false }],
    });
    expect(written.result.policy.credentials[0]).not.toHaveProperty("optional");
    expect((await call("DELETE", `/secrets/${secret}`)).status).toBe(409);
    await call("PUT", `/applications/${id}/egress`, egress);
    expect((await call("DELETE", `/secrets/${secret}`)).status).toBe(200);
  });

  it("gives a token of one application no optional secret that this has not", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 0 });
    const secret = `key-${crypto.randomUUID().slice(0, 8)}`;
    const { result } = await call("POST", "/tokens", { name: "limited", scopes: ["deploy"], applications: [name] });
    const egress = { credentials: [{ hosts: ["a.com"], header: "x-key", secret, optional: true }] };
    const put = () => as(result.value, "PUT", `/applications/${id}/egress`, egress);
    expect(refusal(await put())).toEqual([403, "FORBIDDEN", ["reason", "credentials[0].secret"]]);
    await call("PUT", `/applications/${id}/egress`, egress);
    expect((await put()).status).toBe(200);
  });

  it("gives a token of one application no secret, application, binding or image that this has not", async ({
    expect,
  }) => {
    const { id, name } = await createApplication({ instances: 0 });
    const other = await createApplication({ instances: 0 });
    const secret = `key-${crypto.randomUUID().slice(0, 8)}`;
    await call("POST", "/secrets", { name: secret, value: "v" });
    const { result } = await call("POST", "/tokens", { name: "limited", scopes: ["deploy"], applications: [name] });
    const put = (egress: object) => as(result.value, "PUT", `/applications/${id}/egress`, egress);
    const own = {
      credentials: [{ hosts: ["a.com"], header: "x-key", secret }],
      internal: [other.name],
      handlers: [{ hosts: ["a.com"], binding: "STAND_IN" }],
      bindings: [{ type: "kv", binding: "NAMES", prefix: "a/" }],
      registry: ["team/*"],
    };
    for (const [field, value] of Object.entries(own)) {
      const refused = refusal(await put({ [field]: value }));
      expect(refused.slice(0, 2)).toEqual([403, "FORBIDDEN"]);
      expect(refused[2].join(" ")).toContain(`${field}[0]`);
    }
    expect((await put({ internal: ["*"] })).status).toBe(403);
    expect((await put({ internal: [name], allow: ["a.com"] })).status).toBe(200);
    // What somebody else has given to it, it may keep.
    await call("PUT", `/applications/${id}/egress`, own);
    expect((await put({ ...own, allow: ["a.com"] })).status).toBe(200);
    expect((await put({ ...own, bindings: [{ type: "kv", binding: "NAMES", prefix: "" }] })).status).toBe(403);
  });

  it("is read with the scope read and written with the scope deploy", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const path = `/applications/${id}/egress`;
    const [reads, operates, deploys] = await Promise.all([tokenOf("read"), tokenOf("operate"), tokenOf("deploy")]);
    expect((await as(reads, "GET", path)).status).toBe(200);
    expect((await as(reads, "GET", `${path}/log`)).status).toBe(200);
    expect((await as(reads, "PUT", path, {})).status).toBe(403);
    expect((await as(operates, "PUT", path, {})).status).toBe(403);
    expect((await as(deploys, "PUT", path, {})).status).toBe(200);
  });

  it("that nobody has is 404", async ({ expect }) => {
    for (const [method, path] of [
      ["GET", "egress"],
      ["PUT", "egress"],
      ["GET", "egress/log"],
      ["GET", "instances/x/egress"],
      ["PATCH", "instances/x/egress"],
      ["DELETE", "instances/x/egress"],
    ] as const) {
      const body = method === "PUT" ? {} : method === "PATCH" ? { deny: ["a.test"] } : undefined;
      expect(refusal(await call(method, `/applications/nobody/${path}`, body)).slice(0, 2)).toEqual([
        404,
        "APPLICATION_NOT_FOUND",
      ]);
    }
  });
});

describe.concurrent("what was denied", () => {
  it("comes in pages, the latest first, of one host or instance where that is asked for", async ({ expect }) => {
    const { id } = await createApplication({ instances: 2, egress: { allow: [] } });
    const [first, second] = await untilReady(id, 2);
    const hosts = ["a.test", "b.test", "c.test"];
    for (const host of hosts) await statusOf(first?.id ?? "", `http://${host}/`);
    await statusOf(second?.id ?? "", "http://a.test/", "POST");
    const path = `/applications/${id}/egress/log`;
    const all = await eventually(async () => {
      const { result } = await call("GET", path);
      return result.length === 4 && result;
    });
    const times = all.map((line: { last_at: string }) => Date.parse(line.last_at));
    expect(times).toEqual(times.toSorted((a: number, b: number) => b - a));
    const paged: unknown[] = [];
    for (let token = ""; ;) {
      const { result, result_info: info } = await call("GET", `${path}?per_page=3${token}`);
      paged.push(...result);
      if (info?.next_page_token === undefined) break;
      token = `&page_token=${info.next_page_token}`;
    }
    expect(paged).toEqual(all);
    const ofHost = (await call("GET", `${path}?host=a.test`)).result;
    expect(ofHost.map((line: { method: string }) => line.method).toSorted()).toEqual(["GET", "POST"]);
    const ofInstance = (await call("GET", `${path}?instance=${second?.id}`)).result;
    expect(ofInstance).toMatchObject([
      { instance: second?.id, host: "a.test", method: "POST", reason: "not_allowed", rule: "allow", count: 1 },
    ]);
    expect(refusal(await call("GET", `${path}?hosts=a.test`))).toEqual([400, "VALIDATE_INPUT", ["hosts"]]);
  });
});

describe.concurrent("what is changed for one instance", () => {
  it("is added, taken off and put in place of what the policy says", async ({ expect }) => {
    const app = await running({ allow: ["a.test", "b.test"], deny: ["d.test"], handlers: HANDLED });
    const seen = async () => {
      const hosts = ["a", "b", "c", "d"];
      const statuses = await Promise.all(hosts.map((host) => statusOf(app.instance, `http://${host}.test/`)));
      return hosts.filter((_, index) => statuses[index] === 200).join("");
    };
    const change = async (body: object) => {
      const { status, result } = await call("PATCH", one(app), body);
      return [status, result.policy.allow, result.policy.deny, await seen()];
    };
    expect(await change({ allow: ["c.test"] })).toEqual([200, ["a.test", "b.test", "c.test"], ["d.test"], "abc"]);
    expect(await change({ deny: ["b.test"] })).toEqual([
      200,
      ["a.test", "b.test", "c.test"],
      ["d.test", "b.test"],
      "ac",
    ]);
    expect(await change({ remove_allowed: ["a.test"], remove_denied: ["b.test"] })).toEqual([
      200,
      ["b.test", "c.test"],
      ["d.test"],
      "bc",
    ]);
    expect(await change({ set_allowed: ["d.test", "a.test"], set_denied: [] })).toEqual([
      200,
      ["d.test", "a.test"],
      undefined,
      "ad",
    ]);
    expect(await change({ set_allowed: null, set_denied: null })).toEqual([
      200,
      ["a.test", "b.test"],
      ["d.test"],
      "ab",
    ]);
    expect((await call("GET", `/applications/${app.id}/egress`)).result.policy.allow).toEqual(["a.test", "b.test"]);
  });

  it("is refused where it says nothing, what is no host, or what would have no effect", async ({ expect }) => {
    const app = await running({ allow: ["*.a.test"], handlers: HANDLED });
    const changed = async (body: object) => refusal(await call("PATCH", one(app), body));
    expect(await changed({})).toEqual([400, "VALIDATE_INPUT", ["body"]]);
    expect(await changed({ allowed: ["a.test"] })).toEqual([400, "VALIDATE_INPUT", ["allowed", "body"]]);
    expect(await changed({ allow: ["a.test", "http://b.test"] })).toEqual([400, "VALIDATE_INPUT", ["allow[1]"]]);
    expect(await changed({ set_denied: ["a.test:80"] })).toEqual([400, "VALIDATE_INPUT", ["set_denied[0]"]]);
    expect(await changed({ remove_allowed: ["x.a.test"] })).toEqual([400, "VALIDATE_INPUT", ["remove_allowed[0]"]]);
    expect(await changed({ allow: ["b.test"], remove_allowed: ["b.test"] })).toEqual([
      400,
      "VALIDATE_INPUT",
      ["remove_allowed[0]"],
    ]);
    const { overrides } = (await call("GET", one(app))).result;
    expect(overrides.allow).toEqual({ set: null, added: [], removed: [] });
  });

  it("lets it reach less with the scope operate, and more with the scope deploy", async ({ expect }) => {
    const app = await running({ allow: ["a.test"], deny: ["b.test"], handlers: HANDLED });
    const [reads, operates, deploys] = await Promise.all([tokenOf("read"), tokenOf("operate"), tokenOf("deploy")]);
    expect((await as(reads, "GET", one(app))).status).toBe(200);
    expect((await as(reads, "PATCH", one(app), { deny: ["a.test"] })).status).toBe(403);
    expect((await as(operates, "PATCH", one(app), { deny: ["a.test"], remove_allowed: ["a.test"] })).status).toBe(200);
    for (const body of [
      { allow: ["c.test"] },
      { remove_denied: ["b.test"] },
      { set_allowed: ["c.test"] },
      { set_denied: [] },
      { set_allowed: null },
    ]) {
      const refused = await as(operates, "PATCH", one(app), body);
      expect(refused.status).toBe(403);
      expect(domainError(refused)).toMatchObject({ error: "FORBIDDEN", details: { scope: "deploy" } });
      expect((await as(deploys, "PATCH", one(app), body)).status).toBe(200);
    }
    await as(deploys, "PATCH", one(app), { set_allowed: [] });
    expect((await as(operates, "DELETE", one(app))).status).toBe(403);
    expect((await call("GET", one(app))).result.policy.allow).toEqual([]);
    expect((await as(deploys, "DELETE", one(app))).status).toBe(200);
  });

  it("is no instance's that is not there", async ({ expect }) => {
    const app = await running({ allow: [] });
    for (const [method, body] of [["GET"], ["PATCH", { deny: ["a.test"] }], ["DELETE"]] as const) {
      const refused = await call(method, `/applications/${app.id}/instances/nobody/egress`, body);
      expect(refusal(refused).slice(0, 2)).toEqual([404, "INSTANCE_NOT_FOUND"]);
    }
  });

  it("lasts through restarts of its container, and ends with the instance", async ({ expect }) => {
    const { id } = await createApplication({
      instances: 0,
      named_instances: 2,
      egress: { allow: [], handlers: HANDLED },
    });
    const start = async () => await call("POST", `/applications/${id}/instances/ada/start`, {});
    const path = `/applications/${id}/instances/ada/egress`;
    expect((await start()).status).toBeLessThan(300);
    const [before] = await untilReady(id, 1);
    await call("PATCH", path, { allow: ["a.test"] });
    await call("POST", `/applications/${id}/instances/ada/restart`);
    const again = await eventually(async () => {
      return (await instancesOf(id)).find(({ ready, generation }) => ready && generation === 2);
    });
    expect(again.id).toBe(before?.id);
    expect((await call("GET", path)).result).toMatchObject({ policy: { allow: ["a.test"] } });
    expect(await statusOf(again.id, "http://a.test/")).toBe(200);
    await call("POST", `/applications/${id}/instances/ada/destroy`);
    await eventually(async () => (await instancesOf(id)).length === 0);
    await start();
    const [other] = await untilReady(id, 1);
    expect((await call("GET", path)).result).toMatchObject({ policy: { allow: [] } });
    expect(await statusOf(other?.id ?? "", "http://a.test/")).toBe(403);
  });
});
