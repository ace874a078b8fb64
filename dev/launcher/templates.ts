/**
 * The samples of this project as templates in the registry of the control plane that was started. Beside the start, and
 * again after each: what is there already is not sent, and what cannot be sent is a line in the log.
 */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { processIo, type Io } from "../../cli/io.ts";
import { openRegistry } from "../../cli/registry-connection.ts";
import { buildTemplate } from "../../cli/templates/artifact.ts";
import type { RegistryClient } from "../../cli/templates/registry-client.ts";
import { pushTemplate } from "../../cli/templates/shelf.ts";
import { APPLICATION, readTemplate } from "../../cli/templates/source.ts";
import type { ControlPlane } from "./control-plane.ts";

/** Never throws: a control plane without templates is one that works. */
export async function publishSamples(
  projectDir: string,
  plane: ControlPlane,
  log: (line: string) => void,
): Promise<void> {
  const io = { ...processIo(), env: {}, cwd: projectDir, sleep: async (ms: number) => await sleep(ms) };
  const { url, token, accountId } = plane;
  try {
    const names = await sampleNames(projectDir);
    if (names.length === 0) return;
    const registry = await openRegistry(io, { url, token, accountId }, ["pull", "push"]);
    for (const name of names) {
      await publish(registry, join(projectDir, "containers", name), io, log).catch((error: unknown) =>
        log(`Could not publish the template ${name}: ${textOf(error)}`),
      );
    }
  } catch (error) {
    log(`Could not publish the templates: ${textOf(error)}`);
  }
}

async function publish(registry: RegistryClient, folder: string, io: Io, log: (line: string) => void): Promise<void> {
  const artifact = await buildTemplate(await readTemplate(folder, {}, io));
  const { info, manifest } = artifact;
  if (!(await pushTemplate(registry, artifact))) return;
  log(`Published the template ${info.name}:${info.version}, ${manifest.digest}.`);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function sampleNames(projectDir: string): Promise<string[]> {
  const folder = join(projectDir, "containers");
  if (!existsSync(folder)) return [];
  return (await readdir(folder)).filter((name) => existsSync(join(folder, name, APPLICATION))).toSorted();
}
