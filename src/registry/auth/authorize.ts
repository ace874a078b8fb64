/**
 * Whether a request of a registry client may do what it asks for. Issued credentials and tokens of the token endpoint are
 * signed and say all of it themselves; the index is asked only whether a repository is public. What is refused tells
 * nothing of what is there: a repository of another account looks the same whether it exists or not.
 */
import { accountExists } from "../../api/account-directory.ts";
import { masterKeys } from "../../sealing.ts";
import { isRepository, ownerOf } from "../oci/names.ts";
import {
  isOwn,
  permits,
  reachOf,
  type Access,
  type Authorization,
  type Principal,
  type RegistryAction,
  type Wanted,
} from "./access.ts";
import { verifyAccessToken, type AccessToken } from "./access-token.ts";
import { recordDeniedPush, type Denied } from "./denied.ts";
import { basicLogin, principalOf } from "./principal.ts";
import { isPublicRepository } from "./public-repositories.ts";
import { challenge, refusal } from "./refusal.ts";

export type { Access, Authorization, RegistryAction, Wanted } from "./access.ts";

type Caller =
  | { readonly kind: "anonymous" }
  /** It brought something that is not good; why, in words. */
  | { readonly kind: "unknown"; readonly reason: string }
  | { readonly kind: "login"; readonly principal: Principal }
  | { readonly kind: "token"; readonly token: AccessToken };

const ANONYMOUS: Access = { actor: "anonymous", readable: [], listable: [], mayPush: false };
const NO_LOGIN = "authentication required: log in with credentials of the registry or a token of the control API";
const WRONG_LOGIN = "the user name or password is not valid: it is unknown, changed, revoked or expired";

export async function authorize(
  request: Request,
  env: Env,
  ctx: ExecutionContext,
  wanted: Wanted,
  known: Principal | null = null,
): Promise<Authorization> {
  const caller: Caller = known === null ? await callerOf(request, env) : { kind: "login", principal: known };
  const owned = wanted.name === null ? { accountId: null, repository: "" } : ownerOf(wanted.name);
  const accountId = owned.accountId ?? accountOf(caller, env);
  const { repository } = owned;
  // An account that nobody made would get an object, and one that is deleted is nobody's any more.
  const isHead = request.method === "HEAD";
  const access = (await accountExists(env, accountId))
    ? await accessOf(caller, accountId, wanted.name === null ? null : repository, wanted.action, isHead, env)
    : null;
  if (access !== null) return { allowed: true, accountId, repository, access };
  const response = refuse(request, caller, accountId, repository, wanted);
  if (wanted.action === "push" || wanted.action === "delete") {
    recordDeniedPush(request, env, ctx, { accountId, repository }, deniedOf(caller));
  }
  return { allowed: false, response };
}

/** `GET /v2/`: is the login good? Null: it is. */
export async function refuseLogin(request: Request, env: Env): Promise<Response | null> {
  const caller = await callerOf(request, env);
  if (caller.kind === "login") return refuseUseless(caller.principal);
  if (caller.kind === "token") return null;
  return challenge(request, caller.kind === "unknown" ? caller.reason : NO_LOGIN, null, null);
}

/** Good credentials that allow nothing here would fail later, where nobody is told why. */
export function refuseUseless({ permissions }: Principal): Response | null {
  if (permissions.length > 0) return null;
  return refusal(
    "DENIED",
    "this token is not for images: it needs the scope read to pull or deploy to push, and no limit to applications",
  );
}

/** Whose a name is that says no account. */
export async function accountAsking(request: Request, env: Env): Promise<string> {
  return accountOf(await callerOf(request, env), env);
}

async function callerOf(request: Request, env: Env): Promise<Caller> {
  const header = request.headers.get("authorization");
  const now = Date.now();
  const bearer = /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1];
  if (bearer !== undefined) {
    const token = await verifyAccessToken(masterKeys(env), bearer, now);
    if (token !== null) return { kind: "token", token };
    return { kind: "unknown", reason: "the token is not valid: it is none of this registry's, or has expired" };
  }
  const login = basicLogin(header);
  if (login === null) {
    return header === null || /^Basic(?: |$)/i.test(header)
      ? { kind: "anonymous" }
      : { kind: "unknown", reason: "send Authorization: Basic, or Bearer with a token of the token endpoint" };
  }
  const principal = login === "malformed" ? null : await principalOf(env, login, now);
  return principal === null ? { kind: "unknown", reason: WRONG_LOGIN } : { kind: "login", principal };
}

