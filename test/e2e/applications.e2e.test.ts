import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { containers, ControlPlane, docker, eventually, workloads } from "./control-plane.ts";

const plane = new ControlPlane();
beforeAll(() => plane.start());
afterAll(() => plane.stop());
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") plane.debug();
  for (const { id } of (await plane.call("GET", "/applications")).result)
    await plane.call("DELETE", `/applications/${id}`);
});

const READY_CHECK = {
  ports: [{ name: "http", port: 8080 }],
  checks: [{ type: "http", kind: "ready", port: "http", http: { path: "/health" } }],
};

async function firstInstance(id: string) {
  const [instance] = await plane.instances(id);
  if (instance === undefined) throw new Error("no instance");
  return instance;
}

describe("a fixed count of real containers", () => {
  it("is ready, answers from each of them, and docker agrees", async ({ expect }) => {
    // In one region: of several, the nearest would answer alone.
    const id = await plane.create("three", {
      instances: 3,
      constraints: { regions: ["WEUR"] },
      configuration: {
        image: "hello-world",
        ...READY_CHECK,
        environment_variables: [{ name: "GREETING", value: "hi" }],
      },
    });
    const instances = await plane.untilReady(id, 3);
    const answered = new Set<unknown>();
    await eventually(async () => {
      const answer = await plane.ingress("three", "/json");
      expect(answer.status).toBe(200);
      answered.add(answer.headers["gantry-instance"]);
      return answered.size === 3;
    });
    expect(answered).toEqual(new Set(instances.map((instance) => instance.id)));
    expect(await workloads()).toHaveLength(3);
    const [workload] = await workloads(instances[0]?.id);
    const inspected = JSON.parse(await docker("inspect", workload?.id ?? ""))[0];
    expect(inspected.Config.Env).toContain("GREETING=hi");
    expect(inspected.HostConfig.RestartPolicy.Name).toBe("no");
  });

  it("follows 3 → 5 → 1 and leaves nothing behind after the delete", async ({ expect }) => {
    const id = await plane.create("scaled", { instances: 3, configuration: { image: "hello-world" } });
    await plane.untilReady(id, 3);
    await plane.call("PATCH", `/applications/${id}`, { instances: 5 });
    await plane.untilReady(id, 5);
    expect(await workloads()).toHaveLength(5);
    await plane.call("PATCH", `/applications/${id}`, { instances: 1 });
    await eventually(async () => (await workloads()).length === 1);
    expect((await plane.call("DELETE", `/applications/${id}`)).status).toBe(200);
    await eventually(async () => (await containers()).length === 0);
    expect((await plane.call("GET", `/applications/${id}`)).status).toBe(404);
  });
});

describe("a container that dies", () => {
  it("by docker kill is an event with its code, comes back, and no request notices", async ({ expect }) => {
    const id = await plane.create("killed", { instances: 3, configuration: { image: "hello-world", ...READY_CHECK } });
    await plane.untilReady(id, 3);
    const victim = await firstInstance(id);
    const [workload] = await workloads(victim.id);
    await docker("kill", workload?.id ?? "");
    const answers = await Promise.all(Array.from({ length: 30 }, () => plane.ingress("killed", "/json")));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 30 }, () => 200));
    const event = await eventually(async () => (await plane.events(id)).find(({ name }) => name === "VMFailed"));
    expect(event.details).toMatchObject({ outcome: "lost", exit_code: 137 });
    const instances = await plane.untilReady(id, 3);
    expect(instances.find((instance) => instance.id === victim.id)?.generation).toBe(2);
  });

  it("by docker rm -f is lost and comes back", async ({ expect }) => {
    const id = await plane.create("removed", { instances: 2, configuration: { image: "hello-world" } });
    await plane.untilReady(id, 2);
    const victim = await firstInstance(id);
    const [workload] = await workloads(victim.id);
    await docker("rm", "-f", workload?.id ?? "");
    const event = await eventually(async () => (await plane.events(id)).find(({ name }) => name === "VMFailed"));
    expect(event.details["outcome"]).toBe("lost");
    expect((await plane.untilReady(id, 2)).map((instance) => instance.losses).toSorted((a, b) => a - b)).toEqual([
      0, 1,
    ]);
  });

  it("by the death of its sidecar is lost within two check intervals and comes back", async ({ expect }) => {
    const id = await plane.create("cut", {
      instances: 2,
      check_every: "5s",
      configuration: { image: "hello-world", ...READY_CHECK },
    });
    await plane.untilReady(id, 2);
    const victim = await firstInstance(id);
    const sidecar = (await containers(victim.id)).find(({ name }) => name.endsWith("-proxy"));
    await docker("kill", sidecar?.id ?? "");
    const event = await eventually(async () => (await plane.events(id)).find(({ name }) => name === "VMFailed"));
    expect(event.details).toMatchObject({ outcome: "lost", reason: "Unreachable" });
    await plane.untilReady(id, 2);
    expect((await plane.ingress("cut", "/json")).status).toBe(200);
  });

  it("by its own exit keeps its code and is backed off", async ({ expect }) => {
    const id = await plane.create("exits", {
      instances: 1,
      configuration: { image: "hello-world", entrypoint: ["/bin/sh", "-c", "exit 3"] },
    });
    const instance = await eventually(async () => {
      const current = await firstInstance(id);
      return current.failures === 2 && current;
    }).catch(async (cause: unknown) => {
      // What it did instead is the whole question.
      const story = (await plane.events(id)).map(({ name, details }) => `${name} ${JSON.stringify(details)}`);
      throw new Error(`was not backed off: ${story.slice(-6).join("; ")}`, { cause });
    });
    expect(instance.status).toMatchObject({ state: "failed", exit_code: 3 });
    expect((await plane.call("GET", `/applications/${id}`)).result.state).toBe("degraded");
  });

  it("before it boots is the user's error and no hot loop", async ({ expect }) => {
    const id = await plane.create("unbootable", { instances: 1, configuration: { image: "broken" } });
    const event = await eventually(async () => (await plane.events(id)).find(({ type }) => type === "UserError"));
    expect(event).toMatchObject({ name: "VMFailedToStart", details: { reason: "ImageDoesNotBoot" } });
    expect((await firstInstance(id)).status.state).toBe("failed");
    expect(event.details["restart_in_ms"]).toBe(10_000);
  });
});

