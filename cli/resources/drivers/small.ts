/** Resources of an account that are small: SSH keys, registries and their protocols. */
import { isCode, type Api } from "../../api.ts";
import { keyLine, parseSshPublicKey } from "../../../src/ssh-public-key.ts";
import { changesBetween, flatten, SAME, type Comparison, type Driver, type Live } from "../driver.ts";
import { DEFAULT_REFRESH_SECONDS } from "../../../src/api/schemas/registry.ts";
import type { JsonObject } from "../resource.ts";
import { textOf } from "../resource.ts";
import { ANY_STORE } from "../schemas.ts";

export const sshKeys: Driver = {
  list: async (api) =>
    (await api.list("GET /ssh-public-keys")).map((key) => ({
      kind: "ssh-key",
      etag: null,
      name: key.name,
      id: key.id,
      shown: { ...key },
    })),
  compare: ({ body, live }) => {
    const wanted = { public_key: lineOf(textOf(body["public_key"])) };
    return Promise.resolve(fixed(live === null ? null : { public_key: live.shown["public_key"] ?? null }, wanted));
  },
  create: async ({ api, name, body, key, owner }) => {
    const sent = { body: { name, public_key: body["public_key"] }, idempotencyKey: key };
    const { result } = await api.send("POST /ssh-public-keys", owner === null ? sent : { ...sent, owner });
    return { kind: "ssh-key", name, id: result.id, etag: null, shown: { ...result } };
  },
  update: () => Promise.resolve(null),
  remove: async (api, { name }, key) => {
    await api.send("DELETE /ssh-public-keys/{name}", { params: { name }, idempotencyKey: key });
  },
};

/** As the API stores it. */
function lineOf(text: string): string {
  const parsed = parseSshPublicKey(text);
  return typeof parsed === "string" ? text : keyLine(parsed);
}

export const registries: Driver = {
  list: async (api) =>
    (await api.send("GET /registries")).result
      // The managed one is always there, and nobody's to declare.
      .filter(({ kind }) => kind !== "default")
      .map((one) => ({
        kind: "registry",
        name: one.domain,
        id: one.domain,
        etag: null,
        shown: { ...one } as JsonObject,
      })),
  compare: async ({ api, body, live }) => {
    const wanted = shownRegistry(body);
    if (live === null) return fixed(null, wanted);
    const credential = (wanted["auth"] as JsonObject | undefined)?.["public_credential"] ?? null;
    return mendable(fixed(await registryNow(api, live, credential), wanted));
  },
  create: async ({ api, body, key, owner }) => {
    const sent = { body: await withStore(api, body), idempotencyKey: key };
    const { result } = await api.send("POST /registries", owner === null ? sent : { ...sent, owner });
    return { kind: "registry", name: result.domain, id: result.domain, etag: null, shown: { ...result } };
  },
  update: async ({ api, name, body, key }) => {
    const { auth, pull_through } = await withStore(api, body);
    const change = { ...(auth === undefined ? {} : { auth }), pull_through: pull_through ?? null };
    await api.send("PATCH /registries/{domain}", { params: { domain: name }, body: change, idempotencyKey: key });
    return null;
  },
  remove: async (api, { name }, key) => {
    await api.send("DELETE /registries/{domain}", { params: { domain: name }, idempotencyKey: key });
  },
};

/** Another credential, and how it is pulled through, are changes of the same registry. */
function mendable(comparison: Comparison): Comparison {
  const isMended = comparison.changes.every(({ field }) => /^(?:auth|pull_through)(?:\.|$)/.test(field));
  return isMended ? { ...comparison, replace: null } : comparison;
}

/** Without the store's id, which is the account's one. */
function shownRegistry({ kind, auth, is_public: isPublic, domain, pull_through: through }: JsonObject): JsonObject {
  const pulled = through === undefined ? {} : { pull_through: withDefaults(through as JsonObject, domain) };
  if (auth === undefined) return { is_public: isPublic ?? false, ...pulled };
  const { public_credential, private_credential } = auth as JsonObject;
  const secret = (private_credential as JsonObject)["secret_name"] ?? null;
  return { kind: kind ?? null, auth: { public_credential: public_credential ?? null, secret_name: secret }, ...pulled };
}

