/**
 * Finds the programs that tests and benchmarks of the image registry use from the outside, or installs Debian's where that
 * is possible: clients, and the registry that ours is compared with.
 */
import { join } from "node:path";
import { installPackages } from "./apt.ts";
import { withLock } from "./lock.ts";
import { tryRun } from "./run.ts";

/** Each is a program and the package that has it, with what it does without being asked more. */
const PACKAGES = {
  skopeo: "--version",
  umoci: "--version",
  "docker-registry": "--version",
  openssl: "version",
} as const;

/** Throws where one is missing and cannot be installed. */
export async function ensureRegistryTools({
  stateDir,
  log,
}: {
  stateDir: string;
  log: (line: string) => void;
}): Promise<void> {
  if ((await missing()).length === 0) return;
  await withLock(join(stateDir, "registry-tools.lock"), async () => {
    const packages = await missing();
    if (packages.length === 0) return;
    log(`Installing ${packages.join(" and ")} with apt-get`);
    await installPackages(packages);
  });
}

async function missing(): Promise<string[]> {
  const tried = await Promise.all(
    Object.entries(PACKAGES).map(async ([name, asked]) => ({ name, code: (await tryRun(name, [asked])).code })),
  );
  return tried.filter(({ code }) => code !== 0).map(({ name }) => name);
}
