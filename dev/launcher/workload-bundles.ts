/**
 * Bundles each `containers/<name>/server.ts` to `dist/server.js` beside it, and puts the init and the SSH server next to
 * that, before wrangler builds the Dockerfile: what is built is a folder of its own. So an image build copies files and
 * needs neither `npm install` nor a network.
 */
import { existsSync } from "node:fs";
import { copyFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { buildPage } from "../../containers/downloader/page/build.ts";
import { bundleSshServer } from "./ssh-bundle.ts";

const INIT = join(import.meta.dirname, "../../containers/init/gantry-init");

/** Returns the names of what was bundled. */
export async function bundleWorkloads(projectDir: string): Promise<readonly string[]> {
  const folder = join(projectDir, "containers");
  if (!existsSync(folder)) return [];
  const names = (await readdir(folder)).filter((name) => existsSync(join(folder, name, "server.ts"))).toSorted();
  const [first] = names;
  if (first === undefined) return [];
  const ssh = (name: string) => join(folder, name, "dist/gantry-ssh");
  // The same in each image.
  await Promise.all([bundleSshServer(ssh(first)), ...names.map((name) => bundle(join(folder, name)))]);
  await Promise.all(names.map((name) => copyFile(INIT, join(folder, name, "dist/gantry-init"))));
  await Promise.all(names.slice(1).map((name) => copyFile(ssh(first), ssh(name))));
  return names;
}

async function bundle(workload: string): Promise<void> {
  await build({
    entryPoints: [join(workload, "server.ts")],
    outfile: join(workload, "dist/server.js"),
    bundle: true,
    minify: true,
    platform: "node",
    target: "node24",
    // CommonJS: in an image without a package.json Node would parse an ES module twice.
    format: "cjs",
    define: await constantsOf(workload),
    logLevel: "silent",
  });
}

/** The page of the downloader is a part of its file; the others have none. */
async function constantsOf(workload: string): Promise<Record<string, string>> {
  return existsSync(join(workload, "page/build.ts")) ? { PAGE_FILES: JSON.stringify(await buildPage()) } : {};
}
