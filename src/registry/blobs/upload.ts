/**
 * One request's part of an upload: permission from the index, bytes into R2, the commit, and the end as a blob. What the
 * index refuses is deleted here.
 */
import { algorithmOf, type Digest, type DigestAlgorithm } from "../oci/digest.ts";
import type { BlobRecord, HashState, RegistryIndex, Segment, UploadView, WriteTicket } from "../store/contract.ts";
import { digestOfNothing, nativeHasher, resumableHasher, type Hasher } from "./hasher.ts";
import { digestOfSegments } from "./read.ts";
import { discard, writeBody } from "./write.ts";

/** Where an upload is. */
export interface UploadPlace {
  readonly index: RegistryIndex;
  readonly bucket: R2Bucket;
  readonly repository: string;
  readonly id: string;
}

export interface UploadPart {
  readonly body: ReadableStream<Uint8Array> | null;
  /** Null where the request does not say. */
  readonly length: number | null;
  /** Where the request says that it begins; null: wherever the upload ends. */
  readonly at: number | null;
  readonly algorithm: DigestAlgorithm;
  /** More is likely to come in other requests. */
  readonly isChunk: boolean;
}

/** What the upload is after a part, and the permission to end it. */
export interface OpenUpload {
  readonly upload: UploadView;
  readonly ticket: string;
  readonly segments: readonly Segment[];
  readonly hash: HashState | null;
}

export type PartResult =
  | { readonly state: "stored" | "cut"; readonly open: OpenUpload }
  | { readonly state: "unknown" }
  | { readonly state: "out-of-order"; readonly size: number }
  /** Another request wrote, or ended the upload, meanwhile. */
  | { readonly state: "superseded" }
  | { readonly state: "too-long" };

export async function writePart(place: UploadPlace, part: UploadPart): Promise<PartResult> {
  const { index, bucket, repository, id } = place;
  // Without a body there may still be a length: that of a range whose bytes did not come.
  const isEmpty = part.length === 0 || (part.body === null && part.length === null);
  const begun = await index.beginWrite(repository, id, part.at, isEmpty);
  if (!begun.begun) {
    return begun.reason === "unknown" ? { state: "unknown" } : { state: "out-of-order", size: begun.size };
  }
  const { write } = begun;
  const { upload, ticket, segments, hash } = write;
  if (isEmpty) return { state: "stored", open: { upload, ticket, segments, hash } };
  const { body, length } = part;
  const written = await writeBody(bucket, write, { body, length, hasher: hasherFor(write, part) });
  const isKept = written.end !== "too-long";
  if (!isKept || written.segments.length === 0) {
    await discard(bucket, written.segments);
    if (!isKept) return { state: "too-long" };
    return { state: written.end === "cut" ? "cut" : "stored", open: { upload, ticket, segments, hash } };
  }
  const { replaced } = written;
  const told = { replaced, segments: written.segments, hash: written.hash };
  // Where the answer is lost nobody knows whose the bytes are: the index sweeps what is nobody's.
  const committed = await index.commitWrite(ticket, told);
  if (!committed.committed) {
    await discard(bucket, written.segments);
    return { state: "superseded" };
  }
  const all = [...segments.slice(0, segments.length - replaced), ...written.segments];
  const open = { upload: committed.upload, ticket, segments: all, hash: written.hash };
  return { state: written.end === "cut" ? "cut" : "stored", open };
}

export type EndResult =
  | { readonly state: "blob"; readonly blob: BlobRecord }
  /** The upload is cancelled: nothing of it stays. */
  | { readonly state: "mismatch"; readonly computed: Digest }
  | { readonly state: "superseded" };

/** The upload becomes the blob of that digest, if it has it. */
export async function endUpload(place: UploadPlace, open: OpenUpload, digest: Digest): Promise<EndResult> {
  const { index, bucket, repository, id } = place;
  const computed = await digestOfUpload(bucket, open, algorithmOf(digest));
  if (computed !== digest) {
    await index.cancelUpload(repository, id);
    return { state: "mismatch", computed };
  }
  const blob = await index.finishUpload(repository, id, open.ticket, digest);
  return blob === null ? { state: "superseded" } : { state: "blob", blob };
}

async function digestOfUpload(bucket: R2Bucket, open: OpenUpload, algorithm: DigestAlgorithm): Promise<Digest> {
  const { upload, hash, segments } = open;
  if (upload.size === 0) return await digestOfNothing(algorithm);
  const isKnown = hash !== null && hash.algorithm === algorithm && hash.offset === upload.size;
  if (isKnown && hash.digest !== null) return hash.digest;
  return await digestOfSegments(bucket, segments, algorithm);
}

function hasherFor({ upload, hash }: WriteTicket, { algorithm, isChunk }: UploadPart): Hasher | null {
  if (upload.size === 0) return isChunk ? resumableHasher(algorithm, null) : nativeHasher(algorithm);
  if (hash === null || hash.state === null || hash.offset !== upload.size) return null;
  return resumableHasher(hash.algorithm, hash.state);
}
