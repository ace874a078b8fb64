/**
 * The clients that people already have, unmodified, against one running control plane with real containers. A suite
 * leaves nothing behind for the next one.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, it } from "vitest";
import { PROJECT_DIR } from "../e2e/control-plane.ts";
import { plane, requests, startStage, stopStage } from "./stage.ts";
import { alchemy } from "./suites/alchemy.ts";
import { cloudflareSdk } from "./suites/cloudflare-sdk.ts";
import { wranglerCloudchamber } from "./suites/wrangler-cloudchamber.ts";
import { wranglerContainers } from "./suites/wrangler-containers.ts";
import { wranglerDeploy } from "./suites/wrangler-deploy.ts";
import { wranglerRegistries } from "./suites/wrangler-registries.ts";

beforeAll(startStage);
afterAll(stopStage);
beforeEach(() => void requests());
afterEach(({ task }) => {
  if (task.result?.state === "fail") plane.debug();
});

it.for([
  ["wrangler", "package.json"],
  ["cloudflare", "package.json"],
  ["alchemy", "test/conformance/alchemy/package.json"],
] as const)("docs/conformance.md names the version of %s that runs here", async ([client, manifest], { expect }) => {
  const page = await readFile(join(PROJECT_DIR, "docs/conformance.md"), "utf8");
  const row = page.split("\n").find((line) => line.toLowerCase().replaceAll("`", "").startsWith(`| ${client}`));
  const { dependencies, devDependencies } = JSON.parse(await readFile(join(PROJECT_DIR, manifest), "utf8"));
  expect(row).toContain(`| ${{ ...dependencies, ...devDependencies }[client]} |`);
});

wranglerContainers();
wranglerRegistries();
wranglerCloudchamber();
wranglerDeploy();
cloudflareSdk();
alchemy();
