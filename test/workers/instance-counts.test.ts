/** What an instance says to the gates of a rollout: what it has answered, and what a path of it answers. */
import { describe, it } from "vitest";
import { instanceStub } from "../../src/stubs.ts";
import { createApplication, eventually, raw, testEnv, untilReady } from "./client.ts";
import { containerOf } from "./fake-container.ts";

async function ready(answers: string) {
  const environment_variables = [{ name: "ANSWERS", value: answers }];
  const { id, name } = await createApplication({ configuration: { image: "hello-world", environment_variables } });
  const [instance] = await untilReady(id, 1);
  if (instance === undefined) throw new Error("it has no instance");
  const stub = instanceStub(testEnv, instance.deployment_id);
  const get = async (path: string, method = "GET") => {
    const response = await raw(method, `http://${name}.localhost${path}`);
    await response.text();
    return response.status;
  };
  return { id, instance, stub, get, container: containerOf(instance.id) };
}

describe("an instance", () => {
  it("counts what it has answered, and 5xx apart", async ({ expect }) => {
    const { stub, get, instance } = await ready("/broken=500 /busy=503 /wrong=404");
    const { generation } = instance;
    for (const path of ["/", "/broken", "/busy", "/wrong", "/"]) await get(path);
    expect(await stub.requestTotals(generation, 0)).toEqual({ answered: 5, failed: 2 });
    expect(await stub.requestTotals(generation, Date.now() + 60_000)).toEqual({ answered: 0, failed: 0 });
  });

  it("counts a request that its container does not answer as failed", async ({ expect }) => {
    const { stub, get, container, instance } = await ready("");
    container.dropsAnswers = true;
    // What may not be repeated is tried once.
    expect(await get("/", "POST")).toBeGreaterThanOrEqual(500);
    expect(await stub.requestTotals(instance.generation, 0)).toMatchObject({ answered: 1, failed: 1 });
  });

  it("counts neither its checks nor what a gate asks", async ({ expect }) => {
    const { stub, instance, container } = await ready("/broken=500");
    const check = { path: "/broken", port: null, expectStatus: [], timeoutMs: 1_000 };
    expect((await stub.checkForGate(instance.generation, check))?.verdict).toBe("failed");
    expect(container.checked).toContain("/broken");
    expect(await stub.requestTotals(instance.generation, 0)).toEqual({ answered: 0, failed: 0 });
  });

  it("begins at 0 with each generation", async ({ expect }) => {
    const { id, stub, get, instance, container } = await ready("/broken=500");
    await get("/broken");
    container.exit(3);
    const next = await eventually(async () => {
      const [one] = await untilReady(id, 1);
      return one !== undefined && one.generation > instance.generation && one;
    });
    await get("/");
    expect(await stub.requestTotals(next.generation, 0)).toEqual({ answered: 1, failed: 0 });
    expect(await stub.requestTotals(instance.generation, 0)).toEqual({ answered: 0, failed: 0 });
  });

  it("answers a gate for a path on any of its ports", async ({ expect }) => {
    const { stub, instance, container } = await ready("/teapot=418 /moved=302 /made=201");
    container.closedPorts.add(9_000);
    const look = async (path: string, port: number | null = null, expectStatus: number[] = []) => {
      const result = await stub.checkForGate(instance.generation, { path, port, expectStatus, timeoutMs: 1_000 });
      return result?.verdict;
    };
    expect(await look("/")).toBe("passed");
    expect(await look("/moved")).toBe("passed");
    expect(await look("/teapot")).toBe("failed");
    expect(await look("/teapot", null, [418])).toBe("passed");
    expect(await look("/made", null, [200])).toBe("failed");
    expect(await look("/", 9_001)).toBe("passed");
    expect(await look("/", 9_000)).toBe("refused");
  });

  it("gives no answer for a generation that does not run, and none in time for a path that hangs", async ({
    expect,
  }) => {
    const { stub, instance, container } = await ready("");
    const check = { path: "/slow", port: null, expectStatus: [], timeoutMs: 30 };
    expect(await stub.checkForGate(instance.generation + 1, check)).toBeNull();
    container.hangs.add("/slow");
    expect((await stub.checkForGate(instance.generation, check))?.verdict).toBe("timeout");
  });
});
