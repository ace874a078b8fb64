/** Actions on instances through the API: what each does, that it is done once, and how it is refused. */
import { describe, it } from "vitest";
import {
  ACCOUNT_ID,
  call,
  createApplication,
  domainError,
  eventsOf,
  eventually,
  instancesOf,
  raw,
  untilReady,
} from "./client.ts";
import { containerOf } from "./fake-container.ts";
import { billed, forget, send, unheard } from "./writes.ts";

async function one(body: Record<string, unknown> = {}) {
  const { id, name } = await createApplication(body);
  const [instance] = await untilReady(id, 1);
  if (instance === undefined) throw new Error("no instance");
  const path = `/applications/${id}/instances/${instance.name}`;
  return { id, name, instance, path, container: containerOf(instance.id) };
}

async function tokenOf(scope: string): Promise<string> {
  return (await call("POST", "/tokens", { name: scope, scopes: [scope] })).result.value;
}

async function stopped(path: string): Promise<void> {
  await eventually(async () => (await call("GET", path)).result.status.state === "stopped");
}

describe("stop", () => {
  it("keeps the instance stopped and in its place until it is started", async ({ expect }) => {
    const { id, path, container, instance } = await one();
    const { status, result } = await send("POST", `${path}/stop`);
    expect(status).toBe(200);
    expect(result).toMatchObject({ id: instance.id, held: true });
    await stopped(path);
    expect([container.running, (await instancesOf(id)).length]).toEqual([false, 1]);
    expect((await send("POST", `${path}/start`)).result).toMatchObject({ held: false });
    const [again] = await untilReady(id, 1);
    expect(again).toMatchObject({ id: instance.id, generation: 2 });
    expect(container.starts).toHaveLength(2);
  });

  it("of what is stopped changes nothing, and neither does start of what runs", async ({ expect }) => {
    const { id, path } = await one();
    const running = await billed(id);
    expect((await send("POST", `${path}/start`)).status).toBe(200);
    expect(await billed(id)).toBe(running);
    await send("POST", `${path}/stop`);
    await stopped(path);
    const before = await billed(id);
    expect((await send("POST", `${path}/stop`)).result).toMatchObject({ held: true, status: { state: "stopped" } });
    expect(await billed(id)).toBe(before);
  });

  it("is told with who asked", async ({ expect }) => {
    const { id, path } = await one();
    await send("POST", `${path}/stop`);
    const event = (await eventsOf(id)).find(({ name }) => name === "VMStopping");
    expect(event?.details).toMatchObject({ reason: "StoppedByUser", action: "stop", actor: "operator" });
  });
});

describe("restart", () => {
  it("begins the next placement of the same instance, and counts no failure", async ({ expect }) => {
    const { id, path, instance } = await one();
    expect((await send("POST", `${path}/restart`)).result.status.state).toBe("stopping");
    await eventually(async () => (await instancesOf(id))[0]?.generation === 2);
    expect((await untilReady(id, 1))[0]).toMatchObject({ id: instance.id, generation: 2, failures: 0, losses: 0 });
  });

  it("of what a user stopped is refused and says the way out", async ({ expect }) => {
    const { path } = await one();
    await send("POST", `${path}/stop`);
    await stopped(path);
    const answer = await send("POST", `${path}/restart`);
    expect([answer.status, domainError(answer).error]).toEqual([409, "INSTANCE_HELD"]);
    expect(domainError(answer).message).toContain("start it");
  });

  it("is done once when its answer was not heard", async ({ expect }) => {
    const { id, path } = await one();
    const key = { "idempotency-key": crypto.randomUUID() };
    await send("POST", `${path}/restart`, undefined, key);
    await eventually(async () => (await instancesOf(id))[0]?.generation === 2);
    await untilReady(id, 1);
    await unheard(ACCOUNT_ID, key["idempotency-key"]);
    await forget(id);
    const again = await send("POST", `${path}/restart`, undefined, key);
    expect([again.status, again.headers.get("idempotency-replayed"), again.result.generation]).toEqual([200, null, 2]);
    expect((await eventsOf(id)).filter(({ name }) => name === "VMStopping")).toHaveLength(1);
  });
});

