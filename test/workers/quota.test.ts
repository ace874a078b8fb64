/** What an account may use: `/me`, and what of it is held by what. */
import { afterEach, describe, it, vi } from "vitest";
import type { Grant } from "../../src/account/ledger.ts";
import { accountStub, applicationStub } from "../../src/stubs.ts";
import { freshAccount, type TestAccount } from "./accounts.ts";
import { domainError, raw, testEnv } from "./client.ts";

interface Usage {
  instances: number;
  vcpu: number;
  memory_mib: number;
  disk_mb: number;
}

async function usage(account: TestAccount): Promise<Usage> {
  return (await account.call("GET", "/me")).result.usage;
}

afterEach(() => {
  vi.useRealTimers();
});

describe("/me", () => {
  it("says what a new account may use, where, and what a configuration without a size gets", async ({ expect }) => {
    const { id, call } = await freshAccount();
    const { result, status } = await call("GET", "/me");
    expect(status).toBe(200);
    expect(result).toMatchObject({
      external_account_id: id,
      account_id: id,
      legacy_identity: id,
      capabilities: [],
      limits: {
        account_id: id,
        vcpu_per_deployment: 4,
        memory_per_deployment: "12288MiB",
        memory_mib_per_deployment: 12_288,
        disk_per_deployment: "20000MB",
        disk_mb_per_deployment: 20_000,
        total_vcpu: 1_500,
        total_memory: "6291456MiB",
        total_memory_mib: 6_291_456,
        total_disk_mb: 30_000_000,
        node_group: "metal",
        network_modes: [],
        ipv4s: 256,
      },
      defaults: { vcpus: 0.0625, memory_mib: 256, memory: "256MiB", disk_mb: 2_000 },
      usage: { instances: 0, vcpu: 0, memory_mib: 0, disk_mb: 0, ipv4s: 0, locations: [] },
    });
    expect(result.locations.map(({ region }: { region: string }) => region)).toEqual(
      ["AFR", "APAC", "EEUR", "ENAM", "ME", "OC", "SAM", "WEUR", "WNAM"], // prettier-ignore
    );
    expect(result.locations[0]).toMatchObject({ location: "afr", name: "Africa", enabled: true });
    expect(result.locations[0].limits).toMatchObject({ vcpu_per_deployment: 4, total_vcpu: 1_500 });
  });

  it("is bare on the legacy base", async ({ expect }) => {
    const { id } = await freshAccount();
    const response = await raw("GET", `http://control.test/client/v4/accounts/${id}/cloudchamber/me`);
    expect(await response.json()).toMatchObject({ account_id: id, defaults: { vcpus: 0.0625 } });
  });

  it("takes changes under its ETag, each of a part", async ({ expect }) => {
    const account = await freshAccount();
    const etag = (await account.raw("GET", "/me")).headers.get("etag") ?? "";
    const first = await account.raw("PATCH", "/me", { limits: { total_vcpu: 10 } }, { "if-match": etag });
    expect(first.status).toBe(200);
    const second = await account.raw("PATCH", "/me", { limits: { total_vcpu: 20 } }, { "if-match": etag });
    expect(second.status).toBe(412);
    const { result } = await account.call("PATCH", "/me", {
      locations: [{ location: "weur", enabled: false, limits: { total_vcpu: 2 } }],
    });
    expect(result.limits.total_vcpu).toBe(10);
    const weur = result.locations.find(({ location }: { location: string }) => location === "weur");
    expect(weur).toMatchObject({ enabled: false, limits: { total_vcpu: 2, vcpu_per_deployment: 4 } });
    const { result: later } = await account.call("PATCH", "/me", { locations: [{ location: "weur", enabled: true }] });
    const reopened = later.locations.find(({ location }: { location: string }) => location === "weur");
    expect(reopened).toMatchObject({ enabled: true, limits: { total_vcpu: 2 } });
  });

  it("has an ETag that a change of settings moves, and nothing else", async ({ expect }) => {
    const account = await freshAccount();
    const etag = (await account.raw("GET", "/me")).headers.get("etag") ?? "";
    const again = await account.raw("PATCH", "/me", { defaults: { vcpus: 0.0625 } });
    const change = await account.raw("PATCH", "/me", { defaults: { vcpus: 0.25 } });
    expect(change.headers.get("etag")).not.toBe(etag);
    expect(again.headers.get("etag")).not.toBe(change.headers.get("etag"));
    expect((await account.raw("GET", "/me")).headers.get("etag")).toBe(change.headers.get("etag"));
  });

  it.for<[string, Record<string, unknown>, string]>([
    ["a default above a limit", { defaults: { vcpus: 2 }, limits: { vcpu_per_deployment: 1 } }, "defaults.vcpus"],
    ["a limit above the platform's", { limits: { vcpu_per_deployment: 8 } }, "limits.vcpu_per_deployment"],
    ["an unknown location", { locations: [{ location: "mars" }] }, "locations[0].location"],
    ["a location twice", { locations: [{ location: "me" }, { location: "me" }] }, "locations[1].location"],
    ["two memories that differ", { defaults: { memory: "1GiB", memory_mib: 512 } }, "defaults.memory"],
    ["a memory without a unit", { defaults: { memory: "512" } }, "defaults.memory"],
    ["a field that it does not know", { limits: { total_gpus: 1 } }, "limits.total_gpus"],
  ])("refuses %s", async ([, body, field], { expect }) => {
    const account = await freshAccount();
    const answer = await account.call("PATCH", "/me", body);
    expect(answer.status).toBe(400);
    expect(domainError(answer).details).toHaveProperty([field]);
  });

  it("is changed by administrators only", async ({ expect }) => {
    const account = await freshAccount();
    const { result } = await account.call("POST", "/tokens", { name: "deployer", scopes: ["deploy"] });
    const headers = { authorization: `Bearer ${result.value}` };
    expect((await account.raw("GET", "/me", undefined, headers)).status).toBe(200);
    expect((await account.raw("PATCH", "/me", { defaults: { vcpus: 1 } }, headers)).status).toBe(403);
  });
});

