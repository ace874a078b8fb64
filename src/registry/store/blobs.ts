/**
 * Blobs, and the repositories that each is in. A blob is there as long as a repository has it; the turn in which the last
 * lets it go dooms its objects. Whoever may push and has seen it counts on it: it is held for the manifest to come.
 */
import type { Database, Row } from "../../database.ts";
import { matches, type RepositoryPatterns } from "../auth/patterns.ts";
import { doom } from "../gc/doomed.ts";
import type { Digest } from "../oci/digest.ts";
import type { BlobRecord } from "./contract.ts";
import { beginRepository, endIfEmpty } from "./repositories.ts";
import { isLost, keysOf, markLost, packSegments, prefixOf, unpackSegments } from "./segments.ts";
import type { Shelf } from "./shelf.ts";

interface BlobRow extends Row {
  size: number;
  upload: string;
  links: number;
  segments: string;
}

interface LinkRow extends Row {
  held_until: number;
}

export function findBlob(
  shelf: Shelf,
  repository: string,
  digest: Digest,
  hold: boolean,
  now: number,
): BlobRecord | null {
  const link = linkOf(shelf.db, repository, digest);
  const record = link === null ? null : recordOf(shelf, digest);
  if (link !== null && record !== null && hold) holdLink(shelf, repository, digest, link, now);
  return record;
}

export interface MountSource {
  readonly repository: string | null;
  readonly readable: RepositoryPatterns;
}

export function mountBlob(
  shelf: Shelf,
  repository: string,
  digest: Digest,
  from: MountSource,
  now: number,
): BlobRecord | null {
  const { db } = shelf;
  const isThere = linkOf(db, repository, digest) !== null;
  if (!isThere && !mayMount(db, digest, from)) return null;
  const record = recordOf(shelf, digest);
  if (record !== null) linkBlob(shelf, repository, digest, now);
  return record;
}

/** The blob becomes one of the repository and is held; of one that it has already, only the hold is seen to. */
export function linkBlob(shelf: Shelf, repository: string, digest: Digest, now: number): void {
  const { db } = shelf;
  const link = linkOf(db, repository, digest);
  if (link !== null) {
    holdLink(shelf, repository, digest, link, now);
    return;
  }
  beginRepository(db, repository, now);
  db.run("INSERT INTO links VALUES (?, ?, ?)", repository, digest, heldUntil(shelf, now));
  db.run("UPDATE blobs SET links = links + 1 WHERE digest = ?", digest);
}

/**
 * A read has found that there is no such object. The blob is unknown from here on, though repositories and manifests keep
 * it: the next upload of these bytes is what it is made of then. Of an object that it is not made of, nothing is to be done.
 */
export function loseBlob({ db, accountId }: Shelf, digest: Digest, key: string): void {
  const row = blobRow(db, digest);
  if (row === undefined || isLost(row.segments)) return;
  if (!keysOf(unpackSegments(prefixOf(accountId, row.upload), row.segments)).includes(key)) return;
  db.run("UPDATE blobs SET segments = ? WHERE digest = ?", markLost(row.segments), digest);
}

/** The bytes of an upload become a blob of its repository. False: the digest is known already, its own bytes serve. */
export function addBlob(shelf: Shelf, repository: string, blob: BlobRecord, upload: string, now: number): boolean {
  const { db, accountId } = shelf;
  const segments = packSegments(prefixOf(accountId, upload), blob.segments);
  const known = blobRow(db, blob.digest);
  if (known !== undefined) {
    linkBlob(shelf, repository, blob.digest, now);
    if (!isLost(known.segments)) return false;
    doom(db, keysOf(unpackSegments(prefixOf(accountId, known.upload), known.segments)));
    db.run("UPDATE blobs SET upload = ?, segments = ? WHERE digest = ?", upload, segments, blob.digest);
    return true;
  }
  db.run("INSERT INTO blobs VALUES (?, ?, ?, 1, ?)", blob.digest, blob.size, upload, segments);
  db.run("INSERT INTO links VALUES (?, ?, ?)", repository, blob.digest, heldUntil(shelf, now));
  return true;
}

