/** Owners: whose a resource is, from the request that makes it on. */
import { describe, it } from "vitest";
import { accountStub } from "../../src/stubs.ts";
import { ACCOUNT_ID, createApplication, domainError, testEnv } from "./client.ts";
import { send } from "./writes.ts";

const CONFIGURATION = { image: "hello-world" };
const someName = () => `n${crypto.randomUUID().slice(0, 8)}`;
const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9yTl0UMxgBBBQGBQYGBwcICAkJCgoLCwwMDQ0ODg8P";

async function ownedBy(owner: string): Promise<string[]> {
  const { result } = await send("GET", `/owners?owner=${encodeURIComponent(owner)}`);
  return result.map(({ kind, name }: { kind: string; name: string }) => `${kind} ${name}`);
}

describe("what is made with an owner", () => {
  it("is listed as its own, whatever it is", async ({ expect }) => {
    const owner = someName();
    const headers = { "gantry-owner": owner };
    const made: [path: string, kind: string, name: string, body: object][] = [
      ["/applications", "application", someName(), { instances: 0, configuration: CONFIGURATION }],
      ["/deployments/v2", "deployment", someName(), { ...CONFIGURATION, location: "weur" }],
      ["/secrets", "secret", someName(), { value: "x" }],
      ["/ssh-public-keys", "ssh-key", someName(), { public_key: KEY }],
    ];
    for (const [path, , name, body] of made) {
      const answer = await send("POST", path, { name, ...body }, headers);
      expect([path, answer.status, answer.errors]).toEqual([path, 201, []]);
    }
    const domain = `${someName()}.example.com`;
    await send("POST", "/registries", { domain, is_public: true }, headers);
    const proto = someName();
    await send("POST", "/registries/protos", { proto, domains: [{ domain, path: "" }] }, headers);
    const expected = [...made.map(([, kind, name]) => `${kind} ${name}`), `registry ${domain}`, `protocol ${proto}`];
    expect(new Set(await ownedBy(owner))).toEqual(new Set(expected));
    expect((await send("GET", "/owners")).result).toContainEqual({ kind: "protocol", name: proto, owner });
  });

  it("is its own also for one whose answer nobody heard", async ({ expect }) => {
    const [owner, name] = [someName(), someName()];
    const headers = { "gantry-owner": owner, "idempotency-key": crypto.randomUUID() };
    const body = { name, instances: 0, configuration: CONFIGURATION };
    const first = await send("POST", "/applications", body, headers);
    const second = await send("POST", "/applications", body, headers);
    expect(second.result.id).toBe(first.result.id);
    expect(await ownedBy(owner)).toEqual([`application ${name}`]);
  });

  it("is nobody's when it is deleted and made again", async ({ expect }) => {
    const [owner, name] = [someName(), someName()];
    await send("POST", "/secrets", { name, value: "x" }, { "gantry-owner": owner });
    await send("DELETE", `/secrets/${name}`);
    await send("POST", "/secrets", { name, value: "x" });
    expect(await ownedBy(owner)).toEqual([]);
  });

  it("costs one row more, and nothing without an owner", async ({ expect }) => {
    const account = accountStub(testEnv, ACCOUNT_ID);
    const cost = async (headers: Record<string, string>) => {
      const before = (await account.billing()).rowsWritten;
      await send("POST", "/secrets", { name: someName(), value: "x" }, headers);
      return (await account.billing()).rowsWritten - before;
    };
    await cost({});
    const without = await cost({});
    expect(await cost({ "gantry-owner": someName() })).toBe(without + 1);
  });
});