describe("the defaults", () => {
  it("are the size of a configuration that names none, as they were when it was stored", async ({ expect }) => {
    const account = await freshAccount();
    await account.call("PATCH", "/me", { defaults: { vcpus: 0.5, memory: "1GiB", disk_mb: 3_000 } });
    const { result: app } = await account.create({ instances: 2 });
    const size = { vcpu: 0.5, memory_mib: 1_024, disk: { size_mb: 3_000 } };
    expect(app.configuration).toMatchObject(size);
    await account.call("PATCH", "/me", { defaults: { vcpus: 1, memory_mib: 2_048 } });
    const { result: same } = await account.call("GET", `/applications/${app.id}`);
    expect(same.configuration).toMatchObject(size);
    expect(await usage(account)).toMatchObject({ instances: 2, vcpu: 1, memory_mib: 2_048, disk_mb: 6_000 });
    const { result: partly } = await account.create({ instances: 0, configuration: { image: "hello-world", vcpu: 2 } });
    expect(partly.configuration).toMatchObject({ vcpu: 2, memory_mib: 2_048, disk: { size_mb: 3_000 } });
    const typed = { image: "hello-world", instance_type: "basic" };
    const { result: named } = await account.create({ instances: 0, configuration: typed });
    expect(named.configuration).toMatchObject({ vcpu: 0.25, memory_mib: 1_024, disk: { size_mb: 4_000 } });
  });
});

