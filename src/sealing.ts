/**
 * Secrets at rest: AES-GCM under a key that is a secret of the deployment. A sealed text names the key that sealed it,
 * so that a new key can be brought in while the old one still opens what it sealed; and it is bound to a context, so
 * that one moved to another row does not open.
 */
import { fromBase64, toBase64, toHex } from "./encoding.ts";
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
  return [VERSION, key.id, toBase64(iv), toBase64(sealed)].join(".");
}

/** Throws `SECRET_UNREADABLE` when no key that is given has sealed it, or it was tampered with. */
export async function open(keys: readonly string[], sealed: string, context: string): Promise<string> {
  const [version, keyId, iv, data] = sealed.split(".");
  if (version !== VERSION || keyId === undefined || iv === undefined || data === undefined) throw unreadable("form");
  for (const material of keys) {
    const key = await importKey(material);
    if (key.id !== keyId) continue;
    try {
      const text = await crypto.subtle.decrypt(parameters(bytesOf(iv), context), key.key, bytesOf(data));
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
  return toHex(digest);
}

/** What every text begins with that the current key has sealed. */
export async function currentPrefix(keys: readonly string[]): Promise<string> {
  return `${VERSION}.${(await importKey(keys[0] ?? "")).id}.`;
}

/** A master key's bytes. Throws when it is missing or is no key. */
export function masterKeyBytes(material: string): Uint8Array<ArrayBuffer> {
  const bytes = bytesOf(material);
  if (bytes.length === KEY_BYTES) return bytes;
  const message = `GANTRY_MASTER_KEY must be ${KEY_BYTES} random bytes in base64: openssl rand -base64 ${KEY_BYTES}`;
  throw new GantryError("MASTER_KEY_MISSING", message);
}

async function importKey(material: string): Promise<{ readonly id: string; readonly key: CryptoKey }> {
  const bytes = masterKeyBytes(material);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const id = toHex(digest.slice(0, 6));
  return { id, key: await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]) };
}

function parameters(iv: Uint8Array<ArrayBuffer>, context: string) {
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(context) };
}

function unreadable(part: string): GantryError {
  const message = `a sealed secret cannot be opened (${part}): is the key that sealed it still in GANTRY_MASTER_KEY?`;
  return new GantryError("SECRET_UNREADABLE", message);
}

/** What is no base64 opens nothing. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return fromBase64(text) ?? new Uint8Array();
}
