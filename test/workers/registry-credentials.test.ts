/** Credentials and tokens at their limits: of a deleted account, of many repositories, of all that an account has. */
import { describe, it } from "vitest";
import { registryStub } from "../../src/stubs.ts";
import { freshAccount } from "./accounts.ts";
import { ACCOUNT_ID, call, raw, testEnv } from "./client.ts";
import { ask, basic, bearer, credentials, getToken, MANAGED, outcome } from "./registry-client.ts";
import { told } from "./registry-push-world.ts";

const long = (place: number) => `${String(place).padStart(2, "0")}${"x".repeat(253)}`;
const LONG = Array.from({ length: 16 }, (_, place) => long(place));

describe("an account that is deleted", () => {
  it("has no repositories for whoever pushes with its credentials, also where it is remembered", async ({ expect }) => {
    const account = await freshAccount();
    const header = await credentials({}, account.call);
    const push = async (path: string) => await raw("POST", `http://control.test/v2/${path}/blobs/uploads/`, "", header);
    expect((await push("web")).status).toBe(202);
    await registryStub(testEnv, account.id).erase();
    expect(await told(await push("web"))).toBe("404 NAME_UNKNOWN");
    expect(await told(await push(`${account.id}/web`))).toBe("404 NAME_UNKNOWN");
  });
});

describe("credentials for all below their account", () => {
  it.for([[[`${ACCOUNT_ID}/*`]], [["team/web", `${ACCOUNT_ID}/*`]]] as const)(
    "are for all of it: %j",
    async ([repositories], { expect }) => {
      const header = await credentials({ repositories });
      expect(await outcome("push", "any/thing", header)).toBe("200");
      expect(await ask("list", null, header)).toMatchObject({ readable: "all", listable: "all" });
      expect(await outcome("push", `${"9".repeat(32)}/any`, header)).toBe("403 DENIED");
    },
  );
});

describe("a token of many long names", () => {
  it("is accepted, and knows what else may be read and listed", async ({ expect }) => {
    const header = await credentials({ repositories: LONG });
    const scopes = LONG.map((name) => `repository:${ACCOUNT_ID}/${name}:pull,push,delete`);
    const { status, token } = await getToken(scopes, header);
    expect(status).toBe(200);
    const allowed = await ask("push", long(3), bearer(token));
    expect(allowed).toMatchObject({ allowed: true, readable: LONG, listable: LONG });
  });

  it("keeps apart what may be read and what may be listed", async ({ expect }) => {
    const header = await credentials({ repositories: ["a"], permissions: ["list"] });
    const { token } = await getToken(["registry:catalog:*"], header);
    expect(await ask("list", null, bearer(token))).toMatchObject({ readable: [], listable: ["a"] });
  });

  it("that no header could bring is not given, and why is said", async ({ expect }) => {
    const issuer = await call("POST", "/tokens", { name: "名".repeat(100), scopes: ["admin"] });
    const wanted = { permissions: ["pull", "push", "list"], expiration_minutes: 5, repositories: LONG };
    const answer = await raw(
      "POST",
      `http://control.test/client/v4/accounts/${ACCOUNT_ID}/containers/registries/${MANAGED}/credentials`,
      JSON.stringify(wanted),
      { ...bearer(String(issuer.result.value)), "content-type": "application/json" },
    );
    const { result } = await answer.json<{ result: { password: string } }>();
    const header = basic("v1", result.password);
    const scopes = LONG.map((name) => `repository:${name}:pull,push,delete`);
    const { status, body } = await getToken(scopes, header);
    expect([status, body]).toEqual([
      400,
      { error: "invalid_request", error_description: expect.stringContaining("ask for fewer scopes at once") },
    ]);
    expect((await getToken(scopes.slice(0, 2), header)).status).toBe(200);
  });
});
