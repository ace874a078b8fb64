/** `npm run build:sdk`: the package as `npm pack` takes it, in `dist/sdk`. */
import { spawn } from "node:child_process";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundleSshServer } from "../launcher/ssh-bundle.ts";
import { bundleCli, bundleSdk } from "./bundle.ts";

const projectDir = join(import.meta.dirname, "../..");
const outdir = join(projectDir, "dist/sdk");

/** TypeScript's own exit code. */
async function declarations(): Promise<number> {
  const child = spawn(join(projectDir, "node_modules/.bin/tsc"), ["--project", "tsconfig.sdk.json"], {
    cwd: projectDir,
    stdio: "inherit",
  });
  return await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}

/** TypeScript leaves the names of sources in declarations, where only some of its versions understand them. */
async function nameDeclarations(): Promise<void> {
  const files = await readdir(join(outdir, "types"), { recursive: true });
  const declared = files.filter((name) => name.endsWith(".d.ts")).map((name) => join(outdir, "types", name));
  await Promise.all(
    declared.map(async (path) => {
      const text = await readFile(path, "utf8");
      await writeFile(path, text.replaceAll(/((?:from|import\() ?"\.[^"]+)\.ts"/g, '$1.js"'));
    }),
  );
}

await rm(outdir, { recursive: true, force: true });
await bundleSdk({ projectDir, outdir });
await bundleCli({ projectDir, outdir: join(projectDir, "dist/cli") });
await bundleSshServer(join(projectDir, "dist/ssh/gantry-ssh"));
const code = await declarations();
await nameDeclarations();
process.exitCode = code;
