/** Answers about images of the account's own registry. */
import * as z from "zod";
import { timestamp } from "./common.ts";

export const repositoryResult = z.strictObject({
  name: z.string(),
  is_public: z.boolean().describe("anyone may pull from it, without a login"),
  tags: z.int(),
  manifests: z.int(),
  size: z.int().describe("bytes of its blobs, each counted once"),
  created_at: timestamp,
});

export const tagResult = z.strictObject({
  name: z.string(),
  digest: z.string(),
  media_type: z.string(),
  platforms: z.array(z.string()).describe("of an index: what it has an image for, such as linux/arm64").optional(),
  size: z.int().describe("bytes of manifest, config and layers, of everything below an index"),
  updated_at: timestamp,
  used_by: z.array(z.string()).describe("applications, with the versions and instances that run it"),
});

export const collectionResult = z.strictObject({
  dry_run: z.boolean(),
  manifests: z.int().describe("manifests without a tag that were removed"),
  manifest_bytes: z.int().describe("their bytes with those of their blobs, which others may have too"),
  blobs: z.int(),
  uploads: z.int().describe("uploads that nobody finished"),
  bytes: z.int().describe("bytes of these blobs and uploads; those of manifests just removed are held for a while yet"),
  kept: z
    .array(z.strictObject({ image: z.string(), users: z.array(z.string()) }))
    .describe("manifests without a tag that applications use"),
  examples: z.array(z.string()).describe("the first hundred that were removed, as `<repository>@<digest>`"),
  complete: z.boolean().describe("false: there is more than one request removes; ask again"),
});
