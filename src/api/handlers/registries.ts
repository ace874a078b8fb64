/** registries: the managed one, and those that the account has configured; short-lived credentials. */
import * as z from "zod";
import type { Registry } from "../../account/registries.ts";
import type { SecretsStore } from "../../account/secrets-store.ts";
import { GantryError } from "../../errors.ts";
import { issueCredentials, REGISTRY_USER } from "../../registry/credentials.ts";
import { newKeyPair, signPullToken } from "../../registry/pull-tokens.ts";
import { masterKeys } from "../../sealing.ts";
import { accountStub } from "../../stubs.ts";
import { invalid } from "../body.ts";
import { credentialsResult, deletedRegistryResult, registryResult } from "../results/registry.ts";
import { defineRoute, type Call } from "../route.ts";
import { createRegistrySchema, credentialsSchema } from "../schemas/registry.ts";
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
      if (auth !== undefined && auth.private_credential.store_id !== store.id) {
        const reason = `there is no secrets store ${auth.private_credential.store_id}; the account's is ${store.id}`;
        throw invalid({ "auth.private_credential.store_id": reason });
      }
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
        createdAt: Date.now(),
      };
      const created: Registry | null = await account.createRegistry(wanted, pair?.privateKey ?? null);
      if (created === null) {
        const reason = `there is no secret ${wanted.auth?.secret ?? ""}: create it with POST /secrets first`;
        throw invalid({ "auth.private_credential.secret_name": reason });
      }
      return { status: 201, result: wireRegistry(created, store.id) };
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
      if (removed === null && !isRetry) throw notFound(domain);
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

async function managedCredentials({ env, accountId, body }: CredentialsCall): Promise<Credentials> {
  const { permissions, expiration_minutes: minutes } = body;
  if (permissions === undefined || minutes === undefined) {
    const reason = "is required for the managed registry";
    throw invalid({
      ...(permissions === undefined ? { permissions: reason } : {}),
      ...(minutes === undefined ? { expiration_minutes: reason } : {}),
    });
  }
  const expiresAt = Date.now() + minutes * MINUTE_MS;
  const password = await issueCredentials(masterKeys(env), { accountId, permissions, expiresAt });
  return { username: REGISTRY_USER, password };
}

/** Of a registry of somebody else: the stored name, or a token that our key has signed. A stored secret never goes out. */
async function ownCredentials({ env, accountId, body }: CredentialsCall, domain: string): Promise<Credentials> {
  const found: { registry: Registry; privateKey: string | null } | null = await accountStub(env, accountId).registry(
    domain,
  );
  if (found === null) throw notFound(domain);
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

function notFound(text: string): GantryError {
  const domain = text.slice(0, 253);
  const message = `there is no registry ${domain} in this account: configure it with POST /registries`;
  return new GantryError("IMAGE_REGISTRY_NOT_FOUND", message, { domain });
}

function wireRegistry({ domain, auth, isPublic, publicKey, createdAt }: Registry, storeId: string) {
  return {
    domain,
    created_at: iso(createdAt),
    is_public: isPublic,
    ...(auth === null ? {} : { kind: auth.kind, private_credential: { store_id: storeId, secret_name: auth.secret } }),
    ...(publicKey === null ? {} : { public_key: publicKey }),
  };
}
