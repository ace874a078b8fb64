/** Tags, in the order of their bytes: names for manifests of the same repository, which they never outlive. */
import type { Database, Row } from "../../database.ts";
import type { Digest } from "../oci/digest.ts";
import type { Page, TagView } from "./contract.ts";
import { after, pageOf, type PageRequest } from "./pages.ts";
import { hasRepository } from "./repositories.ts";
import { sizeBelow } from "./sizes.ts";

interface TagRow extends Row {
  name: string;
  digest: Digest;
  media_type: string;
  updated_at: number;
}

/** A tag that is there already is not written. */
export function setTag(db: Database, repository: string, name: string, digest: Digest, now: number): void {
  const current = db.one<{ digest: string }>(
    "SELECT digest FROM tags WHERE repository = ? AND name = ?",
    repository,
    name,
  );
  if (current?.digest === digest) return;
  db.run(
    "INSERT INTO tags (repository, name, digest, updated_at) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at",
    repository,
    name,
    digest,
    now,
  );
}

export function deleteTag(db: Database, repository: string, name: string): boolean {
  if (db.one("SELECT 1 AS there FROM tags WHERE repository = ? AND name = ?", repository, name) === undefined)
    return false;
  db.run("DELETE FROM tags WHERE repository = ? AND name = ?", repository, name);
  return true;
}

/** Null: there is no such repository. */
export function listTags(db: Database, repository: string, page: PageRequest): Page<string> | null {
  if (!hasRepository(db, repository)) return null;
  const rows = db.all<{ name: string }>(
    "SELECT name FROM tags WHERE repository = ? AND name > ? ORDER BY name LIMIT ?",
    repository,
    after(page),
    page.limit + 1,
  );
  return pageOf(rows, page.limit, tagName, tagName);
}

export function listTagViews(db: Database, repository: string, page: PageRequest): Page<TagView> {
  const rows = db.all<TagRow>(
    `SELECT tags.name, tags.digest, manifests.media_type, tags.updated_at
      FROM tags JOIN manifests USING (repository, digest)
      WHERE tags.repository = ? AND tags.name > ? ORDER BY tags.name LIMIT ?`,
    repository,
    after(page),
    page.limit + 1,
  );
  return pageOf(rows, page.limit, tagName, (row) => ({
    name: row.name,
    digest: row.digest,
    mediaType: row.media_type,
    size: sizeBelow(db, repository, row.digest),
    updatedAt: row.updated_at,
  }));
}

function tagName({ name }: { readonly name: string }): string {
  return name;
}
