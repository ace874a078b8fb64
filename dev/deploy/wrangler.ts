/**
 * Runs the project's own wrangler on the generated configuration. Wrangler builds and pushes the images, uploads the
 * Worker with its secrets, creates the container applications and attaches routes and queue consumers. What it did is
 * read from its output file: it also exits 0 when a question of its own was answered with no.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as z from "zod";
import type { Variables } from "./options.ts";
import { runProcess } from "./run-process.ts";

export interface WranglerDeploy {
  readonly root: string;
  readonly configPath: string;
  readonly secretsFile: string | undefined;
  readonly containersRollout: string | undefined;
  readonly variables: Variables;
}

export type WranglerResult =
  | { readonly ok: true; readonly versionId: string; readonly targets: readonly string[] }
  | { readonly ok: false; readonly reason: string };

const deployEntry = z.looseObject({
  type: z.literal("deploy"),
  version_id: z.string().nullable(),
  targets: z.array(z.string()).optional(),
});

export async function runWrangler(deploy: WranglerDeploy): Promise<WranglerResult> {
  const folder = await mkdtemp(join(tmpdir(), "gantry-wrangler-"));
  const outputPath = join(folder, "output.ndjson");
  try {
    const code = await runProcess(process.execPath, [wranglerPath(), ...argumentsOf(deploy)], deploy.root, {
      ...deploy.variables,
      WRANGLER_OUTPUT_FILE_PATH: outputPath,
      // The generated file is the environment: a name from outside would make wrangler look for another one inside it.
      CLOUDFLARE_ENV: undefined,
    });
    if (code !== 0) return { ok: false, reason: `wrangler ended with ${code}` };
    return readOutput(await readFile(outputPath, "utf8").catch(() => ""));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function argumentsOf({ configPath, secretsFile, containersRollout }: WranglerDeploy): string[] {
  return [
    "deploy",
    "--config",
    configPath,
    ...(secretsFile === undefined ? [] : ["--secrets-file", secretsFile]),
    ...(containersRollout === undefined ? [] : ["--containers-rollout", containersRollout]),
  ];
}

export function readOutput(text: string): WranglerResult {
  for (const line of text.split("\n")) {
    const entry = deployEntry.safeParse(parseJson(line));
    if (!entry.success) continue;
    const { version_id: versionId, targets } = entry.data;
    if (versionId === null) break;
    return { ok: true, versionId, targets: targets ?? [] };
  }
  return { ok: false, reason: "wrangler ended without having deployed a version" };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function wranglerPath(): string {
  const manifest = createRequire(import.meta.url).resolve("wrangler/package.json");
  return join(dirname(manifest), "bin", "wrangler.js");
}
