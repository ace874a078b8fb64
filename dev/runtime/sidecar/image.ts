/**
 * Makes sure that there is a networking sidecar to start: the real image where it is here or can be pulled, else the
 * stand-in, bundled by esbuild and laid on the stand-in base.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { DIGEST_LABEL, ensureStandInBase, type ImageOptions, PULL_SILENCE_MS, STAND_IN_LABEL } from "../base-image.ts";
import { buildImage, dropImage, findImage, tryPull } from "../docker-api.ts";

export const STAND_IN_SIDECAR = "gantry-stand-in/sidecar:latest";

const NOT_IN_IMAGE = /\.(?:test|fixture)\.ts$/;

export interface SidecarImageOptions extends ImageOptions {
  /** False where a pull has just failed: the next one would wait as long for nothing. */
  readonly mayPull: boolean;
}

/** The stand-in's name, or undefined where the real image serves. */
export async function ensureSidecarImage(options: SidecarImageOptions): Promise<string | undefined> {
  const { socket, log, mayPull } = options;
  const real = await realImage(options.projectDir);
  if ((await findImage(socket, real)) !== undefined) return undefined;
  if (mayPull && (await findImage(socket, STAND_IN_SIDECAR)) === undefined) {
    log(`Pulling ${real}`);
    if (await tryPull(socket, real, PULL_SILENCE_MS)) return undefined;
  }
  await ensureStandInSidecar(options);
  return STAND_IN_SIDECAR;
}

async function ensureStandInSidecar(options: ImageOptions): Promise<void> {
  const { socket, stateDir, log } = options;
  const baseName = await ensureStandInBase(options);
  const [base, present, sources] = await Promise.all([
    findImage(socket, baseName),
    findImage(socket, STAND_IN_SIDECAR),
    readSources(),
  ]);
  const digest = createHash("sha256")
    .update(sources)
    .update(base?.id ?? "")
    .digest("hex");
  if (present?.labels[DIGEST_LABEL] === digest) return;
  log("Building a stand-in for the networking sidecar");
  const context = join(stateDir, `sidecar-${randomUUID()}`);
  try {
    await mkdir(context, { recursive: true });
    // Loaded here: bundler and X.509 take a while to load and are needed only when something changed.
    const { layOutSidecar } = await import("./image-context.ts");
    await layOutSidecar(context, { base: baseName, labels: { [STAND_IN_LABEL]: "true", [DIGEST_LABEL]: digest } });
    await buildImage(socket, STAND_IN_SIDECAR, context);
    if (present !== undefined) await dropImage(socket, present.id);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

async function readSources(): Promise<string> {
  const names = (await readdir(import.meta.dirname)).filter((name) => name.endsWith(".ts") && !NOT_IN_IMAGE.test(name));
  const texts = names.toSorted().map((name) => readFile(join(import.meta.dirname, name), "utf8"));
  return (await Promise.all(texts)).join("\0");
}

/** The image that this wrangler is pinned to, read out of its Miniflare: no package exports it. */
async function realImage(projectDir: string): Promise<string> {
  const chosen = process.env["MINIFLARE_CONTAINER_EGRESS_IMAGE"];
  if (chosen !== undefined && chosen !== "" && chosen !== STAND_IN_SIDECAR) return chosen;
  const wrangler = createRequire(join(projectDir, "package.json")).resolve("wrangler/package.json");
  const source = await readFile(createRequire(wrangler).resolve("miniflare"), "utf8");
  return /"(cloudflare\/proxy-everything:[^"]+)"/.exec(source)?.[1] ?? "cloudflare/proxy-everything:latest";
}
