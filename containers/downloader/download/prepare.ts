/** From what a visitor asks for to a download that is known to its last byte, before any layer is read. */
import { archivePlan, type ArchiveFormat } from "../archive/layout.ts";
import type { ArchivePlan } from "../archive/plan.ts";
import { layersToUnpack, type UnpackedSizes } from "../archive/unpacked.ts";
import { DownloadError } from "../errors.ts";
import type { ManifestCache } from "../image/manifest-reader.ts";
import { readPlatform } from "../image/platform.ts";
import { fileNameOf, readReference } from "../image/reference.ts";
import { resolveImage } from "../image/resolve.ts";
import type { ImageLayer, ResolvedImage } from "../image/types.ts";
import type { Login, Registries, Registry } from "../registry/registries.ts";

export interface DownloadRequest {
  readonly images: readonly string[];
  readonly platform: string;
  readonly format: ArchiveFormat;
  /** For all of the images, which then are of one registry. */
  readonly login: Login | null;
}

export interface Download {
  readonly images: readonly ResolvedImage[];
  readonly plan: ArchivePlan;
  readonly fileName: string;
  /** By image: where its layers are read. */
  readonly registries: readonly Registry[];
  /** It is read with somebody's password. */
  readonly isPrivate: boolean;
}

export interface PrepareOptions {
  readonly registries: Registries;
  readonly manifests?: ManifestCache | undefined;
  /** Of layers that an archive of the format `docker` has unpacked. */
  readonly unpackedSize: (registry: Registry, image: ResolvedImage, layer: ImageLayer) => Promise<number>;
}

export const MAX_IMAGES = 10;
/** Of manifests and configs, which are in memory for as long as an archive is sent; most images have a few kilobytes. */
const MAX_SMALL_BYTES = 16 * 1024 * 1024;

/** Throws `DownloadError`. */
export async function prepare(request: DownloadRequest, options: PrepareOptions): Promise<Download> {
  const { registries, manifests, unpackedSize } = options;
  const { format, login } = request;
  const references = request.images.map(readReference);
  if (references.length === 0) throw new DownloadError("INVALID_REQUEST", "name an image");
  if (references.length > MAX_IMAGES) {
    throw new DownloadError("INVALID_REQUEST", `an archive is of ${MAX_IMAGES} images at most`);
  }
  const domains = new Set(references.map(({ domain }) => domain));
  if (login !== null && domains.size > 1) {
    const message = "a user and password are for one registry: take the images of each in an archive of its own";
    throw new DownloadError("INVALID_REQUEST", message);
  }
  const platform = readPlatform(request.platform);
  const opened = new Map([...domains].map((domain) => [domain, registries.open(domain, login)]));
  const found = await Promise.all(
    references.map(async (reference) => {
      const registry = opened.get(reference.domain) ?? registries.open(reference.domain, login);
      return { registry, image: await resolveImage(registry, reference, { platform, manifests }) };
    }),
  );
  const images = found.map(({ image }) => image);
  const small = images.reduce((sum, { manifest, config }) => sum + manifest.bytes.length + config.bytes.length, 0);
  if (small > MAX_SMALL_BYTES) {
    throw new DownloadError(
      "NOT_AN_IMAGE",
      `the images have manifests and configs of ${small} bytes, which is too much`,
    );
  }
  const sizes = new Map<string, number>();
  if (format === "docker") {
    for (const layer of layersToUnpack(images)) {
      const owner = found.find(({ image }) => image.layers.some(({ digest }) => digest === layer.digest));
      if (owner !== undefined) sizes.set(layer.digest, await unpackedSize(owner.registry, owner.image, layer));
    }
  }
  return {
    images,
    plan: await archivePlan(images, format, sizes as UnpackedSizes),
    fileName: fileNameOf(references),
    registries: found.map(({ registry }) => registry),
    isPrivate: login !== null,
  };
}
