/** registries: the managed one, and those that the account has configured; short-lived credentials. */
import * as z from "zod";
import { registryNotFound, type PullThrough, type Registry } from "../../account/registries.ts";
import type { SecretsStore } from "../../account/secrets-store.ts";
import { GantryError } from "../../errors.ts";
import { issueCredentials, REGISTRY_USER } from "../../registry/credentials.ts";
import { ownerOf } from "../../registry/oci/names.ts";
import { newKeyPair, signPullToken } from "../../registry/pull-tokens.ts";
import { forgetPullThroughs } from "../../registry/pull-through/sources.ts";
import { masterKeys } from "../../sealing.ts";
import { accountStub } from "../../stubs.ts";
import { invalid } from "../body.ts";
import { credentialsResult, deletedRegistryResult, registryResult } from "../results/registry.ts";
import { defineRoute, type Call } from "../route.ts";
import {
  changeRegistrySchema,
  createRegistrySchema,
  credentialsSchema,
  DEFAULT_REFRESH_SECONDS,
  defaultPrefix,
} from "../schemas/registry.ts";
import { iso } from "../../iso.ts";
import { requireWholeAccount } from "./lookup.ts";

const NO_QUERY = z.strictObject({});
const MINUTE_MS = 60_000;
const DEFAULT_MINUTES = 15;

