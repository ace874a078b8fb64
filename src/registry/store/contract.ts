/**
 * What the Registry object answers: the index of one account's repositories. It holds manifests, tags and who may read;
 * the bytes of blobs are in R2, in objects that the index names. Every method is one turn: what it decides and what it
 * writes cannot be parted.
 */
import type { Digest } from "../oci/digest.ts";

/** One R2 object of a blob. Objects are written once, under keys of their upload, and never copied. */
export interface Segment {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

export interface BlobRecord {
  readonly digest: Digest;
  /** Bytes: the sum of the segments. */
  readonly size: number;
  /** In order. An empty blob has none. */
  readonly segments: readonly Segment[];
}

export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A manifest as `GET …/referrers/<digest>` lists it. */
export interface ReferrerDescriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Blobs and manifests that one manifest may name: more do not fit into its row. */
export const MAX_NAMED = 10_000;

/** What the manifest's own bytes say, read by `oci/manifest.ts`; the bytes were checked against the digest. */
export interface ManifestDraft {
  readonly repository: string;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Set with the manifest, in the same turn. */
  readonly tags: readonly string[];
  /** Of an image without one: the media type of its config. */
  readonly artifactType: string | null;
  /** May be missing in the repository. */
  readonly subject: Digest | null;
  /** Config and layers that must be there. */
  readonly blobs: readonly Digest[];
  /** Of an index: those that must be there. */
  readonly manifests: readonly Digest[];
  /** Blobs and manifests that it names and that may be missing: non-distributable layers, and all of a sparse index. What is there of them stays. */
  readonly optional: readonly Digest[];
}

export type PutManifestResult =
  | { readonly stored: true; readonly wasThere: boolean }
  | { readonly stored: false; readonly missing: readonly Digest[] };

/** An upload as its client sees it. */
export interface UploadView {
  readonly id: string;
  readonly repository: string;
  /** Bytes that are stored: where the next chunk begins. */
  readonly size: number;
}

/** What is known of the digest of an upload's first bytes. */
export interface HashState {
  readonly algorithm: "sha256" | "sha512";
  /** How many bytes it covers, from the first. */
  readonly offset: number;
  /** The digest when nothing follows; null where only the state is known. */
  readonly digest: Digest | null;
  /** The hasher's state, to go on from; null where it could not be saved. */
  readonly state: string | null;
}

/** Permission to write what comes next, once. A later ticket of the same upload ends it: its commit is refused. */
export interface WriteTicket {
  readonly upload: UploadView;
  readonly ticket: string;
  /** Keys of this write begin with it. Everything under it that no blob and no upload names is swept away later. */
  readonly prefix: string;
  readonly segments: readonly Segment[];
  readonly hash: HashState | null;
}

export type BeginWriteResult =
  | { readonly begun: true; readonly write: WriteTicket }
  | { readonly begun: false; readonly reason: "unknown" }
  /** The chunk does not begin where the upload ends. */
  | { readonly begun: false; readonly reason: "out-of-order"; readonly size: number };

export type CommitWriteResult =
  | { readonly committed: true; readonly upload: UploadView }
  /** Another write, or an end of the upload, came between: what was written is swept away. */
  | { readonly committed: false };

export interface RepositoryView {
  readonly name: string;
  /** Anyone may pull. */
  readonly isPublic: boolean;
  readonly createdAt: number;
  readonly tags: number;
  readonly manifests: number;
  /** Bytes of the distinct blobs in it. */
  readonly size: number;
}

export interface TagView {
  readonly name: string;
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes of manifest, config and layers, of everything below an index. */
  readonly size: number;
  readonly updatedAt: number;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** `last` of the next page; null where this was the last. */
  readonly next: string | null;
}

/** A manifest that no tag leads to, be it through indexes or subjects, and that was not pushed a moment ago. */
export interface UntaggedManifest {
  readonly repository: string;
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes of manifest, config and layers, of everything below an index. */
  readonly size: number;
  /** When it was last pushed. */
  readonly pushedAt: number;
  /** Indexes that name it and a subject that it has, as far as they are there: untagged too, and to be removed first. */
  readonly ledBy: readonly Digest[];
}

export interface GarbageRequest {
  /** Nothing is removed: what would be is counted. */
  readonly isDryRun: boolean;
  /** One repository; absent: all. */
  readonly repository?: string;
}

export interface GarbageReport {
  /** One for each repository that has it. */
  readonly blobs: number;
  readonly uploads: number;
  /** Bytes of blobs and uploads that are, or would be, removed from R2. */
  readonly bytes: number;
  /** The first hundred blobs, as `<repository>@<digest>`. */
  readonly examples: readonly string[];
}

/**
 * Repositories are named without their account. A repository begins with what is first written to it and ends with its
 * last manifest, tag, blob and upload, unless it is public: that setting keeps it.
 */
export interface RegistryIndex {
  // Blobs
  /** `hold`: the caller may push, and takes the answer for a promise that the blob stays until its manifest comes. */
  blob(repository: string, digest: Digest, options: { readonly hold: boolean }): Promise<BlobRecord | null>;
  /**
   * The blob by its digest alone becomes one of `repository`. `from` null: whichever repository of `readable`, names and
   * `<prefix>/*`, has it.
   */
  mount(
    repository: string,
    digest: Digest,
    from: { readonly repository: string | null; readonly readable: readonly string[] | "all" },
  ): Promise<BlobRecord | null>;
  /** In use: a manifest of the repository names it. */
  unlinkBlob(repository: string, digest: Digest): Promise<"removed" | "unknown" | "in-use">;
  /**
   * A read has found that the object `key` of it is not there: if it is made of that still, the blob is unknown everywhere
   * until it is uploaded again. Manifests that name it stay.
   */
  loseBlob(digest: Digest, key: string): Promise<void>;

