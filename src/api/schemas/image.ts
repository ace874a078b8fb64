/** Bodies about images of the account's own registry. */
import * as z from "zod";
import { isRepository, MAX_REPOSITORY_LENGTH } from "../../registry/oci/names.ts";

export const repositoryName = z
  .string()
  .max(MAX_REPOSITORY_LENGTH)
  .refine(isRepository, "must be lower-case letters and digits, with ., _, - or / between them");

export const changeRepositorySchema = z.strictObject({
  is_public: z
    .boolean()
    .describe(
      "Whether anyone may pull, without a login; may be said before anything is pushed, and then keeps the name",
    ),
});

export const collectionSchema = z.strictObject({
  dry_run: z.boolean().default(false).describe("Nothing is removed: what would be is told"),
  untagged: z
    .boolean()
    .default(false)
    .describe("Also manifests that no tag leads to, as far as no application uses them"),
  repository: repositoryName.optional().describe("Only this one; default: all"),
});
