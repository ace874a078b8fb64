/** Registries keep more than images: what no container can be started from is said before anybody tries. Pure. */
import { parseManifest } from "../oci/manifest.ts";

const IMAGE_CONFIGS: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
]);

/** What a manifest is of that is no image; null for an image, an index, and what cannot be read. */
export async function artifactTypeOf(bytes: Uint8Array, mediaType: string): Promise<string | null> {
  const manifest = await parseManifest(bytes, mediaType).catch(() => null);
  if (manifest === null || manifest.kind === "index") return null;
  const { config, artifactType } = manifest;
  if (config !== null && IMAGE_CONFIGS.has(config.mediaType)) return null;
  return artifactType ?? config?.mediaType ?? manifest.mediaType;
}
