/**
 * Uploads: bytes on their way to a blob. A write takes a ticket before it puts anything into R2, and commits what it put;
 * a later ticket ends an earlier one, so a writer that is gone blocks nobody. What an upload has left under its prefix
 * without naming it is swept away when the upload has ended.
 */
import type { Database, Row } from "../../database.ts";
import { doom } from "../gc/doomed.ts";
import { addSweep } from "../gc/sweeps.ts";
import type { Digest } from "../oci/digest.ts";
import { addBlob, findBlob, madeBy, type Forgotten } from "./blobs.ts";
import type {
  BeginWriteResult,
  BlobRecord,
  CommitWriteResult,
  HashState,
  Segment,
  UploadView,
  WriteTicket,
} from "./contract.ts";
import { beginRepository, endIfEmpty } from "./repositories.ts";
import { keysOf, packSegments, prefixOf, sizeOf, unpackSegments } from "./segments.ts";
import type { Shelf } from "./shelf.ts";

export interface UploadRow extends Row {
  id: string;
  repository: string;
  size: number;
  /** The last one given; "" before the first. */
  ticket: string;
  /** It was given and not committed. */
  is_open: number;
  /** An earlier ticket was not: its writer may have put what nobody names. */
  has_strays: number;
  written_at: number;
  hash: string;
  /** Keys of segments that others contain, not doomed yet. */
  replaced: string;
  segments: string;
}

export interface Written {
  readonly replaced: number;
  readonly segments: readonly Segment[];
  readonly hash: HashState | null;
}

/** Short ends that are kept beside what replaced them, so that not every chunk costs the rows of a deletion. */
const MOST_REPLACED = 16;

export function startUpload(shelf: Shelf, repository: string, id: string, now: number): UploadView {
  const { db } = shelf;
  const existing = uploadRow(db, id);
  if (existing !== undefined) {
    if (existing.repository !== repository) throw new Error(`upload ${id} is one of ${existing.repository}`);
    return viewOf(existing);
  }
  beginRepository(db, repository, now);
  db.run("INSERT INTO uploads VALUES (?, ?, 0, '', 0, 0, ?, 'null', '[]', '[]')", id, repository, now);
  return { id, repository, size: 0 };
}

export function findUpload(db: Database, repository: string, id: string): UploadView | null {
  const row = rowOf(db, repository, id);
  return row === null ? null : viewOf(row);
}

export function cancelUpload(shelf: Shelf, repository: string, id: string, now: number): boolean {
  const row = rowOf(shelf.db, repository, id);
  if (row === null) return false;
  doom(shelf.db, dropUpload(shelf, row, now).keys);
  return true;
}

export function beginWrite(
  shelf: Shelf,
  repository: string,
  id: string,
  { at, isEmpty }: { readonly at: number | null; readonly isEmpty: boolean },
  now: number,
): BeginWriteResult {
  const { db, accountId } = shelf;
  const row = rowOf(db, repository, id);
  if (row === null) return { begun: false, reason: "unknown" };
  if (at !== null && at !== row.size) return { begun: false, reason: "out-of-order", size: row.size };
  const isReused = isEmpty && row.ticket !== "" && row.is_open === 0;
  const ticket = isReused ? row.ticket : newTicket(id);
  if (!isReused) {
    db.run(
      "UPDATE uploads SET ticket = ?, is_open = 1, has_strays = ?, written_at = ? WHERE id = ?",
      ticket,
      row.has_strays === 1 || row.is_open === 1 ? 1 : 0,
      now,
      id,
    );
  }
  const prefix = prefixOf(accountId, id);
  const write: WriteTicket = {
    upload: viewOf(row),
    ticket,
    prefix: placeOf(prefix, id, ticket),
    segments: unpackSegments(prefix, row.segments),
    hash: JSON.parse(row.hash) as HashState | null,
  };
  return { begun: true, write };
}

