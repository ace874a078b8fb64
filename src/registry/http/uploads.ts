/**
 * Uploads of blobs: begun by POST, or done by it alone; bytes by PATCH, in one request or in chunks; ended by PUT, with or
 * without bytes of its own.
 */
import { matches } from "../auth/patterns.ts";
import { isPublicRepository } from "../auth/public-repositories.ts";
import { digestOfNothing } from "../blobs/hasher.ts";
import { endUpload, writePart, type OpenUpload, type PartResult, type UploadPlace } from "../blobs/upload.ts";
import { algorithmOf, type Digest, type DigestAlgorithm } from "../oci/digest.ts";
import { isRepository, ownerOf } from "../oci/names.ts";
import { OciError } from "../oci/oci-error.ts";
import type { BlobRecord } from "../store/contract.ts";
import { emptyAnswer, locationOf, requireDigest, type RegistryCall } from "./call.ts";
import { readChunkRange } from "./range.ts";

export async function startUpload(call: RegistryCall): Promise<Response> {
  const { url, index, repository } = call;
  const { searchParams } = url;
  const algorithm = algorithmParameter(searchParams);
  const mount = searchParams.get("mount");
  if (mount !== null) {
    const blob = await mountBlob(call, requireDigest(mount));
    if (blob !== null) return created(call, blob.digest);
  }
  const digest = searchParams.get("digest");
  const single = digest === null || mount !== null ? null : await singlePost(call, requireDigest(digest));
  if (single !== null) return single;
  const id = crypto.randomUUID();
  await index.startUpload(repository, id);
  return emptyAnswer(202, sessionHeaders(call, id, 0, algorithm));
}

/** Null: it has no bytes, so the client means to send them in another request. */
async function singlePost(call: RegistryCall, digest: Digest): Promise<Response | null> {
  const { request, index, repository } = call;
  const length = lengthOf(request);
  const isEmpty = request.body === null || length === 0;
  if (isEmpty && digest !== (await digestOfNothing(algorithmOf(digest)))) return null;
  const id = crypto.randomUUID();
  await index.startUpload(repository, id);
  try {
    const place = placeOf(call, id);
    const { body } = request;
    const part = await writePart(place, { body, length, at: null, algorithm: algorithmOf(digest), isChunk: false });
    return await end(call, place, requireStored(call, null, part), digest);
  } catch (error) {
    await index.cancelUpload(repository, id);
    throw error;
  }
}

export async function patchUpload(call: RegistryCall, id: string): Promise<Response> {
  const { request, url } = call;
  const algorithm = algorithmParameter(url.searchParams);
  const { at, length, isChunk } = extentOf(request);
  const { body } = request;
  const part = await writePart(placeOf(call, id), { body, length, at, algorithm: algorithm ?? "sha256", isChunk });
  const { upload } = requireStored(call, id, part);
  return emptyAnswer(202, sessionHeaders(call, id, upload.size, algorithm));
}

export async function putUpload(call: RegistryCall, id: string): Promise<Response> {
  const { request, url, index, repository } = call;
  const text = url.searchParams.get("digest");
  if (text === null) throw new OciError("DIGEST_INVALID", "an upload ends with ?digest= of the whole blob");
  const digest = requireDigest(text);
  const { at, length } = extentOf(request);
  const place = placeOf(call, id);
  const algorithm = algorithmOf(digest);
  const part = await writePart(place, { body: request.body, length, at, algorithm, isChunk: false });
  // The answer to the request that ended it was lost, and the client asks again.
  if (part.state === "unknown" && (await index.blob(repository, digest, { hold: true })) !== null) {
    return created(call, digest);
  }
  return await end(call, place, requireStored(call, id, part), digest);
}

export async function getUpload(call: RegistryCall, id: string): Promise<Response> {
  const upload = isUploadId(id) ? await call.index.upload(call.repository, id) : null;
  if (upload === null) throw unknownUpload(id);
  return emptyAnswer(204, sessionHeaders(call, id, upload.size, algorithmParameter(call.url.searchParams)));
}

export async function cancelUpload(call: RegistryCall, id: string): Promise<Response> {
  const isThere = isUploadId(id) && (await call.index.cancelUpload(call.repository, id));
  if (!isThere) throw unknownUpload(id);
  return emptyAnswer(204, {});
}

async function end(call: RegistryCall, place: UploadPlace, open: OpenUpload, digest: Digest): Promise<Response> {
  const result = await endUpload(place, open, digest);
  if (result.state === "blob") return created(call, digest);
  if (result.state === "superseded") {
    if ((await call.index.blob(call.repository, digest, { hold: true })) !== null) return created(call, digest);
    throw new OciError("BLOB_UPLOAD_INVALID", "another request ended or wrote to this upload meanwhile", {
      status: 409,
    });
  }
  const { computed } = result;
  throw new OciError("DIGEST_INVALID", `the bytes have the digest ${computed}, not ${digest}: nothing was stored`, {
    detail: { digest, computed },
  });
}

