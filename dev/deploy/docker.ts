/**
 * Why images could not be built here, asked before anything is created: wrangler would find out only when the account is
 * half made.
 */
import type { Variables } from "./options.ts";
import { runProcess } from "./run-process.ts";

const WITHOUT_IMAGES = "or deploy the Worker alone with --containers-rollout none";

export async function dockerProblem(root: string, variables: Variables): Promise<string | undefined> {
  const succeeds = async (args: readonly string[]) =>
    (await runProcess(variables["WRANGLER_DOCKER_BIN"] || "docker", args, root, variables, "ignore")) === 0;
  if (!(await succeeds(["info"]))) {
    return `no Docker engine answers, and the images are built with one: start Docker, ${WITHOUT_IMAGES}`;
  }
  if (!(await succeeds(["buildx", "version"]))) {
    return `this Docker has no buildx, which wrangler builds images with: install its buildx plugin, ${WITHOUT_IMAGES}`;
  }
  return undefined;
}
