/** Who may do what: tokens, scopes, reach, expiry, rate, accounts; and the audit that tells of it. */
import { describe, it } from "vitest";
import { ACCOUNT_ID, call, createApplication, domainError, eventually, raw, type Envelope } from "./client.ts";

type Answer = Envelope & { status: number };

async function as(token: string, method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await raw(method, path, body === undefined ? undefined : JSON.stringify(body), {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
  });
  return { ...(await response.json<Envelope>()), status: response.status };
}

async function newToken(body: Record<string, unknown>): Promise<{ id: string; value: string }> {
  const { status, result, errors } = await call("POST", "/tokens", { name: "test", ...body });
  if (status !== 201) throw new Error(JSON.stringify(errors));
  return result;
}

const code = (answer: Answer) => domainError(answer).error;

describe("a token", () => {
  it("is shown once, and never again: not in lists, not by id, not in the audit", async ({ expect }) => {
    const { id, value } = await newToken({ scopes: ["read"] });
    expect(value).toMatch(/^gty_[0-9a-f]{32}_[0-9a-f]{12}_[\w-]{43}$/);
    const secret = value.split("_").slice(3).join("_");
    for (const path of ["/tokens?per_page=1000", `/tokens/${id}`, "/audit?per_page=1000"]) {
      const text = await (await raw("GET", path)).text();
      expect(text).toContain(path.startsWith("/audit") ? "/tokens" : id);
      expect(text).not.toContain(secret);
    }
  });

  it.for([
    ["read", "GET", "/applications", 200],
    ["read", "POST", "/applications", 403],
    ["read", "GET", "/tokens", 403],
    ["read", "GET", "/audit", 403],
    ["operate", "GET", "/applications", 200],
    ["operate", "POST", "/applications", 403],
    ["deploy", "POST", "/applications", 400],
    ["deploy", "POST", "/tokens", 403],
    ["invoke", "GET", "/applications", 403],
    ["job:submit", "GET", "/applications", 403],
    ["admin", "GET", "/audit", 200],
    ["admin", "POST", "/tokens", 400],
  ] as const)("of scope %s asking %s %s gets %i", async ([scope, method, path, status], { expect }) => {
    const { value } = await newToken({ scopes: [scope] });
    const answer = await as(value, method, path, method === "POST" ? {} : undefined);
    expect(answer.status).toBe(status);
    if (status === 403)
      expect(domainError(answer)).toMatchObject({ error: "FORBIDDEN", details: { scope: expect.any(String) } });
  });

  it("of another scope gets the same answer for what exists and what does not", async ({ expect }) => {
    const { value } = await newToken({ scopes: ["invoke"] });
    const { id } = await createApplication({ instances: 0 });
    for (const method of ["GET", "PATCH", "DELETE"]) {
      const body = method === "PATCH" ? { instances: 1 } : undefined;
      const there = await as(value, method, `/applications/${id}`, body);
      const missing = await as(value, method, `/applications/${crypto.randomUUID()}`, body);
      expect(there.status).toBe(403);
      expect(there).toEqual(missing);
    }
  });

  it("limited to an application reaches it by id and name, and no other: as if that were not there", async ({
    expect,
  }) => {
    const mine = await createApplication({ instances: 0 });
    const other = await createApplication({ instances: 0 });
    const { value } = await newToken({ scopes: ["deploy"], applications: [mine.name] });
    expect((await as(value, "GET", `/applications/${mine.id}`)).status).toBe(200);
    expect((await as(value, "PATCH", `/applications/${mine.name}`, { max_instances: 3 })).status).toBe(200);
    for (const path of ["", "/instances", "/versions", "/events"]) {
      const there = await as(value, "GET", `/applications/${other.id}${path}`);
      expect([there.status, code(there)]).toEqual([404, "APPLICATION_NOT_FOUND"]);
    }
    const missing = crypto.randomUUID();
    const there = JSON.stringify(await as(value, "DELETE", `/applications/${other.id}`)).replaceAll(other.id, "ID");
    const absent = JSON.stringify(await as(value, "DELETE", `/applications/${missing}`)).replaceAll(missing, "ID");
    expect(there).toBe(absent);
    expect((await as(value, "GET", `/events?application=${other.name}`)).status).toBe(404);
    const listed = (await as(value, "GET", "/applications")).result;
    expect(listed.map(({ id }: { id: string }) => id)).toEqual([mine.id]);
    const foreign = await as(value, "POST", "/applications", {
      name: "other-name",
      instances: 0,
      configuration: { image: "hello-world" },
    });
    expect([foreign.status, code(foreign)]).toEqual([403, "FORBIDDEN"]);
  });

  it("limited to an application gives it no secret that it has not already", async ({ expect }) => {
    const mine = await createApplication({ instances: 0 });
    const { value } = await newToken({ scopes: ["deploy"], applications: [mine.name] });
    const [own, other] = [0, 1].map(() => `S_${crypto.randomUUID().slice(0, 8)}`);
    for (const name of [own, other]) await call("POST", "/secrets", { name, value: "hidden" });
    const put = (token: string | null, secret: string | undefined) => {
      const body = {
        instances: 0,
        configuration: { image: "hello-world", secrets: [{ name: "SECRET", type: "env", secret }] },
      };
      const path = `/applications/${mine.name}`;
      return token === null ? call("PUT", path, body) : as(token, "PUT", path, body);
    };
    const refused = await put(value, other);
    expect([refused.status, code(refused)]).toEqual([403, "FORBIDDEN"]);
    expect((await put(null, own)).status).toBe(200);
    expect((await put(value, own)).status).toBe(200);
    expect((await put(value, other)).status).toBe(403);
  });

  it("pages over what it reaches without gaps", async ({ expect }) => {
    const names: string[] = [];
    for (let i = 0; i < 6; i += 1) names.push((await createApplication({ instances: 0 })).name);
    const mine = names.filter((_, index) => index % 2 === 0);
    const { value } = await newToken({ scopes: ["read"], applications: mine });
    const seen: string[] = [];
    let token = "";
    do {
      const page = await as(value, "GET", `/applications?per_page=1${token}`);
      expect(page.result.length).toBeLessThanOrEqual(1);
      seen.push(...page.result.map(({ name }: { name: string }) => name));
      const next = page.result_info?.next_page_token;
      token = next === undefined ? "" : `&page_token=${next}`;
    } while (token !== "" && seen.length < 10);
    expect(seen.toSorted()).toEqual(mine.toSorted());
  });

  it("that is revoked is refused from the next request on, like one that never was", async ({ expect }) => {
    const { id, value } = await newToken({ scopes: ["read"] });
    expect((await as(value, "GET", "/applications")).status).toBe(200);
    expect((await call("DELETE", `/tokens/${id}`)).status).toBe(200);
    const revoked = await as(value, "GET", "/applications");
    const unknown = await as(`gty_${ACCOUNT_ID}_${"0".repeat(12)}_${"x".repeat(43)}`, "GET", "/applications");
    expect(revoked.status).toBe(401);
    expect(revoked).toEqual(unknown);
    expect((await call("DELETE", `/tokens/${id}`)).status).toBe(404);
  });

  it("that has expired is refused, and shown as expired", async ({ expect }) => {
    const { id, value } = await newToken({ scopes: ["admin"], ttl: 1 });
    expect((await as(value, "GET", `/tokens/${id}`)).result).toMatchObject({ state: "active" });
    await eventually(async () => (await as(value, "GET", `/tokens/${id}`)).status === 401);
    expect((await call("GET", `/tokens/${id}`)).result).toMatchObject({ state: "expired" });
  });

  it("with a wrong secret, id or account is refused", async ({ expect }) => {
    const { value } = await newToken({ scopes: ["read"] });
    const flip = (index: number) => value.slice(0, index) + (value[index] === "a" ? "b" : "a") + value.slice(index + 1);
    const wrongSecret = value.slice(0, -1) + (value.endsWith("A") ? "B" : "A");
    expect((await as(wrongSecret, "GET", "/applications")).status).toBe(401);
    expect((await as(flip(40), "GET", "/applications")).status).toBe(401);
    // Another account's: the path's account is unknown to it, whether it exists or not.
    const foreign = flip(10);
    expect(code(await as(foreign, "GET", "/applications"))).toBe("ACCOUNT_NOT_FOUND");
    expect((await as(foreign, "GET", "http://control.test/client/v4/containers/applications")).status).toBe(401);
  });

  it.for([
    [{ scopes: [] }, "scopes"],
    [{ scopes: ["root"] }, "scopes[0]"],
    [{ scopes: ["read"], ttl: "1h", expires_at: "2030-01-01T00:00:00Z" }, "ttl"],
    [{ scopes: ["read"], expires_at: "2020-01-01T00:00:00Z" }, "expires_at"],
    [{ scopes: ["read"], ttl: 0 }, "ttl"],
    [{ scopes: ["admin"], applications: ["x"] }, "applications"],
    [{ scopes: ["read"], name: "" }, "name"],
    [{ scopes: ["read"], value: "mine" }, "value"],
    [{ scopes: ["read"], rate_limit: { requests_per_second: 0 } }, "rate_limit.requests_per_second"],
  ] as const)("asked for as %j is refused, naming the field", async ([body, field], { expect }) => {
    const answer = await call("POST", "/tokens", { name: "test", ...body });
    expect(answer.status).toBe(400);
    expect(Object.keys(domainError(answer).details)).toEqual([field]);
  });

  it("over its rate gets 429 with Retry-After, and others do not suffer", async ({ expect }) => {
    const slow = await newToken({ scopes: ["read"], rate_limit: { requests_per_second: 0.1 } });
    const statuses: number[] = [];
    for (let i = 0; i < 3; i += 1) statuses.push((await as(slow.value, "GET", "/applications?per_page=1")).status);
    expect(statuses).toEqual([200, 429, 429]);
    const limited = await raw("GET", "/applications", undefined, { authorization: `Bearer ${slow.value}` });
    expect(Number(limited.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await call("GET", "/applications?per_page=1")).status).toBe(200);
  });

  it("of scope invoke opens an application whose ingress takes tokens, and of another scope or reach does not", async ({
    expect,
  }) => {
    const app = await createApplication({ instances: 0, ingress: { mode: "token" } });
    const visit = async (token: string) =>
      (await raw("GET", `http://${app.name}.localhost/`, undefined, { authorization: `Bearer ${token}` })).status;
    const good = await newToken({ scopes: ["invoke"], applications: [app.name] });
    const reader = await newToken({ scopes: ["read"] });
    const elsewhere = await newToken({ scopes: ["invoke"], applications: ["elsewhere"] });
    // Scaled to 0: whoever is let in hears 503.
    expect(await visit(good.value)).toBe(503);
    expect(await visit(reader.value)).toBe(403);
    expect(await visit(elsewhere.value)).toBe(403);
    expect(await visit("nonsense")).toBe(401);
  });
});

