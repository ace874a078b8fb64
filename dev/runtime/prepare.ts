/**
 * Makes this machine ready to run containers under `wrangler dev`: an engine, a docker CLI that wrangler can use, a
 * base image and a networking sidecar. The ordinary way is tried first; every stand-in is named in the result.
 */
import { mkdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { existsSync } from "node:fs";
import { ensureNodeImage, NODE_IMAGE } from "./base-image.ts";
import { ensureEngine } from "./engine.ts";
import { withLock } from "./lock.ts";
import { tryRun } from "./run.ts";
import { ensureSidecarImage } from "./sidecar/image.ts";

export interface PrepareOptions {
  readonly projectDir: string;
  /** Gets one line per step that does work; nothing on a machine that is ready. */
  readonly log: (line: string) => void;
}

export interface LocalRuntime {
  /** Absolute path of the engine's Unix socket. */
  readonly dockerSocket: string;
  /** For wrangler, Miniflare and vitest. DOCKER_HOST is the caller's, who may put a proxy before the socket. */
  readonly env: Record<string, string>;
  /** One line for each thing that was done otherwise than the ordinary way. */
  readonly standIns: readonly string[];
}

export async function prepareRuntime({ projectDir, log }: PrepareOptions): Promise<LocalRuntime> {
  const stateDir = join(projectDir, ".gantry");
  await mkdir(stateDir, { recursive: true });
  const engine = await ensureEngine({ stateDir, log });
  const standIns: string[] = engine.started ? ["Docker engine: dockerd was started here and stays running"] : [];
  const options = { socket: engine.socket, projectDir, stateDir, log };
  const images = await withLock(join(stateDir, "images.lock"), async () => {
    const standsInForNode = await ensureNodeImage(options);
    return { standsInForNode, sidecar: await ensureSidecarImage({ ...options, mayPull: !standsInForNode }) };
  });
  const cli = findDockerCli();
  const hasBuildx = (await tryRun(cli, ["buildx", "version"])).code === 0;
  const env: Record<string, string> = {
    WRANGLER_DOCKER_BIN: join(import.meta.dirname, "docker-cli/docker"),
    GANTRY_DOCKER_CLI: cli,
    GANTRY_NODE: process.execPath,
  };
  if (!hasBuildx) {
    env["DOCKER_BUILDKIT"] = "0";
    standIns.push("image builds: the engine's classic builder, since the docker CLI has no buildx");
  }
  if (images.standsInForNode) {
    standIns.push(
      `${NODE_IMAGE}: built from this machine's Node and busybox, since it could not be pulled (docker rmi ${NODE_IMAGE} tries again)`,
    );
  }
  if (images.sidecar !== undefined) {
    env["MINIFLARE_CONTAINER_EGRESS_IMAGE"] = images.sidecar;
    standIns.push(
      `networking sidecar: Gantry's stand-in, since cloudflare/proxy-everything could not be pulled (docker rmi ${images.sidecar} tries again)`,
    );
  }
  return { dockerSocket: engine.socket, env, standIns };
}

/** The first docker on PATH, by its full path: the children's PATH may differ. */
function findDockerCli(): string {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, "docker");
    if (folder !== "" && existsSync(path)) return path;
  }
  throw new Error("No docker command on PATH: install the Docker CLI.");
}
