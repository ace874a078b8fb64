/** A registry of somebody else, for tests in workerd: on loopback, for as long as the tests run. */
import type { TestProject } from "vitest/node";
import { startFakeRegistry } from "../registry/fake-registry.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** `127.0.0.1:<port>`. */
    outsideRegistry: string;
  }
}

export default async function setup(project: TestProject): Promise<() => void> {
  const registry = await startFakeRegistry({ auth: "token", redirects: true });
  project.provide("outsideRegistry", registry.host);
  return registry.close;
}
