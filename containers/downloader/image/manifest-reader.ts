/**
 * Manifests of one repository, each asked for as seldom as it can be: registries count them. A tag is looked up with
 * `HEAD`, which they do not count, and a digest that was read before is not read again.
 */
import type { Digest } from "../../../src/registry/oci/digest.ts";
import { algorithmOf, digestOfBytes, isDigest } from "../../../src/registry/oci/digest.ts";
import { isSchema1 } from "../../../src/registry/oci/media-types.ts";
import { DownloadError } from "../errors.ts";
import type { Registry } from "../registry/registries.ts";
import type { Verified } from "./types.ts";

/** Of manifests that anybody may read. What it gives is verified by whoever reads it. */
export interface ManifestCache {
  get(key: ManifestKey): Promise<{ readonly mediaType: string; readonly bytes: Uint8Array } | null>;
  put(key: ManifestKey, manifest: { readonly mediaType: string; readonly bytes: Uint8Array }): Promise<void>;
}

export interface ManifestKey {
  readonly domain: string;
  readonly repository: string;
  readonly digest: Digest;
}

export type ReadManifest = (target: string) => Promise<Verified>;

export function manifestReader(registry: Registry, repository: string, cache: ManifestCache | undefined): ReadManifest {
  const { domain } = registry;
  const shared = registry.isPrivate ? undefined : cache;
  const fetched = async (target: string): Promise<Verified> => {
    try {
      return await registry.manifest(repository, target);
    } catch (error) {
      throw (await isOld(registry, repository, target, error)) ? oldSchema(`${domain}/${repository}`) : error;
    }
  };
  return async (target) => {
    if (shared === undefined) return await fetched(target);
    const digest = isDigest(target) ? target : (await registry.head(repository, target)).digest;
    // A registry that does not say it has to be asked for all of it.
    if (digest === null) return await fetched(target);
    const key = { domain, repository, digest };
    const kept = await shared.get(key);
    if (kept !== null && (await digestOfBytes(algorithmOf(digest), new Uint8Array(kept.bytes))) === digest) {
      return { digest, mediaType: kept.mediaType, bytes: kept.bytes };
    }
    const manifest = await fetched(digest);
    await shared.put(key, { mediaType: manifest.mediaType, bytes: manifest.bytes });
    return manifest;
  };
}

/** A manifest of schema 1 has the digest of a part of its bytes, and looks like one that was tampered with. */
async function isOld(registry: Registry, repository: string, target: string, error: unknown): Promise<boolean> {
  if (!(error instanceof DownloadError) || error.code !== "REGISTRY_INVALID") return false;
  const head = await registry.head(repository, target).catch(() => null);
  return head !== null && isSchema1(head.mediaType);
}

export function oldSchema(name: string): DownloadError {
  const message = `${name} is an image of schema 1, which engines do not load any more: it has to be pushed anew`;
  return new DownloadError("NOT_AN_IMAGE", message, { image: name });
}
