/** What holds a rollout up: names that are busy, and containers that are not what was launched. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import type { Instance } from "../../src/containers/instance.ts";
import { instanceStub } from "../../src/stubs.ts";
import { call, createApplication, eventsOf, eventually, instancesOf, raw, testEnv, untilReady } from "./client.ts";
import { containerOf } from "./fake-container.ts";

const version = (value: string) => ({
  image: "hello-world",
  environment_variables: [{ name: "VERSION", value }],
});

async function begin(id: string, more: object = {}): Promise<string> {
  const { status, result } = await call("POST", `/applications/${id}/rollouts`, {
    description: "held",
    strategy: "rolling",
    min_healthy_time: 0,
    target_configuration: version("2"),
    ...more,
  });
  if (status !== 200) throw new Error(`not begun: ${status}`);
  return `/applications/${id}/rollouts/${result.id}`;
}

const seen = async (rollout: string) => (await call("GET", rollout)).result;

/** Each instance looks at its container, and reports. */
async function look(id: string): Promise<void> {
  for (const { deployment_id: deployment } of await instancesOf(id)) {
    const stub = instanceStub(testEnv, deployment);
    await runInDurableObject(stub, (_: Instance, state: DurableObjectState) => {
      state.storage.sql.exec("UPDATE timers SET due_at = 0");
    });
    await runDurableObjectAlarm(stub);
  }
}

describe("an instance that is called by name", () => {
  it("goes to the new version when nothing is under way, and not before", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 0, named_instances: 2, configuration: version("1") });
    const at = `http://control.test/a/${name}/@alice`;
    await (await raw("GET", `${at}/`)).text();
    const { webSocket } = await raw("GET", `${at}/ws`, undefined, { upgrade: "websocket" });
    webSocket?.accept();
    const [alice] = await instancesOf(id);
    if (alice === undefined) throw new Error("nobody was made");
    const rollout = await begin(id);
    for (let time = 0; time < 3; time += 1) await look(id);
    expect(containerOf(alice.id).running).toBe(true);
    expect(await seen(rollout)).toMatchObject({ phase: "progressing", holding: ["alice"] });
    webSocket?.close();
    await eventually(async () => {
      await look(id);
      return (await seen(rollout)).phase === "completed";
    });
    expect(containerOf(alice.id).running).toBe(false);
    await (await raw("GET", `${at}/`)).text();
    expect(containerOf(alice.id).starts.map(({ env }) => env["VERSION"])).toEqual(["1", "2"]);
    expect(await instancesOf(id)).toMatchObject([{ name: "alice", version: 2, failures: 0, losses: 0 }]);
  });

  it("starts at one side of a rollout, the same each time, and more of them at the new one as it goes on", async ({
    expect,
  }) => {
    const { id, name } = await createApplication({ instances: 2, named_instances: 20, configuration: version("1") });
    await untilReady(id, 2);
    const steps = [50, 100].map((percentage) => ({ step_size: { percentage }, description: "" }));
    const rollout = await begin(id, { kind: "full_manual", steps });
    await eventually(async () => (await seen(rollout)).phase === "waiting");
    const names = Array.from({ length: 16 }, (_, index) => `name-${index}`);
    const ask = async () => {
      for (const one of names) await (await raw("GET", `http://control.test/a/${name}/@${one}/`)).text();
      const all = await instancesOf(id);
      return names.map((one) => all.find((instance) => instance.name === one)?.version);
    };
    const first = await ask();
    expect(new Set(first)).toEqual(new Set([1, 2]));
    await call("POST", rollout, { action: "next" });
    await eventually(async () => {
      await look(id);
      return (await seen(rollout)).phase === "completed";
    });
    expect(new Set(await ask())).toEqual(new Set([2]));
  });
});

describe("a container that is not what was launched", () => {
  it("holds the rollout up, is named, and is replaced before that is complete", async ({ expect }) => {
    const { id } = await createApplication({ instances: 1, configuration: version("1") });
    const [old] = await untilReady(id, 1);
    const before = containerOf(old?.id ?? "").starts[0]?.labels["gantry.revision"] ?? "";
    // A rollout that would be complete but for it.
    const rollout = await begin(id, { min_healthy_time: "2s" });
    const fresh = await eventually(async () => {
      const next = (await instancesOf(id)).find((instance) => instance.version === 2 && instance.ready);
      return next ?? false;
    });
    containerOf(fresh.id).claims({ "gantry.revision": before });
    await look(id);
    await eventually(async () => (await eventsOf(id)).some(({ details }) => details["reason"] === "Replaced"));
    await eventually(async () => (await seen(rollout)).phase === "completed");
    const all = await instancesOf(id);
    const revisions = all
      .filter(({ ready }) => ready)
      .map(({ id: one }) => containerOf(one).starts.at(-1)?.labels["gantry.revision"]);
    expect([revisions.length, revisions.includes(before)]).toEqual([1, false]);
  });
});

describe("a version that does not work", () => {
  it("says why while it is waited for, and when it has failed", async ({ expect }) => {
    const { id } = await createApplication({ instances: 1, configuration: version("1") });
    await untilReady(id, 1);
    const checks = [{ name: "deep", kind: "ready", type: "http", port: "web", http: { path: "/missing" } }];
    const target_configuration = {
      ...version("2"),
      ports: [{ name: "web", port: 8080 }],
      checks,
      environment_variables: [{ name: "ANSWERS", value: "/missing=404" }],
    };
    const rollout = await begin(id, { progress_deadline: "3s", target_configuration });
    const shown = await eventually(async () => {
      const { failing, message } = await seen(rollout);
      return failing.length > 0 && { failing, message };
    });
    expect(shown.failing).toEqual([expect.stringMatching(/^app-.*404/)]);
    expect(shown.message).toContain("404");
    const over = await eventually(async () => {
      const result = await seen(rollout);
      return result.phase === "reverted" && result;
    });
    expect(over.message).toMatch(/version 1 runs again.*404/);
  });
});
