/**
 * Manifests by tag and by digest. What is stored is answered whatever `Accept` says: clients name types that they have
 * long been able to read more than, and none of them wants another manifest than the one that a tag is of.
 */
import { removeImage } from "../../api/image-use.ts";
import { GantryError } from "../../errors.ts";
import { importManifest, type ImportedManifest } from "../blobs/import.ts";
import { isDigest, type Digest } from "../oci/digest.ts";
import { MAX_MANIFEST_BYTES } from "../oci/manifest.ts";
import { isTag } from "../oci/names.ts";
import { OciError } from "../oci/oci-error.ts";
import { pulledManifest } from "../pull-through/manifests.ts";
import { emptyAnswer, isUnchanged, locationOf, requireDigest, type RegistryCall } from "./call.ts";
import { findManifest, unknownManifest } from "./lookup.ts";
import { readBounded } from "./bounded-body.ts";

/** The specification asks for ten at least. */
const MAX_TAGS = 100;

export async function getManifest(call: RegistryCall, reference: string): Promise<Response> {
  const { request } = call;
  const { manifest, warning } = await pulledManifest(call, reference, await findManifest(call, reference));
  if (manifest === null) throw unknownManifest(call, reference);
  const { digest, mediaType, bytes } = manifest;
  const etag = `"${digest}"`;
  // A tag may be another manifest's the next time.
  const cacheControl = isDigest(reference)
    ? "private, max-age=31536000, immutable, no-transform"
    : "no-cache, no-transform";
  const told = { "docker-content-digest": digest, etag, "cache-control": cacheControl };
  const headers = { ...told, ...(warning === null ? {} : { warning }) };
  if (isUnchanged(request, etag)) return emptyAnswer(304, headers);
  const content = { ...headers, "content-type": mediaType, "content-length": String(bytes.byteLength) };
  return new Response(request.method === "HEAD" ? null : bytes, { headers: content });
}

export async function putManifest(call: RegistryCall, reference: string): Promise<Response> {
  const { request, env, accountId, repository, url } = call;
  const digest = reference.includes(":") ? requireDigest(reference) : null;
  const tags = [...new Set([...(digest === null ? [reference] : []), ...url.searchParams.getAll("tag")])];
  requireTags(tags);
  const bytes = await readBounded(request, MAX_MANIFEST_BYTES);
  const mediaType = request.headers.get("content-type");
  const result = await importManifest(env, accountId, repository, { bytes, mediaType, digest, tags });
  if (!result.imported) throw refusalOf(call, result);
  const subject = result.subject === null ? {} : { "oci-subject": result.subject };
  const tagged = url.searchParams.has("tag") ? { "oci-tag": tags.join(", ") } : {};
  return emptyAnswer(201, {
    location: locationOf(call, `manifests/${result.digest}`),
    "docker-content-digest": result.digest,
    ...subject,
    ...tagged,
  });
}

export async function deleteManifest(call: RegistryCall, reference: string): Promise<Response> {
  const { index, repository } = call;
  const digest: Digest | null = reference.includes(":") ? requireDigest(reference) : null;
  const isGone =
    digest === null
      ? isTag(reference) && (await index.deleteTag(repository, reference))
      : await removeUnused(call, digest);
  if (!isGone) throw unknownManifest(call, reference);
  return emptyAnswer(202, {});
}

/** An application pulls what it uses again, with each container. */
async function removeUnused({ env, accountId, repository }: RegistryCall, digest: Digest): Promise<boolean> {
  try {
    return (await removeImage({ env, accountId }, repository, digest, false)) === "removed";
  } catch (error) {
    if (!GantryError.is(error) || error.code !== "IMAGE_IN_USE") throw error;
    throw new OciError("DENIED", error.message, { status: 409, detail: error.details });
  }
}

function requireTags(tags: readonly string[]): void {
  if (tags.length > MAX_TAGS) {
    throw new OciError("MANIFEST_INVALID", `at most ${MAX_TAGS} tags in one request`, { status: 414 });
  }
  const wrong = tags.find((tag) => !isTag(tag));
  if (wrong === undefined) return;
  const shown = wrong.slice(0, 200);
  throw new OciError("MANIFEST_INVALID", `${shown} is no tag: letters, digits, _, . and -, at most 128`, {
    detail: { tag: shown },
  });
}

function refusalOf(call: RegistryCall, result: Extract<ImportedManifest, { imported: false }>): OciError {
  switch (result.problem) {
    case "digest":
      return new OciError("DIGEST_INVALID", `the manifest was not stored: ${result.reason}`);
    case "invalid": {
      const { code, where, message } = result.error;
      return new OciError(code, `the manifest was not stored: ${message}`, { detail: { field: where } });
    }
    case "missing": {
      const [first, ...more] = result.missing.map((digest) => ({
        code: "MANIFEST_BLOB_UNKNOWN" as const,
        message: `the manifest names ${digest}, which ${call.name} does not have: push it first`,
        detail: { digest },
      }));
      const { message = result.reason, detail = null } = first ?? {};
      return new OciError("MANIFEST_BLOB_UNKNOWN", message, { detail }, more.slice(0, MAX_NAMED_PROBLEMS));
    }
  }
}

/** One is enough to know what to do; all of a large index would be an answer of megabytes. */
const MAX_NAMED_PROBLEMS = 99;
