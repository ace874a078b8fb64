/**
 * Who a user name and a password stand for: credentials that were issued, a token of the control API under any user name,
 * or the operator's. None of it reads anything but a token's row, and a good token is remembered for moments.
 */
import { accountExists } from "../../api/account-directory.ts";
import { credentialIn } from "../../api/credentials.ts";
import { allows, type Scope } from "../../api/scopes.ts";
import { tokenOf } from "../../containers/caller.ts";
import { masterKeys } from "../../sealing.ts";
import { REGISTRY_PERMISSIONS, verifyCredentials, type RegistryPermission } from "../credentials.ts";
import type { Principal } from "./access.ts";

export interface Login {
  readonly user: string;
  readonly password: string;
}

const MAX_HEADER_LENGTH = 12_000;

/** `malformed`: it says Basic and is not. Null: no such header, or neither user nor password, as skopeo sends it. */
export function basicLogin(header: string | null): Login | "malformed" | null {
  if (header === null || !/^Basic(?: |$)/i.test(header)) return null;
  const encoded = /^Basic +([A-Za-z0-9+/]*={0,2}) *$/i.exec(header)?.[1];
  if (encoded === undefined || encoded.length > MAX_HEADER_LENGTH) return "malformed";
  const text = decoded(encoded);
  const colon = text?.indexOf(":") ?? -1;
  if (text === null || colon < 0) return "malformed";
  const login = { user: text.slice(0, colon), password: text.slice(colon + 1) };
  return login.user === "" && login.password === "" ? null : login;
}

/** Null: nobody's. */
export async function principalOf(env: Env, { user, password }: Login, now: number): Promise<Principal | null> {
  const grant = await verifyCredentials(masterKeys(env), user, password, now);
  if (grant !== null) {
    const { accountId, permissions, repositories = null, issuer } = grant;
    if (!(await accountExists(env, accountId))) return null;
    const actor = issuer === undefined ? "registry credentials" : `registry credentials of ${issuer}`;
    return { actor, tokenId: null, accountId, isEverywhere: false, permissions, repositories };
  }
  const credential = credentialIn(password, env);
  if (credential === null) return null;
  if (credential.kind === "operator") {
    const accountId = env.GANTRY_ACCOUNT_ID;
    const permissions = REGISTRY_PERMISSIONS;
    return { actor: "operator", tokenId: null, accountId, isEverywhere: true, permissions, repositories: null };
  }
  const { accountId, tokenId, digest } = credential;
  if (!(await accountExists(env, accountId))) return null;
  const token = await tokenOf(env, accountId, tokenId, digest);
  if (token === null) return null;
  return {
    actor: `token ${token.name} (${token.id})`,
    tokenId,
    accountId,
    isEverywhere: false,
    // Images belong to no application: a token that is limited to some gets none.
    permissions: token.applications === null ? permissionsOf(token.scopes) : [],
    repositories: null,
  };
}

export function permissionsOf(scopes: readonly Scope[]): RegistryPermission[] {
  return [
    ...(allows(scopes, "read") ? (["pull", "list"] as const) : []),
    ...(allows(scopes, "deploy") ? (["push"] as const) : []),
  ];
}

/** User names and passwords are UTF-8. */
function decoded(base64: string): string | null {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  } catch {
    return null;
  }
}
