/**
 * Garbage collection: repository by repository, a bounded number of rows a turn. Each turn decides from the state that it
 * finds and forgets in the same breath, so pushes may come between any two of them, and a crash loses no more than the
 * work that was ahead. Bytes follow: R2 objects are deleted when the index has forgotten them.
 */
import type { Row } from "../../database.ts";
import type { Digest } from "../oci/digest.ts";
import { dropLink, keysMadeBy, type Forgotten } from "../store/blobs.ts";
import type { GarbageReport, GarbageRequest } from "../store/contract.ts";
import { endIfEmpty } from "../store/repositories.ts";
import { prefixOf } from "../store/segments.ts";
import type { Shelf } from "../store/shelf.ts";
import { allUploads, dropUpload, hasUpload } from "../store/uploads.ts";
import { garbageOf } from "./decide.ts";
import { doom, hasDoomed } from "./doomed.ts";
import { allSweeps, straysOf, sweepDueAt, swept, type Sweep } from "./sweeps.ts";

export interface CollectorDeps {
  readonly shelf: Shelf;
  readonly bucket: R2Bucket;
  /** Of R2: what is doomed. */
  readonly deleteDoomed: () => Promise<void>;
}

interface Tally {
  blobs: number;
  uploads: number;
  bytes: number;
  readonly examples: string[];
  isWaiting: boolean;
  /** Of a dry run: in how many repositories a blob would be left. */
  readonly left: Map<string, number>;
}

interface LinkRow extends Row {
  digest: Digest;
  held_until: number;
  size: number;
  links: number;
}

const ROWS_PER_TURN = 1_000;
const EXAMPLES = 100;

export interface Collected {
  readonly report: GarbageReport;
  /** To be looked at again, though nobody may do anything. */
  readonly isWaiting: boolean;
}

export async function collect(deps: CollectorDeps, request: GarbageRequest): Promise<Collected> {
  const tally: Tally = { blobs: 0, uploads: 0, bytes: 0, examples: [], isWaiting: false, left: new Map() };
  for (const repository of repositoriesOf(deps.shelf, request)) {
    while (takeTurn(deps.shelf, repository, request.isDryRun, tally)) {
      // oxlint-disable-next-line no-await-in-loop -- others have their turns in between, and no pile of keys grows
      await deps.deleteDoomed();
    }
  }
  if (!request.isDryRun) {
    await deps.deleteDoomed();
    await sweep(deps);
  }
  const { blobs, uploads, bytes, examples } = tally;
  const { db } = deps.shelf;
  const isWaiting = tally.isWaiting || allSweeps(db).length > 0 || hasDoomed(db);
  return { report: { blobs, uploads, bytes, examples }, isWaiting };
}

/** True: there is more to do in this repository. */
function takeTurn(shelf: Shelf, repository: string, isDryRun: boolean, tally: Tally): boolean {
  return shelf.db.transaction(() => {
    const now = Date.now();
    const verdict = garbageOf(
      linksOf(shelf, repository),
      namedIn(shelf, repository),
      allUploads(shelf.db, repository),
      now,
    );
    const links = isDryRun ? verdict.links : verdict.links.slice(0, ROWS_PER_TURN);
    const isMore = links.length < verdict.links.length;
    const forgotten: Forgotten[] = [];
    for (const link of links) {
      tally.blobs += 1;
      if (isDryRun) tally.bytes += wouldFree(tally, link);
      else forgotten.push(dropLink(shelf, repository, link.digest));
      if (tally.examples.length < EXAMPLES) tally.examples.push(`${repository}@${link.digest}`);
    }
    for (const upload of verdict.uploads) {
      tally.uploads += 1;
      if (isDryRun) tally.bytes += upload.size;
      else forgotten.push(dropUpload(shelf, upload, now));
    }
    doom(shelf.db, forgotten.flatMap(({ keys }) => keys)); // prettier-ignore
    tally.bytes += forgotten.reduce((sum, { bytes }) => sum + bytes, 0);
    if (!isDryRun) endIfEmpty(shelf.db, repository);
    tally.isWaiting ||= verdict.isWaiting;
    return isMore;
  });
}

/** Bytes, where this is the last repository that has the blob. */
function wouldFree(tally: Tally, { digest, size, links }: LinkRow): number {
  const left = (tally.left.get(digest) ?? links) - 1;
  tally.left.set(digest, left);
  return left === 0 ? size : 0;
}

/** Lists what ended uploads have left, and deletes what nothing names by then: no write of theirs is committed any more. */
async function sweep({ shelf, bucket }: CollectorDeps): Promise<void> {
  for (const ended of allSweeps(shelf.db)) {
    const dueAt = sweepDueAt(ended, shelf.holdMs);
    if (dueAt !== null && dueAt > Date.now()) continue;
    // oxlint-disable-next-line no-await-in-loop -- rare, and one list at a time is enough
    await sweepOne(shelf, bucket, ended);
    shelf.db.transaction(() => swept(shelf.db, ended));
  }
}

async function sweepOne(shelf: Shelf, bucket: R2Bucket, { upload, digest }: Sweep): Promise<void> {
  const prefix = prefixOf(shelf.accountId, upload);
  let cursor: string | undefined;
  do {
    // oxlint-disable-next-line no-await-in-loop -- each page begins where the last one ended
    const page = await bucket.list({ prefix, ...(cursor === undefined ? {} : { cursor }) });
    // An upload of this name is under way: it leaves a sweep of its own.
    if (hasUpload(shelf.db, upload)) return;
    const named = digest === null ? [] : keysMadeBy(shelf, digest, upload);
    const strays = straysOf(page.objects.map(({ key }) => key), named); // prettier-ignore
    // oxlint-disable-next-line no-await-in-loop -- at most a thousand, as a page has
    if (strays.length > 0) await bucket.delete(strays);
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
}

function repositoriesOf({ db }: Shelf, { repository }: GarbageRequest): string[] {
  if (repository !== undefined) return [repository];
  return db.all<{ name: string }>("SELECT name FROM repositories ORDER BY name").map(({ name }) => name);
}

function linksOf({ db }: Shelf, repository: string): LinkRow[] {
  return db.all<LinkRow>(
    `SELECT links.digest, links.held_until, blobs.size, blobs.links
      FROM links JOIN blobs USING (digest) WHERE repository = ? ORDER BY links.digest`,
    repository,
  );
}

function namedIn({ db }: Shelf, repository: string): ReadonlySet<string> {
  const rows = db.all<{ value: string }>(
    "SELECT DISTINCT json_each.value FROM manifests, json_each(names) WHERE repository = ?",
    repository,
  );
  return new Set(rows.map(({ value }) => value));
}
