/**
 * Signatures as `ssh-keygen -Y sign` makes them (OpenSSH's PROTOCOL.sshsig), of ed25519 keys: the private key stays with
 * its user, or in the agent or hardware that has it. A signature names what it was made for, so that one for anything
 * else is none.
 */
import { fromBase64, toBase64, joined } from "./encoding.ts";
import { WireReader, wireStrings } from "./ssh-wire.ts";

export const KEY_TYPE = "ssh-ed25519";
const MAGIC = new TextEncoder().encode("SSHSIG");
const VERSION = 1;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const HASHES = { sha256: "SHA-256", sha512: "SHA-512" } as const;
type Hash = keyof typeof HASHES;

const BEGIN = "-----BEGIN SSH SIGNATURE-----";
const END = "-----END SSH SIGNATURE-----";
const LINE_LENGTH = 70;

export interface SshSignature {
  /** base64 of the key's wire form, as in a line of `authorized_keys`. */
  readonly keyBody: string;
  readonly key: Uint8Array<ArrayBuffer>;
  readonly namespace: string;
  readonly hash: Hash;
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** The signature, or why the text is none. */
export function parseSshSignature(armored: string): SshSignature | string {
  const lines = armored.trim().split(/\s*\n\s*/);
  if (lines[0] !== BEGIN || lines.at(-1) !== END) return `must begin with ${BEGIN} and end with ${END}`;
  const blob = fromBase64(lines.slice(1, -1).join(""));
  if (blob === null) return "must be base64 between its first and last line";
  const reader = new WireReader(blob);
  const magic = reader.take(MAGIC.length);
  const version = reader.number();
  if (magic === null || toBase64(magic) !== toBase64(MAGIC) || version !== VERSION)
    return "must be an SSHSIG of version 1";
  const keyBlob = reader.string();
  const [namespace, , hash] = [reader.text(), reader.string(), reader.text()];
  const signed = reader.string();
  if (keyBlob === null || namespace === null || signed === null || !reader.isAtEnd) return "is cut off, or too long";
  const key = only(keyBlob, KEY_BYTES);
  const signature = only(signed, SIGNATURE_BYTES);
  if (key === null || signature === null) return `must be of an ${KEY_TYPE} key: no other type is taken`;
  if (hash !== "sha256" && hash !== "sha512") return "must be over sha256 or sha512";
  return { keyBody: toBase64(keyBlob), key, namespace, hash, signature };
}

/** Whether its key has signed that message for that purpose. */
export async function isSigned(
  { key, namespace: madeFor, hash, signature }: SshSignature,
  namespace: string,
  message: string,
): Promise<boolean> {
  if (madeFor !== namespace) return false;
  const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
  return await crypto.subtle.verify("Ed25519", imported, signature, await toBeSigned(namespace, hash, message));
}

/** The bytes that the key itself signs. */
export async function toBeSigned(namespace: string, hash: Hash, message: string): Promise<Uint8Array<ArrayBuffer>> {
  const digest = await crypto.subtle.digest(HASHES[hash], new TextEncoder().encode(message));
  return joined(MAGIC, wireStrings(namespace, "", hash, new Uint8Array(digest)));
}

/** For who signs without ssh-keygen. */
export function armorSshSignature(key: Uint8Array, namespace: string, hash: Hash, signature: Uint8Array): string {
  const version = new Uint8Array([0, 0, 0, VERSION]);
  const fields = wireStrings(wireStrings(KEY_TYPE, key), namespace, "", hash, wireStrings(KEY_TYPE, signature));
  const body = toBase64(joined(MAGIC, version, fields));
  const lines = body.match(new RegExp(`.{1,${LINE_LENGTH}}`, "g")) ?? [];
  return [BEGIN, ...lines, END, ""].join("\n");
}

/** The second of two strings, of which the first is the type. */
function only(blob: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> | null {
  const reader = new WireReader(blob);
  const type = reader.text();
  const bytes = reader.string();
  return type === KEY_TYPE && bytes?.length === length && reader.isAtEnd ? bytes : null;
}
