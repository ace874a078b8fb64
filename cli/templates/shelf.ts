/** The templates of a registry: what there is, what one of them is, and a new one. */
import type { Digest } from "../../src/registry/oci/digest.ts";
import { problem, ProblemsError } from "../problems.ts";
import { didYouMean } from "../resources/did-you-mean.ts";
import { openBundle, type TemplateArtifact, type TemplateFile } from "./artifact.ts";
import {
  ANNOTATIONS,
  formatReference,
  LATEST,
  LIMITS,
  readInfo,
  readManifest,
  repositoryOf,
  TEMPLATES,
  type TemplateInfo,
  type TemplateManifest,
  type TemplateReference,
  type TemplateView,
} from "./format.ts";
import type { RegistryClient } from "./registry-client.ts";

export interface Template {
  readonly name: string;
  readonly digest: Digest;
  readonly info: TemplateInfo;
  readonly manifest: TemplateManifest;
}

/** By name; of each the latest first. What else has been pushed there is left out. */
export async function listTemplates(registry: RegistryClient): Promise<TemplateView[]> {
  const repositories = await registry.repositories(TEMPLATES);
  const views: TemplateView[] = [];
  for (const repository of repositories) views.push(...(await viewsOf(registry, repository.slice(TEMPLATES.length))));
  return views;
}

async function viewsOf(registry: RegistryClient, name: string): Promise<TemplateView[]> {
  const tagsOf = new Map<Digest, string[]>();
  for (const tag of await tagsIn(registry, name)) {
    const digest = await registry.digestOf(repositoryOf(name), tag);
    if (digest !== null) tagsOf.set(digest, [...(tagsOf.get(digest) ?? []), tag]);
  }
  const views = await Promise.all(
    [...tagsOf].map(async ([digest, tags]) => {
      const found = await registry.manifest(repositoryOf(name), digest);
      return found === null ? [] : viewOf(name, digest, tags, found.bytes);
    }),
  );
  return views.flat();
}

/** `latest` first, then the newest version. */
async function tagsIn(registry: RegistryClient, name: string): Promise<string[]> {
  const tags = (await registry.tags(repositoryOf(name))) ?? [];
  const byVersion = new Intl.Collator("en", { numeric: true });
  return tags.toSorted((a, b) => Number(b === LATEST) - Number(a === LATEST) || byVersion.compare(b, a));
}

function viewOf(name: string, digest: Digest, tags: readonly string[], bytes: Uint8Array): TemplateView[] {
  const { config, layers, annotations } = isTemplate(bytes) ? readManifest(bytes, name) : NOTHING;
  if (config === null) return [];
  const size = config.size + layers.reduce((sum, layer) => sum + layer.size, bytes.length);
  const { [ANNOTATIONS.version]: version = "", [ANNOTATIONS.description]: description = "" } = annotations;
  return [{ name, digest, tags, size, version, description }];
}

const NOTHING = { config: null, layers: [], annotations: {} } as const;

function isTemplate(bytes: Uint8Array): boolean {
  try {
    readManifest(bytes, "");
    return true;
  } catch {
    return false;
  }
}

/** Throws with what there is where this is not. */
export async function findTemplate(registry: RegistryClient, wanted: TemplateReference): Promise<Template> {
  const { name, reference } = wanted;
  const found = await registry.manifest(repositoryOf(name), reference);
  if (found === null) throw await missing(registry, wanted);
  const what = formatReference(wanted);
  const manifest = readManifest(found.bytes, what);
  const { digest } = manifest.config;
  const info = readInfo(await registry.blob(repositoryOf(name), digest, LIMITS.config), what);
  return { name, digest: found.digest, info, manifest };
}

async function missing(registry: RegistryClient, wanted: TemplateReference): Promise<ProblemsError> {
  const { name, reference } = wanted;
  const there = await tagsIn(registry, name);
  if (there.length > 0) {
    const text = `there is no ${reference} of it: there ${there.length === 1 ? "is" : "are"} ${there.join(", ")}`;
    return new ProblemsError([problem(text, { field: `template ${name}` })]);
  }
  const names = (await registry.repositories(TEMPLATES)).map((repository) => repository.slice(TEMPLATES.length));
  const known =
    names.length === 0
      ? "there are none; npm start publishes the samples, and gantry templates push <folder> one of yours"
      : `there ${names.length === 1 ? "is" : "are"} ${names.join(", ")}${didYouMean(name, names)}`;
  return new ProblemsError([problem(`there is no such template: ${known}`, { field: `template ${name}` })]);
}

export async function filesOf(registry: RegistryClient, { name, manifest, info }: Template): Promise<TemplateFile[]> {
  const [{ digest }] = manifest.layers;
  return await openBundle(await registry.blob(repositoryOf(name), digest, LIMITS.bundle), info);
}

/** Whether the registry did not have it under both of its tags. */
export async function pushTemplate(
  registry: RegistryClient,
  { info, manifest, config, bundle }: TemplateArtifact,
): Promise<boolean> {
  const repository = repositoryOf(info.name);
  const tags = [info.version, LATEST];
  const there = await Promise.all(tags.map((tag) => registry.digestOf(repository, tag)));
  const lacking = tags.filter((_, index) => there[index] !== manifest.digest);
  if (lacking.length === 0) return false;
  if (!there.includes(manifest.digest)) {
    await registry.pushBlob(repository, config);
    await registry.pushBlob(repository, bundle);
  }
  // The version first: `latest` is never at what has no other name.
  for (const tag of lacking) await registry.pushManifest(repository, tag, manifest.bytes);
  return true;
}
