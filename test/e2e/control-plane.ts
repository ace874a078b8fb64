/** A control plane on real workerd and real containers for one test file, and a client of it. */
import { execFile } from "node:child_process";
import { request } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { inject, vi } from "vitest";
import { createTestHarness, type TestHarness } from "wrangler";
import { startImageLoader, type ImageLoader } from "../../dev/images/loader.ts";
import { listInstances, runJanitor } from "../../dev/launcher/janitor.ts";
import { startOwnWorker, type OwnWorker } from "./own-network.ts";

const run = promisify(execFile);
export const ACCOUNT_ID = "00000000000000000000000000000001";
export const TOKEN = "e2e-token";
export const PROJECT_DIR = join(import.meta.dirname, "../..");

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Record<string, string | string[] | undefined>;
}

export interface WireInstance {
  readonly id: string;
  readonly ready: boolean;
  readonly generation: number;
  readonly version: number;
  readonly deployment_id: string;
  readonly losses: number;
  readonly failures: number;
  readonly status: { state: string; exit_code?: number; reason?: string };
}

export interface WireEvent {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly details: Record<string, string | number | boolean | null>;
  readonly deployment_id?: string;
}

interface Envelope {
  // oxlint-disable-next-line typescript/no-explicit-any -- what a test reads of an answer is what it asserts about it
  readonly result: any;
  readonly errors: { message: string }[];
}

interface Asked {
  readonly method?: string;
  readonly body?: string | Buffer;
  readonly headers?: Record<string, string>;
}

export class ControlPlane {
  readonly #workers: readonly string[];
  #running: TestHarness | undefined;
  #own: OwnWorker | undefined;
  #loader: ImageLoader | undefined;
  readonly #janitor = new AbortController();
  #url = new URL("http://127.0.0.1");

  /** `beside`: configurations of Workers that are bound to the control plane's. */
  constructor(...beside: readonly string[]) {
    this.#workers = ["./wrangler.jsonc", ...beside];
  }

  get #harness(): TestHarness {
    if (this.#running === undefined) throw new Error("the control plane was not started");
    return this.#running;
  }

