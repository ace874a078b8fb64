/**
 * An archive before any of its blobs is read: which files it has, where each begins, how long it is and what it is called
 * by caches. Plain data, so that any range of it can be told in advance. Pure.
 */
import { createHash } from "node:crypto";
import type { Digest } from "../../../src/registry/oci/digest.ts";
import { BLOCK, END, headerOf, paddingOf } from "./tar.ts";

/** A blob as the archive has it, and where its bytes come from. */
export interface PlannedBlob {
  /** Of the bytes in the archive. */
  readonly digest: Digest;
  readonly size: number;
  /** Which of the download's images names it first. */
  readonly image: number;
  /** As the registry has it: the same, but for a layer that is unpacked on its way. */
  readonly stored: { readonly digest: Digest; readonly size: number; readonly isUnpacked: boolean };
}

export type Content =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "blob"; readonly blob: PlannedBlob };

export interface ArchiveFile {
  readonly name: string;
  readonly content: Content;
}

export interface Member extends ArchiveFile {
  readonly header: Uint8Array;
  /** Of the header, in the archive. */
  readonly start: number;
  readonly size: number;
}

export interface ArchivePlan {
  readonly members: readonly Member[];
  /** Bytes. */
  readonly length: number;
  /** Strong: the same only for the same bytes. */
  readonly etag: string;
}

export function planArchive(files: readonly ArchiveFile[]): ArchivePlan {
  const members: Member[] = [];
  let at = 0;
  for (const file of files) {
    const size = sizeOf(file.content);
    const header = headerOf(file.name, size);
    members.push({ ...file, header, start: at, size });
    at += header.length + size + paddingOf(size);
  }
  return { members, length: at + END.length, etag: etagOf(members) };
}

export type Piece =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** `start` up to and without `end`, of the blob. */
  | { readonly kind: "blob"; readonly blob: PlannedBlob; readonly start: number; readonly end: number };

/** What stands from `start` up to and without `end`, in order and without gaps. */
export function piecesOf({ members, length }: ArchivePlan, start: number, end: number): Piece[] {
  const pieces: Piece[] = [];
  const bytes = (at: number, all: Uint8Array) => {
    const part = all.subarray(Math.max(0, start - at), Math.max(0, end - at));
    if (part.length > 0) pieces.push({ kind: "bytes", bytes: part });
  };
  for (const { header, content, size, start: from } of members) {
    const begin = from + header.length;
    if (from >= end) break;
    if (begin + size + BLOCK <= start) continue;
    bytes(from, header);
    if (content.kind === "bytes") bytes(begin, content.bytes);
    else {
      const part = { start: Math.max(0, start - begin), end: Math.min(size, end - begin) };
      if (part.end > part.start) pieces.push({ kind: "blob", blob: content.blob, ...part });
    }
    bytes(begin + size, END.subarray(0, paddingOf(size)));
  }
  bytes(length - END.length, END);
  return pieces;
}

function sizeOf(content: Content): number {
  return content.kind === "bytes" ? content.bytes.length : content.blob.size;
}

/** Of everything that decides the bytes: a blob's are decided by its digest. */
function etagOf(members: readonly Member[]): string {
  const hash = createHash("sha256");
  for (const { header, content } of members) {
    hash.update(header);
    hash.update(content.kind === "bytes" ? content.bytes : content.blob.digest);
  }
  return `"${hash.digest("hex").slice(0, 40)}"`;
}
