/** Answers about image registries. */
import * as z from "zod";
import { REGISTRY_KINDS } from "../../account/registries.ts";
import { timestamp } from "./common.ts";

export const registryResult = z.strictObject({
  domain: z.string(),
  created_at: timestamp,
  kind: z.enum(["default", ...REGISTRY_KINDS]).optional(),
  is_public: z.boolean(),
  public_key: z.string().describe("base64 of a SubjectPublicKeyInfo (P-256): what the registry must trust").optional(),
  private_credential: z.strictObject({ store_id: z.string(), secret_name: z.string() }).optional(),
  pull_through: z.strictObject({ prefix: z.string(), refresh_seconds: z.int() }).optional(),
});

export const deletedRegistryResult = z.strictObject({
  domain: z.string(),
  secrets_store_ref: z.string().describe("`<store id>:<secret name>`: the secret is left as it is").optional(),
});

export const protocolResult = z.strictObject({
  proto: z.string(),
  domains: z.array(z.strictObject({ domain: z.string(), path: z.string() })),
});

export const credentialsResult = z.strictObject({
  account_id: z.string(),
  registry_host: z.string(),
  username: z.string(),
  password: z.string().describe("absent where the password is a secret of the account").optional(),
});

export const imagePreparationResult = z.strictObject({
  image: z.string(),
  status: z.enum(["pending", "ready", "error"]),
  artifact_digest: z.string().optional(),
  reason: z.string().optional(),
});
