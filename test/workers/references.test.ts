/** What configurations refer to: given at each placement, kept nowhere, and never deleted under those that use it. */
import { runInDurableObject } from "cloudflare:test";
import { describe, it, vi } from "vitest";
import type { Account } from "../../src/account/account.ts";
import { CLAIM_MS } from "../../src/account/references.ts";
import { accountStub, applicationStub, instanceStub } from "../../src/stubs.ts";
import {
  ACCOUNT_ID,
  call,
  createApplication,
  domainError,
  eventsOf,
  eventually,
  instancesOf,
  testEnv,
  untilReady,
  type Envelope,
  type WireInstance,
} from "./client.ts";
import { containerOf } from "./fake-container.ts";

const account = () => accountStub(testEnv, ACCOUNT_ID);
const newName = () => `S_${crypto.randomUUID().slice(0, 8)}`;

async function createSecret(value: string): Promise<string> {
  const name = newName();
  const { status, errors } = await call("POST", "/secrets", { name, value });
  if (status !== 201) throw new Error(JSON.stringify(errors));
  return name;
}

const using = (secret: string, name = "TOKEN") => ({
  configuration: { image: "hello-world", secrets: [{ name, type: "env", secret }] },
});

function told(answer: Envelope & { status: number }): string {
  return `${answer.status} ${answer.success ? "" : domainError(answer).error}`.trim();
}

/** Environment of the last start of an instance. */
function environmentOf(instance: WireInstance | undefined): Readonly<Record<string, string>> {
  return containerOf(instance?.id ?? "").starts.at(-1)?.env ?? {};
}

/** A new placement, ready again. */
async function restarted(application: string, instance: WireInstance | undefined): Promise<WireInstance | undefined> {
  await applicationStub(testEnv, application).act(instance?.id ?? "", "restart", "test");
  return await eventually(async () => {
    const [now] = await instancesOf(application);
    return now?.ready === true && now.generation > (instance?.generation ?? 0) && now;
  });
}

async function inAccount(sql: string, ...values: string[]): Promise<void> {
  await runInDurableObject(account(), (_: Account, { storage }) => {
    storage.sql.exec(sql, ...values);
  });
}

/** Rows that the create of an application writes in its account. */
async function costOfCreate(configuration: object): Promise<number> {
  const { rowsWritten: before } = await account().billing();
  const { id } = await createApplication({ instances: 0, configuration });
  await eventually(async () => {
    const [row] = await runInDurableObject(account(), (_: Account, { storage }) =>
      storage.sql.exec("SELECT COUNT(*) AS open FROM claims WHERE application = ?", id).toArray(),
    );
    return row?.["open"] === 0;
  });
  const { rowsWritten: after } = await account().billing();
  return after - before;
}

