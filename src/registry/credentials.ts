/**
 * Short-lived credentials of the managed registry. A password is a signed grant and nothing is stored: whoever holds a
 * master key can check it, and it ends by itself.
 */
import { sign, verify } from "./signed.ts";

export const REGISTRY_PERMISSIONS = ["pull", "push", "list", "library_push"] as const;
export type RegistryPermission = (typeof REGISTRY_PERMISSIONS)[number];

/** The user name that goes with every password. */
export const REGISTRY_USER = "v1";

export interface RegistryGrant {
  readonly accountId: string;
  readonly permissions: readonly RegistryPermission[];
  /** Names without the account, and `<prefix>/*`; absent: all of the account. */
  readonly repositories?: readonly string[];
  /** Who asked for them, as the audit names it. */
  readonly issuer?: string;
  readonly expiresAt: number;
}

/** Keeps these signatures apart from every other use of the master key. */
const PURPOSE = "gantry registry credentials v1";
/** Of a grant with as many repositories as one may name. */
const MAX_PASSWORD_LENGTH = 8_000;

export async function issueCredentials(keys: readonly string[], grant: RegistryGrant): Promise<string> {
  return await sign(keys, PURPOSE, grant);
}

/** Null for what was not issued here, was changed, or has expired. */
export async function verifyCredentials(
  keys: readonly string[],
  user: string,
  password: string,
  now: number,
): Promise<RegistryGrant | null> {
  if (user !== REGISTRY_USER) return null;
  // Signed by `issueCredentials`, so it has this shape.
  const grant = (await verify(keys, PURPOSE, password, MAX_PASSWORD_LENGTH)) as RegistryGrant | null;
  return grant !== null && grant.expiresAt > now ? grant : null;
}
