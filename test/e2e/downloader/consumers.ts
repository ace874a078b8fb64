/** Everything that an archive has to be understood by: the engine's `docker load`, skopeo, containerd's ctr, and umoci. */
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { pipeline } from "node:stream/promises";
import * as z from "zod";
import { run } from "../../../dev/runtime/run.ts";
import { eventually } from "../control-plane.ts";
import { skopeo } from "../registry-tools.ts";

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  return hash.digest("hex");
}

/** What skopeo says of an image in any of its places: the digest of its config and those of its layers. */
export interface Inspected {
  readonly config: string;
  readonly layers: readonly string[];
}

const manifest = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ digest: z.string() })),
});

export async function inspect(reference: string): Promise<Inspected> {
  const { config, layers } = manifest.parse(
    JSON.parse(await skopeo("inspect", "--raw", "--tls-verify=false", reference)),
  );
  return { config: config.digest, layers: layers.map(({ digest }) => digest) };
}

/** What the config of its only image says. */
export async function architectureOf(archive: string): Promise<string> {
  const config = JSON.parse(await skopeo("inspect", "--config", "--raw", `oci-archive:${archive}`));
  return z.object({ architecture: z.string() }).parse(config).architecture;
}

/** Copies an archive into a folder and gives back its manifest, all digests of which skopeo has verified. */
export async function throughSkopeo(transport: "docker-archive" | "oci-archive", archive: string): Promise<Inspected> {
  const folder = await mkdtemp(join(tmpdir(), "downloader-skopeo-"));
  try {
    await skopeo("copy", "--quiet", `${transport}:${archive}`, `dir:${folder}`);
    const { config, layers } = manifest.parse(JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")));
    return { config: config.digest, layers: layers.map(({ digest }) => digest) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Loads it into the engine and takes it out again. What the engine called it, and the id that it gave it. */
export async function dockerLoad(archive: string): Promise<{ readonly names: string[]; readonly ids: string[] }> {
  const output = await run("docker", ["load", "--input", archive], { env: process.env });
  const names = [...output.matchAll(/^Loaded image(?: ID)?: (\S+)$/gm)].map(([, name = ""]) => name);
  const ids: string[] = [];
  for (const name of names) ids.push((await run("docker", ["image", "inspect", "--format", "{{.Id}}", name])).trim());
  await run("docker", ["rmi", "--force", ...names]);
  return { names, ids };
}

/** The layout in an archive, made a root file system by umoci. The files of it, given back as `umoci` left them. */
export async function unpackWithUmoci(
  archive: string,
  tag: string,
): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "downloader-umoci-"));
  const layout = join(folder, "layout");
  await mkdir(layout);
  await run("tar", ["--extract", "--file", archive, "--directory", layout]);
  await run("umoci", ["unpack", "--rootless", "--image", `${layout}:${tag}`, join(folder, "bundle")]);
  return {
    folder: join(folder, "bundle/rootfs"),
    remove: async () => await rm(folder, { recursive: true, force: true }),
  };
}

/** A containerd of its own, which has nothing to do with the engine's. */
export class Containerd {
  readonly #folder: string;
  readonly #stop: () => Promise<void>;

  private constructor(folder: string, stop: () => Promise<void>) {
    this.#folder = folder;
    this.#stop = stop;
  }

  static async start(): Promise<Containerd> {
    const folder = await mkdtemp(join(tmpdir(), "downloader-containerd-"));
    const socket = join(folder, "socket");
    const config = join(folder, "config.toml");
    const settings = [
      "version = 2",
      `root = "${join(folder, "root")}"`,
      `state = "${join(folder, "state")}"`,
      // Neither a socket beyond its own nor a folder of the system's is touched.
      'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]',
      `[grpc]\naddress = "${socket}"`,
      `[ttrpc]\naddress = "${socket}.ttrpc"`,
    ];
    await writeFile(config, `${settings.join("\n")}\n`);
    const child = spawn("containerd", ["--config", config, "--log-level", "error"], { stdio: "ignore" });
    const containerd = new Containerd(folder, async () => {
      if (child.exitCode === null && child.kill("SIGTERM")) await once(child, "exit");
      await rm(folder, { recursive: true, force: true });
    });
    await eventually(
      async () =>
        await containerd.#ctr("version").then(
          () => true,
          () => false,
        ),
    );
    return containerd;
  }

  async #ctr(...args: readonly string[]): Promise<string> {
    return await run("ctr", ["--address", join(this.#folder, "socket"), "--namespace", "downloads", ...args]);
  }

  /** Names that it gave to what was in the archive; each manifest is checked for all of its blobs. */
  async import(archive: string): Promise<string[]> {
    const base = `imported-${randomUUID()}`;
    await this.#ctr("images", "import", "--no-unpack", "--base-name", base, archive);
    const names = (await this.#ctr("images", "ls", "--quiet")).trim().split("\n");
    for (const line of (await this.#ctr("images", "check")).trim().split("\n").slice(1)) {
      if (!/\scomplete\s/.test(line)) throw new Error(`containerd does not have all of it: ${line}`);
    }
    return names;
  }

  async stop(): Promise<void> {
    await this.#stop();
  }
}
