/** Who may pull, push, list and delete, with which credentials, and what is told to whom may not. */
import { describe, it } from "vitest";
import { registryStub } from "../../src/stubs.ts";
import { freshAccount } from "./accounts.ts";
import { ACCOUNT_ID, call, testEnv } from "./client.ts";
import { apiToken, ask, basic, bearer, credentials, getToken, outcome } from "./registry-client.ts";

const random = () => crypto.randomUUID().slice(0, 8);

async function publicRepository(accountId = ACCOUNT_ID): Promise<string> {
  const name = `public-${random()}/web`;
  await registryStub(testEnv, accountId).setPublic(name, true);
  return name;
}

async function deniedOf(account: typeof call = call): Promise<{ actor: string; path: string; status: number }[]> {
  const { result } = await account("GET", "/audit?per_page=100");
  return result.filter((row: { path: string }) => row.path.startsWith("/v2/"));
}

const ACTIONS = ["pull", "push", "list", "delete"] as const;

describe("issued credentials", () => {
  it.for([
    [["pull"], "200 | 403 DENIED | 200 | 403 DENIED"],
    [["push"], "403 DENIED | 200 | 403 DENIED | 200"],
    [["list"], "403 DENIED | 403 DENIED | 200 | 403 DENIED"],
    [["library_push"], "403 DENIED | 403 DENIED | 403 DENIED | 403 DENIED"],
    [["pull", "push", "list", "library_push"], "200 | 200 | 200 | 200"],
  ] as const)("of %j: pull, push, list, delete are %s", async ([permissions, expected], { expect }) => {
    const header = await credentials({ permissions });
    const all = await Promise.all(ACTIONS.map((action) => outcome(action, "team/web", header)));
    expect(all.join(" | ")).toBe(expected);
  });

  it("of library_push push below library and nowhere else", async ({ expect }) => {
    const header = await credentials({ permissions: ["library_push"] });
    expect(await outcome("push", "library/alpine", header)).toBe("200");
    expect(await outcome("push", "library-of/alpine", header)).toBe("403 DENIED");
    expect(await outcome("delete", "library/alpine", header)).toBe("403 DENIED");
  });

  it("of push alone see what is there, as clients ask before they push, and read nothing", async ({ expect }) => {
    const header = await credentials({ permissions: ["push"], repositories: ["team/*"] });
    const { token } = await getToken(["repository:team/web:pull,push"], header);
    for (const sent of [header, bearer(token)]) {
      expect((await ask("pull", "team/web", sent, "HEAD")).status).toBe(200);
      expect((await ask("pull", "team/web", sent, "GET")).code).toBe("DENIED");
      expect((await ask("pull", "other", sent, "HEAD")).allowed).toBe(false);
    }
  });

  it("for some repositories are nothing for others, and mounts and catalog know it", async ({ expect }) => {
    const header = await credentials({ repositories: ["team/web", `${ACCOUNT_ID}/tools/*`] });
    for (const [name, expected] of [
      ["team/web", "200"],
      [`${ACCOUNT_ID}/team/web`, "200"],
      ["tools/a", "200"],
      ["tools/a/b", "200"],
      ["tools", "403 DENIED"],
      ["toolsmith/a", "403 DENIED"],
      ["team/web2", "403 DENIED"],
      ["team/web/x", "403 DENIED"],
    ] as const) {
      expect([name, await outcome("pull", name, header), await outcome("push", name, header)]).toEqual([
        name,
        expected,
        expected,
      ]);
    }
    const access = await ask("list", null, header);
    expect([access.readable, access.listable]).toEqual([
      ["team/web", "tools/*"],
      ["team/web", "tools/*"],
    ]);
  });

  it.for([
    [{ repositories: ["Team/web"] }, "repositories[0]"],
    [{ repositories: ["team/*/web"] }, "repositories[0]"],
    [{ repositories: ["*"] }, "repositories[0]"],
    [{ repositories: [] }, "repositories"],
    [{ repositories: [`${"f".repeat(32)}/web`] }, "repositories[0]"],
  ] as const)("are not issued for %j", async ([body], { expect }) => {
    await expect(credentials(body)).rejects.toThrow("VALIDATE_INPUT");
  });

  it("stand for their account: names without one are its own, with one too", async ({ expect }) => {
    const other = await freshAccount();
    const header = await credentials({}, other.call);
    expect(await ask("push", "web", header)).toMatchObject({ allowed: true, accountId: other.id, repository: "web" });
    const named = await ask("push", `${other.id}/a/b`, header);
    expect(named).toMatchObject({ allowed: true, accountId: other.id, repository: "a/b", readable: "all" });
  });

  it("of another account see no difference between what exists there and what does not", async ({ expect }) => {
    const other = await freshAccount();
    await registryStub(testEnv, other.id).startUpload("there", crypto.randomUUID());
    const header = await credentials();
    for (const name of [`${other.id}/there`, `${other.id}/not-there`, `${"9".repeat(32)}/nobody`]) {
      const told = await Promise.all(ACTIONS.map((action) => outcome(action, name, header)));
      expect([name, told.join(" | ")]).toEqual([name, "404 NAME_UNKNOWN | 403 DENIED | 404 NAME_UNKNOWN | 403 DENIED"]);
    }
    const [there, not] = await Promise.all(
      ["there", "not-there"].map(async (name) => (await ask("pull", `${other.id}/${name}`, header)).message),
    );
    expect(there).toBe(not);
  });
});

