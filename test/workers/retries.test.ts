/** What is left of a write that failed or was refused: nothing twice, and no refusal that outlives its reason. */
import { runInDurableObject } from "cloudflare:test";
import { describe, it, vi } from "vitest";
import { Application } from "../../src/orchestrator/application.ts";
import { accountStub } from "../../src/stubs.ts";
import { ACCOUNT_ID, createApplication, domainError, eventually, testEnv } from "./client.ts";
import { admittedOnly, send } from "./writes.ts";

const newName = () => `cut-${crypto.randomUUID().slice(0, 8)}`;
const newKey = () => ({ "idempotency-key": crypto.randomUUID() });

function labelled() {
  const value = crypto.randomUUID();
  const body = { image: "hello-world", location: "weur", labels: [{ name: "run", value }] };
  const ids = async (): Promise<string[]> => {
    const { result } = await send("GET", `/deployments/v2?label=run=${value}`);
    return result.map(({ id }: { id: string }) => id);
  };
  return { body, ids };
}

describe("a write that failed behind what it made", () => {
  it("is finished by the next try with its key, and makes nothing twice", async ({ expect }) => {
    const { body, ids } = labelled();
    const key = newKey();
    const lost = vi.spyOn(Application.prototype, "deployments").mockImplementationOnce(() => {
      throw new Error("the object was lost");
    });
    const first = await send("POST", "/deployments/v2", body, key);
    lost.mockRestore();
    expect(first.status).toBe(500);
    const second = await send("POST", "/deployments/v2", body, key);
    expect(second.status).toBe(201);
    expect(await ids()).toEqual([second.result.id]);
  });
});

describe("a whole application whose PUT was cut off behind its name", () => {
  const whole = { instances: 0, configuration: { image: "hello-world" } };

  it("is made by the next try with its key", async ({ expect }) => {
    const [name, key] = [newName(), newKey()];
    const path = `/applications/${name}`;
    const seed = await admittedOnly("PUT", path, whole, key["idempotency-key"]);
    await accountStub(testEnv, ACCOUNT_ID).reserveName(name, seed, "application");
    const { status, result } = await send("PUT", path, whole, key);
    expect([status, result.id]).toEqual([201, seed]);
  });

  it("is made by anybody once it stands abandoned, and until then he is told to come back", async ({ expect }) => {
    const name = newName();
    await accountStub(testEnv, ACCOUNT_ID).reserveName(name, crypto.randomUUID(), "application");
    const early = await send("PUT", `/applications/${name}`, whole);
    expect([early.status, domainError(early).retryable]).toEqual([409, true]);
    await runInDurableObject(accountStub(testEnv, ACCOUNT_ID), (_, state: DurableObjectState) => {
      state.storage.sql.exec("UPDATE applications SET created_at = created_at - 30001 WHERE name = ?", name);
    });
    expect((await send("PUT", `/applications/${name}`, whole)).status).toBe(201);
  });
});

describe("a refusal that passes", () => {
  it("is not given again to the key that met it", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const { result: lease } = await send("POST", `/applications/${id}/lease`, { ttl: "1h" });
    const key = newKey();
    const refused = await send("PATCH", `/applications/${id}`, { max_instances: 3 }, key);
    expect(domainError(refused)).toMatchObject({ error: "LEASE_HELD", retryable: true });
    await send("DELETE", `/applications/${id}/lease`, undefined, { "gantry-lease-nonce": lease.nonce });
    const passed = await send("PATCH", `/applications/${id}`, { max_instances: 3 }, key);
    expect([passed.status, passed.result.max_instances]).toEqual([200, 3]);
  });
});

describe("a recreation that is refused", () => {
  it("since the old deployment was changed leaves no second one", async ({ expect }) => {
    const { body, ids } = labelled();
    const { result } = await send("POST", "/deployments/v2", body);
    const refused = await send("POST", `/deployments/${result.id}/recreate`, body, { "if-match": '"another"' });
    expect(refused.status).toBe(412);
    expect(await ids()).toEqual([result.id]);
  });

  it("since another one was first leaves no second one", async ({ expect }) => {
    const { body, ids } = labelled();
    const { result } = await send("POST", "/deployments/v2", body);
    const path = `/deployments/${result.id}/recreate`;
    const answers = await Promise.all(Array.from({ length: 4 }, () => send("POST", path, body)));
    const made = answers.filter(({ status }) => status === 200).map((answer) => answer.result.id as string);
    expect(made).toHaveLength(1);
    expect(await eventually(async () => (await ids()).length === 1 && (await ids()))).toEqual(made);
  });
});

describe("a name that is an id", () => {
  it("of another application is refused, since it would take its place in paths", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const body = { name: id, instances: 0, configuration: { image: "hello-world" } };
    const { status, errors } = await send("POST", "/applications", body);
    expect([status, Object.keys(errors[0]?.details ?? {})]).toEqual([400, ["name"]]);
  });

  it.for(["", "?dry_run=true"])("of a standalone deployment is refused by a PUT%s", async (query, { expect }) => {
    const { body } = labelled();
    const key = newKey();
    const { result } = await send("POST", "/deployments/v2", body, key);
    const hex = (result.id as string).split("-")[2] ?? "";
    const name = `deployment-${hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")}`;
    const whole = { instances: 2, configuration: { image: "hello-world" } };
    const { status, errors } = await send("PUT", `/applications/${name}${query}`, whole);
    expect([status, Object.keys(errors[0]?.details ?? {})]).toEqual([400, ["name"]]);
  });
});
