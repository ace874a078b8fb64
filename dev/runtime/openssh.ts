/** Finds OpenSSH's client for tests that use it as people do, or installs Debian's where that is possible. */
import { join } from "node:path";
import { installPackages } from "./apt.ts";
import { withLock } from "./lock.ts";
import { tryRun } from "./run.ts";

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
    await installPackages([PACKAGE]);
  });
}

async function isInstalled(): Promise<boolean> {
  return (await tryRun("ssh", ["-V"])).code === 0;
}
