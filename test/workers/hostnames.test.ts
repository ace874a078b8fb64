/** Host names of an application's own: what they reach, whose they are, and what is left of them after a crash. */
import { describe, it, vi } from "vitest";
import { Account } from "../../src/account/account.ts";
import { CLAIM_MS } from "../../src/account/references.ts";
import { accountStub, applicationStub } from "../../src/stubs.ts";
import { ACCOUNT_ID, call, createApplication, domainError, raw, testEnv, untilReady } from "./client.ts";
import { send, unheard } from "./writes.ts";

const unused = () => `h-${crypto.randomUUID().slice(0, 8)}.example.com`;
const account = () => accountStub(testEnv, ACCOUNT_ID);
const SPEC = { instances: 0, configuration: { image: "hello-world" } };
const rowsOf = async () => (await account().billing()).rowsWritten;

/** Rows that the account's object writes, beside the audit of the request. */
async function costOf(method: string, path: string, body: object): Promise<number> {
  const before = await rowsOf();
  const { status, errors } = await send(method, path, body);
  if (status >= 300) throw new Error(JSON.stringify(errors));
  return (await rowsOf()) - before;
}

async function reached(host: string, path = "/x"): Promise<number> {
  return (await raw("GET", `http://${host}${path}`)).status;
}

async function taken(body: Record<string, unknown>, name = `app-${crypto.randomUUID().slice(0, 8)}`) {
  const answer = await call("POST", "/applications", { name, ...SPEC, ...body });
  const { error, details } = answer.status === 201 ? { error: null, details: {} } : domainError(answer);
  return { name, status: answer.status, error, reason: Object.values(details)[0] };
}

describe("host names", () => {
  it("reach the application, on all paths, and are shown in one form", async ({ expect }) => {
    const host = unused();
    const { id, name } = await createApplication({ hostnames: [`${host.toUpperCase()}.`, "Bücher.example"] });
    await untilReady(id, 1);
    const { result } = await call("GET", `/applications/${id}`);
    expect(result.hostnames).toEqual([host, "xn--bcher-kva.example"]);
    for (const url of [`http://${host}`, `https://${host}:8443`, `http://${host}.`, "http://bücher.example"]) {
      const response = await raw("GET", `${url}/a/other/@one/:1/x?q=1`);
      expect(response.headers.get("gantry-instance")).not.toBeNull();
      expect(await response.json()).toMatchObject({ path: "/a/other/@one/:1/x", search: "?q=1" });
    }
    // As on its own host: its cookies are its own.
    const cookies = await raw("GET", `http://${host}/cookie`, undefined, { cookie: "a=1" });
    expect([cookies.headers.get("set-cookie"), cookies.headers.get("content-security-policy")]).toEqual(["a=1", null]);
    expect((await cookies.json<{ headers: object }>()).headers).toMatchObject({ cookie: "a=1" });
    expect(await reached(`${name}.localhost`, "/a/other/@one/x")).toBe(200);
  });

  it("keep to the ingress mode", async ({ expect }) => {
    const hosts = { private: unused(), token: unused() };
    await createApplication({ hostnames: [hosts.private], ingress: { mode: "private" } });
    await createApplication({ hostnames: [hosts.token], ingress: { mode: "token" } });
    expect(await reached(hosts.private)).toBe(403);
    expect((await raw("GET", `http://${hosts.token}/x`, undefined, { authorization: "" })).status).toBe(401);
    expect(await reached(hosts.token)).toBe(200);
  });

  it("that nobody has are the control plane's, as ever", async ({ expect }) => {
    const host = unused();
    expect(await reached(host, "/healthz")).toBe(200);
    expect(await reached(host, "/nothing")).toBe(404);
    expect((await send("GET", `http://${host}/client/v4/containers/me`)).status).toBe(200);
  });

  it("cost no call to any object when warm", async ({ expect }) => {
    const host = unused();
    const { id } = await createApplication({ hostnames: [host] });
    await untilReady(id, 1);
    const calls = vi.spyOn(Account.prototype, "applicationAtHost");
    const others = vi.spyOn(Account.prototype, "findApplication");
    await reached(host);
    expect([calls.mock.calls.length, others.mock.calls.length]).toEqual([1, 0]);
    for (let index = 0; index < 10; index += 1) await reached(host);
    expect([calls.mock.calls.length, others.mock.calls.length]).toEqual([1, 0]);
  });

  it("cost three rows of the account when one is new, one when it goes, and none who have none", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const plain = await costOf("PATCH", `/applications/${id}`, { check_every: 61 });
    expect((await costOf("PATCH", `/applications/${id}`, { hostnames: [unused()] })) - plain).toBe(3);
    expect((await costOf("PATCH", `/applications/${id}`, { hostnames: [] })) - plain).toBe(1);
    expect((await costOf("PATCH", `/applications/${id}`, { hostnames: [] })) - plain).toBe(0);
  });

  it.for([
    ["web.localhost", "ingress domain"],
    ["control.test", "control plane"],
    ["gantry.someone.workers.dev", "control plane"],
    ["*.example.com", "pattern"],
    ["app.example.com:80", "port"],
    ["10.0.0.1", "address"],
    ["localhost", "domain"],
  ] as const)("cannot be %s", async ([hostname, reason], { expect }) => {
    const name = `app-${crypto.randomUUID().slice(0, 8)}`;
    for (const [method, path] of [
      ["POST", "/applications"],
      ["PUT", `/applications/${name}`],
      ["PUT", `/applications/${name}?dry_run=true`],
    ] as const) {
      const answer = await send(method, path, { name, ...SPEC, hostnames: ["fine.example.org", hostname] });
      expect([answer.status, Object.keys(domainError(answer).details)]).toEqual([400, ["hostnames[1]"]]);
      expect(domainError(answer).details["hostnames[1]"]).toContain(reason);
    }
    expect((await call("GET", `/applications/${name}`)).status).toBe(404);
    const { id } = await createApplication({ instances: 0 });
    expect((await call("PATCH", `/applications/${id}`, { hostnames: [hostname] })).status).toBe(400);
  });

  it("are at most twenty, each once", async ({ expect }) => {
    const host = unused();
    const twice = await taken({ hostnames: [host, host.toUpperCase()] });
    expect([twice.status, twice.reason]).toEqual([400, `is there twice: ${host}`]);
    expect((await taken({ hostnames: Array.from({ length: 21 }, unused) })).status).toBe(400);
    expect((await taken({ hostnames: Array.from({ length: 20 }, unused) })).status).toBe(201);
  });
});