/** From a repository that is named, or from any that the caller may read. Null: then the bytes are to be sent. */
async function mountBlob(call: RegistryCall, digest: Digest): Promise<BlobRecord | null> {
  const { url, index, repository, accountId, access, env } = call;
  const from = url.searchParams.get("from");
  if (from === null || from === "") {
    const readable = access.readable === "all" ? "all" : access.readable.filter((name) => !name.endsWith("/*"));
    return await index.mount(repository, digest, { repository: null, readable });
  }
  const source = ownerOf(from);
  if (!isRepository(source.repository) || (source.accountId ?? accountId) !== accountId) return null;
  const isReadable =
    matches(access.readable, source.repository) || (await isPublicRepository(env, accountId, source.repository));
  if (!isReadable) return null;
  return await index.mount(repository, digest, { repository: source.repository, readable: "all" });
}

/** `id` null: of an upload that its client knows nothing of, and that is over when it does not come whole. */
function requireStored(call: RegistryCall, id: string | null, part: PartResult): OpenUpload {
  switch (part.state) {
    case "stored":
      return part.open;
    case "unknown":
      throw unknownUpload(id ?? "");
    case "out-of-order":
      throw outOfOrder(call, id ?? "", part.size, `the chunk must begin at ${part.size}, where the upload ends`);
    case "superseded":
      throw new OciError("BLOB_UPLOAD_INVALID", "another request wrote to this upload meanwhile: ask where it is", {
        status: 409,
        headers: id === null ? {} : { location: uploadLocation(call, id, null), "docker-upload-uuid": id },
      });
    case "too-long":
      throw new OciError("SIZE_INVALID", "there are more bytes than Content-Range says");
    case "cut": {
      const { size } = part.open.upload;
      const message =
        `the body ended before its end; ${id === null ? 0 : size} bytes are stored. The platform cuts what is larger than the plan allows ` +
        "(100 MB and more): push in chunks, PATCH with Content-Range";
      const headers = id === null ? {} : sessionHeaders(call, id, size, null);
      throw new OciError("SIZE_INVALID", message, { status: 413, headers });
    }
  }
}

function outOfOrder(call: RegistryCall, id: string, size: number, message: string): OciError {
  const algorithm = algorithmParameter(call.url.searchParams);
  return new OciError("BLOB_UPLOAD_INVALID", message, {
    status: 416,
    detail: { size },
    headers: sessionHeaders(call, id, size, algorithm),
  });
}

function unknownUpload(id: string): OciError {
  return new OciError("BLOB_UPLOAD_UNKNOWN", `there is no upload ${id.slice(0, 100)}: it was ended, cancelled or left`);
}

/** An id that was never given is looked for nowhere. */
function isUploadId(id: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);
}

function placeOf({ index, env, repository }: RegistryCall, id: string): UploadPlace {
  if (!isUploadId(id)) throw unknownUpload(id);
  return { index, bucket: env.REGISTRY_BLOBS, repository, id };
}

/** Where the bytes of a request belong, and how many they are, as far as it says. */
function extentOf(request: Request): { at: number | null; length: number | null; isChunk: boolean } {
  const length = lengthOf(request);
  const range = readChunkRange(request.headers.get("content-range"));
  if (range === "invalid") {
    throw new OciError("BLOB_UPLOAD_INVALID", "Content-Range must be <first>-<last>, both inclusive");
  }
  if (range === null) return { at: null, length, isChunk: false };
  if (length !== null && length !== range.length) {
    const message = `Content-Range is of ${range.length} bytes, but Content-Length says ${length}`;
    throw new OciError("SIZE_INVALID", message);
  }
  return { at: range.begin, length: range.length, isChunk: true };
}

function lengthOf(request: Request): number | null {
  const text = request.headers.get("content-length");
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** How clients that push another digest than sha256 have its hash made while the bytes pass. */
function algorithmParameter(parameters: URLSearchParams): DigestAlgorithm | null {
  const text = parameters.get("digest-algorithm");
  if (text === null || text === "sha256" || text === "sha512") return text;
  throw new OciError("DIGEST_INVALID", "digest-algorithm must be sha256 or sha512");
}

function created(call: RegistryCall, digest: Digest): Response {
  return emptyAnswer(201, { location: locationOf(call, `blobs/${digest}`), "docker-content-digest": digest });
}

/** Of an upload without bytes, clients expect `0-0`. */
function sessionHeaders(call: RegistryCall, id: string, size: number, algorithm: DigestAlgorithm | null) {
  return {
    location: uploadLocation(call, id, algorithm),
    range: `0-${Math.max(size - 1, 0)}`,
    "docker-upload-uuid": id,
  };
}

function uploadLocation(call: RegistryCall, id: string, algorithm: DigestAlgorithm | null): string {
  const parameters = algorithm === null ? "" : `?digest-algorithm=${algorithm}`;
  return locationOf(call, `blobs/uploads/${id}${parameters}`);
}
