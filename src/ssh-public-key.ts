/** SSH public keys as people paste them: `ssh-ed25519 <base64> [comment]`, and nothing else. */
import { createHash } from "node:crypto";

const TYPE = "ssh-ed25519";
/** length, `ssh-ed25519`, length, 32 bytes. */
const BLOB_LENGTH = 4 + TYPE.length + 4 + 32;

export interface SshPublicKey {
  /** base64 of the key's wire form. */
  readonly body: string;
  readonly comment: string | null;
}

/** The key, or why the text is none. */
export function parseSshPublicKey(text: string): SshPublicKey | string {
  const parts = text.trim().split(/[ \t]+/);
  const [type = "", body = "", comment] = parts;
  if (/\p{Cc}/u.test(text.trim().replaceAll("\t", " "))) return "must be one line without control characters";
  if (type !== TYPE) return `must begin with ${TYPE}: no other key type is taken`;
  if (parts.length < 2 || parts.length > 3) return `must be "${TYPE} <base64> [comment]", with a comment of one word`;
  const blob = bytesOf(body);
  if (blob === null) return "must have the key in base64 as its second part";
  return isEd25519(blob)
    ? { body, comment: comment ?? null }
    : `must hold an ${TYPE} key of 32 bytes in its second part`;
}

/** `SHA256:…`, as ssh-keygen says it. */
export function sshFingerprint(body: string): string {
  return `SHA256:${createHash("sha256").update(body, "base64").digest("base64").replaceAll("=", "")}`;
}

/** One line of an `authorized_keys` file. */
export function keyLine({ body, comment }: SshPublicKey, name?: string): string {
  return [TYPE, body, name ?? comment].filter((part) => typeof part === "string").join(" ");
}

function isEd25519(blob: string): boolean {
  const prefix = `\0\0\0${String.fromCharCode(TYPE.length)}${TYPE}\0\0\0\u0020`;
  return blob.length === BLOB_LENGTH && blob.startsWith(prefix);
}

function bytesOf(base64: string): string | null {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return null;
  try {
    return atob(base64);
  } catch {
    return null;
  }
}
