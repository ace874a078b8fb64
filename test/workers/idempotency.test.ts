/** Idempotency keys and ETags: what a client may count on when it does not know whether it was heard. */
import { runInDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import type { Account } from "../../src/account/account.ts";
import { accountStub, applicationStub } from "../../src/stubs.ts";
import { keyedDigest, masterKeys } from "../../src/sealing.ts";
import { ACCOUNT_ID, call, createApplication, domainError, raw, testEnv, type Envelope } from "./client.ts";

const JSON_TYPE = { "content-type": "application/json" };
const spec = (name: string, extra: object = {}) =>
  JSON.stringify({ name, instances: 0, configuration: { image: "hello-world" }, ...extra });
const newName = () => `idem-${crypto.randomUUID().slice(0, 8)}`;

async function post(path: string, key: string, body: string): Promise<Envelope & { status: number; headers: Headers }> {
  const response = await raw("POST", path, body, { ...JSON_TYPE, "idempotency-key": key });
  return { ...(await response.json<Envelope>()), status: response.status, headers: response.headers };
}

async function countOf(name: string): Promise<number> {
  return (await call("GET", `/applications?name=${name}`)).result.length;
}

/** The object forgets what was under way, as it does in a crash. */
async function resetAccount(): Promise<void> {
  const account = accountStub(testEnv, ACCOUNT_ID);
  await account.accounts("", 1);
  await runInDurableObject(account, async (_: Account, state) => {
    await state.storage.sync();
    state.abort("reset by the test");
  }).catch(() => undefined);
}

async function storedAnswers(): Promise<string> {
  return await runInDurableObject(accountStub(testEnv, ACCOUNT_ID), (_: Account, state) =>
    JSON.stringify([
      ...state.storage.sql.exec("SELECT * FROM idempotency"),
      ...state.storage.sql.exec("SELECT * FROM tokens"),
    ]),
  );
}

describe("an Idempotency-Key", () => {
  it("gives the same answer for the same request, and says that it is a repetition", async ({ expect }) => {
    const [name, key] = [newName(), crypto.randomUUID()];
    const first = await post("/applications", key, spec(name));
    const again = await post("/applications", key, spec(name));
    expect(first.status).toBe(201);
    expect(again.status).toBe(201);
    expect(again.result).toEqual(first.result);
    expect(again.headers.get("etag")).toBe(first.headers.get("etag"));
    expect([first, again].map(({ headers }) => headers.get("idempotency-replayed"))).toEqual([null, "true"]);
    expect(await countOf(name)).toBe(1);
  });

  it("with another body is 422, and changes nothing", async ({ expect }) => {
    const [name, key] = [newName(), crypto.randomUUID()];
    await post("/applications", key, spec(name));
    const other = await post("/applications", key, spec(name, { max_instances: 3 }));
    expect([other.status, domainError(other).error]).toEqual([422, "IDEMPOTENCY_KEY_REUSED"]);
    expect((await call("GET", `/applications/${name}`)).result.max_instances).toBeUndefined();
  });

  it("with another path is 422", async ({ expect }) => {
    const key = crypto.randomUUID();
    await post("/applications", key, spec(newName()));
    expect((await post("/tokens", key, JSON.stringify({ name: "x", scopes: ["read"] }))).status).toBe(422);
  });

  it("of one token is not that of another", async ({ expect }) => {
    const { result: token } = await call("POST", "/tokens", { name: "other", scopes: ["deploy"] });
    const [first, second, key] = [newName(), newName(), crypto.randomUUID()];
    await post("/applications", key, spec(first));
    const other = await raw("POST", "/applications", spec(second), {
      ...JSON_TYPE,
      "idempotency-key": key,
      authorization: `Bearer ${token.value}`,
    });
    expect(other.status).toBe(201);
  });

  it("used twice at once makes one resource, and nobody hears of an error that is not worth a retry", async ({
    expect,
  }) => {
    const [name, key] = [newName(), crypto.randomUUID()];
    const answers = await Promise.all(Array.from({ length: 8 }, () => post("/applications", key, spec(name))));
    for (const answer of answers) {
      expect([201, 409]).toContain(answer.status);
      if (answer.status === 409) {
        expect(domainError(answer)).toMatchObject({ error: "IDEMPOTENCY_IN_PROGRESS", retryable: true });
        expect(answer.headers.get("retry-after")).not.toBeNull();
      }
    }
    expect(answers.some(({ status }) => status === 201)).toBe(true);
    expect((await post("/applications", key, spec(name))).status).toBe(201);
    expect(await countOf(name)).toBe(1);
  });

  /** What a try leaves behind that is cut off right after each of its steps. */
  it.for(["the claim", "the name", "the application"] as const)(
    "is finished by a retry after a crash behind %s",
    async (cutAfter, { expect }) => {
      const [name, key] = [newName(), crypto.randomUUID()];
      const body = spec(name);
      const path = `/client/v4/accounts/${ACCOUNT_ID}/containers/applications`;
      const account = accountStub(testEnv, ACCOUNT_ID);
      const admission = await account.admit({
        requestId: crypto.randomUUID(),
        credential: { kind: "operator" },
        scope: "deploy",
        method: "POST",
        path,
        isWrite: true,
        application: null,
        idempotency: {
          key,
          fingerprint: await keyedDigest(masterKeys(testEnv).at(-1) ?? "", ["POST", path, "", body].join("\n")),
        },
        address: null,
      });
      if (admission.outcome !== "admitted") throw new Error(admission.outcome);
      const { seed } = admission;
      if (cutAfter !== "the claim") await account.reserveName(name, seed, "application");
      if (cutAfter === "the application") {
        const other = await createApplication({ instances: 0 });
        const { row, configuration } = (await applicationStub(testEnv, other.id).view()) ?? {};
        if (row === undefined || configuration === undefined) throw new Error("no view");
        const { accountId, spec: stored } = row;
        await applicationStub(testEnv, seed).create({
          id: seed,
          accountId,
          name,
          spec: stored,
          configuration,
          revision: "r",
        });
      }
      await resetAccount();
      const retried = await post("/applications", key, body);
      expect(retried.status).toBe(201);
      expect(retried.result.id).toBe(seed);
      expect(await countOf(name)).toBe(1);
      expect((await post("/applications", key, body)).result.id).toBe(seed);
    },
  );

  it("of a token's creation gives the same token again, and its value lies nowhere in the clear", async ({
    expect,
  }) => {
    const key = crypto.randomUUID();
    const body = JSON.stringify({ name: "sealed", scopes: ["read"] });
    const first = await post("/tokens", key, body);
    const again = await post("/tokens", key, body);
    expect(again.result).toEqual(first.result);
    const works = await raw("GET", "/applications?per_page=1", undefined, {
      authorization: `Bearer ${again.result.value}`,
    });
    expect(works.status).toBe(200);
    const kept = await storedAnswers();
    expect(kept).toContain("sealed:");
    expect(kept).not.toContain(first.result.value);
  });

  it("of a request that was refused as invalid may be used for the mended one", async ({ expect }) => {
    const [name, key] = [newName(), crypto.randomUUID()];
    expect((await post("/applications", key, spec(name, { instances: -1 }))).status).toBe(400);
    expect((await post("/applications", key, spec(name))).status).toBe(201);
  });

  it("of a delete answers again as it did", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const headers = { "idempotency-key": crypto.randomUUID() };
    const statuses: number[] = [];
    for (let i = 0; i < 2; i += 1)
      statuses.push((await raw("DELETE", `/applications/${id}`, undefined, headers)).status);
    expect(statuses).toEqual([200, 200]);
    expect((await call("DELETE", `/applications/${id}`)).status).toBe(404);
  });

  it.for(["", "x".repeat(256)])("of a bad length is refused: %j", async (key, { expect }) => {
    const answer = await post("/applications", key, spec(newName()));
    expect([answer.status, Object.keys(domainError(answer).details)]).toEqual([400, ["Idempotency-Key"]]);
  });
});

