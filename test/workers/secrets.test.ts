/** Secrets of an account: write-only, versioned, refused when they are wrong. */
import { runInDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import type { Account } from "../../src/account/account.ts";
import { GantryError } from "../../src/errors.ts";
import { accountStub } from "../../src/stubs.ts";
import { ACCOUNT_ID, call, domainError, raw, testEnv, type Envelope } from "./client.ts";

const newName = () => `S_${crypto.randomUUID().slice(0, 8)}`;
const account = () => accountStub(testEnv, ACCOUNT_ID);

async function createSecret(value = "s3cret-value"): Promise<string> {
  const name = newName();
  const { status, errors } = await call("POST", "/secrets", { name, value });
  if (status !== 201) throw new Error(JSON.stringify(errors));
  return name;
}

/** `NNN CODE` of an answer. */
function told(answer: Envelope & { status: number }): string {
  return `${answer.status} ${answer.success ? "" : domainError(answer).error}`.trim();
}

/** The code that a call of the object is refused with. */
async function refusalOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "not refused";
  } catch (error) {
    return GantryError.is(error) ? error.code : String(error);
  }
}

async function write(method: string, path: string, body: unknown, headers: Record<string, string>) {
  const response = await raw(method, path, body === undefined ? undefined : JSON.stringify(body), {
    "content-type": "application/json",
    ...headers,
  });
  return { ...(await response.json<Envelope>()), status: response.status, headers: response.headers };
}

describe("a secret", () => {
  it("is created, listed, read, changed and deleted without its value", async ({ expect }) => {
    const name = await createSecret();
    const read = await call("GET", `/secrets/${name}`);
    expect(read).toMatchObject({ status: 200, result: { name, version: 1 } });
    expect(Object.keys(read.result).toSorted()).toEqual(["created_at", "name", "updated_at", "version"]);
    expect((await call("GET", "/secrets")).result).toContainEqual(read.result);
    expect((await call("PATCH", `/secrets/${name}`, { value: "other" })).result).toMatchObject({ name, version: 2 });
    expect(told(await call("DELETE", `/secrets/${name}`))).toBe("200");
    for (const [method, body] of [["GET"], ["PATCH", { value: "x" }], ["DELETE"]] as const) {
      expect(told(await call(method, `/secrets/${name}`, body))).toBe("404 SECRET_NAME_NOT_FOUND");
    }
  });

  it("gets a new version also when the value is the same, so that nobody learns the value by asking", async ({
    expect,
  }) => {
    const name = await createSecret("same");
    expect((await call("PATCH", `/secrets/${name}`, { value: "same" })).result).toMatchObject({ version: 2 });
  });

  it("has one name in an account", async ({ expect }) => {
    const name = await createSecret();
    const again = await call("POST", "/secrets", { name, value: "other" });
    expect(told(again)).toBe("409 SECRET_NAME_ALREADY_EXISTS");
    expect(domainError(again).message).toContain("already exists");
    expect((await call("GET", `/secrets/${name}`)).result).toMatchObject({ version: 1 });
  });

  it("is listed in pages, each once", async ({ expect }) => {
    const names = await Promise.all(Array.from({ length: 5 }, () => createSecret()));
    const seen: string[] = [];
    let token = "";
    do {
      const page = await call("GET", `/secrets?per_page=2${token}`);
      seen.push(...page.result.map((secret: { name: string }) => secret.name));
      const next = page.result_info?.next_page_token;
      token = next === undefined ? "" : `&page_token=${next}`;
    } while (token !== "");
    expect(seen.filter((name) => names.includes(name))).toEqual(names.toSorted((a, b) => (a < b ? -1 : 1)));
  });

  it("is changed by one of two writers that saw the same", async ({ expect }) => {
    const name = await createSecret();
    const etag = (await raw("GET", `/secrets/${name}`)).headers.get("etag") ?? "";
    const both = await Promise.all(
      ["a", "b"].map((value) => write("PATCH", `/secrets/${name}`, { value }, { "if-match": etag })),
    );
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412]);
    const late = await write("DELETE", `/secrets/${name}`, undefined, { "if-match": etag });
    expect([late.status, late.headers.get("etag")]).toEqual([
      412,
      both.find(({ status }) => status === 200)?.headers.get("etag"),
    ]);
    expect(
      (await write("DELETE", `/secrets/${name}`, undefined, { "if-match": late.headers.get("etag") ?? "" })).status,
    ).toBe(200);
  });

  it("of another life of a name never matches an earlier one's ETag", async ({ expect }) => {
    const name = await createSecret();
    const etag = (await raw("GET", `/secrets/${name}`)).headers.get("etag") ?? "";
    await call("DELETE", `/secrets/${name}`);
    await call("POST", "/secrets", { name, value: "new" });
    expect((await write("PATCH", `/secrets/${name}`, { value: "x" }, { "if-match": etag })).status).toBe(412);
  });
});

