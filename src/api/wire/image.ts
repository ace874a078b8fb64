/** Images of the account's own registry as the API shows them. */
import type * as z from "zod";
import { iso } from "../../iso.ts";
import type { RepositoryView, TagView } from "../../registry/store/contract.ts";
import type { ImageGarbage } from "../image-garbage.ts";
import type { collectionResult, repositoryResult, tagResult } from "../results/image.ts";

export function wireRepository(view: RepositoryView): z.output<typeof repositoryResult> {
  const { name, isPublic, tags, manifests, size, createdAt } = view;
  return { name, is_public: isPublic, tags, manifests, size, created_at: iso(createdAt) };
}

export function wireTag(
  { name, digest, mediaType, size, updatedAt }: TagView,
  platforms: readonly string[] | null,
  users: readonly string[],
): z.output<typeof tagResult> {
  return {
    name,
    digest,
    media_type: mediaType,
    ...(platforms === null ? {} : { platforms: [...platforms] }),
    size,
    updated_at: iso(updatedAt),
    used_by: [...users],
  };
}

export function wireCollection(report: ImageGarbage, isDryRun: boolean): z.output<typeof collectionResult> {
  const { manifests, manifestBytes, blobs, uploads, bytes, kept, examples, isComplete } = report;
  return {
    dry_run: isDryRun,
    manifests,
    manifest_bytes: manifestBytes,
    blobs,
    uploads,
    bytes,
    kept: kept.map(({ image, users }) => ({ image, users: [...users] })),
    examples: [...examples],
    complete: isComplete,
  };
}
