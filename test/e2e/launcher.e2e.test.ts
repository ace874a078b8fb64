/** `npm start` as a user runs it: killed in the middle, stopped, started again. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { ACCOUNT_ID, docker, eventually, PROJECT_DIR, type WireEvent, type WireInstance } from "./control-plane.ts";

let port = 0;
let launcher: ChildProcess;
let output = "";

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

async function start(): Promise<void> {
  output = "";
  launcher = spawn("npm", ["start"], { cwd: PROJECT_DIR, env: { ...process.env, PORT: String(port) }, detached: true });
  launcher.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  launcher.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await eventually(async () => {
    if (launcher.exitCode !== null) throw new Error(`npm start ended: ${output}`);
    return output.includes("Ctrl-C stops");
  }, 240_000);
}

/** Ctrl-C reaches the whole foreground process group. */
async function interrupt(): Promise<void> {
  const ended = new Promise((resolve) => {
    launcher.once("exit", resolve);
  });
  if (launcher.exitCode === null && launcher.pid !== undefined) process.kill(-launcher.pid, "SIGINT");
  await ended;
}

async function token(): Promise<string> {
  return /^GANTRY_ADMIN_TOKEN=(.+)$/m.exec(await readFile(join(PROJECT_DIR, ".dev.vars"), "utf8"))?.[1] ?? "";
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await fetch(`http://127.0.0.1:${port}/client/v4/accounts/${ACCOUNT_ID}/containers${path}`, {
    method,
    headers: { authorization: `Bearer ${await token()}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const envelope: { result: T; errors: unknown } = await answer.json();
  if (!answer.ok) throw new Error(`${answer.status}: ${JSON.stringify(envelope.errors)}`);
  return envelope.result;
}

interface LaunchFile {
  readonly launcher: { pid: number };
  readonly processes: readonly { pid: number }[];
}

async function launchFile(): Promise<LaunchFile> {
  return JSON.parse(await readFile(join(PROJECT_DIR, `.gantry/launch-${port}.json`), "utf8"));
}

async function workerdPids(): Promise<number[]> {
  const pids: number[] = [];
  for (const { pid } of (await launchFile()).processes) {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (/(?:^|\/)workerd[^/]*$/.test(command.split("\0")[0] ?? "")) pids.push(pid);
  }
  return pids;
}

/** Running workload containers that this launcher owns; sidecars apart. */
async function containersOf(filter: string): Promise<string[]> {
  const { launcher: owner } = await launchFile();
  const format = '{{.Label "dev.gantry.owner"}}\t{{.Names}}';
  const lines = (await docker("ps", "-a", "--filter", "label=dev.gantry.owner", "--format", format)).split("\n");
  return lines.filter((line) => line.startsWith(`${owner.pid} `) && line.includes(filter) && !line.endsWith("-proxy"));
}

async function untilReady(name: string, count: number): Promise<WireInstance[]> {
  return await eventually(async () => {
    const instances = await call<WireInstance[]>("GET", `/applications/${name}/instances-v2`).catch(() => []);
    return instances.length === count && instances.every(({ ready }) => ready) && instances;
  });
}

beforeAll(async () => {
  port = await freePort();
  await start();
}, 300_000);

afterAll(async () => {
  await interrupt();
  await rm(join(PROJECT_DIR, `.wrangler/state-${port}`), { recursive: true, force: true });
});

describe("npm start", () => {
  it("prints an address, a token and a curl line that works when pasted", async ({ expect }) => {
    const line = /^\s+(curl -sS .*)$/m.exec(output)?.[1] ?? "";
    const shell = spawn("sh", ["-c", line]);
    let answer = "";
    shell.stdout.on("data", (chunk: Buffer) => (answer += chunk.toString()));
    await new Promise((resolve) => {
      shell.once("close", resolve);
    });
    expect(JSON.parse(answer)).toMatchObject({ success: true, result: { name: "hello", instances: 3 } });
    await untilReady("hello", 3);
    await call("DELETE", "/applications/hello");
  });

  it("makes one resource of two POSTs with one idempotency key and a killed process between", async ({ expect }) => {
    // Names of tokens may repeat, so that nothing but the key keeps a second one from being made.
    for (const delayMs of [0, 4, 8, 16]) {
      const key = crypto.randomUUID();
      const name = `once-${key.slice(0, 8)}`;
      const post = async () =>
        await fetch(`http://127.0.0.1:${port}/client/v4/accounts/${ACCOUNT_ID}/containers/tokens`, {
          method: "POST",
          headers: {
            authorization: `Bearer ${await token()}`,
            "content-type": "application/json",
            "idempotency-key": key,
          },
          body: JSON.stringify({ name, scopes: ["read"] }),
        });
      output = "";
      const cut = post().then(
        (answer) => answer.status,
        () => "cut",
      );
      await new Promise((resolve) => {
        setTimeout(resolve, delayMs);
      });
      for (const pid of await workerdPids()) process.kill(pid, "SIGKILL");
      expect([201, 502, "cut"]).toContain(await cut);
      await eventually(async () => output.includes("answers again"));
      const answers: { result: { id: string } }[] = [
        await eventually(async () => (await post().catch(() => undefined))?.json()),
        await (await post()).json(),
      ];
      const tokens = await call<{ name: string; id: string }[]>("GET", "/tokens?per_page=1000");
      const made = tokens.filter((candidate) => candidate.name === name);
      expect(made).toHaveLength(1);
      expect(answers.map(({ result }) => result.id)).toEqual([made[0]?.id, made[0]?.id]);
    }
  });

  it("survives kill -9 of workerd in the middle of 0 → 5 and converges to exactly five", async ({ expect }) => {
    await call("POST", "/applications", { name: "killed", instances: 0, configuration: { image: "hello-world" } });
    await call("PATCH", "/applications/killed", { instances: 5 });
    // In the middle: some containers are there, not all are ready.
    await eventually(async () => (await containersOf("Instance")).length > 0);
    const before = await workerdPids();
    expect(before.length).toBeGreaterThan(0);
    for (const pid of before) process.kill(pid, "SIGKILL");
    await eventually(async () => output.includes("answers again"));
    const instances = await untilReady("killed", 5);
    const running = await containersOf("Instance");
    expect(running).toHaveLength(5);
    for (const instance of instances) expect(running.some((line) => line.includes(instance.id))).toBe(true);
    const events = await call<WireEvent[]>("GET", "/applications/killed/events?per_page=1000");
    expect(events.map(({ id }) => Number(id))).toEqual(events.map((_, index) => index + 1));
    // Each placement was begun once and, but for the last of each slot, ended once.
    const placed = events.filter(({ name }) => name === "SchedulerPlaced").length;
    const ended = events.filter(({ details }) => details["outcome"] !== undefined).length;
    expect(placed - ended).toBe(5);
    // A restart of workerd is held against nobody.
    expect(instances.map(({ losses, failures }) => losses + failures)).toEqual([0, 0, 0, 0, 0]);
  });

  it("stops everything on Ctrl-C and brings the applications back at the next start", async ({ expect }) => {
    await call("POST", "/applications", { name: "kept", instances: 2, configuration: { image: "hello-world" } });
    await untilReady("kept", 2);
    const { launcher: owner } = await launchFile();
    await interrupt();
    const left = await docker(
      "ps",
      "-aq",
      "--filter",
      "label=dev.gantry.owner",
      "--format",
      '{{.Label "dev.gantry.owner"}}',
    );
    expect(left.split("\n").filter((line) => line.startsWith(`${owner.pid} `))).toEqual([]);
    await start();
    const instances = await untilReady("kept", 2);
    expect(instances.map(({ generation }) => generation)).toEqual([2, 2]);
    await call("DELETE", "/applications/kept");
    await call("DELETE", "/applications/killed");
    await eventually(async () => (await containersOf("")).length === 0);
  });

  it("refuses a second launch on the same port in one line", async ({ expect }) => {
    const second = spawn("npm", ["start"], { cwd: PROJECT_DIR, env: { ...process.env, PORT: String(port) } });
    let text = "";
    second.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const code = await new Promise((resolve) => {
      second.once("exit", resolve);
    });
    expect(code).toBe(1);
    expect(text).toContain(`already runs here on port ${port}`);
  });
});