describe("tokens of the control API", () => {
  it.for([
    [["read"], "200 | 403 DENIED | 200 | 403 DENIED"],
    [["deploy"], "200 | 200 | 200 | 200"],
    [["admin"], "200 | 200 | 200 | 200"],
    [["invoke", "job:submit"], "403 DENIED | 403 DENIED | 403 DENIED | 403 DENIED"],
  ] as const)("of %j, as the password of anybody: %s", async ([scopes, expected], { expect }) => {
    const { header } = await apiToken(scopes);
    const all = await Promise.all(ACTIONS.map((action) => outcome(action, "team/web", header)));
    expect(all.join(" | ")).toBe(expected);
  });

  it("that are limited to applications get nothing, and are told so at the login", async ({ expect }) => {
    const { header } = await apiToken(["deploy"], { applications: ["web"] });
    expect(await outcome("pull", "team/web", header)).toBe("403 DENIED");
    const answer = await getToken(["repository:team/web:pull"], header);
    expect([answer.status, JSON.stringify(answer.body)]).toEqual([
      403,
      expect.stringContaining("no limit to applications"),
    ]);
  });

  it("are good for nothing when they are revoked or changed", async ({ expect }) => {
    const { id, password } = await apiToken(["deploy"]);
    const changed = `${password.slice(0, -1)}${password.endsWith("A") ? "B" : "A"}`;
    expect(await outcome("pull", "web", basic("x", changed))).toBe("401 UNAUTHORIZED");
    await call("DELETE", `/tokens/${id}`);
    expect(await outcome("pull", "web", basic("x", password))).toBe("401 UNAUTHORIZED");
  });

  it("of the operator reach every account that there is", async ({ expect }) => {
    const other = await freshAccount();
    const header = basic("operator", "test-token");
    expect(await outcome("delete", "web", header)).toBe("200");
    expect(await ask("push", `${other.id}/web`, header)).toMatchObject({ allowed: true, readable: "all" });
    expect(await outcome("push", `${"9".repeat(32)}/web`, header)).toBe("403 DENIED");
  });
});

describe("nobody", () => {
  it("pulls from public repositories, and nothing else", async ({ expect }) => {
    const name = await publicRepository();
    const told = await Promise.all(ACTIONS.map((action) => outcome(action, name)));
    expect(told.join(" | ")).toBe("200 | 401 UNAUTHORIZED | 200 | 401 UNAUTHORIZED");
    expect(await outcome("pull", `${ACCOUNT_ID}/${name}`)).toBe("200");
    expect(await outcome("pull", "private/web")).toBe("401 UNAUTHORIZED");
    expect(await outcome("list", null)).toBe("401 UNAUTHORIZED");
    // Clients without a login send the header all the same.
    expect(await outcome("pull", name, basic("", ""))).toBe("200");
    expect(await ask("pull", name)).toMatchObject({ actor: "anonymous", readable: [] });
  });

  it("is told where a token is to be had, and for what", async ({ expect }) => {
    const token = 'Bearer realm="http://registry.test:8787/v2/token",service="registry.test:8787"';
    expect((await ask("pull", "team/web")).challenge).toBe(`${token},scope="repository:team/web:pull"`);
    expect((await ask("push", "team/web")).challenge).toBe(`${token},scope="repository:team/web:pull,push"`);
    expect((await ask("delete", "team/web")).challenge).toBe(`${token},scope="repository:team/web:pull,push,delete"`);
    expect((await ask("list", null)).challenge).toBe(`${token},scope="registry:catalog:*"`);
    expect((await ask("pull", 'x",realm="http://evil')).challenge).toBe(token);
  });

  it("is who comes with wrong credentials, also at what is public", async ({ expect }) => {
    const name = await publicRepository();
    for (const header of [
      basic("v1", "wrong"),
      basic("v1", ""),
      bearer("wrong"),
      { authorization: "Basic %%%" },
      { authorization: "Digest x" },
    ]) {
      expect([header, await outcome("pull", name, header)]).toEqual([header, "401 UNAUTHORIZED"]);
    }
  });

  it("of another account's credentials pulls what is public there", async ({ expect }) => {
    const other = await freshAccount();
    const name = await publicRepository(other.id);
    const header = await credentials();
    expect(await outcome("pull", `${other.id}/${name}`, header)).toBe("200");
    expect(await outcome("push", `${other.id}/${name}`, header)).toBe("403 DENIED");
    expect((await ask("pull", `${other.id}/${name}`, header)).readable).toEqual([]);
  });
});

