/**
 * Cloudflare's Secrets Store, as far as clients that configure registries use it: the account has one store, and its
 * secrets are the account's.
 */
import * as z from "zod";
import type { Secret } from "../../account/secrets.ts";
import type { SecretsStore } from "../../account/secrets-store.ts";
import { GantryError } from "../../errors.ts";
import { accountStub } from "../../stubs.ts";
import { hexDigest } from "../credentials.ts";
import type { ResultInfo } from "../envelope.ts";
import { storeResult, storeSecretResult } from "../results/secret.ts";
import { defineRoute, type Call } from "../route.ts";
import { SECRET_LIMITS, secretName, secretValue } from "../schemas/secret.ts";
import { STORE_SCOPE, wireStore, wireStoreSecret } from "../wire/secret.ts";
import { requireWholeAccount } from "./lookup.ts";
import { removeSecret } from "./secrets.ts";

const STORES = "/client/v4/accounts/:account_id/secrets_store/stores";
const TAG = "Secrets Store";
const MAX_SECRETS = 100;

const pages = {
  page: z.coerce.number().int().min(1).max(10_000).default(1).describe("The page, from 1"),
  per_page: z.coerce.number().int().min(1).max(1_000).default(1_000).describe("The most that a page holds"),
};

const storeSecret = z.strictObject({
  name: secretName.describe("Name of the secret, unique in the account"),
  value: secretValue.describe("The value; sealed at once and never shown again"),
  scopes: z
    .array(z.literal(STORE_SCOPE, `must be "${STORE_SCOPE}": the account's secrets are for its containers`))
    .min(1)
    .max(1)
    .describe("What may use it"),
  comment: z.string().max(SECRET_LIMITS.commentLength).default("").describe("Shown in lists; default: empty"),
});

export const secretsStoreRoutes = [
  defineRoute({
    method: "GET",
    path: STORES,
    base: "root",
    plainErrors: true,
    tag: TAG,
    summary: "List the account's one secrets store",
    query: z.strictObject(pages),
    result: z.array(storeResult),
    paged: true,
    run: async ({ env, accountId, query }) => {
      const store: SecretsStore = await accountStub(env, accountId).secretsStore();
      const result = query.page === 1 ? [wireStore(accountId, store)] : [];
      return { result, resultInfo: pageInfo(query, result.length, 1) };
    },
  }),
  defineRoute({
    method: "GET",
    path: `${STORES}/:store_id/secrets`,
    base: "root",
    plainErrors: true,
    tag: TAG,
    summary: "List the secrets of the store, without their values",
    query: z.strictObject({
      ...pages,
      search: z.string().max(SECRET_LIMITS.nameLength).default("").describe("Part of the name, in any case"),
    }),
    result: z.array(storeSecretResult),
    paged: true,
    errors: ["SECRETS_STORE_NOT_FOUND"],
    run: async (call) => {
      const { env, accountId, query } = call;
      const store = await requireStore(call);
      const offset = (query.page - 1) * query.per_page;
      const { secrets, total }: { secrets: Secret[]; total: number } = await accountStub(env, accountId).searchSecrets(
        query.search,
        offset,
        query.per_page,
      );
      const result = secrets.map((secret) => wireStoreSecret(store.id, secret));
      return { result, resultInfo: pageInfo(query, result.length, total) };
    },
  }),
  defineRoute({
    method: "POST",
    path: `${STORES}/:store_id/secrets`,
    base: "root",
    plainErrors: true,
    tag: TAG,
    summary: "Create secrets: all of them or none",
    query: z.strictObject({}),
    body: z.array(storeSecret).min(1).max(MAX_SECRETS),
    result: z.array(storeSecretResult),
    errors: ["SECRETS_STORE_NOT_FOUND", "SECRET_NAME_ALREADY_EXISTS", "MASTER_KEY_MISSING"],
    run: async (call) => {
      requireWholeAccount(call.actor);
      const store = await requireStore(call);
      const { env, accountId, seed, body } = call;
      const plain = await Promise.all(
        body.map(async ({ name, value, comment }, index) => ({ id: await idOf(seed, index), name, value, comment })),
      );
      const secrets: Secret[] = await accountStub(env, accountId).createSecrets(plain);
      return { result: secrets.map((secret) => wireStoreSecret(store.id, secret)) };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: `${STORES}/:store_id/secrets/:secret_id`,
    base: "root",
    plainErrors: true,
    tag: TAG,
    summary: "Delete a secret that nothing uses",
    query: z.strictObject({}),
    result: z.strictObject({ id: z.string() }),
    errors: ["SECRETS_STORE_NOT_FOUND", "SECRET_NAME_NOT_FOUND", "SECRET_IN_USE"],
    run: async (call) => {
      requireWholeAccount(call.actor);
      await requireStore(call);
      const id = (call.params["secret_id"] ?? "").slice(0, 64);
      const name: string | null = await accountStub(call.env, call.accountId).nameOfSecret(id);
      if (name !== null) await removeSecret(call, name, null);
      else if (!call.isRetry) {
        throw new GantryError("SECRET_NAME_NOT_FOUND", `there is no secret ${id} in this store`, { id });
      }
      return { result: { id } };
    },
  }),
];

async function requireStore({ env, accountId, params }: Call<unknown, unknown>): Promise<SecretsStore> {
  const store: SecretsStore = await accountStub(env, accountId).secretsStore();
  const id = (params["store_id"] ?? "").slice(0, 64);
  if (store.id === id) return store;
  const message = `there is no secrets store ${id}; the account's is ${store.id}`;
  throw new GantryError("SECRETS_STORE_NOT_FOUND", message, { store: id });
}

/** The same for every try of one request. */
async function idOf(seed: string, index: number): Promise<string> {
  return index === 0 ? seed : hexDigest(`${seed} ${index}`).slice(0, 32);
}

function pageInfo({ page, per_page }: { page: number; per_page: number }, count: number, total: number): ResultInfo {
  return { per_page, page_token: null, page, count, total_count: total };
}
