/** Owners: the names of what manages resources, such as a manifest. */
import * as z from "zod";

export const OWNER_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$/;

export const ownerName = z
  .string()
  .regex(OWNER_PATTERN, "must be 1 to 100 letters, digits, ., _, / or -, beginning with a letter or digit");

export const putOwnerSchema = z.strictObject({
  owner: ownerName.describe("Whose the resource is from now on; refused while it is another's"),
});
