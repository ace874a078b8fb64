/** Answers about owners. */
import * as z from "zod";
import { OWNED_KINDS } from "../../account/owners.ts";

export const ownedResult = z.strictObject({
  kind: z.enum(OWNED_KINDS),
  name: z
    .string()
    .describe("the resource's name; a registry's is its domain, a deployment without a name has its id's"),
  owner: z.string(),
});