/** As the API fills in what is not said. */
function withDefaults(
  { prefix, refresh_seconds: seconds }: JsonObject,
  domain: JsonObject[string] | undefined,
): JsonObject {
  return { prefix: prefix ?? domain ?? null, refresh_seconds: seconds ?? DEFAULT_REFRESH_SECONDS };
}

/** The list does not tell the user's name; who may not ask for it takes it as it is wanted. */
async function registryNow(api: Api, { name, shown }: Live, wanted: JsonObject[string] | null): Promise<JsonObject> {
  const { kind, private_credential: hidden, is_public: isPublic, pull_through: through } = shown;
  const pulled = through === undefined ? {} : { pull_through: through };
  if (hidden === undefined) return { is_public: isPublic ?? false, ...pulled };
  return {
    kind: kind ?? null,
    auth: {
      public_credential: (await userOf(api, name)) ?? wanted ?? null,
      secret_name: (hidden as JsonObject)["secret_name"] ?? null,
    },
    ...pulled,
  };
}

export async function userOf(api: Api, domain: string): Promise<string | null> {
  try {
    const { result } = await api.send("POST /registries/{domain}/credentials", { params: { domain }, body: {} });
    return result.username;
  } catch (error) {
    if (isCode(error, "FORBIDDEN")) return null;
    throw error;
  }
}

async function withStore(api: Api, body: JsonObject): Promise<JsonObject> {
  const { auth } = body;
  if (auth === undefined) return body;
  const hidden = (auth as JsonObject)["private_credential"] as JsonObject;
  if (hidden["store_id"] !== ANY_STORE) return body;
  return {
    ...body,
    auth: { ...(auth as JsonObject), private_credential: { ...hidden, store_id: await storeOf(api) } },
  };
}

async function storeOf(api: Api): Promise<string> {
  const { result: me } = await api.send("GET /me");
  const { result } = await api.send("GET /client/v4/accounts/{account_id}/secrets_store/stores", {
    params: { account_id: me.account_id },
  });
  const [store] = result;
  if (store === undefined) throw new Error("the account has no secrets store");
  return store.id;
}

export const protocols: Driver = {
  list: async (api) => {
    const { result } = await api.send("GET /registries/protos");
    return result.map((one) => ({
      kind: "protocol",
      name: one.proto,
      id: one.proto,
      etag: null,
      shown: one as unknown as JsonObject,
    }));
  },
  compare: ({ body, live }) => {
    const wanted = { domains: body["domains"] ?? null };
    const changes = fixed(live === null ? null : { domains: live.shown["domains"] ?? null }, wanted);
    return Promise.resolve({ ...changes, replace: null });
  },
  create: async ({ api, name, body, key, owner }) => {
    const sent = { body: { proto: name, domains: body["domains"] }, idempotencyKey: key };
    await api.send("POST /registries/protos", owner === null ? sent : { ...sent, owner });
    return null;
  },
  update: async ({ api, name, body, key }) => {
    await api.send("PUT /registries/protos", { body: { proto: name, domains: body["domains"] }, idempotencyKey: key });
    return null;
  },
  remove: async (api, { name }, key) => {
    await api.send("DELETE /registries/protos/{proto}", { params: { proto: name }, idempotencyKey: key });
  },
};

/** Of what never changes: any change makes it anew. */
function fixed(live: JsonObject | null, wanted: JsonObject): Comparison {
  const changes = changesBetween(live === null ? new Map() : flatten(live), flatten(wanted));
  const isReplaced = live !== null && changes.length > 0;
  return {
    ...SAME,
    changes,
    replace: isReplaced ? `${changes.map(({ field }) => field).join(", ")} never changes` : null,
  };
}
