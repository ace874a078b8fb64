/**
 * The token endpoint of the registry's clients: credentials in, a short-lived token out for what of the scopes they
 * allow. GET with Basic as docker asks, POST with an OAuth2 form as containerd does; without credentials a token for what
 * anyone may pull.
 */
import { accountExists } from "../../api/account-directory.ts";
import { readText } from "../../api/body.ts";
import { GantryError } from "../../errors.ts";
import { masterKeys } from "../../sealing.ts";
import { REGISTRY_USER } from "../credentials.ts";
import { permits, reachOf, type Principal, type RegistryAction } from "./access.ts";
import { issueToken } from "./access-token.ts";
import { refuseUseless } from "./authorize.ts";
import { recordDeniedPush } from "./denied.ts";
import { basicLogin, principalOf, type Login } from "./principal.ts";
import { isPublicRepository } from "./public-repositories.ts";
import { API_VERSION, refusal } from "./refusal.ts";
import { askedOf, entryOf, MAX_SCOPES, parseScopes, type Asked } from "./scopes.ts";

/** What was revoked, or is not public any more, is so after this for whoever has a token. */
const TOKEN_MS = 300_000;
const ANONYMOUS_TOKEN_MS = 60_000;

interface Ask {
  readonly login: Login | "malformed" | null;
  readonly scopes: readonly string[];
}

export async function serveToken(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  const ask = await askOf(request);
  if (ask instanceof Response) return ask;
  const now = Date.now();
  const { login } = ask;
  const principal = login === null || login === "malformed" ? null : await principalOf(env, login, now);
  const scopes = parseScopes(ask.scopes);
  const asked = askedOf(scopes.slice(0, MAX_SCOPES), principal?.accountId ?? env.GANTRY_ACCOUNT_ID);
  if (login !== null && principal === null) {
    for (const { accountId, repository, actions } of asked) {
      if (isPush(actions)) recordDeniedPush(request, env, ctx, { accountId, repository }, "unknown");
    }
    return refusal(
      "UNAUTHORIZED",
      "the user name or password is not valid: it is unknown, changed, revoked or expired",
    );
  }
  const useless = principal === null ? null : refuseUseless(principal);
  if (useless !== null) return useless;
  const entries = await Promise.all(
    asked.map(async (one) => entryOf(one, principal, await mayAnyonePull(env, one, principal))),
  );
  // Many a client gives up here, or at what it may not see.
  const { actor = "anonymous", tokenId = null } = principal ?? {};
  for (const { accountId, repository, refused } of entries) {
    if (isPush(refused)) recordDeniedPush(request, env, ctx, { accountId, repository }, principal ?? "anonymous");
  }
  const lifetime = principal === null ? ANONYMOUS_TOKEN_MS : TOKEN_MS;
  const accountId = principal?.accountId ?? env.GANTRY_ACCOUNT_ID;
  const token = await issueToken(masterKeys(env), {
    actor,
    tokenId,
    isAnonymous: principal === null,
    isEverywhere: principal?.isEverywhere ?? false,
    accountId,
    entries,
    readable: principal === null ? [] : reachOf(principal, accountId, "pull"),
    listable: principal === null ? [] : reachOf(principal, accountId, "list"),
    expiresAt: now + lifetime,
  });
  if (token === null) {
    return invalidRequest(
      "a token for all of it is too long for a header: ask for fewer scopes at once, or log in with credentials for fewer repositories, such as team/*",
    );
  }
  const issuedAt = new Date(now).toISOString();
  return json({ token, access_token: token, expires_in: lifetime / 1_000, issued_at: issuedAt });
}

async function askOf(request: Request): Promise<Ask | Response> {
  const { method } = request;
  const { searchParams } = new URL(request.url);
  const login = basicLogin(request.headers.get("authorization"));
  if (method === "GET" || method === "HEAD") return { login, scopes: searchParams.getAll("scope") };
  if (method !== "POST") return unsupported(method);
  const form = await formOf(request);
  if (form === null) return invalidRequest("the form is too long");
  const scopes = [...form.getAll("scope"), ...searchParams.getAll("scope")];
  const grant = form.get("grant_type");
  if (grant === "password") {
    return { login: { user: form.get("username") ?? "", password: form.get("password") ?? "" }, scopes };
  }
  // Nothing else stands for somebody over a longer time: an identity token of a client is a password of ours.
  if (grant === "refresh_token") {
    return { login: { user: REGISTRY_USER, password: form.get("refresh_token") ?? "" }, scopes };
  }
  if (grant === null) return { login, scopes };
  return invalidRequest(`grant_type ${grant.slice(0, 40)} is none of password and refresh_token`);
}

/** Null: it is longer than any form of a client. */
async function formOf(request: Request): Promise<URLSearchParams | null> {
  try {
    return new URLSearchParams(await readText(request));
  } catch (error) {
    if (GantryError.is(error)) return null;
    throw error;
  }
}

function isPush(actions: readonly RegistryAction[]): boolean {
  return actions.includes("push") || actions.includes("delete");
}

async function mayAnyonePull(env: Env, asked: Asked, principal: Principal | null): Promise<boolean> {
  const { accountId, repository } = asked;
  if (repository === "") return false;
  if (principal !== null && permits(principal, accountId, repository, "pull")) return false;
  return (await accountExists(env, accountId)) && (await isPublicRepository(env, accountId, repository));
}

function invalidRequest(description: string): Response {
  return json({ error: "invalid_request", error_description: description }, 400);
}

function unsupported(method: string): Response {
  const message = `${method} is not allowed here; allowed: GET, POST`;
  return json({ errors: [{ code: "UNSUPPORTED", message, detail: null }] }, 405, { allow: "GET, POST" });
}

function json(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  const body = JSON.stringify(value);
  const length = String(new TextEncoder().encode(body).byteLength);
  return new Response(body, {
    status,
    headers: {
      ...API_VERSION,
      "content-type": "application/json",
      "content-length": length,
      "cache-control": "no-store",
      ...headers,
    },
  });
}
