/**
 * From a reference and a platform to one image, with everything small of it read and verified. What has no such platform
 * says which ones there are; another is never given in its place.
 */
import { ManifestProblem } from "../../../src/registry/oci/descriptor.ts";
import { algorithmOf, digestOfBytes, type Digest } from "../../../src/registry/oci/digest.ts";
import { parseManifest, type ParsedManifest } from "../../../src/registry/oci/manifest.ts";
import { isNonDistributable, isSchema1 } from "../../../src/registry/oci/media-types.ts";
import { DownloadError } from "../errors.ts";
import type { Registry } from "../registry/registries.ts";
import { readSmallBlob } from "../registry/small-blob.ts";
import { imageConfig, type ImageConfig } from "./config.ts";
import { nearest, offersOf, platformNames, type Offer } from "./index-walk.ts";
import { manifestReader, oldSchema, type ManifestCache, type ReadManifest } from "./manifest-reader.ts";
import { compressionOf, isImageConfig } from "./media-types.ts";
import { distance, formatPlatform, type Platform } from "./platform.ts";
import { formatReference, repoTagOf, targetOf, type ImageReference } from "./reference.ts";
import type { ImageLayer, ResolvedImage, Verified } from "./types.ts";

export interface ResolveOptions {
  readonly platform: Platform;
  readonly manifests?: ManifestCache | undefined;
}

/** Throws `DownloadError`. */
export async function resolveImage(
  registry: Registry,
  reference: ImageReference,
  { platform, manifests }: ResolveOptions,
): Promise<ResolvedImage> {
  const read = manifestReader(registry, reference.repository, manifests);
  const name = formatReference(reference);
  const top = await read(targetOf(reference));
  const parsed = await parsedOf(top, name);
  const loaded =
    parsed.kind === "index"
      ? await fromIndex({ registry, reference, read, name, platform }, top)
      : await fromManifest({ registry, reference, read, name, platform }, top, parsed);
  const { manifest, image, config, chosen, platforms } = loaded;
  const layers = layersOf(image, config, name);
  await refuseMissing(registry, reference.repository, image, name);
  const sizes = new Map<Digest, number>(layers.map(({ digest, size }) => [digest, size]));
  for (const { digest, bytes } of [manifest, config.verified]) sizes.set(digest, bytes.length);
  return {
    reference,
    name,
    repoTag: repoTagOf(reference),
    manifest,
    config: config.verified,
    layers,
    platform: formatPlatform(chosen),
    platforms,
    size: [...sizes.values()].reduce((sum, size) => sum + size, 0),
  };
}

/** The platforms of an image, without the choice of one. */
export async function platformsOf(
  registry: Registry,
  reference: ImageReference,
  manifests?: ManifestCache,
): Promise<readonly string[]> {
  const read = manifestReader(registry, reference.repository, manifests);
  const top = await read(targetOf(reference));
  const name = formatReference(reference);
  const parsed = await parsedOf(top, name);
  if (parsed.kind === "index")
    return platformNames(await offersOf(top.bytes, async (digest) => (await read(digest)).bytes));
  const { platform } = await configOf(registry, reference, parsed, name);
  return platform === null ? [] : [formatPlatform(platform)];
}

interface Task {
  readonly registry: Registry;
  readonly reference: ImageReference;
  readonly read: ReadManifest;
  readonly name: string;
  readonly platform: Platform;
}

interface Loaded {
  readonly manifest: Verified;
  readonly image: ParsedManifest;
  readonly config: ImageConfig;
  readonly chosen: Platform;
  readonly platforms: readonly string[];
}

async function fromIndex(task: Task, index: Verified): Promise<Loaded> {
  const { registry, reference, read, name, platform } = task;
  const offers = await offersOf(index.bytes, async (digest) => (await read(digest)).bytes);
  const named = offers.filter((offer): offer is Offer & { platform: Platform } => offer.platform !== null);
  const platforms = platformNames(offers);
  const best = nearest(platform, named);
  if (best !== null) {
    const manifest = await read(best.digest);
    const image = await parsedOf(manifest, name);
    const config = await configOf(registry, reference, image, name);
    return { manifest, image, config, chosen: best.platform, platforms };
  }
  // An index may leave it to the configs to say what they are for.
  for (const { digest } of offers.filter((offer) => offer.platform === null).slice(0, MAX_UNNAMED)) {
    const manifest = await read(digest);
    const image = await parsedOf(manifest, name);
    if (image.config === null || !isImageConfig(image.config.mediaType)) continue;
    const config = await configOf(registry, reference, image, name);
    if (config.platform === null) continue;
    const has = formatPlatform(config.platform);
    if (!platforms.includes(has)) platforms.push(has);
    if (distance(platform, config.platform) === null) continue;
    return { manifest, image, config, chosen: config.platform, platforms };
  }
  throw notFound(task, platforms);
}

