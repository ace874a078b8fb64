/** Repositories begin with what is first written to them and end with the last of it, unless they are public. */
import type { Database, Row } from "../../database.ts";
import type { Page, RepositoryView } from "./contract.ts";
import { after, pageOf, type PageRequest } from "./pages.ts";

interface RepositoryRow extends Row {
  name: string;
  is_public: number;
  created_at: number;
  tags: number;
  manifests: number;
  size: number;
}

const VIEW = `SELECT name, is_public, created_at,
  (SELECT COUNT(*) FROM tags WHERE repository = repositories.name) AS tags,
  (SELECT COUNT(*) FROM manifests WHERE repository = repositories.name) AS manifests,
  (SELECT COALESCE(SUM(blobs.size), 0) FROM links JOIN blobs USING (digest) WHERE repository = repositories.name) AS size
  FROM repositories`;

export function beginRepository(db: Database, name: string, now: number): void {
  if (!hasRepository(db, name)) db.run("INSERT INTO repositories VALUES (?, 0, ?)", name, now);
}

export function endIfEmpty(db: Database, name: string): void {
  db.run(
    `DELETE FROM repositories WHERE name = ?1 AND is_public = 0
      AND NOT EXISTS (SELECT 1 FROM manifests WHERE repository = ?1)
      AND NOT EXISTS (SELECT 1 FROM links WHERE repository = ?1)
      AND NOT EXISTS (SELECT 1 FROM uploads WHERE repository = ?1)`,
    name,
  );
}

export function hasRepository(db: Database, name: string): boolean {
  return db.one("SELECT 1 AS there FROM repositories WHERE name = ?", name) !== undefined;
}

export function isPublic(db: Database, name: string): boolean {
  return db.one<{ is_public: number }>("SELECT is_public FROM repositories WHERE name = ?", name)?.is_public === 1;
}

export function findRepository(db: Database, name: string): RepositoryView | null {
  const row = db.one<RepositoryRow>(`${VIEW} WHERE name = ?`, name);
  return row === undefined ? null : viewOf(row);
}

export function listRepositories(db: Database, page: PageRequest): Page<RepositoryView> {
  const rows = db.all<RepositoryRow>(`${VIEW} WHERE name > ? ORDER BY name LIMIT ?`, after(page), page.limit + 1);
  return pageOf(rows, page.limit, (row) => row.name, viewOf);
}

/** A repository may be made public before anything is pushed to it. What is answered may have ended with it. */
export function setPublic(db: Database, name: string, wanted: boolean, now: number): RepositoryView {
  beginRepository(db, name, now);
  if (isPublic(db, name) !== wanted) {
    db.run("UPDATE repositories SET is_public = ? WHERE name = ?", wanted ? 1 : 0, name);
  }
  const view = findRepository(db, name);
  if (view === null) throw new Error(`repository ${name} was just written`);
  endIfEmpty(db, name);
  return view;
}

function viewOf(row: RepositoryRow): RepositoryView {
  return {
    name: row.name,
    isPublic: row.is_public === 1,
    createdAt: row.created_at,
    tags: row.tags,
    manifests: row.manifests,
    size: row.size,
  };
}
