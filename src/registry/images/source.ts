/** Where the bytes of a pinned image are read: Gantry's own registry, with what it pulls through, or the registry that had it. */
import { registryStub } from "../../stubs.ts";
import { openBlob } from "../blobs/open-blob.ts";
import type { Digest } from "../oci/digest.ts";
import { kindOf } from "../oci/media-types.ts";
import { parseManifest, type ParsedManifest } from "../oci/manifest.ts";
import { placeOf } from "../pull-through/sources.ts";
import { registryFor } from "../registry-for.ts";
import type { BlobRecord, StoredManifest } from "../store/contract.ts";
import type { UpstreamAnswer } from "../upstream/failure.ts";
import { verified } from "../upstream/verified.ts";
import { OWN_REGISTRY, type Pin } from "./pin.ts";
import { ImageFailure } from "./progress.ts";

export interface ImageSource {
  manifest(digest: Digest): Promise<StoredManifest>;
  blob(digest: Digest, size: number): Promise<ReadableStream<Uint8Array>>;
}

/** Its manifests are proven by their digests; of blobs, whoever takes them checks. */
export function sourceOf(env: Env, accountId: string, pin: Pin): ImageSource {
  return pin.domain === OWN_REGISTRY ? ownSource(env, accountId, pin) : upstreamSource(env, accountId, pin);
}

/** The image of it that the platform runs: of an index the one for linux/amd64. */
export async function runnable(
  source: ImageSource,
  digest: Digest,
): Promise<{ stored: StoredManifest; image: ParsedManifest }> {
  const stored = await source.manifest(digest);
  const parsed = await parseManifest(stored.bytes, stored.mediaType);
  if (parsed.kind === "image") return { stored, image: parsed };
  if (parsed.kind !== "index") throw lasting(`${digest} is no image: ${parsed.mediaType}`);
  const platforms = platformsOf(stored.bytes);
  const found = platforms.find(({ os, architecture }) => os === "linux" && architecture === "amd64");
  if (found === undefined) {
    const there = platforms.map(({ os, architecture }) => `${os}/${architecture}`).join(", ");
    throw lasting(`${digest} has no image for linux/amd64, only for: ${there || "none"}`);
  }
  return await runnable(source, found.digest);
}

interface Platform {
  readonly digest: Digest;
  readonly os: string;
  readonly architecture: string;
}

interface IndexEntry {
  readonly digest: Digest;
  readonly mediaType?: string;
  readonly platform?: { readonly os?: string; readonly architecture?: string };
}

/** Checked by `parseManifest` before. An attestation has the platform `unknown`. */
function platformsOf(bytes: Uint8Array): Platform[] {
  const { manifests } = JSON.parse(new TextDecoder().decode(bytes)) as { readonly manifests: readonly IndexEntry[] };
  return manifests.flatMap(({ digest, mediaType = "", platform }) => {
    const { os = "", architecture = "" } = platform ?? {};
    if (kindOf(mediaType) === null || os === "" || os === "unknown") return [];
    return [{ digest, os, architecture: architecture === "x86_64" ? "amd64" : architecture }];
  });
}

function ownSource(env: Env, accountId: string, { repository }: Pin): ImageSource {
  const index = registryStub(env, accountId);
  return {
    manifest: async (digest) => {
      const found: StoredManifest | null = await index.manifest(repository, digest);
      const behind = found === null ? await pulledThrough(env, accountId, repository) : null;
      if (behind !== null) return await behind.manifest(digest);
      if (found === null) throw lasting(`${repository}@${digest} is not in the registry of this account any more`);
      return found;
    },
    blob: async (digest, size) => {
      const found: BlobRecord | null = await index.blob(repository, digest, { hold: false });
      const behind = found === null ? await pulledThrough(env, accountId, repository) : null;
      if (behind !== null) return await behind.blob(digest, size);
      if (found === null) throw lasting(`blob ${digest} of ${repository} is not in the registry of this account`);
      return await openBlob({ bucket: env.REGISTRY_BLOBS, index }, found, { offset: 0, length: size });
    },
  };
}

/** Of what is pulled through, only what somebody has asked for is here. Null for an ordinary repository. */
async function pulledThrough(env: Env, accountId: string, repository: string): Promise<ImageSource | null> {
  const place = await placeOf(env, accountId, repository);
  if (place === null) return null;
  return upstreamSource(env, accountId, { domain: place.source.domain, repository: place.repository });
}

function upstreamSource(
  env: Env,
  accountId: string,
  { domain, repository }: Pick<Pin, "domain" | "repository">,
): ImageSource {
  const upstream = registryFor(env, accountId, domain);
  if (typeof upstream === "string") throw lasting(upstream);
  return {
    manifest: async (digest) => valueOf(await upstream.manifest(repository, digest)),
    blob: async (digest, size) => verified(valueOf(await upstream.blob({ repository, digest, size })).body, digest),
  };
}

function valueOf<T>(answer: UpstreamAnswer<T>): T {
  if (answer.ok) return answer.value;
  const { code, message } = answer.failure;
  throw new ImageFailure(message, { isPassing: code === "RATE_LIMITED" || code === "UNREACHABLE" });
}

function lasting(reason: string): ImageFailure {
  return new ImageFailure(reason, { isPassing: false });
}
