/**
 * Short-lived credentials of the managed registry. A password is a signed grant and nothing is stored: whoever holds a
 * master key can check it, and it ends by itself.
 */
import { fromBase64, toBase64Url } from "../encoding.ts";
import { masterKeyBytes } from "../sealing.ts";

export const REGISTRY_PERMISSIONS = ["pull", "push", "list", "library_push"] as const;
export type RegistryPermission = (typeof REGISTRY_PERMISSIONS)[number];

/** The user name that goes with every password. */
export const REGISTRY_USER = "v1";

export interface RegistryGrant {
  readonly accountId: string;
  readonly permissions: readonly RegistryPermission[];
  readonly expiresAt: number;
}

/** Keeps these signatures apart from every other use of the master key. */
const PURPOSE = "gantry registry credentials v1";

export async function issueCredentials(keys: readonly string[], grant: RegistryGrant): Promise<string> {
  const payload = toBase64Url(new TextEncoder().encode(JSON.stringify(grant)));
  const key = await signingKey(keys[0] ?? "");
  const signature = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(payload));
  return `${payload}.${toBase64Url(signature)}`;
}

/** Null for what was not issued here, was changed, or has expired. */
export async function verifyCredentials(
  keys: readonly string[],
  user: string,
  password: string,
  now: number,
): Promise<RegistryGrant | null> {
  const match = /^([A-Za-z0-9_-]{1,2000})\.([A-Za-z0-9_-]{43})$/.exec(password);
  if (user !== REGISTRY_USER || match === null) return null;
  const [, payload = "", signature = ""] = match;
  for (const material of keys) {
    const key = await signingKey(material);
    const isOurs = await crypto.subtle.verify("HMAC", key, bytesOf(signature), new TextEncoder().encode(payload));
    if (!isOurs) continue;
    // Signed by `issueCredentials`, so it has this shape.
    const grant = JSON.parse(new TextDecoder().decode(bytesOf(payload))) as RegistryGrant;
    return grant.expiresAt > now ? grant : null;
  }
  return null;
}

async function signingKey(material: string): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey("raw", masterKeyBytes(material), "HKDF", false, ["deriveKey"]);
  return await crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info: new TextEncoder().encode(PURPOSE) },
    base,
    { name: "HMAC", hash: "SHA-256", length: 256 },
    false,
    ["sign", "verify"],
  );
}

/** The pattern of a password admits no other characters; of a wrong length, it is no signature. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return fromBase64(text) ?? new Uint8Array();
}