describe("destroy", () => {
  it("brings another instance in its stead", async ({ expect }) => {
    const { id, path, instance, container } = await one();
    expect((await send("POST", `${path}/destroy`)).status).toBe(200);
    const other = await eventually(async () => {
      const all = await instancesOf(id);
      return all.length === 1 && all[0]?.id !== instance.id && all[0]?.ready === true && all[0];
    });
    expect(other.deployment_id).not.toBe(instance.deployment_id);
    expect(container.running).toBe(false);
  });

  it("is done once when its answer was not heard", async ({ expect }) => {
    const { id, instance } = await one();
    const path = `/applications/${id}/instances/${instance.id}/destroy`;
    const key = { "idempotency-key": crypto.randomUUID() };
    await send("POST", path, undefined, key);
    await eventually(async () => (await instancesOf(id)).every((other) => other.id !== instance.id));
    await untilReady(id, 1);
    await unheard(ACCOUNT_ID, key["idempotency-key"]);
    const again = await send("POST", path, undefined, key);
    expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([200, null]);
    expect((await eventsOf(id)).filter(({ name }) => name === "SchedulerPlaced")).toHaveLength(2);
  });
});

describe("cordon", () => {
  it("keeps traffic from an instance that runs on, until uncordon", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 2, ingress: { mode: "public" } });
    const [first, second] = await untilReady(id, 2);
    const path = `/applications/${id}/instances/${first?.name}`;
    const container = containerOf(first?.id ?? "");
    expect((await send("POST", `${path}/cordon`)).result).toMatchObject({ cordoned: true, id: first?.id });
    const other = containerOf(second?.id ?? "");
    for (let request = 0; request < 8; request += 1) await raw("GET", `http://${name}.localhost/`);
    expect([container.received.length, other.received.length]).toEqual([0, 8]);
    expect(container.running).toBe(true);
    expect((await send("POST", `${path}/uncordon`)).result).toMatchObject({ cordoned: false });
  });
});

describe("an action", () => {
  it.for(["start", "stop", "restart", "destroy", "cordon", "uncordon"])(
    "%s of nobody is a 404",
    async (action, { expect }) => {
      const { id } = await createApplication({ instances: 0 });
      const answer = await send("POST", `/applications/${id}/instances/nobody/${action}`);
      expect([answer.status, domainError(answer).error]).toEqual([404, "INSTANCE_NOT_FOUND"]);
      expect((await send("POST", `/applications/nothing/instances/nobody/${action}`)).status).toBe(404);
    },
  );

  it("takes the scope operate and no less", async ({ expect }) => {
    const { path } = await one();
    const act = async (scope: string) =>
      (await send("POST", `${path}/cordon`, undefined, { authorization: `Bearer ${await tokenOf(scope)}` })).status;
    expect([await act("read"), await act("operate")]).toEqual([403, 200]);
  });

  it("that is not one is a 404", async ({ expect }) => {
    const { path } = await one();
    expect((await send("POST", `${path}/explode`)).status).toBe(404);
  });
});

describe("an instance that runs and is not ready", () => {
  it("says why, until it is", async ({ expect }) => {
    const { id } = await createApplication({
      configuration: {
        image: "hello-world",
        ports: [{ name: "http", port: 8_080 }],
        checks: [{ type: "http", kind: "ready", port: "http", http: { path: "/missing" } }],
      },
    });
    const instance = await eventually(async () => {
      const [first] = await instancesOf(id);
      return first?.status.reason !== undefined && first;
    });
    expect(instance).toMatchObject({ ready: false, status: { state: "provisioning" } });
    expect(instance.status.reason).toContain("GET /missing on port 8080 answered 404");
  });
});
