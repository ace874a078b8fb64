/**
 * Manifests that anybody may read, by digest: registries count how often they are asked for one. Whoever reads one from
 * here verifies it. For an hour: an image that has become private is then nobody's any more.
 */
import type { ManifestCache } from "../image/manifest-reader.ts";
import type { MetadataCache } from "./metadata.ts";

const KEEP_S = 3_600;
/** As much of memory as it may take, whatever registries send. */
const MAX_BYTES = 262_144;

interface Kept {
  readonly mediaType: string;
  readonly base64: string;
}

export function manifestCache(metadata: MetadataCache): ManifestCache {
  return {
    async get({ domain, repository, digest }) {
      const kept = await metadata.get<Kept>(["manifest", domain, repository, digest]);
      if (kept === null) return null;
      return { mediaType: kept.mediaType, bytes: new Uint8Array(Buffer.from(kept.base64, "base64")) };
    },
    async put({ domain, repository, digest }, { mediaType, bytes }) {
      if (bytes.length > MAX_BYTES) return;
      const kept: Kept = { mediaType, base64: Buffer.from(bytes).toString("base64") };
      metadata.put(["manifest", domain, repository, digest], KEEP_S, kept);
    },
  };
}
