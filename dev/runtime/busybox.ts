/**
 * Finds a static busybox, or takes it out of Debian's package without installing that: the package would replace
 * the machine's own busybox.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { run, tryRun } from "./run.ts";

export async function ensureBusybox(stateDir: string, log: (line: string) => void): Promise<string> {
  const kept = join(stateDir, "busybox", process.arch, "busybox");
  if (existsSync(kept)) return kept;
  const installed = "/bin/busybox";
  if (existsSync(installed) && (await isStatic(installed))) return installed;
  log("Fetching busybox-static from Debian");
  const scratch = join(stateDir, `busybox-${randomUUID()}`);
  await mkdir(scratch, { recursive: true });
  try {
    await download(scratch);
    const archive = (await readdir(scratch)).find((name) => name.endsWith(".deb"));
    if (archive === undefined) throw new Error("apt-get download busybox-static left no package");
    await run("dpkg", ["-x", archive, "."], { cwd: scratch });
    await mkdir(dirname(kept), { recursive: true });
    await rename(join(scratch, "bin/busybox"), kept);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return kept;
}

async function download(folder: string): Promise<void> {
  const args = ["download", "busybox-static"];
  if ((await tryRun("apt-get", args, { cwd: folder })).code === 0) return;
  await run("apt-get", ["update"]);
  await run("apt-get", args, { cwd: folder });
}

async function isStatic(program: string): Promise<boolean> {
  const { stdout, stderr } = await tryRun("ldd", [program]);
  return /not a dynamic executable|statically linked/.test(stdout + stderr);
}