describe("a host name", () => {
  it("belongs to one application, whom only those hear of who may see it", async ({ expect }) => {
    const host = unused();
    const { name } = await createApplication({ instances: 0, hostnames: [host] });
    const free = unused();
    const second = await taken({ hostnames: [free, host] });
    expect([second.status, second.error]).toEqual([409, "HOSTNAME_TAKEN"]);
    expect(second.reason).toBe(`${host} belongs to the application ${name}: take it out there first`);
    // Nothing is left of it: neither its name nor what was free.
    expect(await taken({ hostnames: [free] }, second.name)).toMatchObject({ status: 201 });

    const own = `own-${crypto.randomUUID().slice(0, 8)}`;
    const token = await call("POST", "/tokens", { name: "limited", scopes: ["deploy"], applications: [own] });
    const authorization = `Bearer ${token.result.value}`;
    const answer = await send("PUT", `/applications/${own}`, { ...SPEC, hostnames: [host] }, { authorization });
    expect(answer.status).toBe(409);
    expect(JSON.stringify(answer)).not.toContain(name);
    const dry = await send("PUT", `/applications/${own}?dry_run=true`, { ...SPEC, hostnames: [host] });
    expect([dry.status, domainError(dry).error]).toEqual([409, "HOSTNAME_TAKEN"]);
  });

  it("goes to one of those who want it at once", async ({ expect }) => {
    const host = unused();
    const answers = await Promise.all(Array.from({ length: 5 }, () => taken({ hostnames: [host] })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ error }) => error === "HOSTNAME_TAKEN")).toHaveLength(4);
  });

  it.for([
    ["a PATCH", (id: string) => call("PATCH", `/applications/${id}`, { hostnames: [unused()] })],
    ["a PATCH to none", (id: string) => call("PATCH", `/applications/${id}`, { hostnames: [] })],
    ["a PUT without it", (id: string) => call("PUT", `/applications/${id}`, SPEC)],
    ["the delete", (id: string) => call("DELETE", `/applications/${id}`)],
  ] as const)("is free after %s, and no sooner", async ([, release], { expect }) => {
    const host = unused();
    const { id, name } = await createApplication({ instances: 1, hostnames: [host] });
    await untilReady(id, 1);
    expect(await reached(host)).toBe(200);
    await call("PATCH", `/applications/${id}`, { check_every: 61 });
    expect((await taken({ hostnames: [host] })).status).toBe(409);
    expect((await release(id)).status).toBe(200);
    expect(await reached(host)).toBe(404);
    const next = await createApplication({ hostnames: [host] });
    expect(next.name).not.toBe(name);
    await untilReady(next.id, 1);
    const answer = await raw("GET", `http://${host}/x`);
    const [member] = await untilReady(next.id, 1);
    expect(answer.headers.get("gantry-instance")).toBe(member?.id);
  });

  it("is planned, written back as it was read, and left out when it is to go", async ({ expect }) => {
    const host = unused();
    const { id } = await createApplication({ instances: 0, hostnames: [host] });
    const { result: read } = await send("GET", `/applications/${id}`);
    expect((await send("PUT", `/applications/${id}`, read)).result).toEqual(read);
    const other = unused();
    const plan = await send("PUT", `/applications/${id}?dry_run=true`, { ...read, hostnames: [other] });
    expect(plan.result.changes).toEqual([{ field: "hostnames", from: [host], to: [other] }]);
    expect((await taken({ hostnames: [other] })).status).toBe(201);
    expect((await call("GET", `/applications/${id}`)).result.hostnames).toEqual([host]);
    const without = await send("PUT", `/applications/${id}?dry_run=true`, { ...read, hostnames: undefined });
    expect(without.result.changes).toEqual([{ field: "hostnames", from: [host], to: null }]);
  });

  it("is free at once also where the write had other claims", async ({ expect }) => {
    const [host, name] = [unused(), `S${crypto.randomUUID().slice(0, 8)}`];
    await call("POST", "/secrets", { name, value: "x" });
    const secrets = [{ name: "A", type: "env", secret: name }];
    const spec = { ...SPEC, configuration: { image: "hello-world", secrets } };
    const { id } = await createApplication({ ...spec, hostnames: [host] });
    expect((await call("PUT", `/applications/${id}`, spec)).status).toBe(200);
    expect(await account().applicationAtHost(host)).toBeNull();
  });

  it("stays when the write that would give it away is refused", async ({ expect }) => {
    const host = unused();
    const { id } = await createApplication({ instances: 0, hostnames: [host] });
    const spec = { ...SPEC, hostnames: [unused()] };
    expect((await send("PUT", `/applications/${id}`, spec, { "if-match": '"old"' })).status).toBe(412);
    expect((await taken({ hostnames: [host] })).status).toBe(409);
    // What it was to get instead is free.
    expect((await taken({ hostnames: spec.hostnames })).status).toBe(201);
  });
});

