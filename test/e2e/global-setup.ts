/** Provides the container backend that every end-to-end test runs on, and removes its containers at the end. */
import { resolve } from "node:path";
import type { TestProject } from "vitest/node";
import { startContainerBackend } from "../../dev/launcher/container-backend.ts";
import { bundleWorkloads } from "../../dev/launcher/workload-bundles.ts";

declare module "vitest" {
  export interface ProvidedContext {
    containerEnv: Record<string, string>;
    containerSession: string;
  }
}

const PROJECT_DIR = resolve(import.meta.dirname, "../..");

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const backend = await startContainerBackend({ projectDir: PROJECT_DIR, log: (line) => console.log(line) });
  await bundleWorkloads(PROJECT_DIR);
  project.provide("containerEnv", backend.env);
  project.provide("containerSession", backend.session);
  return () => backend.close();
}