describe("the limits", () => {
  it("refuse what would surpass the account's totals, say by how much, and leave nothing behind", async ({
    expect,
  }) => {
    const account = await freshAccount();
    await account.call("PATCH", "/me", { limits: { total_vcpu: 1 } });
    await account.create({ instances: 8 });
    const wanted = { name: "second", instances: 9 };
    const refused = await account.create(wanted);
    expect(refused.status).toBe(400);
    expect(domainError(refused)).toMatchObject({
      error: "SURPASSED_TOTAL_LIMITS",
      details: {
        vcpu: "asked 0.5625, used 0.5 by others, limit 1: 0.0625 too many",
        vcpu_asked: 0.5625,
        vcpu_used: 0.5,
        vcpu_limit: 1,
        vcpu_shortfall: 0.0625,
      },
    });
    expect(await usage(account)).toMatchObject({ instances: 8 });
    // Its name is free.
    expect((await account.create({ ...wanted, instances: 8 })).status).toBe(201);
    expect(await usage(account)).toMatchObject({ instances: 16, vcpu: 1 });
  });

  it("refuse an instance that is larger than one may be, also in a version that is only stored", async ({ expect }) => {
    const account = await freshAccount();
    await account.call("PATCH", "/me", { limits: { memory_mib_per_deployment: 512 } });
    const { result: app } = await account.create();
    const configuration = { image: "hello-world", memory_mib: 1_024 };
    for (const refused of [
      await account.create({ configuration }),
      await account.call("PATCH", `/applications/${app.id}`, { configuration }),
    ]) {
      expect(refused.status).toBe(400);
      expect(domainError(refused)).toMatchObject({
        error: "SURPASSED_BASE_LIMITS",
        details: { memory_mib: "asked 1024, limit 512 per deployment" },
      });
    }
  });

  it.for<[string, number, string]>([
    ["vcpu_per_deployment", 0.125, "SURPASSED_BASE_LIMITS"],
    ["memory_mib_per_deployment", 512, "SURPASSED_BASE_LIMITS"],
    ["disk_mb_per_deployment", 3_000, "SURPASSED_BASE_LIMITS"],
    ["total_instances", 1, "SURPASSED_TOTAL_LIMITS"],
    ["total_vcpu", 0.25, "SURPASSED_TOTAL_LIMITS"],
    ["total_memory_mib", 2_047, "SURPASSED_TOTAL_LIMITS"],
    ["total_disk_mb", 7_999, "SURPASSED_TOTAL_LIMITS"],
  ])("each refuse on their own: %s", async ([limit, value, error], { expect }) => {
    const account = await freshAccount();
    await account.call("PATCH", "/me", { limits: { [limit]: value } });
    const body = { instances: 2, configuration: { image: "hello-world", instance_type: "basic" } };
    const refused = await account.create(body);
    const resource = limit.replace(/^total_|_per_deployment$/g, "");
    expect(domainError(refused)).toMatchObject({ error, details: { [`${resource}_limit`]: value } });
    await account.call("PATCH", "/me", {
      limits: { [limit]: (await account.call("GET", "/me")).result.limits[limit] * 2 },
    });
    expect((await account.create(body)).status).toBe(201);
  });

  it("hold what is wanted, up and down, and give it back with the application", async ({ expect }) => {
    const account = await freshAccount();
    await account.call("PATCH", "/me", { limits: { total_instances: 5 } });
    const { result: app } = await account.create({ instances: 3 });
    const grow = (instances: number) => account.call("PATCH", `/applications/${app.id}`, { instances });
    expect((await grow(6)).status).toBe(400);
    expect(await usage(account)).toMatchObject({ instances: 3 });
    expect((await grow(5)).status).toBe(200);
    expect((await account.create()).status).toBe(400);
    await grow(1);
    expect(await usage(account)).toMatchObject({ instances: 1 });
    await account.call("PATCH", `/applications/${app.id}`, { instances: 4, max_instances: 4 });
    await account.call("PATCH", `/applications/${app.id}`, { max_instances: 2 });
    expect(await usage(account)).toMatchObject({ instances: 2 });
    expect((await account.create({ instances: 3 })).status).toBe(201);
    await account.call("DELETE", `/applications/${app.id}`);
    expect(await usage(account)).toMatchObject({ instances: 3 });
  });

  it("get back what a write did not take", async ({ expect }) => {
    const account = await freshAccount();
    const { result: app } = await account.create({ instances: 1 });
    const stale = await account.raw("PATCH", `/applications/${app.id}`, { instances: 9 }, { "if-match": '"other"' });
    expect(stale.status).toBe(412);
    expect(await usage(account)).toMatchObject({ instances: 1 });
  });

  it("bind the application: what would come to more than was granted, or too late, is not done", async ({ expect }) => {
    const account = await freshAccount();
    const { result: app } = await account.create({ instances: 1 });
    const stub = applicationStub(testEnv, app.id);
    const guard = { ifMatch: null, lease: null, seed: crypto.randomUUID(), isRetry: false };
    const size = { vcpu: 0.0625, memoryMib: 256, diskMb: 2_000 };
    const ask = { instances: 3, size, ipv4s: 0, location: "auto" };
    const verdict = await accountStub(testEnv, account.id).reserve(app.id, ask, crypto.randomUUID());
    if (verdict.outcome !== "granted") throw new Error("3 are within every limit");
    const codeOf = async (instances: number, grant: Grant): Promise<unknown> => {
      try {
        return await stub.patch({ instances }, guard, grant);
      } catch (error) {
        return error instanceof Error && "code" in error ? error.code : error;
      }
    };
    expect(await codeOf(4, verdict.grant)).toBe("WRITE_CONFLICT");
    expect((await stub.view())?.row).toMatchObject({ generation: 1, spec: { instances: 1 } });
    const late = { ...verdict.grant, until: Date.now() - 1 };
    expect(await codeOf(3, late)).toBe("WRITE_CONFLICT");
    expect((await stub.patch({ instances: 3 }, guard, verdict.grant)).row.spec.instances).toBe(3);
  });

  it("are not passed by creates at one moment", async ({ expect }) => {
    const account = await freshAccount();
    await account.call("PATCH", "/me", { limits: { total_instances: 7 } });
    const created = await Promise.all(Array.from({ length: 8 }, () => account.create({ instances: 2 })));
    expect(created.filter(({ status }) => status === 201)).toHaveLength(3);
    expect(await usage(account)).toMatchObject({ instances: 6 });
  });

  it("are not passed by changes of one application at one moment, and the ledger says what came of them", async ({
    expect,
  }) => {
    const account = await freshAccount();
    await account.call("PATCH", "/me", { limits: { total_instances: 10 } });
    const { result: app } = await account.create({ instances: 0 });
    await Promise.all(
      [3, 9, 1, 10, 6, 2, 12, 4].map((instances) => account.call("PATCH", `/applications/${app.id}`, { instances })),
    );
    const { result } = await account.call("GET", `/applications/${app.id}`);
    expect(result.instances).toBeLessThanOrEqual(10);
    expect(await usage(account)).toMatchObject({ instances: result.instances });
  });

  it("lowered below what is used stop nothing, refuse growth and allow to shrink", async ({ expect }) => {
    const account = await freshAccount();
    const { result: app } = await account.create({ instances: 4 });
    await account.call("PATCH", "/me", { limits: { total_instances: 2 } });
    const set = async (instances: number) =>
      (await account.call("PATCH", `/applications/${app.id}`, { instances })).status;
    expect([await set(5), await set(3), await set(4)]).toEqual([400, 200, 400]);
    const { result } = await account.call("GET", `/applications/${app.id}`);
    expect(result.instances).toBe(3);
  });
});

