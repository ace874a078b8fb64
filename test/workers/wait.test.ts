/** Waiting for states of applications and instances. */
import { describe, it } from "vitest";
import { createApplication, domainError, instancesOf, untilReady } from "./client.ts";
import { billed, send } from "./writes.ts";

/** Less than the time after which one that waits looks without having been woken. */
const WOKEN = { timeout: 15_000 };

const waitFor = async (id: string, query: string) => await send("GET", `/applications/${id}/wait?${query}`);

describe("waiting for an application", () => {
  it("answers at once when the state is there", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 0 });
    const { status, result } = await waitFor(id, "state=ready");
    expect([status, result.name, result.state]).toEqual([200, name, "ready"]);
    expect((await waitFor(id, "state=settled&timeout=0")).status).toBe(200);
  });

  it("answers as soon as it is there", WOKEN, async ({ expect }) => {
    const { id } = await createApplication({ instances: 2 });
    const { status, result } = await waitFor(id, "state=settled");
    expect([status, result.health.instances.healthy]).toEqual([200, 2]);
  });

  it("hears of what goes wrong", async ({ expect }) => {
    const { id } = await createApplication({ instances: 1, configuration: { image: "never-boots" } });
    expect((await waitFor(id, "state=degraded")).status).toBe(200);
  });

  it("says how it is when the time is over, and that one may wait again", async ({ expect }) => {
    const { id } = await createApplication({ instances: 1, configuration: { image: "never-starts" } });
    const answer = await waitFor(id, "state=active&timeout=200ms");
    expect([answer.status, domainError(answer).error]).toEqual([408, "WAIT_TIMEOUT"]);
    expect(domainError(answer).details).toMatchObject({ state: "provisioning", wanted: "active" });
    expect(answer.headers.get("x-should-retry")).toBe("true");
  });

  it("settled waits until the last old instance is gone", async ({ expect }) => {
    const { id } = await createApplication({ instances: 2 });
    await waitFor(id, "state=settled");
    const environment_variables = [{ name: "A", value: "2" }];
    await send("PUT", `/applications/${id}`, {
      instances: 2,
      configuration: { image: "hello-world", environment_variables },
    });
    expect((await waitFor(id, "state=settled")).status).toBe(200);
    const instances = await instancesOf(id);
    expect(instances.map((instance) => (instance as unknown as { version: number }).version)).toEqual([2, 2]);
  });

  it("ends with 404 when the application is deleted meanwhile", WOKEN, async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const waiting = waitFor(id, "state=degraded");
    await send("DELETE", `/applications/${id}`);
    expect((await waiting).status).toBe(404);
  });

  it("writes no row", async ({ expect }) => {
    const { id } = await createApplication({ instances: 1 });
    await untilReady(id, 1);
    const before = await billed(id);
    await waitFor(id, "state=degraded&timeout=50ms");
    expect(await billed(id)).toBe(before);
  });

  it("is bounded in number", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const waiting = Array.from({ length: 1_100 }, async () => (await waitFor(id, "state=degraded&timeout=4")).status);
    const statuses = await Promise.all(waiting);
    expect(statuses.filter((status) => status === 503)).toHaveLength(1_100 - 1_024);
    expect(statuses.filter((status) => status === 408)).toHaveLength(1_024);
  });

  it.for([
    ["", "state"],
    ["state=happy", "state"],
    ["state=ready&timeout=26", "timeout"],
    ["state=ready&timeout=-1", "timeout"],
    ["state=ready&timeout=soon", "timeout"],
    ["state=ready&timeout=1h", "timeout"],
  ])("with ?%s is refused by field", async ([query, field], { expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const answer = await waitFor(id, query ?? "");
    expect([answer.status, Object.keys(domainError(answer).details)]).toEqual([400, [field]]);
  });

  it("of nothing is a 404", async ({ expect }) => {
    expect((await waitFor("nothing", "state=ready")).status).toBe(404);
  });
});

describe("waiting for an instance", () => {
  it("answers when it runs, stops, and runs again", WOKEN, async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 1 });
    const path = `/applications/${id}/instances/${name}-0`;
    expect((await send("GET", `${path}/wait?state=running`)).result).toMatchObject({ ready: true, generation: 1 });
    await send("POST", `${path}/stop`);
    expect((await send("GET", `${path}/wait?state=stopped`)).result).toMatchObject({ held: true });
    await send("POST", `${path}/start`);
    expect((await send("GET", `${path}/wait?state=running`)).result).toMatchObject({ generation: 2 });
  });

  it("that went away ends with 404, and one that never was begins with it", async ({ expect }) => {
    const { id } = await createApplication({ instances: 1 });
    const [instance] = await untilReady(id, 1);
    const waiting = send("GET", `/applications/${id}/instances/${instance?.id}/wait?state=failed`);
    await send("PATCH", `/applications/${id}`, { instances: 0 });
    expect((await waiting).status).toBe(404);
    expect((await send("GET", `/applications/${id}/instances/x/wait?state=running`)).status).toBe(404);
  });

  it("says how it is when the time is over", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 1 });
    await untilReady(id, 1);
    const answer = await send("GET", `/applications/${id}/instances/${name}-0/wait?state=failed&timeout=0.05`);
    expect([answer.status, domainError(answer).details["state"]]).toEqual([408, "running"]);
  });

  it("sees a failure as it comes", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 1, configuration: { image: "exits-3" } });
    const { status, result } = await send("GET", `/applications/${id}/instances/${name}-0/wait?state=failed`);
    expect([status, result.status.exit_code]).toEqual([200, 3]);
  });
});
