/**
 * Manifests of another registry: a copy by digest is good forever, one by tag for as long as the registry's settings say,
 * and then that registry is asked, by HEAD, whether it still is what the tag stands for. Where it does not answer, what is
 * here is served, with a warning.
 */
import { importManifest } from "../blobs/import.ts";
import { isDigest, type Digest } from "../oci/digest.ts";
import { isTag } from "../oci/names.ts";
import { registryFor } from "../registry-for.ts";
import type { RegistryIndex, StoredManifest } from "../store/contract.ts";
import type { UpstreamRegistry } from "../upstream/client.ts";
import {
  answered,
  UpstreamError,
  upstreamError,
  type UpstreamAnswer,
  type UpstreamFailure,
} from "../upstream/failure.ts";
import { refusalOf, warningOf } from "./refusal.ts";
import { placeOf, type PullThroughPlace } from "./sources.ts";

export interface PullThroughCall {
  readonly env: Env;
  readonly accountId: string;
  /** Without the account. */
  readonly repository: string;
  readonly index: RegistryIndex;
}

export interface PulledManifest {
  /** Null: there is none, or none such upstream. */
  readonly manifest: StoredManifest | null;
  /** For a header of that name. */
  readonly warning: string | null;
}

/** Whoever has a copy does not wait long to hear that it is the right one. */
const REFRESH_LIMITS = { headersMs: 5_000, tries: 1 };

/** `stored`: what the index has. Returned as it is for an ordinary repository. Throws `OciError`. */
export async function pulledManifest(
  call: PullThroughCall,
  reference: string,
  stored: StoredManifest | null,
): Promise<PulledManifest> {
  const kept = { manifest: stored, warning: null };
  const byDigest = isDigest(reference);
  if (byDigest ? stored !== null : !isTag(reference)) return kept;
  const place = await placeOf(call.env, call.accountId, call.repository);
  if (place === null) return kept;
  if (stored !== null && !(await isOld(call, reference, place))) return kept;
  const answer = await answered(async () => await fetched(call, place, reference, stored));
  if (answer.ok) return { manifest: answer.value, warning: null };
  const { failure } = answer;
  logFailure(call, place, reference, failure);
  if (stored !== null) return { manifest: stored, warning: warningOf(failure) };
  if (failure.code === "NOT_FOUND") return kept;
  throw refusalOf(failure, "MANIFEST_UNKNOWN");
}

async function isOld({ index, repository }: PullThroughCall, tag: string, { source }: PullThroughPlace) {
  const checkedAt = await index.tagCheckedAt(repository, tag);
  return checkedAt === null || Date.now() - checkedAt >= source.refreshSeconds * 1_000;
}

async function fetched(
  call: PullThroughCall,
  place: PullThroughPlace,
  reference: string,
  stored: StoredManifest | null,
): Promise<StoredManifest> {
  const { env, accountId, index } = call;
  const upstream = registryFor(env, accountId, place.source.domain, stored === null ? {} : REFRESH_LIMITS);
  if (typeof upstream === "string") throw upstreamError("UNREACHABLE", upstream);
  if (isDigest(reference)) return await copied(call, upstream, place, { reference, tag: null });
  const current = await tagUpstream(upstream, place, reference);
  if (current !== null && current === stored?.digest) {
    await index.tagChecked(call.repository, reference);
    return stored;
  }
  const known = current === null ? null : await index.manifest(call.repository, current);
  if (known !== null) {
    await store(call, known, reference);
    return known;
  }
  return await copied(call, upstream, place, { reference: current ?? reference, tag: reference });
}

/** What the tag stands for upstream. Null: it does not say by HEAD. */
async function tagUpstream(upstream: UpstreamRegistry, place: PullThroughPlace, tag: string): Promise<Digest | null> {
  const answer = await upstream.headManifest(place.repository, tag);
  // Some know no HEAD.
  return !answer.ok && answer.failure.code === "INVALID" ? null : valueOf(answer).digest;
}

async function copied(
  call: PullThroughCall,
  upstream: UpstreamRegistry,
  place: PullThroughPlace,
  { reference, tag }: { readonly reference: string; readonly tag: string | null },
): Promise<StoredManifest> {
  const manifest = valueOf(await upstream.manifest(place.repository, reference));
  return await store(call, manifest, tag);
}

/** What it names comes when somebody asks for it. */
async function store(call: PullThroughCall, manifest: StoredManifest, tag: string | null): Promise<StoredManifest> {
  const { env, accountId, repository, index } = call;
  const { digest, bytes } = manifest;
  const mediaType = manifest.mediaType === "" ? null : manifest.mediaType;
  const tags = tag === null ? [] : [tag];
  const imported = await importManifest(env, accountId, repository, { digest, bytes, mediaType, tags, isSparse: true });
  if (!imported.imported) throw upstreamError("INVALID", `${digest} is no manifest: ${imported.reason}`);
  if (tag !== null) await index.tagChecked(repository, tag);
  return { digest, bytes, mediaType: imported.mediaType };
}

function logFailure(
  { accountId, repository }: PullThroughCall,
  { source: { domain } }: PullThroughPlace,
  reference: string,
  { code, message: reason }: UpstreamFailure,
): void {
  const message = "registry.pull-through.failed";
  console.warn({ message, accountId, repository, domain, reference, code, reason });
}

function valueOf<T>(answer: UpstreamAnswer<T>): T {
  if (answer.ok) return answer.value;
  throw new UpstreamError(answer.failure);
}
