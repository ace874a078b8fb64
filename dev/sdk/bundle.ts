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
