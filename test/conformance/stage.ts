/**
 * What every suite of this folder works on: one running control plane with real containers, and the clients as their
 * users run them. A client is a child process in an empty folder with a home of its own, so that no configuration of
 * this project or of whoever runs the tests reaches it.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ACCOUNT_ID, ControlPlane, eventually, PROJECT_DIR, TOKEN, workloads } from "../e2e/control-plane.ts";
import { Recorder, type SeenRequest } from "./recorder.ts";

export const plane = new ControlPlane();

let running: { readonly recorder: Recorder; readonly folder: string } | undefined;

export async function startStage(): Promise<void> {
  await plane.start();
  running = { recorder: await Recorder.start(plane.origin), folder: await mkdtemp(join(tmpdir(), "conformance-")) };
}

export async function stopStage(): Promise<void> {
  await running?.recorder.stop();
  if (running !== undefined) await rm(running.folder, { recursive: true, force: true });
  running = undefined;
  await plane.stop();
}

function stage() {
  if (running === undefined) throw new Error("the control plane is not running");
  return running;
}

export function clientBase(): string {
  return stage().recorder.base;
}

/** A folder that is removed at the end. */
export async function freshFolder(name: string): Promise<string> {
  return await mkdtemp(join(stage().folder, `${name}-`));
}

/** The requests of clients since the last call, as `GET /containers/applications`. */
export function requests(): string[] {
  return requestsInFull().map(({ method, path }) => `${method} ${path}`);
}

export function requestsInFull(): SeenRequest[] {
  return stage().recorder.take();
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly token?: string;
  readonly stdin?: string;
  readonly cwd?: string;
  /** What it takes for Cloudflare's API, where it is not the control plane alone. */
  readonly base?: string;
  readonly env?: Record<string, string>;
}

/** Runs a program of Node with nothing of this environment but what finds programs. */
export async function runProgram(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { folder } = stage();
  const env: Record<string, string> = { PATH: process.env["PATH"] ?? "", HOME: folder, XDG_CONFIG_HOME: folder };
  const child = spawn(process.execPath, args, {
    cwd: options.cwd ?? folder,
    // The type asks for the variables of our own Worker, which are exactly what a client must not see.
    env: { ...env, NO_COLOR: "1", FORCE_COLOR: "0", ...options.env } as unknown as NodeJS.ProcessEnv,
    stdio: "pipe",
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin.end(options.stdin ?? "");
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => resolve(exitCode ?? 1));
  });
  return { code, stdout, stderr };
}

const WRANGLER = join(PROJECT_DIR, "node_modules/wrangler/bin/wrangler.js");

/** `wrangler …` without a terminal, as a script or CI runs it. */
export async function wrangler(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return await runProgram([WRANGLER, ...args], {
    ...options,
    env: {
      CLOUDFLARE_API_BASE_URL: options.base ?? clientBase(),
      CLOUDFLARE_API_TOKEN: options.token ?? TOKEN,
      CLOUDFLARE_ACCOUNT_ID: ACCOUNT_ID,
      CI: "true",
      WRANGLER_SEND_METRICS: "false",
    },
  });
}

/** What a command that must succeed printed as JSON. The test reads of it what it asserts about it. */
// oxlint-disable-next-line typescript/no-explicit-any -- as above
export async function wranglerJson(args: readonly string[], options: RunOptions = {}): Promise<any> {
  const { code, stdout, stderr } = await wrangler(args, options);
  if (code !== 0) throw new Error(`wrangler ${args.join(" ")} ended with ${code}: ${stdout}${stderr}`);
  // Commands in alpha print a banner first.
  const start = stdout.search(/^[[{]/m);
  return JSON.parse(stdout.slice(start));
}

/** Both streams of a command that must fail, without colours, banner and the place of the log. */
export async function wranglerFailure(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await wrangler(args, options);
  if (code === 0) throw new Error(`wrangler ${args.join(" ")} succeeded: ${stdout}`);
  return `${stdout}${stderr}`.replaceAll(/^(?:.*Logs were written to.*|.*If you think this is a bug.*)$/gm, "").trim();
}

/** JSON where a sentence belongs: an envelope or a domain error that the client showed as it came. */
export const RAW_JSON = /\{\s*\\?"/;

export async function removeEverything(): Promise<void> {
  for (const { id } of (await plane.call("GET", "/applications?per_page=100")).result)
    await plane.call("DELETE", `/applications/${id}`);
  await eventually(async () => (await workloads()).length === 0);
}
