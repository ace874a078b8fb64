/**
 * A lock between processes, held through a file that names its holder. Two launchers started at once must not both
 * install packages, start an engine or build an image.
 */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const RETRY_MS = 50;

/** Runs `work` while no other process is in it. A holder that died does not block. */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  while (!(await tryTake(path))) {
    await dropIfDead(path);
    await sleep(RETRY_MS);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function tryTake(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw error;
  }
}

async function dropIfDead(path: string): Promise<void> {
  const holder = Number(await readFile(path, "utf8").catch(() => ""));
  if (!(holder > 0) || isAlive(holder)) return;
  // Renamed first: of several waiters only one wins, and none removes a lock that was taken meanwhile.
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if ((await readFile(aside, "utf8").catch(() => "")) === String(holder)) await rm(aside, { force: true });
  else await rename(aside, path);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, "EPERM");
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
