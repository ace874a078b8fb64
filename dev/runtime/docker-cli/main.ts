/**
 * The docker CLI as wrangler and Miniflare expect it: builds without buildx where there is none, and `pull` succeeds
 * for an image that is already here, since a stand-in cannot be pulled. Everything else goes to the real CLI.
 */
import { spawn, spawnSync } from "node:child_process";
import { isBuild, pulledImage, withoutBuildxFlags } from "./arguments.ts";

const docker = process.env["GANTRY_DOCKER_CLI"] ?? "docker";
const args = process.argv.slice(2);
const image = pulledImage(args);

if (image !== undefined && succeeds(["image", "inspect", image])) {
  process.stdout.write(`${image} is already here\n`);
} else if (isBuild(args) && !succeeds(["buildx", "version"])) {
  forward(withoutBuildxFlags(args), { ...process.env, DOCKER_BUILDKIT: "0" });
} else {
  forward(args, process.env);
}

function succeeds(command: readonly string[]): boolean {
  return spawnSync(docker, command, { stdio: "ignore" }).status === 0;
}

function forward(command: readonly string[], env: NodeJS.ProcessEnv): void {
  const child = spawn(docker, command, { stdio: "inherit", env });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`${docker}: ${error.message}\n`);
    process.exitCode = 127;
  });
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? (signal === "SIGINT" ? 130 : 143);
  });
}
