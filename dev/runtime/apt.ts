/** Debian's packages, for what tests and the local run need and is missing. */
import { run, tryRun } from "./run.ts";

/** Throws where they cannot be installed. */
export async function installPackages(packages: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const args = ["install", "-y", "--no-install-recommends", ...packages];
  if ((await tryRun("apt-get", args, { env })).code === 0) return;
  // A fresh machine has no package lists, an old one has stale ones.
  await run("apt-get", ["update"], { env });
  await run("apt-get", args, { env });
}
