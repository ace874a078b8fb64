/**
 * Identity of processes. A pid is used again sooner or later, so everything that is written down or killed later is a
 * pid with its start time.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export interface ProcessId {
  readonly pid: number;
  /** Opaque: equal only for one and the same process. */
  readonly startedAt: string;
}

export function identify(pid: number): ProcessId | undefined {
  const startedAt = process.platform === "linux" ? startOnLinux(pid) : startFromPs(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

export function isAlive({ pid, startedAt }: ProcessId): boolean {
  return identify(pid)?.startedAt === startedAt;
}

function startOnLinux(pid: number): string | undefined {
  try {
    // The name, in parentheses, may hold anything; after it stand the state and, as field 22, the start time.
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function startFromPs(pid: number): string | undefined {
  try {
    const line = execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8", stdio: "pipe" }).trim();
    return line === "" ? undefined : line;
  } catch {
    return undefined;
  }
}

const POLL_MS = 20;

/** Kills each that still is the process that was written down, and waits until they are gone. */
export async function killAll(targets: readonly ProcessId[], timeoutMs = 5000): Promise<number> {
  const alive = targets.filter(isAlive);
  for (const { pid } of alive) kill(pid, "SIGKILL");
  const deadline = Date.now() + timeoutMs;
  while (alive.some(isAlive) && Date.now() < deadline) await sleep(POLL_MS);
  return alive.length;
}

/** A negative pid names a process group. False where nothing is left to signal. */
export function kill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
