/**
 * Signed texts: `<payload>.<signature>`, both base64url. Nothing of them is stored: whoever holds a master key can check
 * them. Each purpose has a key of its own, so that what was signed for one is nothing for another.
 */
import { fromBase64, toBase64Url } from "../encoding.ts";
import { masterKeyBytes } from "../sealing.ts";

const SIGNATURE = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/;
const MAX_DERIVED = 64;

/** Deriving a key takes longer than checking a signature with it. */
const derived = new Map<string, CryptoKey>();

export async function sign(keys: readonly string[], purpose: string, value: unknown): Promise<string> {
  const payload = toBase64Url(new TextEncoder().encode(JSON.stringify(value)));
  const key = await signingKey(keys[0] ?? "", purpose);
  const signature = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(payload));
  return `${payload}.${toBase64Url(signature)}`;
}

/** What `sign` was given; null for what was not signed here, or was changed. */
export async function verify(
  keys: readonly string[],
  purpose: string,
  text: string,
  maxLength: number,
): Promise<unknown> {
  const match = text.length > maxLength ? null : SIGNATURE.exec(text);
  if (match === null) return null;
  const [, payload = "", signature = ""] = match;
  for (const material of keys) {
    const key = await signingKey(material, purpose);
    // Compares in constant time.
    const isOurs = await crypto.subtle.verify("HMAC", key, bytesOf(signature), new TextEncoder().encode(payload));
    if (isOurs) return JSON.parse(new TextDecoder().decode(bytesOf(payload))) as unknown;
  }
  return null;
}

async function signingKey(material: string, purpose: string): Promise<CryptoKey> {
  const name = `${purpose}\n${material}`;
  const known = derived.get(name);
  if (known !== undefined) return known;
  const base = await crypto.subtle.importKey("raw", masterKeyBytes(material), "HKDF", false, ["deriveKey"]);
  const key = await crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info: new TextEncoder().encode(purpose) },
    base,
    { name: "HMAC", hash: "SHA-256", length: 256 },
    false,
    ["sign", "verify"],
  );
  if (derived.size >= MAX_DERIVED) derived.clear();
  derived.set(name, key);
  return key;
}

/** The pattern admits no other characters; of a wrong length, it is no signature. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return fromBase64(text) ?? new Uint8Array();
}