export function commitWrite(shelf: Shelf, ticket: string, written: Written, now: number): CommitWriteResult {
  const { db, accountId } = shelf;
  const row = uploadRow(db, ticket.slice(0, ticket.lastIndexOf(".")));
  if (row === undefined || row.ticket !== ticket) return { committed: false };
  const prefix = prefixOf(accountId, row.id);
  const before = unpackSegments(prefix, row.segments);
  // The answer was lost, and the writer asks again: what it wrote is named.
  if (row.is_open === 0) return endsWith(before, written.segments) ? committed(row) : { committed: false };
  const place = placeOf(prefix, row.id, ticket);
  if (written.replaced > before.length || !written.segments.every(({ key }) => key.startsWith(place))) {
    throw new Error(`a write of ${row.id} names what is not its own`);
  }
  const kept = before.slice(0, before.length - written.replaced);
  const segments = [...kept, ...written.segments];
  const replaced = [...replacedIn(row), ...keysOf(before.slice(kept.length))];
  const isMany = replaced.length >= MOST_REPLACED;
  if (isMany) doom(db, replaced);
  const size = sizeOf(segments);
  db.run(
    "UPDATE uploads SET size = ?, is_open = 0, written_at = ?, hash = ?, replaced = ?, segments = ? WHERE id = ?",
    size,
    now,
    JSON.stringify(written.hash),
    JSON.stringify(isMany ? [] : replaced),
    packSegments(prefix, segments),
    row.id,
  );
  return committed({ ...row, size });
}

/** Null: the upload is not there, or another write has begun since. */
export function finishUpload(
  shelf: Shelf,
  repository: string,
  id: string,
  ticket: string,
  digest: Digest,
  now: number,
): BlobRecord | null {
  const { db, accountId } = shelf;
  const row = rowOf(db, repository, id);
  // The answer of an earlier try was lost.
  if (row === null) return madeBy(shelf, repository, digest, id);
  if (row.ticket !== ticket) return null;
  const segments = unpackSegments(prefixOf(accountId, id), row.segments);
  const isNew = addBlob(shelf, repository, { digest, size: row.size, segments }, id, now);
  db.run("DELETE FROM uploads WHERE id = ?", id);
  doom(db, [...replacedIn(row), ...(isNew ? [] : keysOf(segments))]);
  // Its holder ends it: what it put, it has committed.
  if (row.has_strays === 1) addSweep(db, id, digest, now);
  return findBlob(shelf, repository, digest, false, now);
}

/** It ends without a blob. */
export function dropUpload(shelf: Shelf, row: UploadRow, now: number): Forgotten {
  const { db, accountId } = shelf;
  db.run("DELETE FROM uploads WHERE id = ?", row.id);
  if (row.has_strays === 1 || row.is_open === 1) addSweep(db, row.id, null, now);
  endIfEmpty(db, row.repository);
  const segments = unpackSegments(prefixOf(accountId, row.id), row.segments);
  return { keys: [...replacedIn(row), ...keysOf(segments)], bytes: row.size };
}

export function allUploads(db: Database, repository: string | null): UploadRow[] {
  return repository === null
    ? db.all<UploadRow>("SELECT * FROM uploads")
    : db.all<UploadRow>("SELECT * FROM uploads WHERE repository = ?", repository);
}

export function hasUpload(db: Database, id: string): boolean {
  return uploadRow(db, id) !== undefined;
}

/** `<upload>.<16 hex digits>`: keys of the write have the latter, and no other write has it. */
function newTicket(id: string): string {
  return `${id}.${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
}

function placeOf(prefix: string, id: string, ticket: string): string {
  return `${prefix}${ticket.slice(id.length + 1)}/`;
}

function replacedIn({ replaced }: UploadRow): string[] {
  return JSON.parse(replaced) as string[];
}

function endsWith(segments: readonly Segment[], end: readonly Segment[]): boolean {
  const tail = segments.slice(Math.max(0, segments.length - end.length));
  return end.every(({ key }, index) => tail[index]?.key === key);
}

function committed(row: UploadRow): CommitWriteResult {
  return { committed: true, upload: viewOf(row) };
}

function viewOf({ id, repository, size }: UploadRow): UploadView {
  return { id, repository, size };
}

function rowOf(db: Database, repository: string, id: string): UploadRow | null {
  const row = uploadRow(db, id);
  return row?.repository === repository ? row : null;
}

function uploadRow(db: Database, id: string): UploadRow | undefined {
  return db.one<UploadRow>("SELECT * FROM uploads WHERE id = ?", id);
}
