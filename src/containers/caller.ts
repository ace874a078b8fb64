/**
 * Who may call an application that takes tokens: the operator, and tokens of its account with the scope `invoke` that
 * reach it. A good token is remembered for moments, so that a warm request asks no account.
 */
import type { Token } from "../account/tokens.ts";
import { credentialOf } from "../api/credentials.ts";
import { allows, mayReach } from "../api/scopes.ts";
import type { Routing } from "../orchestrator/routing.ts";
import { accountStub } from "../stubs.ts";

/** A revoked token may call for this long. */
const REMEMBERED_MS = 2_000;
const MAX_REMEMBERED = 1_000;

/** Good token by id and digest, and until when. */
const remembered = new Map<string, { readonly token: Token; readonly until: number }>();

type Called = Pick<Routing, "applicationId" | "accountId" | "name">;

/** `unknown`: no credential, or none of this account. `forbidden`: a good one that does not reach so far. */
export type Caller = "allowed" | "unknown" | "forbidden";

export async function callerOf(routing: Called, request: Request, env: Env): Promise<Caller> {
  const credential = credentialOf(request, env);
  if (credential === null) return "unknown";
  if (credential.kind === "operator") return "allowed";
  const { accountId } = routing;
  if (credential.accountId !== accountId) return "unknown";
  const token = await tokenOf(env, accountId, credential.tokenId, credential.digest);
  if (token === null) return "unknown";
  const reach = { name: "", tokenId: token.id, scopes: token.scopes, applications: token.applications };
  const isReached = mayReach(reach, { id: routing.applicationId, name: routing.name });
  return isReached && allows(token.scopes, "invoke") ? "allowed" : "forbidden";
}

/** Null when the account has no such token, or it has expired. */
export async function tokenOf(env: Env, accountId: string, id: string, digest: string): Promise<Token | null> {
  const key = `${accountId} ${id} ${digest}`;
  const now = Date.now();
  const known = remembered.get(key);
  if (known !== undefined && known.until > now) return known.token;
  const token: Token | null = await accountStub(env, accountId).verifyToken(id, digest);
  remembered.delete(key);
  if (token === null) return null;
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.set(key, { token, until: now + REMEMBERED_MS });
  return token;
}
