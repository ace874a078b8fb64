/** `containers/init/ssh` as one file, with the packages that it needs: what images have as `/gantry-ssh`. */
import { join } from "node:path";
import { build } from "esbuild";

const ENTRY = join(import.meta.dirname, "../../containers/init/ssh/main.ts");

export async function bundleSshServer(outfile: string): Promise<void> {
  await build({
    entryPoints: [ENTRY],
    outfile,
    bundle: true,
    minify: true,
    platform: "node",
    target: "node22",
    format: "cjs",
    // Faster ways of the package to do what Node does too: it goes on without them.
    external: ["*.node", "cpu-features"],
    legalComments: "none",
    logLevel: "silent",
  });
}
