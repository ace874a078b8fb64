/** The SDK's four entries as plain modules. What they share is in chunks, so that two entries have one `GantryError`. */
import { join } from "node:path";
import { build, type BuildResult } from "esbuild";

export const ENTRIES = {
  index: "src/sdk/index.ts",
  bridge: "src/sdk/bridge/index.ts",
  testing: "src/sdk/testing/index.ts",
  client: "src/sdk/client/index.ts",
} as const;

/** What the package may ask its user's package manager for. */
export const EXTERNAL = ["zod"] as const;

/** The `gantry` command, with everything that it needs, in one file. */
export async function bundleCli({
  projectDir,
  outdir,
}: Options): Promise<BuildResult<{ metafile: true; write: boolean }>> {
  return await build({
    absWorkingDir: projectDir,
    entryPoints: { gantry: "cli/main.ts" },
    outdir: outdir ?? join(projectDir, "dist/cli"),
    write: outdir !== null,
    bundle: true,
    format: "esm",
    platform: "node",
    // The other form of some packages asks for its files at run time.
    mainFields: ["module", "main"],
    target: "node22",
    // What is written for require() finds it.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    metafile: true,
    legalComments: "none",
    logLevel: "silent",
  });
}

interface Options {
  readonly projectDir: string;
  /** Null: nothing is written. */
  readonly outdir: string | null;
}

export async function bundleSdk({
  projectDir,
  outdir,
}: Options): Promise<BuildResult<{ metafile: true; write: boolean }>> {
  return await build({
    absWorkingDir: projectDir,
    entryPoints: ENTRIES,
    outdir: outdir ?? join(projectDir, "dist/sdk"),
    write: outdir !== null,
    bundle: true,
    splitting: true,
    format: "esm",
    // No runtime's own modules: an import of one is an error here.
    platform: "neutral",
    target: "es2022",
    external: [...EXTERNAL],
    chunkNames: "chunks/[hash]",
    metafile: true,
    legalComments: "none",
    logLevel: "silent",
  });
}
