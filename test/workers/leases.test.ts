/** Leases: who holds one writes, and nobody else does. */
import { describe, it, vi } from "vitest";
import { ACCOUNT_ID, call, createApplication, domainError, untilReady } from "./client.ts";
import { billed, forget, send, unheard } from "./writes.ts";

const IDLE = { instances: 0 };

async function leased(body: object = {}, application: Record<string, unknown> = IDLE) {
  const { id, name } = await createApplication(application);
  const path = `/applications/${id}/lease`;
  const { result } = await send("POST", path, { ttl: "5m", ...body });
  const own = { "gantry-lease-nonce": result.nonce as string };
  return { id, name, path, lease: result, own };
}

describe("a lease", () => {
  it("tells its holder a nonce, and others who holds it and until when", async ({ expect }) => {
    const { path, lease } = await leased({ description: "deploying 42" });
    expect(lease).toMatchObject({ owner: "operator", description: "deploying 42", nonce: expect.any(String) });
    const { result } = await send("GET", path);
    expect(result).toEqual({ owner: "operator", description: "deploying 42", expires_at: lease.expires_at });
  });

  it("keeps every write of others away, and its holder's not", async ({ expect }) => {
    const { id, own } = await leased({ description: "mine" }, { instances: 1 });
    const [instance] = await untilReady(id, 1);
    const configuration = { image: "hello-world" };
    const rollout = { description: "x", strategy: "rolling", target_configuration: {} };
    const deployment = instance?.deployment_id;
    const writes: [string, string, object?][] = [
      ["PATCH", `/applications/${id}`, { max_instances: 3 }],
      ["PUT", `/applications/${id}`, { instances: 1, configuration }],
      ["POST", `/applications/${id}/rollouts`, rollout],
      ["POST", `/applications/${id}/instances/${instance?.name}/cordon`],
      ["POST", `/placements/${deployment}.1`, { replace: true }],
      ["POST", `/applications/${id}/deployments/${deployment}/recreate`, {}],
      ["DELETE", `/deployments/${deployment}/v2`],
      ["DELETE", `/applications/${id}`],
    ];
    for (const [method, path, body] of writes) {
      const answer = await send(method, path, body);
      expect([method, path, answer.status, domainError(answer).error]).toEqual([method, path, 409, "LEASE_HELD"]);
      expect(domainError(answer).details).toMatchObject({ owner: "operator", description: "mine" });
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(200);
    }
    for (const [method, path, body] of writes) {
      const answer = await send(method, path, body, own);
      // What an earlier one of these has changed may be refused, but by no lease.
      if (answer.status !== 200) expect(domainError(answer).error).not.toBe("LEASE_HELD");
    }
    expect((await send("GET", `/applications/${id}`)).status).toBe(404);
  });

  it("hinders no reader and no dry run", async ({ expect }) => {
    const { id } = await leased();
    const whole = { instances: 3, configuration: { image: "hello-world" } };
    expect((await send("GET", `/applications/${id}`)).status).toBe(200);
    expect((await send("PUT", `/applications/${id}?dry_run=true`, whole)).status).toBe(200);
  });

  it("is taken by one of many", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    const answers = await Promise.all(
      Array.from({ length: 5 }, async () => await send("POST", `/applications/${id}/lease`, { ttl: 60 })),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409, 409, 409]);
  });

  it("is renewed with its nonce, and keeps it", async ({ expect }) => {
    const { path, lease, own } = await leased({ description: "mine" });
    const { result } = await send("POST", path, { ttl: "1h" }, own);
    expect(result).toMatchObject({ nonce: lease.nonce, description: "mine" });
    expect(Date.parse(result.expires_at) - Date.parse(lease.expires_at)).toBeGreaterThan(3_000_000);
  });

  it("ends by itself, without a row or an alarm", async ({ expect }) => {
    const { id, path } = await leased({ ttl: 1 });
    const before = await billed(id);
    const now = Date.now();
    vi.setSystemTime(now + 1_001);
    try {
      expect((await send("GET", path)).status).toBe(404);
      expect(await billed(id)).toBe(before);
      expect((await send("PATCH", `/applications/${id}`, { max_instances: 3 })).status).toBe(200);
      expect((await send("POST", path, { ttl: 60 })).status).toBe(200);
    } finally {
      vi.useRealTimers();
    }
  });

  it("outlives a restart of the object", async ({ expect }) => {
    const { id, own } = await leased();
    await forget(id);
    expect((await send("PATCH", `/applications/${id}`, { max_instances: 3 })).status).toBe(409);
    expect((await send("PATCH", `/applications/${id}`, { max_instances: 3 }, own)).status).toBe(200);
  });

  it("is released by its holder, and by force by an administrator only", async ({ expect }) => {
    const { path, own } = await leased();
    const { result: operate } = await call("POST", "/tokens", { name: "operate", scopes: ["operate"] });
    const authorization = { authorization: `Bearer ${operate.value}` };
    expect((await send("DELETE", path, undefined, authorization)).status).toBe(409);
    expect((await send("DELETE", `${path}?force=true`, undefined, authorization)).status).toBe(403);
    expect((await send("DELETE", path, undefined, own)).status).toBe(200);
    expect((await send("DELETE", path, undefined, own)).status).toBe(404);
    await send("POST", path, { ttl: 60 });
    expect((await send("DELETE", `${path}?force=true`)).status).toBe(200);
  });

  it("is taken once, and released once, when the answer was not heard", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    const path = `/applications/${id}/lease`;
    const take = { "idempotency-key": crypto.randomUUID() };
    const first = await send("POST", path, { ttl: 60 }, take);
    await unheard(ACCOUNT_ID, take["idempotency-key"]);
    const second = await send("POST", path, { ttl: 60 }, take);
    expect([second.status, second.result.nonce]).toEqual([200, first.result.nonce]);
    const release = { "idempotency-key": crypto.randomUUID(), "gantry-lease-nonce": first.result.nonce };
    await send("DELETE", path, undefined, release);
    await unheard(ACCOUNT_ID, release["idempotency-key"]);
    expect((await send("DELETE", path, undefined, release)).status).toBe(200);
  });

  it.for([
    [{}, "ttl"],
    [{ ttl: 0 }, "ttl"],
    [{ ttl: "999ms" }, "ttl"],
    [{ ttl: 3_601 }, "ttl"],
    [{ ttl: 60, description: "" }, "description"],
    [{ ttl: 60, nonce: "mine" }, "nonce"],
  ] as const)("asked for with %j is refused by field", async ([body, field], { expect }) => {
    const { id } = await createApplication(IDLE);
    const answer = await send("POST", `/applications/${id}/lease`, body);
    expect([answer.status, Object.keys(domainError(answer).details)]).toEqual([400, [field]]);
  });

  it("costs one row to take and one to release", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    const before = await billed(id);
    const { result } = await send("POST", `/applications/${id}/lease`, { ttl: 60 });
    expect((await billed(id)) - before).toBe(1);
    await send("DELETE", `/applications/${id}/lease`, undefined, { "gantry-lease-nonce": result.nonce });
    expect((await billed(id)) - before).toBe(2);
  });
});
