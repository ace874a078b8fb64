/** Finds OpenSSH's client for tests that use it as people do, or installs Debian's where that is possible. */
import { join } from "node:path";
import { withLock } from "./lock.ts";
import { run, tryRun } from "./run.ts";

const PACKAGE = "openssh-client";

/** Throws where there is none, and none can be installed. */
export async function ensureOpenSsh({
  stateDir,
  log,
}: {
  stateDir: string;
  log: (line: string) => void;
}): Promise<void> {
  if (await isInstalled()) return;
  await withLock(join(stateDir, "openssh.lock"), async () => {
    if (await isInstalled()) return;
    log(`Installing ${PACKAGE} with apt-get`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const args = ["install", "-y", "--no-install-recommends", PACKAGE];
    if ((await tryRun("apt-get", args, { env })).code === 0) return;
    // A fresh machine has no package lists, an old one has stale ones.
    await run("apt-get", ["update"], { env });
    await run("apt-get", args, { env });
  });
}

async function isInstalled(): Promise<boolean> {
  return (await tryRun("ssh", ["-V"])).code === 0;
}
