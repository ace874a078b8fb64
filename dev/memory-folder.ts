/**
 * A folder in memory for the stores of workerd under test: each object's is a file of its own, that is flushed to disk
 * with every write, which was half of the time of the tests that run inside workerd.
 */
import { mkdirSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";

/** Where Linux keeps files in memory. In a container it may be as small as 64 MB. */
const MEMORY = "/dev/shm";
const ENOUGH_BYTES = 2 ** 30;
const PREFIX = "gantry-test-";

/** Undefined where there is none, or too little room in it. Removed when this process ends. */
export function memoryFolder(parent = MEMORY, pid = process.pid): string | undefined {
  const folder = join(parent, `${PREFIX}${pid}`);
  try {
    const { bavail, bsize } = statfsSync(parent);
    if (bavail * bsize < ENOUGH_BYTES) return undefined;
    removeAbandoned(parent);
    mkdirSync(folder, { recursive: true });
  } catch {
    return undefined;
  }
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Of processes that were killed. */
function removeAbandoned(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = name.startsWith(PREFIX) ? Number(name.slice(PREFIX.length)) : Number.NaN;
    if (Number.isInteger(pid) && !isAlive(pid)) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is another user's.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