/** Rows of the account's object for one write, without the audit's two. */
async function rowsOf(account: TestAccount, write: () => Promise<unknown>): Promise<number> {
  const stub = accountStub(testEnv, account.id);
  const before = (await stub.billing()).rowsWritten;
  await write();
  // The audit's second row is written beside the answer.
  await vi.waitFor(async () => {
    if ((await stub.audit(Number.MAX_SAFE_INTEGER, 1))[0]?.status === null) throw new Error("not yet");
  });
  return (await stub.billing()).rowsWritten - before - 2;
}

describe("what it costs", () => {
  it("is a row of the ledger for a new application, two for a change of its count, none for other changes", async ({
    expect,
  }) => {
    const account = await freshAccount();
    let id = "";
    const created = await rowsOf(account, async () => {
      id = (await account.create({ instances: 1 })).result.id;
    });
    // The name with its index, and the ledger.
    expect(created).toBe(3);
    const patch = (body: object) => rowsOf(account, () => account.call("PATCH", `/applications/${id}`, body));
    expect(await patch({ instances: 3 })).toBe(2);
    expect(await patch({ ingress: { mode: "token" } })).toBe(0);
    expect(await patch({ configuration: { image: "hello-world", instance_type: "basic" } })).toBe(0);
    const { rowsWritten } = await accountStub(testEnv, account.id).billing();
    await account.call("GET", "/me");
    expect((await accountStub(testEnv, account.id).billing()).rowsWritten).toBe(rowsWritten);
  });
});

