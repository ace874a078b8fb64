/**
 * Short-lived permissions that this control plane hands out and takes back once: the claims in plain words, an end, a
 * number that is used once, and a keyed digest of all of it. Nothing is stored when one is made; who honours one marks
 * its number (`containers/used-grants.ts`).
 */
import { sameSecret } from "./api/credentials.ts";
import { toBase64Url } from "./encoding.ts";
import { keyedDigest, masterKeyBytes } from "./sealing.ts";

/** What it is for: one of another purpose is none. */
export type GrantPurpose = "gantry-ssh-v1" | "gantry-exec-v1";

export interface Grant {
  readonly claims: readonly string[];
  readonly expiresAt: number;
  /** Its number. */
  readonly nonce: string;
}

export type GrantReading =
  | { readonly outcome: "good"; readonly grant: Grant }
  | { readonly outcome: "invalid" | "expired" };

const NONCE_BYTES = 12;
const SEPARATOR = ":";
/** Longer than any that is made here. */
const MAX_LENGTH = 2_048;

/** `purpose:claim:…:expires:nonce:digest`. Throws when there is no master key. */
export async function makeGrant(
  keys: readonly string[],
  purpose: GrantPurpose,
  claims: readonly string[],
  expiresAt: number,
): Promise<string> {
  const nonce = toBase64Url(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
  const text = [purpose, ...claims.map(encodeURIComponent), String(expiresAt), nonce].join(SEPARATOR);
  return [text, await digestOf(keys[0] ?? "", text)].join(SEPARATOR);
}

export async function readGrant(
  keys: readonly string[],
  purpose: GrantPurpose,
  text: string,
  now: number,
): Promise<GrantReading> {
  const at = text.lastIndexOf(SEPARATOR);
  if (text.length > MAX_LENGTH || at < 0) return { outcome: "invalid" };
  const said = text.slice(0, at);
  if (!(await isOurs(keys, said, text.slice(at + 1)))) return { outcome: "invalid" };
  // From here on it is what `makeGrant` has written.
  const [madeFor, ...rest] = said.split(SEPARATOR);
  if (madeFor !== purpose) return { outcome: "invalid" };
  const [expires, nonce] = rest.slice(-2);
  const expiresAt = Number(expires);
  if (nonce === undefined || expiresAt <= now) return { outcome: "expired" };
  return { outcome: "good", grant: { claims: rest.slice(0, -2).map(decodeURIComponent), expiresAt, nonce } };
}

/** Of any key: one that was made before the keys were rotated still holds. */
async function isOurs(keys: readonly string[], text: string, digest: string): Promise<boolean> {
  const expected = await Promise.all(keys.map((key) => digestOf(key, text)));
  return expected.some((own) => sameSecret(own, digest));
}

async function digestOf(key: string, text: string): Promise<string> {
  // Without a key anybody could make one.
  masterKeyBytes(key);
  return await keyedDigest(key, `grant ${text}`);
}