function accountOf(caller: Caller, env: Env): string {
  if (caller.kind === "login") return caller.principal.accountId;
  return caller.kind === "token" ? caller.token.accountId : env.GANTRY_ACCOUNT_ID;
}

/** Null: it is not allowed. */
async function accessOf(
  caller: Caller,
  accountId: string,
  repository: string | null,
  action: RegistryAction,
  isHead: boolean,
  env: Env,
): Promise<Access | null> {
  const own = ownAccess(caller, accountId, repository);
  if (own !== null && mayDo(caller, accountId, repository, action)) return own;
  // Before a push, clients look what is there already.
  if (own?.mayPush === true && isHead && action === "pull") return own;
  // Wrong credentials are no better than none, and their owner wants to know.
  if (caller.kind === "unknown" || action === "push" || action === "delete" || repository === null) return null;
  return (await isPublicRepository(env, accountId, repository)) ? (own ?? ANONYMOUS) : null;
}

function ownAccess(caller: Caller, accountId: string, repository: string | null): Access | null {
  const mayPush = mayDo(caller, accountId, repository, "push");
  if (caller.kind === "login") {
    const { principal } = caller;
    const readable = reachOf(principal, accountId, "pull");
    return { actor: principal.actor, readable, listable: reachOf(principal, accountId, "list"), mayPush };
  }
  if (caller.kind !== "token") return null;
  const { token } = caller;
  const isHome = token.isEverywhere || token.accountId === accountId;
  return {
    actor: token.actor,
    readable: isHome ? token.readable : [],
    listable: isHome ? token.listable : [],
    mayPush,
  };
}

function mayDo(caller: Caller, accountId: string, repository: string | null, action: RegistryAction): boolean {
  if (caller.kind === "login") return permits(caller.principal, accountId, repository, action);
  return caller.kind === "token" && entryOf(caller.token, accountId, repository)?.actions.includes(action) === true;
}

function entryOf({ entries }: AccessToken, accountId: string, repository: string | null) {
  return entries.find((entry) => entry.accountId === accountId && entry.repository === (repository ?? ""));
}

function refuse(request: Request, caller: Caller, accountId: string, repository: string, wanted: Wanted): Response {
  const { name, action } = wanted;
  const scoped = name === null || isRepository(repository) ? wanted : null;
  if (caller.kind === "anonymous") return challenge(request, NO_LOGIN, scoped, null);
  if (caller.kind === "unknown") return challenge(request, caller.reason, scoped, "invalid_token");
  if (caller.kind === "login") return deny(caller.principal, isOwn(caller.principal, accountId), repository, action);
  const { token } = caller;
  if (token.isAnonymous) return challenge(request, NO_LOGIN, scoped, "insufficient_scope");
  const isRefused = entryOf(token, accountId, name === null ? null : repository)?.refused.includes(action) === true;
  if (isRefused) return deny(token, token.accountId === accountId, repository, action);
  const message = `the token is not for ${action} of this repository: ask for one with the scope that is named here`;
  return challenge(request, message, scoped, "insufficient_scope");
}

function deny({ actor }: { actor: string }, isHome: boolean, repository: string, action: RegistryAction): Response {
  if (!isHome && (action === "pull" || action === "list")) {
    return refusal("NAME_UNKNOWN", "there is no such repository, or it is not for these credentials");
  }
  const what = repository === "" ? "the catalog" : repository;
  return refusal("DENIED", `${actor} may not ${action === "list" ? "list" : action} ${what}`, {}, { action });
}

function deniedOf(caller: Caller): Denied | string {
  if (caller.kind === "login") return caller.principal;
  if (caller.kind === "token") return caller.token.isAnonymous ? "anonymous" : caller.token;
  return caller.kind;
}
