/** Provides the container backend that every end-to-end test runs on, and removes its containers at the end. */
import { cp } from "node:fs/promises";
import { resolve } from "node:path";
import type { TestProject } from "vitest/node";
import { ensureBrowser, type Browser } from "../../dev/runtime/browser.ts";
import { startContainerBackend } from "../../dev/launcher/container-backend.ts";
import { bundleWorkloads } from "../../dev/launcher/workload-bundles.ts";

declare module "vitest" {
  export interface ProvidedContext {
    containerEnv: Record<string, string>;
    containerSession: string;
    /** The engine's own. */
    dockerSocket: string;
    browser: Browser;
  }
}

const PROJECT_DIR = resolve(import.meta.dirname, "../..");

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const backend = await startContainerBackend({ projectDir: PROJECT_DIR, log: (line) => console.log(line) });
  await bundleWorkloads(PROJECT_DIR);
  await installInit();
  project.provide("containerEnv", backend.env);
  project.provide("containerSession", backend.session);
  project.provide("dockerSocket", backend.dockerSocket);
  if (project.name === "long") project.provide("browser", await browser());
  return () => backend.close();
}

/** Where it is beside the Dockerfile of whoever has the package. */
async function installInit(): Promise<void> {
  const init = "containers/init/gantry-init";
  await cp(resolve(PROJECT_DIR, init), resolve(PROJECT_DIR, "test/e2e/images/logged/node_modules/gantry", init));
}

/** Without one, the tests that need it are skipped, and in CI they fail. */
async function browser(): Promise<Browser> {
  const found = await ensureBrowser({ stateDir: resolve(PROJECT_DIR, ".gantry"), log: (line) => console.log(line) });
  if ("obstacle" in found) console.log(`Tests in a browser cannot run: ${found.obstacle}`);
  return found;
}
