/** What an index names: other manifests, and the platforms they are for. Of bytes that were read when they came. Pure. */
import { isDigest, type Digest } from "./digest.ts";
import { kindOf } from "./media-types.ts";

export interface IndexEntry {
  readonly digest: Digest;
  /** `linux/arm64/v8`; null where it says none, or is no image but what goes with one. */
  readonly platform: string | null;
}

type Fields = Readonly<Record<string, unknown>>;

/** Empty for what is no index. */
export function indexEntries({ mediaType, bytes }: { mediaType: string; bytes: Uint8Array }): IndexEntry[] {
  if (kindOf(mediaType) !== "index") return [];
  const { manifests } = JSON.parse(new TextDecoder().decode(bytes)) as { manifests?: unknown };
  return (Array.isArray(manifests) ? (manifests as Fields[]) : []).flatMap(({ digest, platform }) =>
    typeof digest === "string" && isDigest(digest) ? [{ digest, platform: platformOf(platform) }] : [],
  );
}

function platformOf(value: unknown): string | null {
  if (typeof value !== "object" || value === null) return null;
  const { os, architecture, variant } = value as Fields;
  if (typeof os !== "string" || typeof architecture !== "string" || os === "unknown") return null;
  return [os, architecture, ...(typeof variant === "string" && variant !== "" ? [variant] : [])].join("/");
}