describe("after a crash", () => {
  it("between claim and create the name is the same caller's, and after half a minute anybody's", async ({
    expect,
  }) => {
    const host = unused();
    await account().claimHostnames({ id: crypto.randomUUID(), application: crypto.randomUUID(), hostnames: [host] });
    expect((await taken({ hostnames: [host] })).reason).toContain("another application");
    const { now } = Date;
    vi.spyOn(Date, "now").mockImplementation(() => now() + CLAIM_MS);
    expect((await taken({ hostnames: [host] })).status).toBe(201);
  });

  it("between create and answer a retry finds the application with its names", async ({ expect }) => {
    const body = { name: `app-${crypto.randomUUID().slice(0, 8)}`, ...SPEC, hostnames: [unused()] };
    const key = crypto.randomUUID();
    const first = await send("POST", "/applications", body, { "idempotency-key": key });
    await unheard(ACCOUNT_ID, key);
    const again = await send("POST", "/applications", body, { "idempotency-key": key });
    expect([again.status, again.result.id, again.result.hostnames]).toEqual([201, first.result.id, body.hostnames]);
  });

  it("between write and release nobody is served under the name, and whoever asks for it gets it", async ({
    expect,
  }) => {
    const host = unused();
    const { id } = await createApplication({ hostnames: [host] });
    await untilReady(id, 1);
    // The application has written, and the account never heard.
    await applicationStub(testEnv, id).patch({ hostnames: [] }, null);
    expect(await account().applicationAtHost(host)).toMatchObject({ id });
    expect(await reached(host)).toBe(404);
    expect((await taken({ hostnames: [host] })).status).toBe(201);
    expect(await account().applicationAtHost(host)).not.toMatchObject({ id });
  });

  it("a write that comes later than its claim holds is not done", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const late = { hostnames: [unused()], claimedUntil: Date.now() };
    const refusal = await applicationStub(testEnv, id)
      .patch(late, null)
      .then(
        () => null,
        (error: unknown) => error,
      );
    expect(refusal).toMatchObject({ code: "WRITE_CONFLICT" });
  });

  it("an account's claim that is never settled keeps its own application's names only", async ({ expect }) => {
    const [host, kept] = [unused(), unused()];
    const { id } = await createApplication({ instances: 0, hostnames: [kept] });
    await account().claimHostnames({ id: crypto.randomUUID(), application: id, hostnames: [host] });
    expect((await taken({ hostnames: [host] })).status).toBe(409);
    const { now } = Date;
    vi.spyOn(Date, "now").mockImplementation(() => now() + CLAIM_MS);
    expect((await taken({ hostnames: [host] })).status).toBe(201);
    expect((await taken({ hostnames: [kept] })).status).toBe(409);
  });
});

it("an account beside the first has none, since no request from outside finds its applications", async ({ expect }) => {
  const made = await send("POST", "http://control.test/client/v4/accounts", { name: "second" });
  const base = `http://control.test/client/v4/accounts/${made.result.id}/containers`;
  const answer = await send("POST", `${base}/applications`, { name: "web", ...SPEC, hostnames: [unused()] });
  expect([answer.status, Object.keys(domainError(answer).details)]).toEqual([400, ["hostnames"]]);
});
