/** `npm start` as a user runs it: killed in the middle, stopped, started again. */
import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, it } from "vitest";
import { docker, eventually, PROJECT_DIR, type WireEvent, type WireInstance } from "./control-plane.ts";
import { LaunchedPlane } from "./launched-plane.ts";

const plane = new LaunchedPlane();

async function untilReady(name: string, count: number): Promise<WireInstance[]> {
  return await eventually(async () => {
    const instances = await plane.call<WireInstance[]>("GET", `/applications/${name}/instances-v2`).catch(() => []);
    return instances.length === count && instances.every(({ ready }) => ready) && instances;
  });
}

beforeAll(() => plane.start(), 300_000);
afterAll(() => plane.remove());

describe("npm start", () => {
  it("prints an address, a token and a curl line that works when pasted", async ({ expect }) => {
    const line = /^\s+(curl -sS .*)$/m.exec(plane.output)?.[1] ?? "";
    const shell = spawn("sh", ["-c", line]);
    let answer = "";
    shell.stdout.on("data", (chunk: Buffer) => (answer += chunk.toString()));
    await new Promise((resolve) => {
      shell.once("close", resolve);
    });
    expect(JSON.parse(answer)).toMatchObject({ success: true, result: { name: "hello", instances: 3 } });
    await untilReady("hello", 3);
    await plane.call("DELETE", "/applications/hello");
  });

  it("makes one resource of two POSTs with one idempotency key and a killed process between", async ({ expect }) => {
    // Names of tokens may repeat, so that nothing but the key keeps a second one from being made.
    for (const delayMs of [0, 4, 8, 16]) {
      const key = crypto.randomUUID();
      const name = `once-${key.slice(0, 8)}`;
      const post = async () =>
        await fetch(`${plane.base}/tokens`, {
          method: "POST",
          headers: {
            authorization: `Bearer ${await plane.token()}`,
            "content-type": "application/json",
            "idempotency-key": key,
          },
          body: JSON.stringify({ name, scopes: ["read"] }),
        });
      plane.output = "";
      const cut = post().then(
        (answer) => answer.status,
        () => "cut",
      );
      await new Promise((resolve) => {
        setTimeout(resolve, delayMs);
      });
      await plane.killWorkerd();
      expect([201, 502, "cut"]).toContain(await cut);
      await plane.untilAnswersAgain();
      const answers: { result: { id: string } }[] = [
        await eventually(async () => (await post().catch(() => undefined))?.json()),
        await (await post()).json(),
      ];
      const tokens = await plane.call<{ name: string; id: string }[]>("GET", "/tokens?per_page=1000");
      const made = tokens.filter((candidate) => candidate.name === name);
      expect(made).toHaveLength(1);
      expect(answers.map(({ result }) => result.id)).toEqual([made[0]?.id, made[0]?.id]);
    }
  });

  it("survives kill -9 of workerd in the middle of 0 → 5 and converges to exactly five", async ({ expect }) => {
    await plane.call("POST", "/applications", {
      name: "killed",
      instances: 0,
      configuration: { image: "hello-world" },
    });
    await plane.call("PATCH", "/applications/killed", { instances: 5 });
    // In the middle: some containers are there, not all are ready.
    await eventually(async () => (await plane.containersOf("Instance")).length > 0);
    plane.output = "";
    expect(await plane.killWorkerd()).toBeGreaterThan(0);
    await plane.untilAnswersAgain();
    const instances = await untilReady("killed", 5);
    const running = await plane.containersOf("Instance");
    expect(running).toHaveLength(5);
    for (const instance of instances) expect(running.some((line) => line.includes(instance.id))).toBe(true);
    const events = await plane.call<WireEvent[]>("GET", "/applications/killed/events?per_page=1000");
    expect(events.map(({ id }) => Number(id))).toEqual(events.map((_, index) => index + 1));
    // Each placement was begun once and, but for the last of each slot, ended once.
    const placed = events.filter(({ name }) => name === "SchedulerPlaced").length;
    const ended = events.filter(({ details }) => details["outcome"] !== undefined).length;
    expect(placed - ended).toBe(5);
    // A restart of workerd is held against nobody.
    expect(instances.map(({ losses, failures }) => losses + failures)).toEqual([0, 0, 0, 0, 0]);
  });

  it("stops everything on Ctrl-C and brings the applications back at the next start", async ({ expect }) => {
    await plane.call("POST", "/applications", { name: "kept", instances: 2, configuration: { image: "hello-world" } });
    await untilReady("kept", 2);
    const owner = await plane.launcherPid();
    await plane.interrupt();
    const left = await docker(
      "ps",
      "-aq",
      "--filter",
      "label=dev.gantry.owner",
      "--format",
      '{{.Label "dev.gantry.owner"}}',
    );
    expect(left.split("\n").filter((line) => line.startsWith(`${owner} `))).toEqual([]);
    await plane.start();
    const instances = await untilReady("kept", 2);
    expect(instances.map(({ generation }) => generation)).toEqual([2, 2]);
    await plane.call("DELETE", "/applications/kept");
    await plane.call("DELETE", "/applications/killed");
    await eventually(async () => (await plane.containersOf("")).length === 0);
  });

  it("refuses a second launch on the same port in one line", async ({ expect }) => {
    const second = spawn("npm", ["start"], { cwd: PROJECT_DIR, env: { ...process.env, PORT: String(plane.port) } });
    let text = "";
    second.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const code = await new Promise((resolve) => {
      second.once("exit", resolve);
    });
    expect(code).toBe(1);
    expect(text).toContain(`already runs here on port ${plane.port}`);
  });
});
