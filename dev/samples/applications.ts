/**
 * The samples as applications of the control plane that was started: each is made once in the life of a state, from its
 * `application.json`. What somebody has deleted does not come back, and what they have changed is left alone.
 */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "jsonc-parser";
import * as z from "zod";
import { isCode, type Api } from "../../cli/api.ts";
import { REGISTRY_HOST } from "../../src/egress/hosts.ts";
import type { SampleRecord } from "./record.ts";

const MANIFEST = "application.json";
const REGISTRIES = "DOWNLOADER_REGISTRIES";

const manifest = z.looseObject({
  name: z.string(),
  configuration: z.looseObject({
    image: z.string(),
    environment_variables: z.array(z.looseObject({ name: z.string(), value: z.string() })).optional(),
  }),
});
export type Sample = z.infer<typeof manifest>;

const workerConfig = z.looseObject({
  containers: z.array(z.looseObject({ images: z.record(z.string(), z.unknown()).optional() })).optional(),
});

/** Those whose image the control plane has been started with. `host`: where it answers. */
export async function readSamples(projectDir: string, host: string): Promise<readonly Sample[]> {
  const folder = join(projectDir, "containers");
  if (!existsSync(folder)) return [];
  const images = await imagesOf(projectDir);
  const names = (await readdir(folder)).filter((name) => existsSync(join(folder, name, MANIFEST))).toSorted();
  const samples = await Promise.all(
    names.map(async (name) => manifest.parse(JSON.parse(await readFile(join(folder, name, MANIFEST), "utf8")))),
  );
  return samples.filter(({ configuration }) => images.has(configuration.image)).map((sample) => at(host, sample));
}

async function imagesOf(projectDir: string): Promise<ReadonlySet<string>> {
  const config = workerConfig.parse(parse(await readFile(join(projectDir, "wrangler.jsonc"), "utf8")));
  return new Set((config.containers ?? []).flatMap(({ images = {} }) => Object.keys(images)));
}

/** The downloader offers the control plane's own images first. They are named after where that answers, which only it knows. */
function at(host: string, sample: Sample): Sample {
  const { configuration } = sample;
  const { image, environment_variables: variables = [] } = configuration;
  if (image !== "downloader" || variables.some(({ name }) => name === REGISTRIES)) return sample;
  const own = { name: REGISTRIES, value: JSON.stringify([{ host, url: `http://${REGISTRY_HOST}`, title: "Gantry" }]) };
  return { ...sample, configuration: { ...configuration, environment_variables: [...variables, own] } };
}

/** Those that are there, or are about to be made. */
export async function samplesToShow(
  api: Api,
  samples: readonly Sample[],
  record: SampleRecord,
): Promise<readonly string[]> {
  const there = new Set((await api.list("GET /applications")).map(({ name }) => name));
  return samples.map(({ name }) => name).filter((name) => there.has(name) || !record.applied.includes(name));
}

/** One that cannot be made is a line in the log, and tried again at the next start. */
export async function applySamples(
  api: Api,
  samples: readonly Sample[],
  record: SampleRecord,
  log: (line: string) => void,
): Promise<void> {
  for (const sample of samples) {
    const { name } = sample;
    if (record.applied.includes(name)) continue;
    try {
      await api.send("POST /applications", { body: sample, idempotencyKey: crypto.randomUUID() });
      log(`Made the application ${name} of containers/${name}.`);
    } catch (error) {
      if (!isCode(error, "APPLICATION_ALREADY_EXISTS")) {
        log(`Could not make the application ${name}: ${error instanceof Error ? error.message : String(error)}`);
        continue;
      }
    }
    await record.addApplied(name);
  }
}