  /** A request to one of the Workers beside it. */
  async callWorker(name: string, path: string, init: RequestInit = {}): Promise<Response> {
    const url = `http://${name}.test${path}`;
    return (await this.#harness.getWorker(name).fetch(url, init as never)) as unknown as Response;
  }

  /** `vars`: in place of those in its configuration. `env`: beside those of the container backend. */
  async start(vars: Record<string, string> = {}, env: Record<string, string> = {}): Promise<void> {
    Object.assign(process.env, inject("containerEnv"), { WRANGLER_SEND_METRICS: "false" }, env);
    this.#loader = await startImageLoader({ dockerSocket: inject("dockerSocket"), projectDir: PROJECT_DIR, log });
    const allVars = { ...this.#loader.vars, ...vars };
    const workers = this.#workers.map((configPath) => ({ configPath, vars: allVars }));
    this.#running = createTestHarness({ root: import.meta.dirname, workers });
    ({ url: this.#url } = await this.#harness.listen());
    this.#loader.useRegistry(this.#url.host);
    this.#startJanitor();
  }

  /** Without others beside it, and without logs, but what it fetches does not go through this process. */
  async startByItself(vars: Record<string, string> = {}): Promise<void> {
    Object.assign(process.env, inject("containerEnv"), { WRANGLER_SEND_METRICS: "false" });
    this.#own = await startOwnWorker(join(import.meta.dirname, "wrangler.jsonc"), vars);
    this.#url = this.#own.url;
    this.#startJanitor();
  }

  #startJanitor(): void {
    const socket = inject("containerEnv")["DOCKER_HOST"]?.replace("unix://", "") ?? "";
    void runJanitor(
      {
        socket,
        session: inject("containerSession"),
        knownInstances: () => listInstances(this.origin, TOKEN),
        log,
      },
      this.#janitor.signal,
    );
  }

  /** With all that its tests have left: the next file counts what runs. */
  async stop(): Promise<void> {
    this.#janitor.abort();
    await (this.#own === undefined ? this.#harness.close() : this.#own.stop());
    await this.#loader?.close();
    await eventually(async () => {
      const left = await containers();
      // One may go by itself meanwhile.
      if (left.length > 0)
        await docker("rm", "--force", "--volumes", ...left.map(({ id }) => id)).catch(() => undefined);
      return left.length === 0;
    });
  }

  get origin(): string {
    return this.#url.origin;
  }

  get base(): string {
    return `${this.origin}/client/v4/accounts/${ACCOUNT_ID}/containers`;
  }

  /** What its Workers have logged, a line of JSON each. */
  get logs(): string[] {
    return this.#harness.getLogs().map((line) => JSON.stringify(line));
  }

  debug(): void {
    this.#running?.debug();
  }

  async call(method: string, path: string, body?: unknown): Promise<Envelope & { status: number }> {
    const answer = await fetch(`${this.base}${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const envelope: Envelope = await answer.json();
    return { ...envelope, status: answer.status };
  }

  async create(name: string, body: Record<string, unknown>): Promise<string> {
    const { status, result, errors } = await this.call("POST", "/applications", { name, ...body });
    if (status !== 201) throw new Error(`not created: ${JSON.stringify(errors)}`);
    return result.id;
  }

  async instances(id: string): Promise<WireInstance[]> {
    return (await this.call("GET", `/applications/${id}/instances-v2`)).result;
  }

  async events(id: string): Promise<WireEvent[]> {
    return (await this.call("GET", `/applications/${id}/events?per_page=1000`)).result;
  }

  async untilReady(id: string, count: number): Promise<WireInstance[]> {
    return await eventually(async () => {
      const instances = await this.instances(id);
      return instances.length === count && instances.every(({ ready }) => ready) && instances;
    });
  }

  /** Through the application's own host, as a browser calls it. */
  ingress(application: string, path = "/", options: Asked = {}): Promise<Answer> {
    const headers = { ...options.headers, host: `${application}.localhost:${this.#url.port}` };
    return this.fetch(path, { ...options, headers });
  }

  /** Any path of the control plane. */
  fetch(path: string, options: Asked = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const call = request(
        {
          host: this.#url.hostname,
          port: this.#url.port,
          path,
          method: options.method ?? "GET",
          headers: options.headers,
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () => {
            const body = Buffer.concat(chunks).toString();
            resolve({ status: response.statusCode ?? 0, body, headers: response.headers });
          });
        },
      );
      call.on("error", reject);
      call.end(options.body);
    });
  }

  /** A stock wrangler, as a user runs it against this control plane. */
  async wrangler(...args: string[]): Promise<string> {
    const { stdout } = await run(
      process.execPath,
      [join(PROJECT_DIR, "node_modules/wrangler/bin/wrangler.js"), ...args],
      {
        cwd: import.meta.dirname,
        env: {
          ...process.env,
          CLOUDFLARE_API_BASE_URL: `${this.origin}/client/v4`,
          CLOUDFLARE_API_TOKEN: TOKEN,
          CLOUDFLARE_ACCOUNT_ID: ACCOUNT_ID,
          WRANGLER_SEND_METRICS: "false",
          CI: "true",
        },
      },
    );
    return stdout;
  }
}

function log(line: string): void {
  console.log(line);
}

/** Polls until `probe` returns something; the deadline is long beside what it waits for. */
export async function eventually<T>(probe: () => Promise<T | undefined | false>, timeout = 60_000): Promise<T> {
  return await vi.waitFor(
    async () => {
      const value = await probe();
      if (value === undefined || value === false) throw new Error("not yet");
      return value;
    },
    { timeout, interval: 50 },
  );
}

export async function docker(...args: string[]): Promise<string> {
  return (await run("docker", args, { env: process.env })).stdout.trim();
}

export interface SeenContainer {
  readonly id: string;
  readonly name: string;
  readonly running: boolean;
}

/** Containers of one instance, or of all that this test run started. */
export async function containers(instanceId = ""): Promise<SeenContainer[]> {
  const format = "{{.ID}} {{.Names}} {{.State}}";
  const filter = `label=dev.gantry.session=${inject("containerSession")}`;
  const lines = (await docker("ps", "-a", "--no-trunc", "--filter", filter, "--format", format)).split("\n");
  return lines
    .filter((line) => line.includes(instanceId) && line !== "")
    .map((line) => {
      const [id = "", name = "", state = ""] = line.split(" ");
      return { id, name, running: state === "running" };
    });
}

export async function workloads(instanceId = ""): Promise<SeenContainer[]> {
  return (await containers(instanceId)).filter(({ name, running }) => running && !name.endsWith("-proxy"));
}
