/** Debian's docker-registry on loopback, for as long as a test needs it, with images that were pushed to it. */
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { promisify } from "node:util";
import { eventually } from "./control-plane.ts";

const run = promisify(execFile);

export interface DockerRegistry {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  stop(): Promise<void>;
}

export async function startDockerRegistry(): Promise<DockerRegistry> {
  const folder = await mkdtemp(join(tmpdir(), "docker-registry-"));
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(folder, "config.yml");
  await writeFile(
    config,
    JSON.stringify({
      version: "0.1",
      log: { level: "error" },
      storage: { filesystem: { rootdirectory: join(folder, "data") }, delete: { enabled: true } },
      http: { addr: host, secret: "for a test" },
    }),
  );
  const registry = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
  await eventually(async () => (await fetch(`http://${host}/v2/`).catch(() => null))?.ok);
  return {
    host,
    stop: async () => {
      registry.kill("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Nobody listens there, for the moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}

/** An image of the engine, to a registry, as `skopeo` does it. */
export async function pushWithSkopeo(image: string, target: string, credentials?: string): Promise<void> {
  const socket = process.env["DOCKER_HOST"] ?? "";
  await run("skopeo", [
    "copy",
    "--insecure-policy",
    "--src-daemon-host",
    socket,
    "--dest-tls-verify=false",
    ...(credentials === undefined ? [] : ["--dest-creds", credentials]),
    `docker-daemon:${image}`,
    `docker://${target}`,
  ]);
}