describe("an account", () => {
  it("made by the operator has applications of its own, reached by its own tokens only", async ({ expect }) => {
    const made = await call("POST", "http://control.test/client/v4/accounts", { name: "second" });
    expect(made.status).toBe(201);
    const base = `http://control.test/client/v4/accounts/${made.result.id}/containers`;
    const app = await call("POST", `${base}/applications`, {
      name: "shared-name",
      instances: 0,
      configuration: { image: "hello-world" },
    });
    expect(app.status).toBe(201);
    expect((await call("GET", `/applications/${app.result.id}`)).status).toBe(404);
    const { result: token } = await call("POST", `${base}/tokens`, { name: "t", scopes: ["admin"] });
    expect((await as(token.value, "GET", `${base}/applications`)).result).toHaveLength(1);
    expect((await as(token.value, "GET", "http://control.test/client/v4/containers/applications")).result).toHaveLength(
      1,
    );
    expect(code(await as(token.value, "GET", "/applications"))).toBe("ACCOUNT_NOT_FOUND");
    expect((await as(token.value, "GET", "http://control.test/client/v4/accounts")).result).toEqual([
      expect.objectContaining({ id: made.result.id, name: "second" }),
    ]);
    expect((await as(token.value, "POST", "http://control.test/client/v4/accounts", { name: "third" })).status).toBe(
      403,
    );
    const url = `http://control.test/client/v4/accounts/${made.result.id}`;
    expect(code(await call("DELETE", url))).toBe("ACCOUNT_NOT_EMPTY");
    await call("DELETE", `${base}/applications/${app.result.id}`);
    expect((await call("DELETE", url)).status).toBe(200);
    expect((await as(token.value, "GET", `${base}/applications`)).status).toBe(401);
  });

  it.for(["f".repeat(32), "0".repeat(31), "not-an-account", "%00"])(
    "%s that nobody made is unknown",
    async (id, { expect }) => {
      const answer = await call("GET", `http://control.test/client/v4/accounts/${id}/containers/applications`);
      expect(answer.status).toBe(404);
    },
  );
});

