/** Blobs: GET with ranges, HEAD, DELETE. */
import { openBlob } from "../blobs/open-blob.ts";
import { SegmentMissing } from "../blobs/read.ts";
import type { Digest } from "../oci/digest.ts";
import { OciError } from "../oci/oci-error.ts";
import { pulledBlob } from "../pull-through/blobs.ts";
import { emptyAnswer, isUnchanged, requireDigest, type RegistryCall } from "./call.ts";
import { findBlob, unknownBlob } from "./lookup.ts";
import { readRange } from "./range.ts";

/** A digest has the same bytes forever; who may read them is asked each time. */
const CACHE_CONTROL = "private, max-age=31536000, immutable, no-transform";

export async function getBlob(call: RegistryCall, text: string): Promise<Response> {
  const { request, env, index } = call;
  const digest = requireDigest(text);
  let blob = await findBlob(call, digest);
  const pulled = blob === null ? await pulledBlob(call, digest) : null;
  if (pulled?.state === "passing") return passing(digest, pulled);
  if (pulled?.state === "stored") blob = await findBlob(call, digest);
  if (blob === null) throw unknownBlob(call, digest);
  const { size } = blob;
  const etag = `"${digest}"`;
  const headers = headersOf(digest);
  if (isUnchanged(request, etag)) return emptyAnswer(304, headers);
  const content = { ...headers, "content-type": "application/octet-stream" };
  if (request.method === "HEAD") {
    return new Response(null, { headers: { ...content, "content-length": String(size) } });
  }
  const ifRange = request.headers.get("if-range");
  const range = readRange(ifRange === null || ifRange === etag ? request.headers.get("range") : null, size);
  if (range === "unsatisfiable") {
    throw new OciError("SIZE_INVALID", `the range is outside of the ${size} bytes of ${digest}`, {
      status: 416,
      headers: { ...headers, "content-range": `bytes */${size}`, "cache-control": "no-store" },
    });
  }
  const { offset, length } = range === "whole" ? { offset: 0, length: size } : range;
  let body: ReadableStream;
  try {
    body = await openBlob({ bucket: env.REGISTRY_BLOBS, index }, blob, { offset, length });
  } catch (error) {
    if (!(error instanceof SegmentMissing)) throw error;
    // It is unknown now, or pulled again, or somebody has just uploaded it.
    return await getBlob(call, text);
  }
  const told = { ...content, "content-length": String(length) };
  if (range === "whole") return new Response(body, { headers: told });
  const partial = { ...told, "content-range": `bytes ${offset}-${offset + length - 1}/${size}` };
  return new Response(body, { status: 206, headers: partial });
}

function headersOf(digest: Digest) {
  return {
    "docker-content-digest": digest,
    etag: `"${digest}"`,
    "accept-ranges": "bytes",
    "cache-control": CACHE_CONTROL,
  };
}

/** On its way from another registry. */
function passing(digest: Digest, { size, body }: { readonly size: number; readonly body: ReadableStream | null }) {
  const content = { "content-type": "application/octet-stream", "content-length": String(size) };
  return new Response(body, { headers: { ...headersOf(digest), ...content } });
}

export async function deleteBlob(call: RegistryCall, text: string): Promise<Response> {
  const { index, repository, name } = call;
  const digest = requireDigest(text);
  const result = await index.unlinkBlob(repository, digest);
  if (result === "unknown") throw unknownBlob(call, digest);
  if (result === "in-use") {
    throw new OciError("UNSUPPORTED", `a manifest of ${name} names ${digest}: delete that first`, {
      headers: { allow: "GET, HEAD" },
    });
  }
  return emptyAnswer(202, { "docker-content-digest": digest });
}
