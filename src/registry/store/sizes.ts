/** How much an image is: every manifest and blob below a digest, once. */
import type { Database } from "../../database.ts";
import type { Digest } from "../oci/digest.ts";

/** What is not there, as layers that stay elsewhere, counts nothing. */
export function sizeBelow(db: Database, repository: string, digest: Digest): number {
  const seen = new Set<string>([digest]);
  let size = 0;
  // A set that grows is walked to its end.
  for (const name of seen) {
    const manifest = db.one<{ size: number; names: string }>(
      "SELECT size, names FROM manifests WHERE repository = ? AND digest = ?",
      repository,
      name,
    );
    if (manifest === undefined) size += blobSize(db, repository, name);
    else {
      size += manifest.size;
      for (const below of JSON.parse(manifest.names) as string[]) seen.add(below);
    }
  }
  return size;
}

function blobSize(db: Database, repository: string, digest: string): number {
  const row = db.one<{ size: number }>(
    "SELECT blobs.size FROM links JOIN blobs USING (digest) WHERE repository = ? AND digest = ?",
    repository,
    digest,
  );
  return row?.size ?? 0;
}
