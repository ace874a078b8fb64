/**
 * Tokens for private registries that trust a key of ours: its public half is installed there, and each pull carries a
 * JWT that the private half has signed.
 */
import { fromBase64, toBase64, toBase64Url } from "../encoding.ts";

export interface KeyPair {
  /** base64 of the SubjectPublicKeyInfo: what is installed in the registry. */
  readonly publicKey: string;
  /** base64 of the PKCS #8 form: sealed wherever it is kept. */
  readonly privateKey: string;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;

export async function newKeyPair(): Promise<KeyPair> {
  const pair = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  if (!("publicKey" in pair)) throw new Error("ECDSA makes pairs");
  const [spki, pkcs8] = await Promise.all([
    crypto.subtle.exportKey("spki", pair.publicKey),
    crypto.subtle.exportKey("pkcs8", pair.privateKey),
  ]);
  if (!(spki instanceof ArrayBuffer) || !(pkcs8 instanceof ArrayBuffer)) throw new Error("both forms are bytes");
  return { publicKey: toBase64(spki), privateKey: toBase64(pkcs8) };
}

/** An ES256 JWT for `audience`, in the claims of the registry's token authentication. */
export async function signPullToken(
  privateKey: string,
  claims: {
    readonly accountId: string;
    readonly audience: string;
    readonly actions: readonly string[];
    readonly expiresAt: number;
  },
  now: number,
): Promise<string> {
  const bytes = fromBase64(privateKey);
  if (bytes === null) throw new Error("a private key is base64");
  const key = await crypto.subtle.importKey("pkcs8", bytes, ALGORITHM, false, ["sign"]);
  const header = { alg: "ES256", typ: "JWT" };
  const payload = {
    iss: "gantry",
    sub: claims.accountId,
    aud: claims.audience,
    nbf: Math.floor(now / 1_000),
    exp: Math.floor(claims.expiresAt / 1_000),
    access: [{ type: "repository", name: "*", actions: claims.actions }],
  };
  const encoder = new TextEncoder();
  const text = [header, payload].map((part) => toBase64Url(encoder.encode(JSON.stringify(part)))).join(".");
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, encoder.encode(text));
  return `${text}.${toBase64Url(signature)}`;
}
