/**
 * Completes package-lock.json: `node dev/lockfile.ts`. npm drops optional packages of other platforms where its
 * registry does not offer them, and `npm ci` then refuses the lock, here and on those platforms. `npm run check` uses
 * the same function to notice it.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

interface LockedPackage {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

export interface Lockfile {
  packages: Record<string, LockedPackage>;
}

/** The optional packages that are asked for by exact version and not locked, by the path that they belong at. */
export function missingOptional({ packages }: Lockfile): Record<string, LockedPackage> {
  const missing: Record<string, LockedPackage> = {};
  for (const [path, { dev, optionalDependencies = {} }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (!/^\d+\.\d+\.\d+/.test(version) || isLocked(packages, path, name, version)) continue;
      // Beside the package that asks for it, as several may ask for different versions.
      const parent = path.slice(0, path.lastIndexOf("node_modules/"));
      missing[`${parent}node_modules/${name}`] = {
        version,
        ...platformOf(name),
        ...(dev === true ? { dev } : {}),
        optional: true,
      };
    }
  }
  return missing;
}

/** As Node resolves it: in the package's own folder, then in every one above. */
function isLocked(packages: Lockfile["packages"], path: string, name: string, version: string): boolean {
  for (let folder = path; ;) {
    const found = packages[`${folder === "" ? "" : `${folder}/`}node_modules/${name}`];
    if (found !== undefined) return found.version === version;
    if (folder === "") return false;
    folder = folder.includes("/node_modules/") ? folder.slice(0, folder.lastIndexOf("/node_modules/")) : "";
  }
}

const SYSTEMS: Readonly<Record<string, string>> = { windows: "win32" };
const CPUS: Readonly<Record<string, string>> = { "64": "x64" };

/** Binary packages are named after what they run on: `binding-linux-arm64-musl`, `workerd-darwin-64`. */
export function platformOf(name: string): Pick<LockedPackage, "os" | "cpu" | "libc"> {
  const match =
    /(?:^|[-/])(android|darwin|freebsd|linux|openharmony|win32|windows)-(arm64|arm|ia32|ppc64|riscv64|s390x|x64|64)(?:-(\w+))?$/.exec(
      name.replace("-arm-eabi", "-arm"),
    );
  const [, system, cpu, abi] = match ?? [];
  if (system === undefined || cpu === undefined) return {};
  return {
    cpu: [CPUS[cpu] ?? cpu],
    os: [SYSTEMS[system] ?? system],
    ...(system === "linux" && abi !== undefined ? { libc: [abi.startsWith("musl") ? "musl" : "glibc"] } : {}),
  };
}

export function complete<L extends Lockfile>(lock: L): L {
  const packages = { ...lock.packages, ...missingOptional(lock) };
  // npm's order, so that its next write changes nothing else.
  const sorted = Object.entries(packages).toSorted(([a], [b]) => a.localeCompare(b, "en"));
  return { ...lock, packages: Object.fromEntries(sorted) };
}

if (import.meta.main) {
  const path = join(import.meta.dirname, "../package-lock.json");
  const lock: Lockfile = JSON.parse(await readFile(path, "utf8"));
  const missing = Object.keys(missingOptional(lock));
  if (missing.length > 0) await writeFile(path, `${JSON.stringify(complete(lock), null, 2)}\n`);
  process.stdout.write(`${missing.length} optional packages added to package-lock.json\n`);
}