describe("the token endpoint", () => {
  it("gives what of the scopes the credentials allow", async ({ expect }) => {
    const header = await credentials({ permissions: ["pull"] });
    const { status, token, body } = await getToken(["repository:team/web:pull,push"], header);
    expect([status, body]).toEqual([
      200,
      { token, access_token: token, expires_in: 300, issued_at: expect.stringMatching(/^\d{4}-.*Z$/) },
    ]);
    expect(await outcome("pull", "team/web", bearer(token))).toBe("200");
    expect(await outcome("list", "team/web", bearer(token))).toBe("200");
    const push = await ask("push", "team/web", bearer(token));
    // Asking again would bring nothing else.
    expect([push.status, push.code, push.challenge]).toEqual([403, "DENIED", null]);
    const other = await ask("pull", "team/other", bearer(token));
    expect([other.status, other.challenge]).toEqual([
      401,
      'Bearer realm="http://registry.test:8787/v2/token",service="registry.test:8787",scope="repository:team/other:pull",error="insufficient_scope"',
    ]);
  });

  it("takes several scopes, in one parameter or in many, and names with their account", async ({ expect }) => {
    const header = await credentials();
    for (const scopes of [
      ["repository:a/b:pull,push", `repository:${ACCOUNT_ID}/c:pull`, "registry:catalog:*"],
      [`repository:a/b:pull,push repository:c:pull registry:catalog:*`],
    ]) {
      const { token } = await getToken(scopes, header);
      const told = await Promise.all([
        outcome("push", `${ACCOUNT_ID}/a/b`, bearer(token)),
        outcome("delete", "a/b", bearer(token)),
        outcome("pull", "c", bearer(token)),
        outcome("push", "c", bearer(token)),
        outcome("list", null, bearer(token)),
      ]);
      expect(told).toEqual(["200", "401 UNAUTHORIZED", "200", "401 UNAUTHORIZED", "200"]);
    }
    const { token } = await getToken(["repository:a/b:*"], header);
    expect(await outcome("delete", "a/b", bearer(token))).toBe("200");
  });

  it("takes the OAuth2 forms of containerd and of identity tokens", async ({ expect }) => {
    const { password } = await apiToken(["deploy"]);
    const scopes = ["repository:web:pull,push"];
    const oauth = await getToken(scopes, {}, { grant_type: "password", username: "x", password, service: "r" });
    expect(await outcome("push", "web", bearer(oauth.token))).toBe("200");
    const refreshed = await getToken(scopes, {}, { grant_type: "refresh_token", refresh_token: password });
    expect(await outcome("push", "web", bearer(refreshed.token))).toBe("200");
    const wrong = await getToken(scopes, {}, { grant_type: "password", username: "x", password: "wrong" });
    expect(wrong.status).toBe(401);
    expect(await getToken(scopes, {}, { grant_type: "authorization_code" })).toMatchObject({
      status: 400,
      body: { error: "invalid_request" },
    });
  });

  it("gives nobody a token for what is public, and that is all of it", async ({ expect }) => {
    const name = await publicRepository();
    const { status, token, body } = await getToken([`repository:${name}:pull`, "repository:private:pull,push"]);
    expect([status, body["expires_in"]]).toEqual([200, 60]);
    expect(await outcome("pull", name, bearer(token))).toBe("200");
    expect(await outcome("pull", "private", bearer(token))).toBe("401 UNAUTHORIZED");
    expect(await outcome("push", name, bearer(token))).toBe("401 UNAUTHORIZED");
  });

  it.for([
    ["a wrong password", basic("v1", "wrong")],
    ["no password", basic("v1", "")],
    ["garbage", { authorization: "Basic A" }],
  ] as const)("answers 401 to %s", async ([, header], { expect }) => {
    const { status, body } = await getToken(["repository:web:pull"], header);
    expect([status, body["errors"]]).toEqual([401, [expect.objectContaining({ code: "UNAUTHORIZED" })]]);
  });

  it("gives tokens that hold nothing when they are changed", async ({ expect }) => {
    const { token } = await getToken(["repository:web:pull"], await credentials());
    const [payload = "", signature = ""] = token.split(".");
    const more = atob(payload.replaceAll("-", "+").replaceAll("_", "/")).replace('"pull"', '"push"');
    const forged = `${btoa(more).replaceAll("=", "").replaceAll("+", "-").replaceAll("/", "_")}.${signature}`;
    expect(await outcome("push", "web", bearer(forged))).toBe("401 UNAUTHORIZED");
    expect(await outcome("pull", "web", bearer(`${payload}.${signature.slice(1)}`))).toBe("401 UNAUTHORIZED");
    // A password is no token, nor is a token a password.
    expect(await outcome("pull", "web", basic("v1", token))).toBe("401 UNAUTHORIZED");
  });
});

