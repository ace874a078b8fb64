/**
 * Installs Debian's Docker engine and starts it without an init system, as in a virtual machine or a CI job. Only
 * `engine.ts` calls it, under its lock.
 */
import { spawn } from "node:child_process";
import { existsSync, openSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { answers } from "./docker-api.ts";
import { isAlive } from "./lock.ts";
import { installPackages } from "./apt.ts";
import { lastLines } from "./run.ts";

const DOCKERD = "/usr/sbin/dockerd";
const IPTABLES = "/usr/sbin/iptables";
const PACKAGES = ["docker.io", "iptables"];
const START_LIMIT_MS = 60_000;
const POLL_MS = 100;

export async function installEngine(log: (line: string) => void): Promise<void> {
  if ((existsSync(DOCKERD) || existsSync("/usr/bin/dockerd")) && existsSync(IPTABLES)) return;
  log(`Installing ${PACKAGES.join(" and ")} with apt-get`);
  await installPackages(PACKAGES);
}

export interface StartOptions {
  readonly socket: string;
  readonly stateDir: string;
  readonly log: (line: string) => void;
}

export async function startEngine({ socket, stateDir, log }: StartOptions): Promise<void> {
  await clearLeftovers(socket);
  await mkdir(stateDir, { recursive: true });
  const logFile = join(stateDir, "dockerd.log");
  log(`Starting dockerd (its log: ${logFile})`);
  const output = openSync(logFile, "a");
  // It outlives whoever starts it, and what that has as its folder for temporary files.
  const { TMPDIR: _, ...env } = process.env;
  // Without --bip Debian's engine reports its bridge without a gateway, and workerd then fails every start.
  const engine = spawn(existsSync(DOCKERD) ? DOCKERD : "dockerd", ["--bip", "172.17.0.1/16"], {
    detached: true,
    stdio: ["ignore", output, output],
    cwd: "/",
    env,
  });
  let end: string | undefined;
  engine.on("error", (error) => (end = error.message));
  engine.on("exit", (code, signal) => (end = `it ended with ${code ?? signal}`));
  await writeFile(join(stateDir, "dockerd.pid"), `${engine.pid ?? ""}\n`);
  const deadline = Date.now() + START_LIMIT_MS;
  while (!(await answers(socket))) {
    if (end !== undefined || Date.now() > deadline) {
      const tail = lastLines(await readFile(logFile, "utf8").catch(() => ""));
      throw new Error(`dockerd does not answer: ${end ?? "no answer in a minute"}; see ${logFile}: ${tail}`);
    }
    await sleep(POLL_MS);
  }
  engine.unref();
}

/**
 * A killed engine leaves its pid file, socket and containerd behind; dockerd refuses to start while the pid in its
 * file belongs to a live process, even one that took the number over later.
 */
async function clearLeftovers(socket: string): Promise<void> {
  await dropPidFile("/var/run/docker.pid", "dockerd");
  await rm(socket, { force: true });
  const containerdFolder = "/var/run/docker/containerd";
  const orphan = await readPid(join(containerdFolder, "containerd.pid"));
  if (orphan !== undefined && (await nameOf(orphan)) === "containerd") {
    process.kill(orphan, "SIGTERM");
    for (let waited = 0; isAlive(orphan) && waited < 5000; waited += POLL_MS) await sleep(POLL_MS);
    if (isAlive(orphan)) process.kill(orphan, "SIGKILL");
  }
  await rm(join(containerdFolder, "containerd.pid"), { force: true });
  await rm(join(containerdFolder, "containerd.sock"), { force: true });
}

async function dropPidFile(path: string, program: string): Promise<void> {
  const pid = await readPid(path);
  if (pid !== undefined && (await nameOf(pid)) === program) {
    // It lives but does not answer: hung, or still starting for somebody else.
    for (let waited = 0; waited < 10_000; waited += POLL_MS) {
      if ((await nameOf(pid)) !== program) break;
      await sleep(POLL_MS);
    }
    if ((await nameOf(pid)) === program) throw new Error(`dockerd (process ${pid}) runs but does not answer: stop it.`);
  }
  await rm(path, { force: true });
}

async function readPid(path: string): Promise<number | undefined> {
  const pid = Number(await readFile(path, "utf8").catch(() => ""));
  return pid > 0 ? pid : undefined;
}

async function nameOf(pid: number): Promise<string | undefined> {
  const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => undefined);
  return name?.trim();
}
