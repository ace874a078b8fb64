/** What one named instance is started with, stopped by, and restored from, on real containers. */
import { afterAll, afterEach, beforeAll, describe, inject, it } from "vitest";
import { ControlPlane, docker, eventually, workloads } from "./control-plane.ts";

const plane = new ControlPlane();
beforeAll(() => plane.start());
afterAll(async () => {
  await plane.stop();
  // A snapshot is an image, which outlives its container and its session.
  const filter = `label=dev.gantry.session=${inject("containerSession")}`;
  const images = await docker("images", "--filter", filter, "--filter", "reference=workerd-container-snap-*", "-q");
  if (images !== "") await docker("rmi", "--force", ...images.split("\n"));
});
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") plane.debug();
  for (const { id } of (await plane.call("GET", "/applications")).result)
    await plane.call("DELETE", `/applications/${id}`);
});

interface Called {
  // oxlint-disable-next-line typescript/no-explicit-any -- what a test reads of an answer is what it asserts about it
  readonly result?: any;
  readonly error?: { readonly code: string; readonly details: Record<string, unknown> };
}

async function rpc(method: string, ...args: unknown[]): Promise<Called> {
  const { body } = await plane.fetch("/__test/rpc", { method: "POST", body: JSON.stringify({ method, args }) });
  return JSON.parse(body) as Called;
}

async function environmentIn(instance: string): Promise<string[]> {
  const [container] = await workloads(instance);
  return JSON.parse(await docker("inspect", "--format", "{{json .Config.Env}}", container?.id ?? "")) as string[];
}

const stopped = () =>
  eventually(
    async () =>
      (await rpc("getState", "sandbox", "alice")).result?.state === "stopped" &&
      workloads().then((all) => all.length === 0),
  );

const shell = (script: string) => rpc("exec", "sandbox", "alice", { command: "sh", args: ["-c", script] });

describe("an instance that is started with a choice", () => {
  it("has its environment, stops by its signal, and comes back with the disk of its snapshot", async ({ expect }) => {
    const id = await plane.create("sandbox", {
      instances: 0,
      named_instances: 2,
      configuration: {
        image: "hello-world",
        stop_grace: "2s",
        environment_variables: [{ name: "FROM", value: "configuration" }],
      },
    });
    const started = await rpc("start", "sandbox", "alice", { env: { TOKEN: "hidden-value" } });
    expect(started).toMatchObject({ result: { state: "running", generation: 1 } });
    const instance: string = started.result.instance;
    const environment = await environmentIn(instance);
    expect(environment).toContain("TOKEN=hidden-value");
    expect(environment).not.toContain("FROM=configuration");
    const other = await rpc("start", "sandbox", "alice", { env: { TOKEN: "another" } });
    expect(other.error).toMatchObject({ code: "START_CONFLICT", details: { differs: ["env"] } });
    expect(JSON.stringify(await plane.instances(id))).not.toContain("hidden-value");

    expect((await shell("echo before > /kept; cat /kept")).result).toMatchObject({ stdout: "before\n" });
    const snapshot = await rpc("snapshot", "sandbox", "alice", { name: "one" });
    expect(snapshot.result).toMatchObject({ name: "one", size: expect.any(Number) });
    await shell("echo after > /kept");
    await rpc("stop", "sandbox", "alice", { signal: "SIGINT" });
    await stopped();
    const [end] = (await plane.events(id)).filter(({ name }) => name === "VMStopped");
    expect(end?.details).toMatchObject({ signal: 2, sigterm_at: expect.any(String) });

    expect((await rpc("start", "sandbox", "alice", { snapshot: "one", env: { A: "2" } })).result?.ready).toBe(true);
    expect((await shell("cat /kept; echo $A")).result).toMatchObject({ stdout: "before\n2\n" });
    expect(await environmentIn(instance)).toContain("A=2");
  });
});
