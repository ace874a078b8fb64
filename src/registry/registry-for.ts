/**
 * Registries elsewhere, as an account may read them: with the credential that it has configured for the domain, else as
 * nobody. The credential is opened when a registry asks for one, and goes to that registry alone.
 */
import type { RegistryMaterial } from "../account/secret-keeper.ts";
import { connectToOf } from "../egress/upstream/connect-to.ts";
import { toHex } from "../encoding.ts";
import { GantryError } from "../errors.ts";
import { accountStub } from "../stubs.ts";
import { REGISTRY_USER } from "./credentials.ts";
import { signPullToken } from "./pull-tokens.ts";
import { upstreamRegistry, type UpstreamRegistry } from "./upstream/client.ts";
import { ecrLogin } from "./upstream/ecr.ts";
import { upstreamError } from "./upstream/failure.ts";
import { gcpLogin } from "./upstream/gcp.ts";
import { TokenCache, type Login } from "./upstream/tokens.ts";
import { systemClock, type Fetch, type Limits } from "./upstream/transport.ts";

const PULL_TOKEN_MS = 900_000;

/** Of this isolate: tokens are kept by the credentials that they were given for. */
const tokens = new TokenCache();

/** Text: why that domain is not asked. */
export function registryFor(
  env: Env,
  accountId: string,
  domain: string,
  limits: Partial<Limits> = {},
): UpstreamRegistry | string {
  let login: Promise<Login | null> | null = null;
  return upstreamRegistry({
    domain,
    fetch: fetchFrom(env),
    login: async () => await (login ??= loginFor(env, accountId, domain)),
    tokens,
    allowPrivate: mayBePrivate(env),
    limits,
  });
}

/** What a client of the registry logs in with; null: as nobody. Throws an `UpstreamError` where it cannot be told. */
export async function loginFor(env: Env, accountId: string, domain: string): Promise<Login | null> {
  const found = await materialOf(env, accountId, domain);
  if (found === null) return null;
  const { registry, privateKey, secret } = found;
  const { auth } = registry;
  if (auth === null) return privateKey === null ? null : await signedLogin(privateKey, accountId, domain);
  if (secret === null) {
    throw upstreamError("UNAUTHORIZED", `the secret ${auth.secret} of registry ${domain} is gone: create it again`);
  }
  switch (auth.kind) {
    case "ECR": {
      const bytes = new TextEncoder().encode(JSON.stringify([accountId, auth.publicCredential, secret]));
      const keyDigest = toHex(await crypto.subtle.digest("SHA-256", bytes));
      const deps = { fetch: fetchFrom(env), clock: systemClock, kept: tokens, keyDigest };
      return await ecrLogin(domain, { id: auth.publicCredential, secret }, deps);
    }
    case "GAR":
      return gcpLogin(auth.publicCredential, secret);
    case "DockerHub":
    case "GHCR":
    case "Generic":
      return { user: auth.publicCredential, password: secret };
  }
}

async function materialOf(env: Env, accountId: string, domain: string): Promise<RegistryMaterial | null> {
  try {
    return await accountStub(env, accountId).registryMaterial(domain);
  } catch (error) {
    // A secret that no key opens: what to do about it is in its message.
    if (!GantryError.is(error)) throw error;
    throw upstreamError("UNAUTHORIZED", error.message);
  }
}

/** Where names of this machine and its network mean something: where the control plane itself runs on it. */
export function mayBePrivate(env: Pick<Env, "INGRESS_DOMAIN">): boolean {
  return env.INGRESS_DOMAIN === "localhost";
}

/** What Cloudflare's cache keeps, it keeps for everyone who asks for the same address. */
const PAST_THE_CACHE: RequestInitCfProperties = { cacheTtl: -1, cacheLevel: "bypass" };

function fetchFrom(env: Env): Fetch {
  const connectTo = connectToOf(env);
  return async (url, init) => {
    const asked = new URL(url);
    const mapped = connectTo(asked);
    const headers = new Headers(init.headers);
    if (mapped !== null) {
      headers.set("x-forwarded-host", asked.host);
      headers.set("x-forwarded-proto", asked.protocol.slice(0, -1));
    }
    return await fetch(mapped ?? asked, { ...init, headers, cf: PAST_THE_CACHE });
  };
}

async function signedLogin(privateKey: string, accountId: string, domain: string): Promise<Login> {
  const now = Date.now();
  const claims = { accountId, audience: domain, actions: ["pull"], expiresAt: now + PULL_TOKEN_MS };
  return { user: REGISTRY_USER, password: await signPullToken(privateKey, claims, now) };
}
