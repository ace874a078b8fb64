/** Programs that speak with image registries, as people run them, and Debian's registry on loopback as the peer of ours. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureRegistryTools } from "../../dev/runtime/registry-tools.ts";
import { lastLines, tryRun } from "../../dev/runtime/run.ts";

const PROJECT_DIR = resolve(import.meta.dirname, "../..");
const START_LIMIT_MS = 30_000;
const CLIENT_LIMIT_MS = 120_000;

/** skopeo, umoci and docker-registry: call it in `beforeAll` of what uses one of them. */
export async function registryTools(): Promise<void> {
  await ensureRegistryTools({ stateDir: join(PROJECT_DIR, ".gantry"), log: (line) => console.log(line) });
}

export interface DockerRegistry {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Debian's docker-registry on a free port of loopback, empty, without authentication. Deletes are allowed. */
export async function startDockerRegistry(): Promise<DockerRegistry> {
  await registryTools();
  const folder = await mkdtemp(join(tmpdir(), "docker-registry-"));
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(folder, "config.yml");
  const settings = [
    "version: 0.1",
    "log: {level: error, accesslog: {disabled: true}}",
    `storage: {filesystem: {rootdirectory: ${join(folder, "data")}}, delete: {enabled: true}}`,
    `http: {addr: "${host}"}`,
  ];
  await writeFile(config, `${settings.join("\n")}\n`);
  const child = spawn("docker-registry", ["serve", config], { stdio: ["ignore", "ignore", "pipe"] });
  let output = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output = (output + text).slice(-4_096)));
  const deadline = Date.now() + START_LIMIT_MS;
  while (!(await answers(`http://${host}/v2/`))) {
    if (child.exitCode !== null || Date.now() > deadline)
      throw new Error(`docker-registry does not answer: ${lastLines(output)}`);
    await sleep(50);
  }
  return {
    host,
    pid: child.pid ?? 0,
    stop: async () => {
      await ended(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const end = new Promise((resolvePromise) => {
    child.once("exit", resolvePromise);
  });
  child.kill("SIGKILL");
  await end;
}

async function answers(url: string): Promise<boolean> {
  const answer = await fetch(url).catch(() => null);
  await answer?.body?.cancel();
  return answer?.ok === true;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => {
    server.listen(0, "127.0.0.1", listening);
  });
  const address = server.address();
  await new Promise((closed) => {
    server.close(closed);
  });
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

export interface RegistryUser {
  readonly user: string;
  readonly password: string;
}

/** What skopeo needs to speak with a registry on loopback. `from` and `to`: null where that side asks for no user. */
export function copyFlags(from: RegistryUser | null, to: RegistryUser | null): string[] {
  const creds = (side: "src" | "dest", who: RegistryUser | null) =>
    who === null ? [] : [`--${side}-creds=${who.user}:${who.password}`];
  return ["--src-tls-verify=false", "--dest-tls-verify=false", ...creds("src", from), ...creds("dest", to)];
}

/** Runs skopeo and gives back what it printed. A failure has what it said. */
export async function skopeo(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await trySkopeo(...args);
  if (code !== 0) throw new Error(`skopeo ${args[0]} ended with ${code ?? "a signal"}: ${lastLines(stderr)}`);
  return stdout;
}

/** Without policies and credentials of whoever runs the tests. */
export async function trySkopeo(...args: readonly string[]) {
  const env = { ...process.env, REGISTRY_AUTH_FILE: join(tmpdir(), "no-registry-users.json") };
  return await tryRun("skopeo", ["--insecure-policy", ...args], { env, timeoutMs: CLIENT_LIMIT_MS });
}