describe("a write that comes twice", () => {
  it("with one key is done once, whatever it was", async ({ expect }) => {
    const name = newName();
    for (const [method, path, body, status, version] of [
      ["POST", "/secrets", { name, value: "1" }, 201, 1],
      ["PATCH", `/secrets/${name}`, { value: "2" }, 200, 2],
      ["DELETE", `/secrets/${name}`, undefined, 200, undefined],
    ] as const) {
      const headers = { "idempotency-key": crypto.randomUUID() };
      const first = await write(method, path, body, headers);
      const second = await write(method, path, body, headers);
      expect([first.status, first.result.version]).toEqual([status, version]);
      expect(second).toMatchObject({ status, result: first.result });
    }
  });

  it("after a crash between the write and its answer finds what was done", async ({ expect }) => {
    const name = newName();
    const id = crypto.randomUUID();
    const plain = { id, name, value: "1", comment: "" };
    await account().createSecret(plain);
    expect(await account().createSecret(plain)).toMatchObject({ version: 1 });
    const change = { name, value: "2", write: crypto.randomUUID(), ifMatch: null };
    await account().changeSecret(change);
    expect(await account().changeSecret(change)).toMatchObject({ version: 2 });
    const conflict = await refusalOf(account().createSecret({ ...plain, id: crypto.randomUUID() }));
    expect(conflict).toBe("SECRET_NAME_ALREADY_EXISTS");
  });
});

describe("a secret that is refused", () => {
  const long = "x".repeat(65_536);

  it.for([
    ["a missing value", { name: "A" }, "value"],
    ["a missing name", { value: "x" }, "name"],
    ["an unknown field", { name: "A", value: "x", values: "y" }, "values"],
    ["an empty value", { name: "A", value: "" }, "value"],
    ["a value of one byte too many", { name: "A", value: `${long}x` }, "value"],
    ["a value of too many bytes in few characters", { name: "A", value: "é".repeat(32_769) }, "value"],
    ["a NUL", { name: "A", value: "a\0b" }, "value"],
    ["half a surrogate pair", { name: "A", value: "a\ud800b" }, "value"],
    ["a number", { name: "A", value: 1 }, "value"],
    ["an empty name", { name: "", value: "x" }, "name"],
    ["a name with a slash", { name: "a/b", value: "x" }, "name"],
    ["a name that begins with a dot", { name: ".a", value: "x" }, "name"],
    ["a long name", { name: "a".repeat(129), value: "x" }, "name"],
    ["a name that the API uses", { name: "reseal", value: "x" }, "name"],
    ["a name that is no text", { name: ["A"], value: "x" }, "name"],
  ] as const)("for %s names the field", async ([, body, field], { expect }) => {
    const answer = await call("POST", "/secrets", body);
    expect([told(answer), ...Object.keys(domainError(answer).details)]).toEqual(["400 VALIDATE_INPUT", field]);
  });

  it("is taken at its limits", async ({ expect }) => {
    const name = `${newName()}${"n".repeat(128)}`.slice(0, 128);
    expect((await call("POST", "/secrets", { name, value: long })).status).toBe(201);
    expect((await call("PATCH", `/secrets/${name}`, { value: "é".repeat(32_768) })).status).toBe(200);
    expect((await call("PATCH", `/secrets/${name}`, { value: `${long}x` })).status).toBe(400);
  });

  it("is not quoted, also when the body is no JSON at all", async ({ expect }) => {
    for (const body of ['{"name":"A","value":"sup3r-s3cret"', '{"name":"A","value":"sup3r-s3cret"x', "sup3r-s3cret"]) {
      const response = await raw("POST", "/secrets", body, { "content-type": "application/json" });
      expect(response.status).toBe(400);
      expect(await response.text()).not.toContain("s3cret");
    }
  });

  it("is nobody's who may not write the whole account", async ({ expect }) => {
    const name = await createSecret();
    const limited = await call("POST", "/tokens", { name: "limited", scopes: ["deploy"], applications: ["mine"] });
    const reader = await call("POST", "/tokens", { name: "reader", scopes: ["read"] });
    for (const { result } of [limited, reader]) {
      const authorization = `Bearer ${result.value}`;
      for (const [method, path, body] of [
        ["POST", "/secrets", { name: newName(), value: "x" }],
        ["PATCH", `/secrets/${name}`, { value: "x" }],
        ["DELETE", `/secrets/${name}`, undefined],
        ["POST", "/secrets/reseal", undefined],
      ] as const) {
        expect(told(await write(method, path, body, { authorization }))).toBe("403 FORBIDDEN");
      }
    }
    const deployer = await call("POST", "/tokens", { name: "deployer", scopes: ["deploy"] });
    const authorization = `Bearer ${deployer.result.value}`;
    expect(told(await write("POST", "/secrets/reseal", undefined, { authorization }))).toBe("403 FORBIDDEN");
  });
});

describe("what is kept of a secret", () => {
  it("is sealed, and bound to its name", async ({ expect }) => {
    const [one, other] = [await createSecret("plain-one"), await createSecret("plain-other")];
    const rows = await runInDurableObject(account(), (_: Account, { storage }) =>
      storage.sql.exec("SELECT * FROM secrets WHERE name IN (?, ?)", one, other).toArray(),
    );
    expect(JSON.stringify(rows)).not.toMatch(/plain-(?:one|other)/);
    expect(JSON.stringify(rows)).not.toContain(btoa("plain-one").slice(0, 10));
    await runInDurableObject(account(), (_: Account, { storage }) => {
      storage.sql.exec(
        "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = ?) WHERE name = ?",
        one,
        other,
      );
    });
    const request = { secrets: [other], sshKeyIds: [], protocol: null };
    expect(await refusalOf(account().launchMaterial(request))).toBe("SECRET_UNREADABLE");
  });

  it("costs one row for a write, and two for its audit", async ({ expect }) => {
    const name = await createSecret();
    const { rowsWritten: before } = await account().billing();
    const change = { name, value: "x", write: "w", ifMatch: null };
    await account().changeSecret(change);
    const { rowsWritten: after } = await account().billing();
    expect(after - before).toBe(1);
  });
});