describe("an eviction", () => {
  it("leaves the container running, and the object takes it up again", async ({ expect }) => {
    const id = await plane.create("evicted", { instances: 1, configuration: { image: "hello-world" } });
    await plane.untilReady(id, 1);
    const before = await firstInstance(id);
    const [workload] = await workloads(before.id);
    await fetch(`${plane.origin}/__test/abort/INSTANCE/${before.deployment_id}`);
    expect((await plane.ingress("evicted", "/json")).status).toBe(200);
    expect((await workloads(before.id)).map((container) => container.id)).toEqual([workload?.id]);
    expect(await firstInstance(id)).toMatchObject({ generation: 1, ready: true });
    // The new lifetime watches the container too.
    await docker("kill", workload?.id ?? "");
    await eventually(async () => (await firstInstance(id)).generation === 2);
  });
});

describe("ingress", () => {
  it("streams bodies of any size both ways", async ({ expect }) => {
    const id = await plane.create("streams", { instances: 1, configuration: { image: "hello-world" } });
    await plane.untilReady(id, 1);
    const body = Buffer.alloc(8 * 1_048_576, "gantry ");
    const answer = await plane.ingress("streams", "/echo", { method: "POST", body });
    expect(answer.status).toBe(200);
    expect(answer.body.length).toBe(body.length);
    expect(answer.body === body.toString()).toBe(true);
    // curl asks first before it sends a large body.
    const headers = { expect: "100-continue" };
    expect((await plane.ingress("streams", "/echo", { method: "POST", body: "after a while", headers })).body).toBe(
      "after a while",
    );
  });

  it("carries WebSockets under the path address", async ({ expect }) => {
    const id = await plane.create("sockets", { instances: 1, configuration: { image: "hello-world" } });
    await plane.untilReady(id, 1);
    const socket = new WebSocket(`${plane.origin.replace("http", "ws")}/a/sockets/ws`);
    const echoed = await new Promise((resolve, reject) => {
      socket.addEventListener("open", () => socket.send("hello"));
      socket.addEventListener("message", ({ data }) => resolve(data));
      socket.addEventListener("error", () => reject(new Error("the WebSocket failed")));
    });
    socket.close();
    expect(echoed).toBe("hello");
  });
});

describe("an image that listens nowhere", () => {
  it("is ready by running on, and a request to it fails at once and costs it nothing", async ({ expect }) => {
    const configuration = { image: "hello-world", entrypoint: ["/bin/sh", "-c", "exec sleep 1000"] };
    const id = await plane.create("silent", { instances: 1, configuration });
    await plane.untilReady(id, 1);
    const answer = await plane.ingress("silent");
    expect(answer.status).toBe(502);
    expect(answer.body).toContain("nothing listens on its first port");
    expect(await firstInstance(id)).toMatchObject({ generation: 1, ready: true });
  });
});

describe("a stock wrangler", () => {
  it("lists, shows and deletes what the API made, with the same states and counters", async ({ expect }) => {
    const id = await plane.create("listed", { instances: 2, configuration: { image: "hello-world" } });
    await plane.untilReady(id, 2);
    const listed = JSON.parse(await plane.wrangler("containers", "list", "--json"));
    expect(listed).toMatchObject([
      { id, name: "listed", state: "active", instances: 2, image: "hello-world", version: 1 },
    ]);
    const info = JSON.parse(await plane.wrangler("containers", "info", id, "--json"));
    expect(info.health.instances).toMatchObject({ active: 2, healthy: 2, failed: 0, starting: 0, scheduling: 0 });
    const rows = JSON.parse(await plane.wrangler("containers", "instances", id, "--json"));
    const instances = await plane.instances(id);
    expect(rows.map((row: { id: string; state: string }) => [row.id, row.state])).toEqual(
      instances.map((instance) => [instance.id, "running"]),
    );
    await plane.wrangler("containers", "delete", id);
    expect((await plane.call("GET", `/applications/${id}`)).status).toBe(404);
  });
});
