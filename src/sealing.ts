/**
 * Secrets at rest: AES-GCM under a key that is a secret of the deployment. A sealed text names the key that sealed it,
 * so that a new key can be brought in while the old one still opens what it sealed; and it is bound to a context, so
 * that one moved to another row does not open.
 */
import { GantryError } from "./errors.ts";

/**
 * `GANTRY_MASTER_KEY`: base64 of 32 random bytes, or several of them separated by commas. The first seals, each opens
 * what it sealed: a rotation puts the new key in front of the old one.
 */
export function masterKeys(env: Env): readonly string[] {
  return (env.GANTRY_MASTER_KEY ?? "").split(",").map((key) => key.trim());
}

const VERSION = "v1";
const KEY_BYTES = 32;
const IV_BYTES = 12;

export async function seal(keys: readonly string[], text: string, context: string): Promise<string> {
  const key = await importKey(keys[0] ?? "");
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const sealed = await crypto.subtle.encrypt(parameters(iv, context), key.key, new TextEncoder().encode(text));
  return [VERSION, key.id, toBase64(iv), toBase64(new Uint8Array(sealed))].join(".");
}

/** Throws `SECRET_UNREADABLE` when no key that is given has sealed it, or it was tampered with. */
export async function open(keys: readonly string[], sealed: string, context: string): Promise<string> {
  const [version, keyId, iv, data] = sealed.split(".");
  if (version !== VERSION || keyId === undefined || iv === undefined || data === undefined) throw unreadable("form");
  for (const material of keys) {
    const key = await importKey(material);
    if (key.id !== keyId) continue;
    try {
      const text = await crypto.subtle.decrypt(parameters(fromBase64(iv), context), key.key, fromBase64(data));
      return new TextDecoder().decode(text);
    } catch {
      throw unreadable("content");
    }
  }
  throw unreadable("key");
}

/** Hex HMAC-SHA-256: tells whether two texts are the same, and nothing of them to whoever lacks the key. */
export async function keyedDigest(material: string, text: string): Promise<string> {
  const encoder = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(`digest ${material}`), algorithm, false, ["sign"]);
  const digest = await crypto.subtle.sign("HMAC", key, encoder.encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The key that a sealed text needs, and that the current key is: equal when nothing is to be sealed again. */
export function sealedWith(sealed: string): string {
  return sealed.split(".")[1] ?? "";
}

export async function currentKeyId(keys: readonly string[]): Promise<string> {
  return (await importKey(keys[0] ?? "")).id;
}

/** A master key's bytes. Throws when it is missing or is no key. */
export function masterKeyBytes(material: string): Uint8Array<ArrayBuffer> {
  const bytes = fromBase64(material);
  if (bytes.length === KEY_BYTES) return bytes;
  const message = `GANTRY_MASTER_KEY must be ${KEY_BYTES} random bytes in base64: openssl rand -base64 ${KEY_BYTES}`;
  throw new GantryError("MASTER_KEY_MISSING", message);
}

async function importKey(material: string): Promise<{ readonly id: string; readonly key: CryptoKey }> {
  const bytes = masterKeyBytes(material);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const id = Array.from(digest.slice(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { id, key: await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]) };
}

function parameters(iv: Uint8Array<ArrayBuffer>, context: string) {
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(context) };
}

function unreadable(part: string): GantryError {
  const message = `a sealed secret cannot be opened (${part}): is the key that sealed it still in GANTRY_MASTER_KEY?`;
  return new GantryError("SECRET_UNREADABLE", message);
}

function toBase64(bytes: Uint8Array): string {
  // In steps: the arguments of one call are limited.
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) =>
      character.charCodeAt(0),
    );
  } catch {
    return new Uint8Array();
  }
}