describe("a write that was cut off", () => {
  it("holds what it intended until the account looks, and then what there is", async ({ expect }) => {
    const account = await freshAccount();
    await account.call("PATCH", "/me", { limits: { total_instances: 10 } });
    const { result: app } = await account.create({ instances: 2 });
    const stub = accountStub(testEnv, account.id);
    const size = { vcpu: 0.0625, memoryMib: 256, diskMb: 2_000 };
    const ask = { instances: 8, size, ipv4s: 0, location: "auto" };
    // Nobody writes what was granted here.
    expect(await stub.reserve(app.id, ask, crypto.randomUUID())).toMatchObject({ outcome: "granted" });
    await stub.reserve(crypto.randomUUID(), { ...ask, instances: 1 }, crypto.randomUUID());
    expect(await usage(account)).toMatchObject({ instances: 9 });
    vi.setSystemTime(Date.now() + 61_000);
    expect(await usage(account)).toMatchObject({ instances: 2 });
  });

  it("is cleared up before anything is refused for its sake", async ({ expect }) => {
    const account = await freshAccount();
    await account.call("PATCH", "/me", { limits: { total_instances: 3 } });
    const size = { vcpu: 0.0625, memoryMib: 256, diskMb: 2_000 };
    const ask = { instances: 3, size, ipv4s: 0, location: "auto" };
    await accountStub(testEnv, account.id).reserve(crypto.randomUUID(), ask, crypto.randomUUID());
    expect((await account.create({ instances: 1 })).status).toBe(400);
    vi.setSystemTime(Date.now() + 61_000);
    expect((await account.create({ instances: 3 })).status).toBe(201);
  });
});

describe("a standalone deployment", () => {
  const BODY = { image: "hello-world", location: "weur", network: { assign_ipv6: "predefined" } };

  it("has a public network unless it says otherwise, and is held where it was asked to run", async ({ expect }) => {
    const account = await freshAccount();
    const made = await account.call("POST", "/deployments/v2", BODY);
    expect(made.status).toBeLessThan(300);
    expect(made.result).toMatchObject({ network: { mode: "public" }, location: { name: "weur", region: "WEUR" } });
    const { result } = await account.call("GET", "/me");
    expect(result.usage.locations).toMatchObject([{ location: "weur", instances: 1, vcpu: 0.0625 }]);
    const { result: moved } = await account.call("PATCH", `/deployments/${made.result.id}/v2`, { location: "enam" });
    expect(moved.location.name).toBe("enam");
    expect((await account.call("GET", "/me")).result.usage.locations).toMatchObject([
      { location: "enam", instances: 1 },
    ]);
    await account.call("DELETE", `/deployments/${made.result.id}/v2`);
    expect(await usage(account)).toMatchObject({ instances: 0, locations: [] });
    await vi.waitFor(async () => {
      expect((await account.call("GET", "/ips")).result.ips).toEqual([]);
    });
  });

  it.for<[string, number, string]>([
    ["vcpu_per_deployment", 0.125, "LOCATION_SURPASSED_BASE_LIMITS"],
    ["memory_mib_per_deployment", 512, "LOCATION_SURPASSED_BASE_LIMITS"],
    ["total_vcpu", 0.125, "SURPASSED_TOTAL_LIMITS"],
    ["total_memory_mib", 512, "SURPASSED_TOTAL_LIMITS"],
  ])("is refused by each limit of its location: %s", async ([limit, value, error], { expect }) => {
    const account = await freshAccount();
    await account.call("PATCH", "/me", { locations: [{ location: "weur", limits: { [limit]: value } }] });
    const body = { ...BODY, instance_type: "basic" };
    expect(domainError(await account.call("POST", "/deployments/v2", body))).toMatchObject({ error });
    expect((await account.call("POST", "/deployments/v2", { ...body, location: "enam" })).status).toBeLessThan(300);
  });

  it("is refused in a location that is unknown, closed, too small for it, or full", async ({ expect }) => {
    const account = await freshAccount();
    await account.call("PATCH", "/me", {
      locations: [
        { location: "enam", enabled: false },
        { location: "weur", limits: { vcpu_per_deployment: 0.25, total_vcpu: 0.3 } },
      ],
    });
    const refused = async (body: Record<string, unknown>) => {
      const answer = await account.call("POST", "/deployments/v2", { ...BODY, ...body });
      return { status: answer.status, ...domainError(answer) };
    };
    for (const location of ["mars", "enam"]) {
      expect(await refused({ location })).toMatchObject({ status: 400, error: "LOCATION_NOT_ALLOWED" });
    }
    expect(await refused({ vcpu: 0.5 })).toMatchObject({
      error: "LOCATION_SURPASSED_BASE_LIMITS",
      details: { vcpu: "asked 0.5, limit 0.25 per deployment" },
    });
    expect((await account.call("POST", "/deployments/v2", { ...BODY, vcpu: 0.25 })).status).toBeLessThan(300);
    expect(await refused({})).toMatchObject({ error: "SURPASSED_TOTAL_LIMITS", details: { vcpu_shortfall: 0.0125 } });
    expect(await usage(account)).toMatchObject({ instances: 1, vcpu: 0.25 });
  });
});