describe("the audit", () => {
  it("has one row for a write that was done, with who, what and the outcome, and none for a read", async ({
    expect,
  }) => {
    const { value, id: tokenId } = await newToken({ scopes: ["deploy"], name: "auditor" });
    const app = await createApplication({ instances: 0 });
    await as(value, "GET", `/applications/${app.id}`);
    const patched = await raw("PATCH", `/applications/${app.id}`, '{"max_instances":2}', {
      authorization: `Bearer ${value}`,
    });
    const { result } = await call("GET", "/audit?per_page=1000");
    const mine = result.filter((entry: { token_id: string }) => entry.token_id === tokenId);
    expect(mine).toEqual([
      expect.objectContaining({
        actor: `token auditor (${tokenId})`,
        method: "PATCH",
        path: expect.stringMatching(new RegExp(`/applications/${app.id}$`)),
        request_id: patched.headers.get("x-request-id"),
        status: 200,
        code: null,
      }),
    ]);
  });

  it.for([
    ["of a wrong scope", { scopes: ["read"] }, 403, "FORBIDDEN"],
    ["with bad input", { scopes: ["deploy"] }, 400, "VALIDATE_INPUT"],
  ] as const)("has the write %s", async ([, token, status, error], { expect }) => {
    const { value, id } = await newToken(token);
    expect((await as(value, "POST", "/applications", { nonsense: true })).status).toBe(status);
    const { result } = await call("GET", "/audit?per_page=1000");
    expect(result.find((entry: { token_id: string }) => entry.token_id === id)).toMatchObject({ status, code: error });
  });

  it("has the write without a credential, and the one whose token is not good", async ({ expect }) => {
    const path = `/applications/${crypto.randomUUID()}`;
    await raw("DELETE", path, undefined, { authorization: "" });
    await as(`gty_${ACCOUNT_ID}_${"1".repeat(12)}_${"x".repeat(43)}`, "DELETE", path);
    const { result } = await call("GET", "/audit?per_page=1000");
    const mine = result.filter((entry: { path: string }) => entry.path.endsWith(path));
    expect(mine.map(({ actor, status }: { actor: string; status: number }) => [actor, status]).toSorted()).toEqual([
      ["anonymous", 401],
      ["unknown", 401],
    ]);
  });

  it("is not filled by a flood of denied writes", async ({ expect }) => {
    const path = `/applications/${crypto.randomUUID()}`;
    const flood = Array.from({ length: 200 }, () => raw("DELETE", path, undefined, { authorization: "" }));
    await Promise.all(flood);
    const { result } = await call("GET", "/audit?per_page=1000");
    const rows = result.filter((entry: { path: string }) => entry.path.endsWith(path)).length;
    expect(rows).toBeGreaterThan(0);
    expect(rows).toBeLessThan(150);
  });

  it("pages downwards without repeating", async ({ expect }) => {
    for (let i = 0; i < 5; i += 1) await createApplication({ instances: 0 });
    const first = await call("GET", "/audit?per_page=2");
    const second = await call("GET", `/audit?per_page=2&before=${first.result_info?.next_page_token}`);
    const ids = [...first.result, ...second.result].map(({ id }: { id: string }) => Number(id));
    expect(ids).toEqual(ids.toSorted((a, b) => b - a));
    expect(new Set(ids).size).toBe(4);
  });
});
