/** Manifests of an upstream registry: only bytes that have the digest which was asked for, or which it says itself. */
import { algorithmOf, digestOfBytes, isDigest, type Digest } from "../oci/digest.ts";
import { readBounded } from "./body.ts";
import { upstreamError } from "./failure.ts";
import { contentLength } from "./range.ts";
import { ask, type Session } from "./session.ts";
import type { Arrived } from "./transport.ts";

export interface UpstreamManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface ManifestHead {
  /** Null where the registry does not say. */
  readonly digest: Digest | null;
  readonly mediaType: string;
  readonly size: number | null;
}

/** Without every one of them named, registries answer 404, or another form than they have. */
export const MANIFEST_TYPES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.oci.artifact.manifest.v1+json",
] as const;

const HEADERS = { accept: [...MANIFEST_TYPES, "*/*;q=0.1"].join(", "), "accept-encoding": "identity" };
const MAX_BYTES = 8_388_608;
const GENERIC_TYPES: readonly string[] = ["", "application/json", "application/octet-stream", "text/plain"];

/** Registries count these less than they count manifests, or not at all. */
export async function headManifest(session: Session, repository: string, reference: string): Promise<ManifestHead> {
  const { response } = await ask(session, {
    method: "HEAD",
    path: `/v2/${repository}/manifests/${reference}`,
    headers: HEADERS,
    repository,
  });
  const { headers } = response;
  return { digest: saidDigest(headers), mediaType: typeOf(headers), size: contentLength(headers) };
}

export async function getManifest(session: Session, repository: string, reference: string): Promise<UpstreamManifest> {
  const arrived = await ask(session, {
    method: "GET",
    path: `/v2/${repository}/manifests/${reference}`,
    headers: HEADERS,
    repository,
  });
  const bytes = await readBounded(arrived, session.transport.limits.stallMs, MAX_BYTES);
  const promised = isDigest(reference) ? reference : saidDigest(arrived.response.headers);
  const digest = await digestOfBytes(promised === null ? "sha256" : algorithmOf(promised), bytes);
  if (promised !== null && digest !== promised) {
    throw invalid(arrived, `${repository}@${promised} with bytes of the digest ${digest}`);
  }
  const mediaType = statedType(bytes);
  if (mediaType === null) throw invalid(arrived, `${repository}:${reference} with what is no manifest`);
  const said = typeOf(arrived.response.headers);
  return { digest, bytes, mediaType: GENERIC_TYPES.includes(said) && mediaType !== "" ? mediaType : said };
}

/** What the manifest says of itself; empty where it says nothing, null where it is none. */
function statedType(bytes: Uint8Array): string | null {
  try {
    const manifest: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    if (typeof manifest !== "object" || manifest === null || Array.isArray(manifest)) return null;
    const { mediaType } = manifest as { readonly mediaType?: unknown };
    return typeof mediaType === "string" ? mediaType : "";
  } catch {
    return null;
  }
}

function saidDigest(headers: Headers): Digest | null {
  const digest = headers.get("docker-content-digest") ?? "";
  return isDigest(digest) ? digest : null;
}

function typeOf(headers: Headers): string {
  return (headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

function invalid({ url }: Arrived, what: string) {
  return upstreamError("INVALID", `${url.host} answers ${what}`);
}