describe("a secret in a configuration", () => {
  it("is in the container's environment, and a changed value is there from the next placement on", async ({
    expect,
  }) => {
    const secret = await createSecret("first");
    const { id } = await createApplication(using(secret));
    const [instance] = await untilReady(id, 1);
    expect(environmentOf(instance)).toMatchObject({ TOKEN: "first" });
    await call("PATCH", `/secrets/${secret}`, { value: "second" });
    expect(containerOf(instance?.id ?? "").starts).toHaveLength(1);
    const next = await restarted(id, instance);
    expect(environmentOf(next)).toMatchObject({ TOKEN: "second" });
    expect(next?.failures).toBe(0);
  });

  it("may stand under two names, beside plain variables", async ({ expect }) => {
    const secret = await createSecret("shared");
    const { id } = await createApplication({
      configuration: {
        image: "hello-world",
        environment_variables: [{ name: "PLAIN", value: "p" }],
        secrets: [
          { name: "ONE", type: "env", secret },
          { name: "TWO", type: "env", secret },
        ],
      },
    });
    const [instance] = await untilReady(id, 1);
    expect(environmentOf(instance)).toMatchObject({ PLAIN: "p", ONE: "shared", TWO: "shared" });
  });

  it("that is gone refuses the start with its reason, and starts as soon as it is there again", async ({ expect }) => {
    const secret = await createSecret("here");
    const { id } = await createApplication({ ...using(secret), instances: 0 });
    await inAccount("DELETE FROM secrets WHERE name = ?", secret);
    await call("PATCH", `/applications/${id}`, { instances: 1 });
    const refused = await eventually(async () => (await eventsOf(id)).find(({ name }) => name === "VMFailedToStart"));
    expect(refused).toMatchObject({ type: "UserError", details: { reason: "SECRET_NAME_NOT_FOUND" } });
    expect(JSON.stringify(refused)).toContain(secret);
    const [waiting] = await instancesOf(id);
    // It is tried again by itself, after a back-off.
    expect(waiting).toMatchObject({ failures: 1, next_start_at: expect.any(String), status: { state: "failed" } });
    await call("POST", "/secrets", { name: secret, value: "back" });
    await applicationStub(testEnv, id).act(waiting?.id ?? "", "start", "test");
    const [instance] = await untilReady(id, 1);
    expect(environmentOf(instance)).toMatchObject({ TOKEN: "back" });
  });

  it("that no key opens refuses the start with that reason", async ({ expect }) => {
    const secret = await createSecret("here");
    await inAccount("UPDATE secrets SET sealed = 'v1.000000000000.AAAA.AAAA' WHERE name = ?", secret);
    const { id } = await createApplication(using(secret));
    const refused = await eventually(async () => (await eventsOf(id)).find(({ name }) => name === "VMFailedToStart"));
    expect(refused).toMatchObject({ details: { reason: "SECRET_UNREADABLE" } });
  });

  it.for([
    ["does not exist", { secrets: [{ name: "A", type: "env", secret: "NOT_THERE" }] }, "secrets[0].secret"],
    ["has a variable's name", { environment_variables: [{ name: "A", value: "" }], secrets: ["A"] }, "secrets[0].name"],
    ["has a name twice", { secrets: ["A", "A"] }, "secrets[1].name"],
    ["has a name of Gantry", { secrets: ["GANTRY_X"] }, "secrets[0].name"],
    ["has no variable's name", { secrets: ["1A"] }, "secrets[0].name"],
    ["is no env", { secrets: [{ name: "A", type: "file", secret: "KNOWN" }] }, "secrets[0].type"],
    ["has a value", { secrets: [{ name: "A", type: "env", secret: "KNOWN", value: "x" }] }, "secrets[0].value"],
    ["is one of too many", { secrets: Array.from({ length: 65 }, (_, index) => `A${index}`) }, "secrets"],
  ] as const)("that %s is refused by its field", async ([, fields, field], { expect }) => {
    const secrets = fields.secrets.map((item) =>
      typeof item === "string" ? { name: item, type: "env", secret: "KNOWN" } : item,
    );
    const name = `refused-${crypto.randomUUID().slice(0, 8)}`;
    const configuration = { image: "hello-world", ...fields, secrets };
    const answer = await call("POST", "/applications", { name, instances: 0, configuration });
    expect(told(answer)).toBe("400 VALIDATE_INPUT");
    expect(Object.keys(domainError(answer).details)).toEqual([`configuration.${field}`]);
    expect(told(await call("GET", `/applications/${name}`))).toBe("404 APPLICATION_NOT_FOUND");
  });
});

describe("a secret's value", () => {
  it("is in no answer, event, audit row, log line or stored row", async ({ expect }) => {
    const values = ["m4rker-one-4711", "m4rker-two-4711"];
    const encoded = values.flatMap((value) => [value, btoa(value), btoa(value).slice(0, 12)]);
    const said: string[] = [];
    for (const method of ["log", "warn", "error", "info", "debug"] as const) {
      vi.spyOn(console, method).mockImplementation((...line: unknown[]) => void said.push(JSON.stringify(line)));
    }
    const secret = await createSecret(values[0] ?? "");
    const { id, name } = await createApplication(using(secret));
    const [instance] = await untilReady(id, 1);
    said.push(JSON.stringify(await call("PATCH", `/secrets/${secret}`, { value: values[1] })));
    said.push(JSON.stringify(await call("POST", "/secrets", { name: secret, value: values[1] })));
    said.push(JSON.stringify(await call("POST", "/secrets", { name: secret, value: values[1], extra: values[1] })));
    const next = await restarted(id, instance);
    expect(environmentOf(next)).toMatchObject({ TOKEN: values[1] });
    containerOf(next?.id ?? "").exit(3);
    await eventually(async () => (await eventsOf(id)).some(({ name: event }) => event === "VMFailed"));
    said.push(JSON.stringify(await call("DELETE", `/secrets/${secret}`)));
    for (const path of [
      "/secrets",
      `/secrets/${secret}`,
      "/applications",
      `/applications/${name}`,
      `/applications/${id}/versions`,
      `/applications/${id}/instances-v2`,
      `/applications/${id}/events?per_page=1000`,
      `/dash/applications/${id}/instances`,
      "/audit?per_page=1000",
    ]) {
      const answer = await call("GET", path);
      expect([path, answer.status]).toEqual([path, 200]);
      said.push(JSON.stringify(answer));
    }
    for (const stub of [account(), applicationStub(testEnv, id), instanceStub(testEnv, next?.deployment_id ?? "")]) {
      said.push(
        await runInDurableObject(stub as DurableObjectStub<Account>, (_, { storage }) => {
          const tables = storage.sql
            .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
            .toArray();
          const names = tables.map((table) => table.name).filter((table) => !table.startsWith("_cf"));
          return JSON.stringify(names.map((table) => storage.sql.exec(`SELECT * FROM "${table}"`).toArray()));
        }),
      );
    }
    const text = said.join("\n");
    expect(text).toContain(secret);
    expect(encoded.filter((value) => text.includes(value))).toEqual([]);
  });
});

