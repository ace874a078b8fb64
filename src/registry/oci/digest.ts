/** Digests of content: `sha256:<64 hex>` and `sha512:<128 hex>`, lower case, as the image specification writes them. */
import { toHex } from "../../encoding.ts";

export type Digest = `sha256:${string}` | `sha512:${string}`;

export type DigestAlgorithm = "sha256" | "sha512";

const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** As the platform's digests are called. */
export const SUBTLE_NAME: Readonly<Record<DigestAlgorithm, "SHA-256" | "SHA-512">> = {
  sha256: "SHA-256",
  sha512: "SHA-512",
};

export function isDigest(text: string): text is Digest {
  return DIGEST.test(text);
}

export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith("sha256:") ? "sha256" : "sha512";
}

export function digestOf(algorithm: DigestAlgorithm, hash: ArrayBuffer): Digest {
  return `${algorithm}:${toHex(hash)}`;
}

export async function digestOfBytes(algorithm: DigestAlgorithm, bytes: BufferSource): Promise<Digest> {
  return digestOf(algorithm, await crypto.subtle.digest(SUBTLE_NAME[algorithm], bytes));
}