describe("an ETag", () => {
  it("changes with every change and with nothing else", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const etag = async () => (await raw("GET", `/applications/${id}`)).headers.get("etag");
    const first = await etag();
    expect(first).toMatch(/^"[0-9a-f]{12}-\d+"$/);
    expect(await etag()).toBe(first);
    await call("PATCH", `/applications/${id}`, {});
    expect(await etag()).toBe(first);
    const patched = await raw("PATCH", `/applications/${id}`, '{"max_instances":4}', JSON_TYPE);
    expect(patched.headers.get("etag")).not.toBe(first);
    expect(await etag()).toBe(patched.headers.get("etag"));
  });

  it("stands for what is wanted: a reader who knows it still sees how things are", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const etag = (await raw("GET", `/applications/${id}`)).headers.get("etag") ?? "";
    const again = await raw("GET", `/applications/${id}`, undefined, { "if-none-match": etag });
    expect([again.status, (await again.json<Envelope>()).result.id]).toEqual([200, id]);
  });

  it("lets one of two writers through, and tells the other what it is now", async ({ expect }) => {
    for (let round = 0; round < 5; round += 1) {
      const { id } = await createApplication({ instances: 0 });
      const etag = (await raw("GET", `/applications/${id}`)).headers.get("etag") ?? "";
      const writes = [2, 3].map((max) =>
        raw("PATCH", `/applications/${id}`, JSON.stringify({ max_instances: max }), { ...JSON_TYPE, "if-match": etag }),
      );
      const answers = await Promise.all(writes);
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412]);
      const refused = answers.find(({ status }) => status === 412);
      const current = (await raw("GET", `/applications/${id}`)).headers.get("etag");
      expect(refused?.headers.get("etag")).toBe(current);
      const error = domainError(await (refused as Response).json<Envelope>());
      expect(error).toMatchObject({ error: "PRECONDITION_FAILED", details: { etag: current } });
    }
  });

  it("of an earlier application of the same name matches nothing", async ({ expect }) => {
    const name = newName();
    await call("POST", "/applications", JSON.parse(spec(name)));
    const etag = (await raw("GET", `/applications/${name}`)).headers.get("etag") ?? "";
    await call("DELETE", `/applications/${name}`);
    await call("POST", "/applications", JSON.parse(spec(name)));
    expect((await raw("DELETE", `/applications/${name}`, undefined, { "if-match": etag })).status).toBe(412);
    expect((await raw("DELETE", `/applications/${name}`, undefined, { "if-match": "*" })).status).toBe(200);
  });
});
