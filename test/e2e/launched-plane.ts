/** `npm start` as a user runs it, in a project of this one's files: its processes, its containers, and a client of it. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { ACCOUNT_ID, docker, eventually, PROJECT_DIR } from "./control-plane.ts";
import { freePort } from "./registry-tools.ts";

/**
 * As it was before a control plane of this process has put its own way to the engine into it: containers that go that way
 * carry its labels, and a launcher would not find its own.
 */
const ENVIRONMENT = { ...process.env };

interface LaunchFile {
  readonly launcher: { pid: number };
  readonly processes: readonly { pid: number }[];
}

interface LaunchedOptions {
  readonly templates?: "on" | "off";
  readonly samples?: "on" | "off";
  readonly env?: Readonly<Record<string, string>>;
}

export class LaunchedPlane {
  port = 0;
  /** What it has printed since it was started. */
  output = "";
  readonly #env: Readonly<Record<string, string>>;
  #launcher: ChildProcess | null = null;

  /** `templates`: whether it publishes the samples; `samples`: whether it makes applications of them. */
  constructor({ templates = "off", samples = "off", env = {} }: LaunchedOptions = {}) {
    this.#env = { GANTRY_TEMPLATES: templates, GANTRY_SAMPLES: samples, ...env };
  }

  async start(): Promise<void> {
    if (this.port === 0) this.port = await freePort();
    this.output = "";
    const env = { ...ENVIRONMENT, PORT: String(this.port), ...this.#env };
    const launcher = spawn("npm", ["start"], { cwd: PROJECT_DIR, env, detached: true });
    this.#launcher = launcher;
    launcher.stdout.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    launcher.stderr.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    await eventually(async () => {
      if (launcher.exitCode !== null) throw new Error(`npm start ended: ${this.output}`);
      return this.output.includes("Ctrl-C stops");
    }, 240_000);
  }

  /** Ctrl-C reaches the whole foreground process group. */
  async interrupt(): Promise<void> {
    const launcher = this.#launcher;
    if (launcher === null) return;
    const ended = new Promise((resolve) => {
      launcher.once("exit", resolve);
    });
    if (launcher.exitCode === null && launcher.pid !== undefined) process.kill(-launcher.pid, "SIGINT");
    await ended;
  }

  /** With all that it has kept. */
  async remove(): Promise<void> {
    await this.interrupt();
    await rm(join(PROJECT_DIR, `.wrangler/state-${this.port}`), { recursive: true, force: true });
  }

  get base(): string {
    return `http://127.0.0.1:${this.port}/client/v4/accounts/${ACCOUNT_ID}/containers`;
  }

  async token(): Promise<string> {
    return /^GANTRY_ADMIN_TOKEN=(.+)$/m.exec(await readFile(join(PROJECT_DIR, ".dev.vars"), "utf8"))?.[1] ?? "";
  }

  async call<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
    const answer = await fetch(`${this.base}${path}`, {
      method,
      headers: { authorization: `Bearer ${await this.token()}`, "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const envelope: { result: T; errors: unknown } = await answer.json();
    if (!answer.ok) throw new Error(`${answer.status}: ${JSON.stringify(envelope.errors)}`);
    return envelope.result;
  }

  /** Kills every workerd of it, as a crash does. How many those were. */
  async killWorkerd(): Promise<number> {
    const pids = await this.#workerdPids();
    for (const pid of pids) process.kill(pid, "SIGKILL");
    return pids.length;
  }

  /** It has started again by itself, so many times in all. */
  async untilAnswersAgain(times = 1): Promise<void> {
    await eventually(async () => this.output.split("answers again").length > times);
  }

  async launcherPid(): Promise<number> {
    return (await this.#launchFile()).launcher.pid;
  }

  /** Workload containers that it owns; sidecars apart. */
  async containersOf(filter: string): Promise<string[]> {
    const owner = await this.launcherPid();
    const format = '{{.Label "dev.gantry.owner"}}\t{{.Names}}';
    const lines = (await docker("ps", "-a", "--filter", "label=dev.gantry.owner", "--format", format)).split("\n");
    return lines.filter((line) => line.startsWith(`${owner} `) && line.includes(filter) && !line.endsWith("-proxy"));
  }

  async #launchFile(): Promise<LaunchFile> {
    return JSON.parse(await readFile(join(PROJECT_DIR, `.gantry/launch-${this.port}.json`), "utf8"));
  }

  async #workerdPids(): Promise<number[]> {
    const pids: number[] = [];
    for (const { pid } of (await this.#launchFile()).processes) {
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      if (/(?:^|\/)workerd[^/]*$/.test(command.split("\0")[0] ?? "")) pids.push(pid);
    }
    return pids;
  }
}