export const registryRoutes = [
  defineRoute({
    method: "GET",
    path: "/registries",
    tag: "Registries",
    summary: "List the image registries of the account, the managed one first",
    query: NO_QUERY,
    result: z.array(registryResult),
    run: async ({ env, accountId }) => {
      const account = accountStub(env, accountId);
      const [store, registries]: [SecretsStore, Registry[]] = await Promise.all([
        account.secretsStore(),
        account.registries(),
      ]);
      const managed = {
        domain: env.MANAGED_REGISTRY,
        created_at: iso(store.createdAt),
        kind: "default" as const,
        is_public: false,
      };
      return { result: [managed, ...registries.map((registry) => wireRegistry(registry, store.id))] };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/registries",
    tag: "Registries",
    summary: "Configure an image registry",
    owned: true,
    query: NO_QUERY,
    body: createRegistrySchema,
    result: registryResult,
    statuses: [201],
    errors: ["IMAGE_REGISTRY_ALREADY_EXISTS", "IMAGE_REGISTRY_NOT_ALLOWED", "MASTER_KEY_MISSING"],
    run: async (call) => {
      const { env, accountId, actor, seed, body } = call;
      requireWholeAccount(actor);
      refuseManaged(call, body.domain);
      const account = accountStub(env, accountId);
      const store: SecretsStore = await account.secretsStore();
      const { kind, auth } = body;
      requireStore(auth, store);
      const isPublic = body.is_public === true;
      const pair = auth === undefined && !isPublic ? await newKeyPair() : null;
      const wanted: Registry = {
        id: seed,
        domain: body.domain,
        isPublic,
        auth:
          kind === undefined || auth === undefined
            ? null
            : { kind, publicCredential: auth.public_credential, secret: auth.private_credential.secret_name },
        publicKey: pair?.publicKey ?? null,
        pullThrough: pullThroughOf(body.pull_through, body.domain) ?? null,
        createdAt: Date.now(),
      };
      const created: Registry | null = await account.createRegistry(wanted, pair?.privateKey ?? null);
      if (created === null) throw noSecret(wanted.auth?.secret ?? "");
      forgetPullThroughs(accountId);
      return { status: 201, result: wireRegistry(created, store.id) };
    },
  }),
  defineRoute({
    method: "PATCH",
    path: "/registries/:domain",
    tag: "Registries",
    summary: "Change the credential of an image registry, or how it is pulled through",
    query: NO_QUERY,
    body: changeRegistrySchema,
    result: registryResult,
    errors: ["IMAGE_REGISTRY_NOT_FOUND", "IMAGE_REGISTRY_NOT_ALLOWED"],
    run: async (call) => {
      const { env, accountId, actor, body } = call;
      requireWholeAccount(actor);
      const domain = domainOf(call);
      refuseManaged(call, domain);
      const account = accountStub(env, accountId);
      const store: SecretsStore = await account.secretsStore();
      const { auth } = body;
      requireStore(auth, store);
      const pullThrough = pullThroughOf(body.pull_through, domain);
      const secret = auth?.private_credential.secret_name ?? "";
      const changed: Registry | null = await account.changeRegistry(domain, {
        ...(auth === undefined ? {} : { auth: { publicCredential: auth.public_credential, secret } }),
        ...(pullThrough === undefined ? {} : { pullThrough }),
      });
      if (changed === null) throw noSecret(secret);
      forgetPullThroughs(accountId);
      return { result: wireRegistry(changed, store.id) };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/registries/:domain",
    tag: "Registries",
    summary: "Remove an image registry; the secret that it refers to stays",
    query: NO_QUERY,
    result: deletedRegistryResult,
    errors: ["IMAGE_REGISTRY_NOT_FOUND", "IMAGE_REGISTRY_NOT_ALLOWED", "IMAGE_REGISTRY_IN_USE"],
    run: async (call) => {
      const { env, accountId, actor, isRetry } = call;
      requireWholeAccount(actor);
      const domain = domainOf(call);
      refuseManaged(call, domain);
      const account = accountStub(env, accountId);
      const removed: Registry | null = await account.removeRegistry(domain);
      forgetPullThroughs(accountId);
      if (removed === null && !isRetry) throw registryNotFound(domain);
      const secret = removed?.auth?.secret;
      if (secret === undefined) return { result: { domain } };
      const { id }: SecretsStore = await account.secretsStore();
      return { result: { domain, secrets_store_ref: `${id}:${secret}` } };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/registries/:domain/credentials",
    tag: "Registries",
    summary: "Short-lived credentials of a registry",
    query: NO_QUERY,
    body: credentialsSchema,
    result: credentialsResult,
    errors: ["IMAGE_REGISTRY_NOT_FOUND", "IMAGE_REGISTRY_IS_PUBLIC", "MASTER_KEY_MISSING", "SECRET_UNREADABLE"],
    sensitive: true,
    run: async (call) => {
      requireWholeAccount(call.actor);
      const domain = domainOf(call);
      const credentials = isManaged(call, domain) ? await managedCredentials(call) : await ownCredentials(call, domain);
      return { result: { account_id: call.accountId, registry_host: domain, ...credentials } };
    },
  }),
];

type CredentialsCall = Call<unknown, z.output<typeof credentialsSchema>>;

interface Credentials {
  readonly username: string;
  readonly password?: string;
}

async function managedCredentials({ env, accountId, actor, body }: CredentialsCall): Promise<Credentials> {
  const { permissions, expiration_minutes: minutes, repositories } = body;
  if (permissions === undefined || minutes === undefined) {
    const reason = "is required for the managed registry";
    throw invalid({
      ...(permissions === undefined ? { permissions: reason } : {}),
      ...(minutes === undefined ? { expiration_minutes: reason } : {}),
    });
  }
  const expiresAt = Date.now() + minutes * MINUTE_MS;
  const own = repositories === undefined ? null : ownNames(repositories, accountId);
  const password = await issueCredentials(masterKeys(env), {
    accountId,
    permissions,
    ...(own === null ? {} : { repositories: own }),
    issuer: actor.name,
    expiresAt,
  });
  return { username: REGISTRY_USER, password };
}

/** Images of the managed registry are written with their account in front; the registry knows them without. Null: all. */
function ownNames(patterns: readonly string[], accountId: string): string[] | null {
  const names = patterns.map((pattern, index) => {
    const { accountId: owner, repository } = ownerOf(pattern);
    if (owner === null || owner === accountId) return repository;
    throw invalid({ [`repositories[${index}]`]: `belongs to another account than ${accountId}` });
  });
  // What is left of `<account>/*`.
  return names.includes("*") ? null : names;
}

/** Of a registry of somebody else: the stored name, or a token that our key has signed. A stored secret never goes out. */
async function ownCredentials({ env, accountId, body }: CredentialsCall, domain: string): Promise<Credentials> {
  if (body.repositories !== undefined) {
    throw invalid({ repositories: "is for the managed registry only: other registries know their own limits" });
  }
  const found: { registry: Registry; privateKey: string | null } | null = await accountStub(env, accountId).registry(
    domain,
  );
  if (found === null) throw registryNotFound(domain);
  const { registry, privateKey } = found;
  if (registry.auth !== null) return { username: registry.auth.publicCredential };
  if (privateKey === null) {
    throw new GantryError("IMAGE_REGISTRY_IS_PUBLIC", `registry ${domain} is public: it needs no credentials`, {
      domain,
    });
  }
  const now = Date.now();
  const expiresAt = now + (body.expiration_minutes ?? DEFAULT_MINUTES) * MINUTE_MS;
  const actions = body.permissions ?? ["pull"];
  const password = await signPullToken(privateKey, { accountId, audience: domain, actions, expiresAt }, now);
  return { username: REGISTRY_USER, password };
}

/** Domains that this control plane answers for itself: the managed registry, and its own address. */
export function managedDomains({ env, request }: Pick<Call<unknown, unknown>, "env" | "request">): string[] {
  return [env.MANAGED_REGISTRY, new URL(request.url).host];
}

function isManaged(call: Call<unknown, unknown>, domain: string): boolean {
  return managedDomains(call).includes(domain);
}

function refuseManaged(call: Call<unknown, unknown>, domain: string): void {
  if (!isManaged(call, domain)) return;
  const text = `${domain} is the managed registry: it is always there and cannot be configured or removed`;
  throw new GantryError("IMAGE_REGISTRY_NOT_ALLOWED", text, { domain });
}

function domainOf({ params }: Call<unknown, unknown>): string {
  return (params["domain"] ?? "").toLowerCase();
}

type Auth = z.output<typeof changeRegistrySchema>["auth"];

function requireStore(auth: Auth, { id }: SecretsStore): void {
  if (auth === undefined || auth.private_credential.store_id === id) return;
  const reason = `there is no secrets store ${auth.private_credential.store_id}; the account's is ${id}`;
  throw invalid({ "auth.private_credential.store_id": reason });
}

function noSecret(name: string): GantryError {
  const reason = `there is no secret ${name}: create it with POST /secrets first`;
  return invalid({ "auth.private_credential.secret_name": reason });
}

/** Null and undefined are as they were written: none, and nothing said. */
function pullThroughOf(
  wanted: z.output<typeof changeRegistrySchema>["pull_through"],
  domain: string,
): PullThrough | null | undefined {
  if (wanted === null || wanted === undefined) return wanted;
  const prefix = wanted.prefix ?? defaultPrefix(domain);
  if (prefix === null) {
    throw invalid({ "pull_through.prefix": `is required: ${domain} is no part of a repository name` });
  }
  return { prefix, refreshSeconds: wanted.refresh_seconds ?? DEFAULT_REFRESH_SECONDS };
}

function wireRegistry({ domain, auth, isPublic, publicKey, pullThrough, createdAt }: Registry, storeId: string) {
  return {
    domain,
    created_at: iso(createdAt),
    is_public: isPublic,
    ...(auth === null ? {} : { kind: auth.kind, private_credential: { store_id: storeId, secret_name: auth.secret } }),
    ...(publicKey === null ? {} : { public_key: publicKey }),
    ...(pullThrough === null
      ? {}
      : { pull_through: { prefix: pullThrough.prefix, refresh_seconds: pullThrough.refreshSeconds } }),
  };
}
