/** The SDK as its users get it: packed, and installed into a project of its own, without a registry. */
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PROJECT_DIR } from "./control-plane.ts";

const run = promisify(execFile);

export interface Project {
  readonly folder: string;
  /** What the package consists of. */
  readonly files: readonly string[];
  /** Runs a program in it; rejects when it fails, with what it printed. */
  run(program: string, ...args: readonly string[]): Promise<string>;
  remove(): Promise<void>;
}

async function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  const env = {
    ...process.env,
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_update_notifier: "false",
  };
  return (await run("npm", args, { cwd, env })).stdout;
}

async function pack(packageDir: string, into: string): Promise<string> {
  const output = await npm(into, "pack", packageDir, "--ignore-scripts", "--json", "--pack-destination", into);
  const packed = JSON.parse(output) as { filename: string }[] | Record<string, { filename: string }>;
  const [first] = Object.values(packed);
  if (first === undefined) throw new Error(`npm packed nothing of ${packageDir}`);
  return join(into, first.filename);
}

/** `examples/consumer`, with the packed SDK in its `node_modules`. */
export async function installExample(): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), "gantry-consumer-"));
  await run(process.execPath, [join(PROJECT_DIR, "dev/sdk/build.ts")]);
  const skipped = /\/(?:node_modules|\.wrangler|package-lock\.json)(?:\/|$)/;
  const example = join(PROJECT_DIR, "examples/consumer");
  await cp(example, folder, { recursive: true, filter: (path) => !skipped.test(path.slice(example.length)) });
  // As written it is a link to the repository, which would find everything that the package lacks.
  const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Record<string, unknown>;
  const own = { ...manifest, dependencies: {}, devDependencies: {} };
  await writeFile(join(folder, "package.json"), JSON.stringify(own));
  const tarballs = [await pack(PROJECT_DIR, folder), await pack(join(PROJECT_DIR, "node_modules/zod"), folder)];
  await npm(folder, "install", "--offline", "--ignore-scripts", ...tarballs);
  for (const name of ["@cloudflare/workers-types", "@types", "undici-types"]) {
    const target = join(folder, "node_modules", name);
    await cp(join(PROJECT_DIR, "node_modules", name), target, { recursive: true, dereference: true });
  }
  const files = await readdir(join(folder, "node_modules/gantry"), { recursive: true });
  return {
    folder,
    files,
    async run(program, ...args) {
      try {
        const { stdout } = await run(program, args, { cwd: folder });
        return stdout;
      } catch (error) {
        const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
        throw new Error(`${program} ${args.join(" ")} failed:\n${stdout}${stderr}`, { cause: error });
      }
    },
    remove: () => rm(folder, { recursive: true }),
  };
}
