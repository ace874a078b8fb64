/**
 * Manifests: their bytes, as they were pushed, and the digests that they name. One is stored only if everything that it
 * must have is there in that very turn, and as long as it is there, garbage collection leaves what it names alone.
 */
import type { Database, Row } from "../../database.ts";
import { isDigest, type Digest } from "../oci/digest.ts";
import { missingBlobs } from "./blobs.ts";
import { MAX_NAMED, type ManifestDraft, type PutManifestResult, type StoredManifest } from "./contract.ts";
import { beginRepository, endIfEmpty } from "./repositories.ts";
import type { Shelf } from "./shelf.ts";
import { setTag } from "./tags.ts";

/** A row has two megabytes, and of the first one's up to 1.4 are names: ten thousand of sha512. */
const PART_BYTES = 512 * 1024;

interface HeadRow extends Row {
  digest: Digest;
  media_type: string;
  size: number;
  pushed_at: number;
}

/** `reference`: a tag or a digest. */
export function findManifest(db: Database, repository: string, reference: string): StoredManifest | null {
  const digest = isDigest(reference) ? reference : digestOfTag(db, repository, reference);
  if (digest === null) return null;
  const row = db.one<{ media_type: string; bytes: ArrayBuffer }>(
    "SELECT media_type, bytes FROM manifests WHERE repository = ? AND digest = ?",
    repository,
    digest,
  );
  if (row === undefined) return null;
  return { digest, mediaType: row.media_type, bytes: wholeOf(db, repository, digest, row.bytes) };
}

export function putManifest(shelf: Shelf, draft: ManifestDraft, now: number): PutManifestResult {
  const { db } = shelf;
  const { repository, digest } = draft;
  const names = [...new Set([...draft.blobs, ...draft.manifests, ...draft.optional])];
  if (names.length > MAX_NAMED) throw new RangeError(`a manifest of ${names.length} descriptors`);
  const missing = [...missingBlobs(db, repository, draft.blobs), ...missingManifests(db, repository, draft.manifests)];
  if (missing.length > 0) return { stored: false, missing: [...new Set(missing)] };
  const before = headOf(db, repository, digest);
  if (before === undefined) insert(db, draft, names, now);
  else seeAgain(shelf, draft, before, names, now);
  for (const tag of new Set(draft.tags)) setTag(db, repository, tag, digest, now);
  return { stored: true, wasThere: before !== undefined };
}

/** Manifests that name it, and what names these in turn. */
export function leadingTo(db: Database, repository: string, digest: Digest): Digest[] {
  const rows = db.all<{ digest: Digest }>(
    `WITH RECURSIVE leading (digest) AS (
      SELECT ?2
      UNION
      SELECT manifests.digest FROM leading, manifests, json_each(manifests.names)
        WHERE manifests.repository = ?1 AND json_each.value = leading.digest
    ) SELECT digest FROM leading WHERE digest <> ?2 ORDER BY digest`,
    repository,
    digest,
  );
  return rows.map((row) => row.digest);
}

export function deleteManifest(db: Database, repository: string, digest: Digest): boolean {
  if (headOf(db, repository, digest) === undefined) return false;
  db.run("DELETE FROM manifests WHERE repository = ? AND digest = ?", repository, digest);
  db.run("DELETE FROM manifest_parts WHERE repository = ? AND digest = ?", repository, digest);
  db.run("DELETE FROM tags WHERE repository = ? AND digest = ?", repository, digest);
  endIfEmpty(db, repository);
  return true;
}

/** The bytes from the first part on, which is in the manifest's own row. */
export function wholeOf(db: Database, repository: string, digest: Digest, first: ArrayBuffer): Uint8Array<ArrayBuffer> {
  if (first.byteLength < PART_BYTES) return new Uint8Array(first);
  const rest = db.all<{ bytes: ArrayBuffer }>(
    "SELECT bytes FROM manifest_parts WHERE repository = ? AND digest = ? ORDER BY part",
    repository,
    digest,
  );
  const parts = [first, ...rest.map(({ bytes }) => bytes)];
  const whole = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(new Uint8Array(part), offset);
    offset += part.byteLength;
  }
  return whole;
}

function insert(db: Database, draft: ManifestDraft, names: readonly Digest[], now: number): void {
  const { repository, digest, bytes } = draft;
  beginRepository(db, repository, now);
  db.run(
    "INSERT INTO manifests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    repository,
    digest,
    draft.mediaType,
    bytes.byteLength,
    draft.subject,
    draft.artifactType,
    now,
    JSON.stringify(names),
    bytes.slice(0, PART_BYTES).buffer,
  );
  for (let part = 1; part * PART_BYTES < bytes.byteLength; part += 1) {
    const piece = bytes.slice(part * PART_BYTES, (part + 1) * PART_BYTES).buffer;
    db.run("INSERT INTO manifest_parts VALUES (?, ?, ?, ?)", repository, digest, part, piece);
  }
}

/**
 * Pushed once more: by its digest alone, it is for an index or a tag to come, and counts as new once a hold. As another
 * type the same bytes may name other things.
 */
function seeAgain(
  { db, holdMs }: Shelf,
  draft: ManifestDraft,
  before: HeadRow,
  names: readonly Digest[],
  now: number,
): void {
  const { repository, digest, mediaType, artifactType } = draft;
  if (before.media_type !== mediaType) {
    db.run(
      "UPDATE manifests SET media_type = ?, artifact_type = ?, names = ?, pushed_at = ? WHERE repository = ? AND digest = ?",
      mediaType,
      artifactType,
      JSON.stringify(names),
      now,
      repository,
      digest,
    );
    return;
  }
  const isStale = draft.tags.length === 0 && before.pushed_at < now - holdMs / 2;
  if (isStale) {
    db.run("UPDATE manifests SET pushed_at = ? WHERE repository = ? AND digest = ?", now, repository, digest);
  }
}

function missingManifests(db: Database, repository: string, digests: readonly Digest[]): Digest[] {
  return digests.filter((digest) => headOf(db, repository, digest) === undefined);
}

function headOf(db: Database, repository: string, digest: Digest): HeadRow | undefined {
  return db.one<HeadRow>(
    "SELECT digest, media_type, size, pushed_at FROM manifests WHERE repository = ? AND digest = ?",
    repository,
    digest,
  );
}

function digestOfTag(db: Database, repository: string, tag: string): Digest | null {
  const sql = "SELECT digest FROM tags WHERE repository = ? AND name = ?";
  return db.one<{ digest: Digest }>(sql, repository, tag)?.digest ?? null;
}
