/** Manifests that no tag leads to, for whoever removes them on demand. What they are is decided in `gc/untagged.ts`. */
import type { Database, Row } from "../../database.ts";
import { unreached, type Known, type Unreached } from "../gc/untagged.ts";
import type { Digest } from "../oci/digest.ts";
import type { Page, UntaggedManifest } from "./contract.ts";
import { deleteManifest } from "./manifests.ts";
import { pageOf, type PageRequest } from "./pages.ts";
import type { Shelf } from "./shelf.ts";
import { sizeBelow } from "./sizes.ts";

interface StoredRow extends Row {
  digest: Digest;
  media_type: string;
  names: string;
  subject: string | null;
  pushed_at: number;
}

interface Candidate extends Known {
  readonly digest: Digest;
  readonly mediaType: string;
}

/** A page ends with `<repository>@<digest>`. */
export function listUntagged(
  shelf: Shelf,
  repository: string | null,
  page: PageRequest,
  now: number,
): Page<UntaggedManifest> {
  const { db } = shelf;
  const [from = "", digest = ""] = (page.last ?? "").split("@");
  const names = repository === null ? namesFrom(db, from) : [repository];
  const found: { name: string; unreached: Unreached<Candidate> }[] = [];
  for (const name of names) {
    const there = unreachedIn(shelf, name, now).filter(({ manifest }) => name !== from || manifest.digest > digest);
    found.push(...there.map((one) => ({ name, unreached: one })));
    if (found.length > page.limit) break;
  }
  return pageOf(
    found,
    page.limit,
    ({ name, unreached: { manifest } }) => `${name}@${manifest.digest}`,
    ({ name, unreached: { manifest, ledBy } }) => ({
      repository: name,
      digest: manifest.digest,
      mediaType: manifest.mediaType,
      size: sizeBelow(db, name, manifest.digest),
      pushedAt: manifest.pushedAt,
      ledBy: ledBy as Digest[],
    }),
  );
}

export function removeUntagged(shelf: Shelf, repository: string, digest: Digest, now: number): boolean {
  const found = unreachedIn(shelf, repository, now).find(({ manifest }) => manifest.digest === digest);
  if (found === undefined || found.ledBy.length > 0) return false;
  return deleteManifest(shelf.db, repository, digest);
}

/** In the order of their digests. */
function unreachedIn({ db, holdMs }: Shelf, repository: string, now: number): Unreached<Candidate>[] {
  const manifests = db.all<StoredRow>(
    "SELECT digest, media_type, names, subject, pushed_at FROM manifests WHERE repository = ? ORDER BY digest",
    repository,
  );
  const tagged = db.all<{ digest: string }>("SELECT digest FROM tags WHERE repository = ?", repository);
  const known = manifests.map((row): Candidate => ({
    digest: row.digest,
    mediaType: row.media_type,
    names: JSON.parse(row.names) as string[],
    subject: row.subject,
    pushedAt: row.pushed_at,
  }));
  return unreached(known, new Set(tagged.map(({ digest }) => digest)), now, holdMs);
}

function namesFrom(db: Database, from: string): string[] {
  const rows = db.all<{ name: string }>("SELECT name FROM repositories WHERE name >= ? ORDER BY name", from);
  return rows.map(({ name }) => name);
}