export function unlinkBlob(shelf: Shelf, repository: string, digest: Digest): "removed" | "unknown" | "in-use" {
  const { db } = shelf;
  if (linkOf(db, repository, digest) === null) return "unknown";
  const namer = db.one(
    "SELECT 1 AS there FROM manifests, json_each(names) WHERE repository = ? AND json_each.value = ? LIMIT 1",
    repository,
    digest,
  );
  if (namer !== undefined) return "in-use";
  doom(db, dropLink(shelf, repository, digest).keys);
  endIfEmpty(db, repository);
  return "removed";
}

/** What the index has forgotten: the caller dooms the keys in the same turn. */
export interface Forgotten {
  readonly keys: readonly string[];
  readonly bytes: number;
}

/** The blob is forgotten where no other repository has it. */
export function dropLink(shelf: Shelf, repository: string, digest: Digest): Forgotten {
  const { db, accountId } = shelf;
  db.run("DELETE FROM links WHERE repository = ? AND digest = ?", repository, digest);
  const row = blobRow(db, digest);
  if (row === undefined) return { keys: [], bytes: 0 };
  if (row.links > 1) {
    db.run("UPDATE blobs SET links = links - 1 WHERE digest = ?", digest);
    return { keys: [], bytes: 0 };
  }
  db.run("DELETE FROM blobs WHERE digest = ?", digest);
  return { keys: keysOf(unpackSegments(prefixOf(accountId, row.upload), row.segments)), bytes: row.size };
}

/** The keys of a blob, if it was made by that upload. */
export function keysMadeBy(shelf: Shelf, digest: Digest, upload: string): string[] {
  const row = blobRow(shelf.db, digest);
  if (row === undefined || row.upload !== upload) return [];
  return keysOf(unpackSegments(prefixOf(shelf.accountId, upload), row.segments));
}

/** What an upload became, if it was finished as that and is there still. */
export function madeBy(shelf: Shelf, repository: string, digest: Digest, upload: string): BlobRecord | null {
  if (blobRow(shelf.db, digest)?.upload !== upload || linkOf(shelf.db, repository, digest) === null) return null;
  return recordOf(shelf, digest);
}

/** Those of `digests` that the repository does not have, or not any more. */
export function missingBlobs(db: Database, repository: string, digests: readonly Digest[]): Digest[] {
  const there = db.all<{ digest: string }>(
    `SELECT digest FROM links JOIN blobs USING (digest)
      WHERE repository = ? AND digest IN (SELECT value FROM json_each(?)) AND segments NOT LIKE ?`,
    repository,
    JSON.stringify(digests),
    markLost("%"),
  );
  const known = new Set(there.map(({ digest }) => digest));
  return digests.filter((digest) => !known.has(digest));
}

function mayMount(db: Database, digest: Digest, { repository, readable }: MountSource): boolean {
  if (repository !== null) {
    return matches(readable, repository) && linkOf(db, repository, digest) !== null;
  }
  if (readable === "all") return blobRow(db, digest) !== undefined;
  const having = db.all<{ repository: string }>("SELECT repository FROM links WHERE digest = ?", digest);
  return having.some((link) => matches(readable, link.repository));
}

function recordOf({ db, accountId }: Shelf, digest: Digest): BlobRecord | null {
  const row = blobRow(db, digest);
  if (row === undefined || isLost(row.segments)) return null;
  return { digest, size: row.size, segments: unpackSegments(prefixOf(accountId, row.upload), row.segments) };
}

/** Written for twice the time, so that most of those who ask again cost no row. */
function holdLink(shelf: Shelf, repository: string, digest: Digest, link: LinkRow, now: number): void {
  if (link.held_until >= now + shelf.holdMs) return;
  shelf.db.run(
    "UPDATE links SET held_until = ? WHERE repository = ? AND digest = ?",
    heldUntil(shelf, now),
    repository,
    digest,
  );
}

function heldUntil({ holdMs }: Shelf, now: number): number {
  return now + 2 * holdMs;
}

function linkOf(db: Database, repository: string, digest: Digest): LinkRow | null {
  const sql = "SELECT held_until FROM links WHERE repository = ? AND digest = ?";
  return db.one<LinkRow>(sql, repository, digest) ?? null;
}

function blobRow(db: Database, digest: Digest): BlobRow | undefined {
  return db.one<BlobRow>("SELECT size, upload, links, segments FROM blobs WHERE digest = ?", digest);
}
