/** The bridge of a real container: from inside by interception, from outside with a token. */
import { build } from "esbuild";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { createBridge } from "../../src/sdk/bridge/index.ts";
import { ControlPlane, eventually, workloads } from "./control-plane.ts";

const plane = new ControlPlane();
let program = "";

beforeAll(async () => {
  const bundled = await build({
    entryPoints: [join(import.meta.dirname, "bridge-workload.ts")],
    bundle: true,
    minify: true,
    platform: "node",
    format: "cjs",
    write: false,
  });
  program = bundled.outputFiles[0]?.text ?? "";
  await plane.start();
});
afterAll(() => plane.stop());
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") plane.debug();
  for (const { id } of (await plane.call("GET", "/applications")).result)
    await plane.call("DELETE", `/applications/${id}`);
});

async function create(name: string, body: Record<string, unknown> = {}, configuration: Record<string, unknown> = {}) {
  const id = await plane.create(name, {
    instances: 1,
    ...body,
    configuration: { image: "hello-world", entrypoint: ["node", "--eval", program], ...configuration },
  });
  const [instance] = await plane.untilReady(id, 1);
  return { id, name, instance: instance?.id ?? "", deployment: instance?.deployment_id ?? "" };
}

/** Asks the container to do something, and what came of it. */
async function ask(name: string, deed: string, given = ""): Promise<Record<string, unknown>> {
  const { body } = await plane.fetch(`/a/${name}/${deed}?${encodeURIComponent(given)}`);
  return JSON.parse(body) as Record<string, unknown>;
}

const identity = async (name: string, headers: Record<string, string> = {}) => {
  const asked = JSON.stringify({ url: "http://control.gantry.internal/identity", headers });
  const { done } = (await ask(name, "fetch", asked)) as { done: { status: number; body: string } };
  return { status: done.status, ...(JSON.parse(done.body) as { result?: Record<string, unknown> }) };
};

describe("a container", () => {
  it("speaks to Gantry without a token, is who it is, and reaches nothing else", async ({ expect }) => {
    const app = await create("speaker", { bridge: { binding: "FUNCTIONS" } });
    const other = await create("other");
    expect(await identity("speaker")).toMatchObject({
      status: 200,
      result: { application: "speaker", instance: app.instance, deployment: app.deployment, generation: 1 },
    });
    const forged = { authorization: "Bearer e2e-token", "gantry-instance": other.instance };
    expect((await identity("speaker", forged)).result).toMatchObject({ instance: app.instance });
    expect((await identity("other")).result).toMatchObject({ instance: other.instance });
    expect(await ask("speaker", "progress", "half")).toEqual({ done: null });
    expect(await ask("speaker", "log", "hello")).toEqual({ done: null });
    expect(await ask("speaker", "result", "done")).toEqual({ done: null });
    expect(await ask("speaker", "payload")).toMatchObject({ code: "NO_JOB" });
    expect(await ask("speaker", "call", "jobs:done")).toEqual({
      done: { echo: { from: "inside" }, kind: "action", caller: expect.objectContaining({ instance: app.instance }) },
    });
    const { result } = await plane.call("GET", `/applications/${app.id}/instances/${app.instance}/bridge`);
    expect(result).toMatchObject({
      generation: 1,
      progress: { message: "half" },
      result: { value: { text: "done" } },
      log: [{ level: "info", message: "hello" }],
    });
    for (const url of ["http://example.com/", "http://1.1.1.1/", "https://control.gantry.internal/identity"]) {
      const { done } = (await ask("speaker", "fetch", JSON.stringify({ url }))) as { done?: { status: number } };
      expect([url, done?.status === 200]).toEqual([url, false]);
    }
  });

  it("is itself again after its object was dropped, and after a restart its successor", async ({ expect }) => {
    const app = await create("again", {}, { bridge_token: true, stop_grace: "1s" });
    const { done: token } = await ask("again", "token");
    const outside = createBridge({ baseUrl: `${plane.origin}/bridge`, token: String(token) });
    await outside.progress({ message: "from outside" });
    await plane.fetch(`/__test/abort/INSTANCE/${app.deployment}`);
    await eventually(async () => (await ask("again", "progress", "from inside"))["done"] === null);
    expect((await identity("again")).result).toMatchObject({ instance: app.instance, generation: 1 });
    await plane.call("POST", `/applications/${app.id}/instances/${app.instance}/restart`);
    await eventually(async () =>
      (await plane.instances(app.id)).some(({ ready, generation }) => ready && generation === 2),
    );
    expect((await identity("again")).result).toMatchObject({ instance: app.instance, generation: 2 });
    const ended = await outside.heartbeat().then(
      () => null,
      (error: unknown) => error,
    );
    expect(ended).toMatchObject({ code: "PLACEMENT_ENDED", status: 410 });
    const forged = String(token).replace("_1_", "_2_");
    const refused = await createBridge({ baseUrl: `${plane.origin}/bridge`, token: forged })
      .heartbeat()
      .then(
        () => null,
        (error: unknown) => error,
      );
    expect(refused).toMatchObject({ code: "UNAUTHORIZED", status: 401 });
  });

  it("that is busy is stopped when it lets go", async ({ expect }) => {
    const app = await create("busy", {}, { drain_timeout: 0, stop_grace: "1s", bridge_token: true });
    const { done: token } = await ask("busy", "token");
    const lease = await createBridge({ baseUrl: `${plane.origin}/bridge`, token: String(token) }).busy();
    await plane.call("PATCH", `/applications/${app.id}`, { instances: 0 });
    const stateOf = async () => (await plane.instances(app.id))[0]?.status.state;
    await eventually(async () => (await stateOf()) === "stopping");
    const { result } = await plane.call("GET", `/applications/${app.id}/instances/${app.instance}/bridge`);
    expect(Date.parse(result.busy_until)).toBeGreaterThan(Date.now());
    expect(await workloads(app.instance)).toHaveLength(1);
    await lease.release();
    await eventually(async () => (await workloads(app.instance)).length === 0);
  });
});