const MAX_UNNAMED = 8;
/** Engines take 127. */
const MAX_LAYERS = 1_000;

async function fromManifest(task: Task, manifest: Verified, image: ParsedManifest): Promise<Loaded> {
  const { registry, reference, name, platform } = task;
  const config = await configOf(registry, reference, image, name);
  // What says nothing was made before there was anything to say.
  const chosen = config.platform ?? platform;
  const platforms = [formatPlatform(chosen)];
  if (distance(platform, chosen) === null) throw notFound(task, platforms);
  return { manifest, image, config, chosen, platforms };
}

function notFound({ name, platform }: Task, platforms: readonly string[]): DownloadError {
  const there = platforms.length === 0 ? "none that says what it is for" : platforms.join(", ");
  const message = `${name} is not there for ${formatPlatform(platform)}; there is ${there}`;
  return new DownloadError("PLATFORM_NOT_FOUND", message, { image: name, platforms });
}

async function parsedOf({ bytes, mediaType }: Verified, name: string): Promise<ParsedManifest> {
  if (isSchema1(mediaType)) throw oldSchema(name);
  try {
    return await parseManifest(bytes, mediaType);
  } catch (error) {
    if (!(error instanceof ManifestProblem)) throw error;
    if (error.where === "schemaVersion") throw oldSchema(name);
    throw new DownloadError("NOT_AN_IMAGE", `the manifest of ${name}: ${error.message}`, { image: name });
  }
}

async function configOf(
  registry: Registry,
  { repository }: ImageReference,
  { config, artifactType, kind }: ParsedManifest,
  name: string,
): Promise<ImageConfig> {
  if (config === null || !isImageConfig(config.mediaType)) {
    const what = kind === "index" ? "an index" : (artifactType ?? config?.mediaType ?? "no type");
    throw new DownloadError("NOT_AN_IMAGE", `${name} is no image of a container, but ${what}`, { image: name });
  }
  const bytes = await readSmallBlob(registry, { repository, digest: config.digest, size: config.size }, name);
  if ((await digestOfBytes(algorithmOf(config.digest), bytes)) !== config.digest) {
    const message = `${registry.domain} gives the config of ${name} with bytes of another digest`;
    throw new DownloadError("REGISTRY_INVALID", message, { image: name });
  }
  return imageConfig({ mediaType: config.mediaType, digest: config.digest, bytes }, name);
}

function layersOf({ layers }: ParsedManifest, { diffIds, commands }: ImageConfig, name: string): ImageLayer[] {
  if (layers.length > MAX_LAYERS) {
    const message = `${name} has ${layers.length} layers, more than any engine takes`;
    throw new DownloadError("NOT_AN_IMAGE", message, { image: name });
  }
  if (layers.length !== diffIds.length) {
    const message = `${name} has ${layers.length} layers, and a config of ${diffIds.length}`;
    throw new DownloadError("NOT_AN_IMAGE", message, { image: name });
  }
  return layers.map(({ mediaType, digest, size }, index) => {
    const compression = compressionOf(mediaType);
    if (compression === null) {
      throw new DownloadError("NOT_AN_IMAGE", `${name} has a layer of the type ${mediaType}`, { image: name });
    }
    const [diffId = null, createdBy = null] = [diffIds[index], commands[index]];
    return { mediaType, digest, size, compression, diffId, createdBy };
  });
}

/** Layers that may not be spread are mostly elsewhere than in the registry, and nobody is asked there. */
async function refuseMissing(
  registry: Registry,
  repository: string,
  image: ParsedManifest,
  name: string,
): Promise<void> {
  for (const { digest } of image.layers.filter(({ mediaType }) => isNonDistributable(mediaType))) {
    if (await registry.has(repository, digest)) continue;
    const message = `${name} has the layer ${digest}, which may not be distributed and is not in the registry`;
    throw new DownloadError("LAYER_UNAVAILABLE", message, { image: name });
  }
}