describe("an owner", () => {
  it("is given to what is nobody's, and to nothing that is another's", async ({ expect }) => {
    const [owner, other] = [someName(), someName()];
    const { id, name } = await createApplication({ instances: 0 });
    const path = `/owners/application/${name}`;
    expect((await send("PUT", path, { owner })).result).toEqual({ kind: "application", name, owner });
    expect((await send("PUT", `/owners/application/${id}`, { owner })).status).toBe(200);
    const refused = await send("PUT", path, { owner: other });
    expect([refused.status, domainError(refused).error]).toEqual([409, "OWNED_BY_ANOTHER"]);
    expect(await ownedBy(owner)).toEqual([`application ${name}`]);
    expect((await send("DELETE", path)).status).toBe(200);
    expect((await send("PUT", path, { owner: other })).status).toBe(200);
    expect(await ownedBy(owner)).toEqual([]);
  });

  it.for(["application", "deployment", "secret", "ssh-key", "registry", "protocol"])(
    "of a %s that is not there is not found",
    async (kind, { expect }) => {
      expect((await send("PUT", `/owners/${kind}/none`, { owner: "a" })).status).toBe(404);
      expect((await send("DELETE", `/owners/${kind}/none`)).status).toBe(404);
    },
  );

  it("is refused where it has no effect, or is no name", async ({ expect }) => {
    const { name } = await createApplication({ instances: 0 });
    const patched = await send("PATCH", `/applications/${name}`, { instances: 0 }, { "gantry-owner": "a" });
    expect(Object.keys(domainError(patched).details)).toEqual(["Gantry-Owner"]);
    const made = await send("POST", "/secrets", { name: someName(), value: "x" }, { "gantry-owner": "a b" });
    expect(Object.keys(domainError(made).details)).toEqual(["Gantry-Owner"]);
    const kind = await send("PUT", "/owners/token/a", { owner: "a" });
    expect(Object.keys(domainError(kind).details)).toEqual(["kind"]);
  });
});

describe("the name", () => {
  it("of a deployment is its own among all, and told again", async ({ expect }) => {
    const name = someName();
    const body = { ...CONFIGURATION, location: "weur", name };
    const { result } = await send("POST", "/deployments/v2", body);
    expect(result.name).toBe(name);
    const twice = await send("POST", "/deployments/v2", body);
    expect([twice.status, domainError(twice).error]).toEqual([409, "DEPLOYMENT_ALREADY_EXISTS"]);
    const patched = await send("PATCH", `/deployments/${result.id}/v2`, { name });
    expect(Object.keys(domainError(patched).details)).toEqual(["name"]);
    expect((await send("GET", `/deployments/${result.id}/v2`)).result.name).toBe(name);
    await send("DELETE", `/deployments/${result.id}/v2`);
    expect((await send("POST", "/deployments/v2", body)).status).toBe(201);
    const unnamed = await send("POST", "/deployments/v2", { ...CONFIGURATION, location: "weur" });
    expect(unnamed.result).not.toHaveProperty("name");
    expect(Object.keys(domainError(await send("POST", "/deployments/v2", { ...body, name: "A b" })).details)).toEqual([
      "name",
    ]);
  });
});

describe("a schedule", () => {
  it("is its maker's, given up and taken, and the same schedule all the while", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0, jobs: true });
    const body = { name: "nightly", cron: "0 3 * * *", job: {} };
    const made = await send("POST", `/applications/${id}/schedules`, body, { "gantry-owner": "team/web" });
    expect([made.status, made.result.owner]).toEqual([201, "team/web"]);
    const path = `/applications/${id}/schedules/nightly`;
    const { name: _, ...spec } = body;
    expect((await send("PUT", path, { ...spec, jitter: "5m" })).result.owner).toBe("team/web");
    const etag = (await send("GET", path)).etag;
    const refused = await send("PUT", `${path}/owner`, { owner: "other" });
    expect([refused.status, domainError(refused).error]).toEqual([409, "OWNED_BY_ANOTHER"]);
    expect((await send("DELETE", `${path}/owner`)).result.owner).toBe(null);
    expect((await send("PUT", `${path}/owner`, { owner: "other" })).result.owner).toBe("other");
    expect((await send("GET", path)).etag).toBe(etag);
    await send("DELETE", path);
    expect((await send("POST", `/applications/${id}/schedules`, body)).result.owner).toBe(null);
    expect((await send("PUT", `/applications/${id}/schedules/none/owner`, { owner: "other" })).status).toBe(404);
    expect(await ownedBy("team/web")).toEqual([]);
  });
});
