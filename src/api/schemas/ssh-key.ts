/** SSH public keys in bodies. */
import * as z from "zod";
import { parseSshPublicKey } from "../../ssh-public-key.ts";

export const SSH_LIMITS = { keys: 64, keyLength: 1_024, nameLength: 100 } as const;

const printable = /^[\x20-\x7e]+$/;

export const sshPublicKeyText = z
  .string()
  .max(SSH_LIMITS.keyLength)
  .superRefine((text, context) => {
    const parsed = parseSshPublicKey(text);
    if (typeof parsed === "string") context.addIssue({ code: "custom", message: parsed });
  });

export const sshKeyName = z
  .string()
  .min(1)
  .max(SSH_LIMITS.nameLength)
  .regex(printable, "must be printable ASCII on one line");

export const createSshKeyFields = {
  name: sshKeyName.describe("Name of the key, unique in the account; what a delete names"),
  public_key: sshPublicKeyText.describe("`ssh-ed25519 <base64> [comment]`; no other key type is taken"),
};

export const inlineSshKey = z.strictObject({
  public_key: sshPublicKeyText.describe("`ssh-ed25519 <base64> [comment]`: one line of what the container gets"),
  name: sshKeyName.optional().describe("Stands in the line in place of the key's own comment; default: the comment"),
});
