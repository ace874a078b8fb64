/** Views of secrets: metadata only. */
import type * as z from "zod";
import type { Secret } from "../../account/secrets.ts";
import type { SecretsStore } from "../../account/secrets-store.ts";
import type { secretResult, storeResult, storeSecretResult } from "../results/secret.ts";
import { iso } from "../../iso.ts";

export const STORE_NAME = "default";
/** What the account's secrets are for, in the words of Cloudflare's Secrets Store. */
export const STORE_SCOPE = "containers";

export function wireSecret({ name, version, createdAt, updatedAt }: Secret): z.output<typeof secretResult> {
  return { name, version, created_at: iso(createdAt), updated_at: iso(updatedAt) };
}

export function wireStore(accountId: string, { id, createdAt }: SecretsStore): z.output<typeof storeResult> {
  return { id, name: STORE_NAME, account_id: accountId, created: iso(createdAt), modified: iso(createdAt) };
}

export function wireStoreSecret(storeId: string, secret: Secret): z.output<typeof storeSecretResult> {
  const { id, name, comment, createdAt, updatedAt } = secret;
  return {
    id: id.replaceAll("-", ""),
    name,
    comment,
    scopes: [STORE_SCOPE],
    store_id: storeId,
    status: "active",
    created: iso(createdAt),
    modified: iso(updatedAt),
  };
}
