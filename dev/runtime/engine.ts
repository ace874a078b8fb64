/**
 * Finds a working Docker engine, or makes one: on Debian and Ubuntu with root it installs and starts dockerd, which
 * it leaves running. Anywhere else it says what to do. `prepare.ts` calls it first.
 */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { answers } from "./docker-api.ts";
import { installEngine, startEngine } from "./engine-debian.ts";
import { withLock } from "./lock.ts";
import { tryRun } from "./run.ts";

export interface Engine {
  /** Absolute path of the engine's Unix socket. */
  readonly socket: string;
  /** True when this call started it. */
  readonly started: boolean;
}

export interface EngineOptions {
  /** The project's folder for logs, pids and locks. */
  readonly stateDir: string;
  readonly log: (line: string) => void;
}

export const DEFAULT_SOCKET = "/var/run/docker.sock";

export async function ensureEngine(options: EngineOptions): Promise<Engine> {
  const found = await findEngine();
  if (found !== undefined) return { socket: found, started: false };
  const obstacle = whyNotHere();
  if (obstacle !== undefined) throw new Error(obstacle);
  return await withLock(join(options.stateDir, "engine.lock"), async () => {
    // Another launcher may have started it while this one waited.
    if (await answers(DEFAULT_SOCKET)) return { socket: DEFAULT_SOCKET, started: false };
    await installEngine(options.log);
    await startEngine({ ...options, socket: DEFAULT_SOCKET });
    return { socket: DEFAULT_SOCKET, started: true };
  });
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The socket of an engine that answers: DOCKER_HOST alone where it is set, else the usual places. */
export async function findEngine(env: Environment = process.env): Promise<string | undefined> {
  const host = env["DOCKER_HOST"];
  if (host !== undefined && host !== "") {
    const socket = socketOf(host);
    if (socket === undefined) {
      throw new Error(`DOCKER_HOST is ${host}, but Gantry needs an engine on a Unix socket: unset it or name one.`);
    }
    // A set DOCKER_HOST is a decision: falling back to another engine would run containers where nobody looks.
    if (!(await answers(socket))) {
      throw new Error(`No Docker engine answers at DOCKER_HOST=${host}: start it, or unset DOCKER_HOST.`);
    }
    return socket;
  }
  for (const socket of usualSockets(env)) {
    if (existsSync(socket) && (await answers(socket))) return socket;
  }
  const context = await tryRun("docker", ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]);
  const socket = context.code === 0 ? socketOf(context.stdout.trim()) : undefined;
  return socket !== undefined && existsSync(socket) && (await answers(socket)) ? socket : undefined;
}

export function socketOf(host: string): string | undefined {
  return host.startsWith("unix:///") ? host.slice("unix://".length) : undefined;
}

function usualSockets(env: Environment): readonly string[] {
  const runtimeDir = env["XDG_RUNTIME_DIR"];
  return [
    DEFAULT_SOCKET,
    join(homedir(), ".docker/run/docker.sock"),
    join(homedir(), ".docker/desktop/docker.sock"),
    ...(runtimeDir === undefined ? [] : [join(runtimeDir, "docker.sock")]),
  ];
}

/** One line on why an engine cannot be made here and what to do, or undefined where it can. */
export function whyNotHere(
  platform: string = process.platform,
  uid: number = process.getuid?.() ?? -1,
  hasApt: boolean = existsSync("/usr/bin/apt-get"),
): string | undefined {
  if (platform === "darwin") return "No Docker engine answers: install Docker Desktop (or OrbStack) and start it.";
  if (platform === "win32") return "Containers do not run under Windows itself: use WSL 2 with Docker Desktop.";
  if (!hasApt) return "No Docker engine answers: install Docker for this system and start it (docs.docker.com/engine).";
  if (uid !== 0) {
    return "No Docker engine answers: start it (sudo systemctl start docker), or install it (sudo apt-get install docker.io).";
  }
  return undefined;
}