  // Uploads
  startUpload(repository: string, id: string): Promise<UploadView>;
  upload(repository: string, id: string): Promise<UploadView | null>;
  cancelUpload(repository: string, id: string): Promise<boolean>;
  /**
   * `at`: where the chunk says that it begins; null: wherever the upload ends. `isEmpty`: nothing will be written, the
   * ticket is for `finishUpload` alone; it is that of the last write where that is committed, and costs no row.
   */
  beginWrite(repository: string, id: string, at: number | null, isEmpty?: boolean): Promise<BeginWriteResult>;
  /** `replaced`: how many of the last segments the first of `segments` contains: a short end is written anew. */
  commitWrite(
    ticket: string,
    written: { readonly replaced: number; readonly segments: readonly Segment[]; readonly hash: HashState | null },
  ): Promise<CommitWriteResult>;
  /** The upload's bytes have this digest (the caller computed it): they become the blob. */
  finishUpload(repository: string, id: string, ticket: string, digest: Digest): Promise<BlobRecord | null>;

  // Manifests and tags
  manifest(repository: string, reference: string): Promise<StoredManifest | null>;
  putManifest(draft: ManifestDraft): Promise<PutManifestResult>;
  /** Manifests of the repository that name it, and those that name these in turn: the indexes that it is in. */
  leading(repository: string, digest: Digest): Promise<Digest[]>;
  /** Its tags go with it. An index that names it is no hindrance. */
  deleteManifest(repository: string, digest: Digest): Promise<boolean>;
  deleteTag(repository: string, tag: string): Promise<boolean>;
  /** Of a tag that is a copy: when it was last compared with what it copies. Null: never. */
  tagCheckedAt(repository: string, tag: string): Promise<number | null>;
  /** It has just been. */
  tagChecked(repository: string, tag: string): Promise<void>;
  tags(
    repository: string,
    page: { readonly limit: number; readonly last: string | null },
  ): Promise<Page<string> | null>;
  referrers(
    repository: string,
    subject: Digest,
    page: { readonly artifactType: string | null; readonly limit: number; readonly last: string | null },
  ): Promise<Page<ReferrerDescriptor>>;

  // Repositories
  repositories(page: { readonly limit: number; readonly last: string | null }): Promise<Page<RepositoryView>>;
  repository(name: string): Promise<RepositoryView | null>;
  /** Whether anyone may pull from it: false of one that is not there. Costs one row read. */
  isPublic(name: string): Promise<boolean>;
  tagViews(repository: string, page: { readonly limit: number; readonly last: string | null }): Promise<Page<TagView>>;
  setPublic(name: string, isPublic: boolean): Promise<RepositoryView>;

  // Garbage
  /** `last`: as `next` of the page before. `repository` null: of all. */
  untagged(
    repository: string | null,
    page: { readonly limit: number; readonly last: string | null },
  ): Promise<Page<UntaggedManifest>>;
  /**
   * Removes it if it is untagged still and nothing that is there leads to it (`ledBy` empty), decided in one turn. So who
   * removes all that is listed goes through the list again until a round removes nothing: what is kept keeps what it leads to.
   */
  removeUntagged(repository: string, digest: Digest): Promise<boolean>;
  /** Blobs that no manifest of their repository names and nobody holds any more, and uploads that were left. */
  collectGarbage(request: GarbageRequest): Promise<GarbageReport>;
  /** The account is deleted: so are its images, and whatever writes is refused from then on. */
  erase(): Promise<void>;
}

/** The same, as the object itself has it: what callers await may be done in one go. */
export type Turns<T> = {
  [K in keyof T]: T[K] extends (...values: infer A) => Promise<infer R> ? (...values: A) => R | Promise<R> : never;
};