describe("a secret in use", () => {
  it("cannot be deleted: the answer names its users", async ({ expect }) => {
    const secret = await createSecret("x");
    const first = await createApplication({ ...using(secret), instances: 0 });
    const second = await createApplication(using(secret));
    await untilReady(second.id, 1);
    const refused = await call("DELETE", `/secrets/${secret}`);
    expect(told(refused)).toBe("409 SECRET_IN_USE");
    const { users } = domainError(refused).details as { users: string[] };
    expect(users.toSorted()).toEqual(
      [first, second].map(({ name }) => `${name}, version 1 (active)`).toSorted((a, b) => (a < b ? -1 : 1)),
    );
    await call("DELETE", `/applications/${first.id}`);
    expect(told(await call("DELETE", `/secrets/${secret}`))).toBe("409 SECRET_IN_USE");
    await call("DELETE", `/applications/${second.id}`);
    expect(told(await call("DELETE", `/secrets/${secret}`))).toBe("200");
  });

  it("is in use no more when the version that runs does without it", async ({ expect }) => {
    const secret = await createSecret("x");
    const { id, name } = await createApplication(using(secret));
    await untilReady(id, 1);
    const { result } = await call("PATCH", `/applications/${id}`, {
      configuration: { image: "hello-world", secrets: [] },
    });
    expect(told(await call("DELETE", `/secrets/${secret}`)), JSON.stringify(result)).toBe("409 SECRET_IN_USE");
    await applicationStub(testEnv, id).activate(2);
    // The old placement runs until the new one is ready.
    const gone = await eventually(async () => {
      const answer = await call("DELETE", `/secrets/${secret}`);
      if (answer.status === 200) return answer;
      expect(domainError(answer).details["users"]).toEqual([expect.stringContaining(`${name}, version 1 (running in`)]);
      return undefined;
    });
    expect(gone.status).toBe(200);
  });

  it("is not held by a create that was cut off, once its claim has lapsed", async ({ expect }) => {
    const secret = await createSecret("x");
    const application = crypto.randomUUID();
    const references = [{ kind: "secret" as const, name: secret }];
    expect(await account().claimReferences({ id: crypto.randomUUID(), application, references })).toEqual([]);
    const refused = await call("DELETE", `/secrets/${secret}`);
    expect([told(refused), domainError(refused).details["users"]]).toEqual([
      "409 SECRET_IN_USE",
      [`${application} (a write is under way)`],
    ]);
    await inAccount(`UPDATE claims SET at = at - ${CLAIM_MS} WHERE application = ?`, application);
    expect(told(await call("DELETE", `/secrets/${secret}`))).toBe("200");
  });

  it("is claimed again by a write that comes between asking and deleting", async ({ expect }) => {
    const secret = await createSecret("x");
    const reference = { kind: "secret" as const, name: secret };
    const claim = () => ({ id: crypto.randomUUID(), application: crypto.randomUUID(), references: [reference] });
    const [earlier, later] = [claim(), claim()];
    await account().claimReferences(earlier);
    await account().settleClaim(earlier.id);
    const asked = await account().usersOf(reference);
    await account().claimReferences(later);
    await account().settleClaim(later.id);
    expect(await account().removeSecret(secret, asked, null)).toBe("changed");
    // The same application with another write counts as well.
    const all = await account().usersOf(reference);
    await account().claimReferences({ ...later, id: "again" });
    await account().settleClaim("again");
    expect(await account().removeSecret(secret, all, null)).toBe("changed");
    expect(await account().removeSecret(secret, await account().usersOf(reference), null)).toBe("removed");
  });

  it("is never missing from an application whose create raced with the delete", async ({ expect }) => {
    const outcomes = await Promise.all(
      Array.from({ length: 24 }, async (_, index) => {
        const secret = await createSecret("x");
        const name = `race-${crypto.randomUUID().slice(0, 8)}`;
        const create = () => call("POST", "/applications", { name, instances: 0, ...using(secret) });
        const remove = () => call("DELETE", `/secrets/${secret}`);
        const [created, removed] =
          index % 2 === 0
            ? await Promise.all([create(), remove()])
            : await Promise.all([remove(), create()]).then(([second, first]) => [first, second] as const);
        const isThere = (await call("GET", `/secrets/${secret}`)).status === 200;
        return { created: told(created), removed: told(removed), isThere };
      }),
    );
    for (const { created, removed, isThere } of outcomes) {
      expect(["201/409 SECRET_IN_USE/true", "400 VALIDATE_INPUT/200/false"]).toContain(
        `${created}/${removed}/${String(isThere)}`,
      );
    }
  });

  it("is looked for and not claimed by a dry run", async ({ expect }) => {
    const secret = await createSecret("x");
    const name = `dry-${crypto.randomUUID().slice(0, 8)}`;
    const dryRun = async (wanted: string) =>
      await call("PUT", `/applications/${name}?dry_run=true`, { instances: 1, ...using(wanted) });
    expect((await dryRun(secret)).status).toBe(200);
    const missing = await dryRun("NOT_THERE");
    expect([told(missing), ...Object.keys(domainError(missing).details)]).toEqual([
      "400 VALIDATE_INPUT",
      "configuration.secrets[0].secret",
    ]);
    expect(await account().usersOf({ kind: "secret", name: secret })).toEqual([]);
    expect(told(await call("DELETE", `/secrets/${secret}`))).toBe("200");
  });

  it("is claimed by everything that can make a version run", async ({ expect }) => {
    const secret = await createSecret("x");
    const { id, name } = await createApplication({ instances: 0 });
    await call("PATCH", `/applications/${id}`, using(secret));
    // Stored, and not active: nobody uses it.
    expect(told(await call("DELETE", `/secrets/${secret}`))).toBe("200");
    const rollout = { description: "r", strategy: "rolling", kind: "full_auto", step_percentage: 100 };
    const refused = await call("POST", `/applications/${id}/rollouts`, { ...rollout, target_version: 2 });
    expect([told(refused), domainError(refused).message]).toEqual([
      "400 VALIDATE_INPUT",
      expect.stringContaining(`there is no secret ${secret}`),
    ]);
    await call("POST", "/secrets", { name: secret, value: "y" });
    expect((await call("POST", `/applications/${id}/rollouts`, { ...rollout, target_version: 2 })).status).toBe(200);
    expect(domainError(await call("DELETE", `/secrets/${secret}`)).details["users"]).toEqual([
      `${name}, version 2 (active)`,
    ]);
  });

  it("of a standalone deployment is in use too, and its field is named without the configuration", async ({
    expect,
  }) => {
    const secret = await createSecret("x");
    const { locations } = (await call("GET", "/me")).result;
    const body = { image: "hello-world", location: locations[0].location };
    const missing = await call("POST", "/deployments/v2", {
      ...body,
      secrets: [{ name: "A", type: "env", secret: "NOT_THERE" }],
    });
    expect(Object.keys(domainError(missing).details)).toEqual(["secrets[0].secret"]);
    const made = await call("POST", "/deployments/v2", { ...body, secrets: [{ name: "A", type: "env", secret }] });
    expect(told(made)).toMatch(/^20[01]$/);
    expect(told(await call("DELETE", `/secrets/${secret}`))).toBe("409 SECRET_IN_USE");
    expect(told(await call("PATCH", `/deployments/${made.result.id}/v2`, { secrets: [] }))).toBe("200");
    await call("DELETE", `/deployments/${made.result.id}/v2`);
    expect(told(await call("DELETE", `/secrets/${secret}`))).toBe("200");
  });

  it("costs a create one row for the secret and two for the claim, and nothing where nothing is referred to", async ({
    expect,
  }) => {
    const secret = await createSecret("x");
    const plain = await costOfCreate({ image: "hello-world" });
    expect((await costOfCreate(using(secret).configuration)) - plain).toBe(3);
  });
});
