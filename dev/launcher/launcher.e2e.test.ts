import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, it, vi } from "vitest";
import { findEngine } from "../runtime/engine.ts";
import { listContainers, OWNER_LABEL, ownerLabel } from "./containers.ts";
import { identify, kill } from "./processes.ts";

const PROJECT = join(import.meta.dirname, "../..");
const WAIT = { timeout: 60_000, interval: 200 };
const run = promisify(execFile);

let port: number;
let launcher: ChildProcess;
let printed = "";
let owner: string;
let socket: string;

beforeAll(async () => {
  port = await freePort();
  socket = (await findEngine()) ?? "";
  launcher = spawn(process.execPath, [join(PROJECT, "dev/start.ts")], {
    env: { ...process.env, PORT: String(port) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [launcher.stdout, launcher.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => (printed += text));
  }
  const id = identify(launcher.pid ?? 0);
  if (id === undefined) throw new Error("the launcher did not start");
  owner = ownerLabel(id);
  await vi.waitFor(() => says(/Gantry is ready/), { timeout: 200_000, interval: 200 });
});

afterAll(async () => {
  launcher.kill("SIGTERM");
  if (launcher.exitCode === null) await once(launcher, "exit");
  await rm(join(PROJECT, `.wrangler/state-${port}`), { recursive: true, force: true });
});

function says(pattern: RegExp): string {
  const found = pattern.exec(printed)?.[0];
  if (found === undefined) throw new Error(`the launcher did not say ${pattern.source}: ${printed}`);
  return found;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return typeof address === "object" && address !== null ? address.port : 0;
}

const containers = () => listContainers(socket, `${OWNER_LABEL}=${owner}`);

/** The sessions of the launcher's containers, once there are `count` and all serve. */
async function untilServing(count: number): Promise<ReadonlySet<string | undefined>> {
  return await vi.waitFor(async () => {
    const all = await containers();
    // A workload and its sidecar each.
    if (all.length !== 2 * count) throw new Error(`${all.length} containers`);
    const answer = await fetch(`http://127.0.0.1:${port}/json`, { headers: { host: `hello.localhost:${port}` } });
    if (answer.status !== 200) throw new Error(`ingress answers ${answer.status}`);
    return new Set(all.map(({ labels }) => labels["dev.gantry.session"]));
  }, WAIT);
}

describe("npm start", () => {
  it("prints a line that runs three containers when it is pasted", async ({ expect }) => {
    const { stdout } = await run("bash", ["-c", says(/curl -sS .*/)]);
    expect(JSON.parse(stdout)).toMatchObject({ success: true, result: { name: "hello", instances: 3 } });
    expect((await untilServing(3)).size).toBe(1);
  });

  it("is refused a second time on the same port, with what to do", async ({ expect }) => {
    const second = run(process.execPath, [join(PROJECT, "dev/start.ts")], {
      env: { ...process.env, PORT: String(port) },
    });
    await expect(second).rejects.toMatchObject({
      code: 1,
      stderr: `Gantry did not start: Gantry already runs here on port ${port} (process ${launcher.pid}): stop it with Ctrl-C there or kill ${launcher.pid}, or start with another PORT.\n`,
    });
  });

  it("starts a new session with new containers when workerd is killed, and removes the old ones", async ({
    expect,
  }) => {
    const before = await untilServing(3);
    const record = JSON.parse(await readFile(join(PROJECT, `.gantry/launch-${port}.json`), "utf8"));
    kill(record.processes.at(-1).pid, "SIGKILL");
    await vi.waitFor(() => says(/Gantry answers again/), WAIT);
    const after = await untilServing(3);
    expect(after.size).toBe(1);
    expect([...after]).not.toEqual([...before]);
  });

  it("ends with code 0 on Ctrl-C and leaves no container", async ({ expect }) => {
    const exit = once(launcher, "exit");
    launcher.kill("SIGINT");
    expect(await exit).toEqual([0, null]);
    expect(await containers()).toEqual([]);
  });
});
