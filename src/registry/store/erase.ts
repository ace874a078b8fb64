/** The end of an account: every image goes, and nothing begins any more, whoever was let in before. */
import type { Database } from "../../database.ts";
import { doom } from "../gc/doomed.ts";
import { keysOf, prefixOf, unpackSegments } from "./segments.ts";
import type { Shelf } from "./shelf.ts";
import { allUploads, dropUpload } from "./uploads.ts";

export function isErased(db: Database): boolean {
  return db.one("SELECT at FROM erased") !== undefined;
}

/** What uploads under way have put is swept as that of any that end. */
export function eraseAll(shelf: Shelf, now: number): void {
  const { db, accountId } = shelf;
  const blobs = db.all<{ upload: string; segments: string }>("SELECT upload, segments FROM blobs");
  const keys = blobs.flatMap(({ upload, segments }) => keysOf(unpackSegments(prefixOf(accountId, upload), segments)));
  doom(db, [...keys, ...allUploads(db, null).flatMap((upload) => dropUpload(shelf, upload, now).keys)]);
  for (const table of ["tags", "manifest_parts", "manifests", "links", "blobs", "repositories"]) {
    db.run(`DELETE FROM ${table}`);
  }
  db.run("INSERT INTO erased VALUES (?)", now);
}
