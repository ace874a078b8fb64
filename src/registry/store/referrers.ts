/** Manifests that have a subject, listed by it, whether or not the subject is there; in the order of their digests. */
import type { Database, Row } from "../../database.ts";
import type { Digest } from "../oci/digest.ts";
import type { Page, ReferrerDescriptor } from "./contract.ts";
import { wholeOf } from "./manifests.ts";
import { after, pageOf, type PageRequest } from "./pages.ts";

/** What is answered is one manifest, and those have four megabytes: a page of long annotations is a short one. */
const MOST_ANNOTATION_CHARS = 3 * 1024 * 1024;

interface ReferrerRow extends Row {
  digest: Digest;
  media_type: string;
  size: number;
  artifact_type: string | null;
}

export function listReferrers(
  db: Database,
  repository: string,
  subject: Digest,
  page: PageRequest & { readonly artifactType: string | null },
): Page<ReferrerDescriptor> {
  const rows = db.all<ReferrerRow>(
    `SELECT digest, media_type, size, artifact_type FROM manifests
      WHERE repository = ?1 AND subject = ?2 AND digest > ?3 AND (?4 IS NULL OR artifact_type = ?4)
      ORDER BY digest LIMIT ?5`,
    repository,
    subject,
    after(page),
    page.artifactType,
    page.limit + 1,
  );
  const items: ReferrerDescriptor[] = [];
  let chars = 0;
  for (const row of rows.slice(0, page.limit)) {
    const annotations = annotationsOf(db, repository, row.digest);
    chars += JSON.stringify(annotations).length;
    if (items.length > 0 && chars > MOST_ANNOTATION_CHARS) break;
    items.push(descriptorOf(row, annotations));
  }
  const { next } = pageOf(
    rows,
    items.length,
    (row) => row.digest,
    (row) => row,
  );
  return { items, next };
}

function descriptorOf(row: ReferrerRow, annotations: Record<string, string>): ReferrerDescriptor {
  return {
    mediaType: row.media_type,
    digest: row.digest,
    size: row.size,
    ...(row.artifact_type === null ? {} : { artifactType: row.artifact_type }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
}

/** As the manifest's own bytes have them. */
function annotationsOf(db: Database, repository: string, digest: Digest): Record<string, string> {
  const row = db.one<{ bytes: ArrayBuffer }>(
    "SELECT bytes FROM manifests WHERE repository = ? AND digest = ?",
    repository,
    digest,
  );
  if (row === undefined) return {};
  const manifest: unknown = JSON.parse(new TextDecoder().decode(wholeOf(db, repository, digest, row.bytes)));
  if (typeof manifest !== "object" || manifest === null || !("annotations" in manifest)) return {};
  const { annotations } = manifest;
  if (typeof annotations !== "object" || annotations === null) return {};
  const pairs = Object.entries(annotations).filter((pair): pair is [string, string] => typeof pair[1] === "string");
  return Object.fromEntries(pairs);
}