describe("a denied push", () => {
  it("is in the audit of its account, once for a repository and actor in a minute", async ({ expect }) => {
    const other = await freshAccount();
    const header = await credentials({ permissions: ["pull"] }, other.call);
    for (let i = 0; i < 5; i += 1) await outcome("push", "team/web", header);
    await outcome("delete", "team/web", header);
    await outcome("push", "team/db", header);
    await outcome("pull", "private", basic("v1", "wrong"));
    await outcome("push", `${other.id}/team/web`, basic("v1", "wrong"));
    await outcome("push", `${other.id}/team/web`);
    const rows = (await deniedOf(other.call))
      .map(({ actor, path, status }) => `${actor} ${path} ${status}`)
      .toSorted((a, b) => (a < b ? -1 : 1));
    const own = "registry credentials of operator";
    expect(rows).toEqual([
      `anonymous /v2/${other.id}/team/web/manifests/latest 401`,
      `${own} /v2/team/db/manifests/latest 403`,
      `${own} /v2/team/web/manifests/latest 403`,
      `unknown /v2/${other.id}/team/web/manifests/latest 401`,
    ]);
  });

  it("with credentials of another account tells whose they are to nobody, and counts as one without any", async ({
    expect,
  }) => {
    const [owner, stranger] = [await freshAccount(), await freshAccount()];
    const header = await credentials({}, stranger.call);
    expect(await outcome("push", `${owner.id}/web`, header)).toBe("403 DENIED");
    await getToken([`repository:${owner.id}/db:pull,push`], header);
    const rows = (await deniedOf(owner.call)).map(({ actor, status }) => `${actor} ${status}`);
    expect(rows).toEqual(["another account 401", "another account 401"]);
  });

  it("is there also when a client gives up at the token", async ({ expect }) => {
    const other = await freshAccount();
    await getToken([`repository:${other.id}/web:pull`], basic("v1", "wrong"));
    expect(await deniedOf(other.call)).toEqual([]);
    await getToken([`repository:${other.id}/web:pull,push`], basic("v1", "wrong"));
    expect(await deniedOf(other.call)).toMatchObject([{ actor: "unknown", path: "/v2/token", status: 401 }]);
    await getToken(["repository:web:pull,push"], await credentials({ permissions: ["pull"] }, other.call));
    await getToken(["repository:db:pull"], await credentials({ permissions: ["push"] }, other.call));
    await getToken([`repository:${other.id}/web:pull,push`]);
    expect((await deniedOf(other.call)).map(({ actor, status }) => `${actor} ${status}`)).toEqual([
      "anonymous 401",
      "registry credentials of operator 403",
      "unknown 401",
    ]);
  });

  it("names the token that had less than it needed", async ({ expect }) => {
    const other = await freshAccount();
    const { result } = await other.call("POST", "/tokens", { name: "reader", scopes: ["read"] });
    const { token } = await getToken(["repository:web:pull,push"], basic("x", result.value));
    expect(await outcome("push", "web", bearer(token))).toBe("403 DENIED");
    expect(await deniedOf(other.call)).toMatchObject([{ actor: `token reader (${result.id})`, token_id: result.id }]);
  });
});
