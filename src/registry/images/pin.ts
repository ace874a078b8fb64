/**
 * What a revision keeps of an image beside the words that the user wrote: where its bytes are, by digest. A pin never
 * changes its meaning, whatever becomes of the tag. Pure.
 */
import { isDigest, type Digest } from "../oci/digest.ts";

export interface Pin {
  /** Of the registry that had it; `OWN_REGISTRY` for Gantry's own, whose address may change. */
  readonly domain: string;
  readonly repository: string;
  readonly digest: Digest;
}

/** Has no dot, so that it is no registry's domain. */
export const OWN_REGISTRY = "gantry";

export function formatPin({ domain, repository, digest }: Pin): string {
  return `${domain}/${repository}@${digest}`;
}

/** Null for what is no pin. */
export function parsePin(text: string): Pin | null {
  const match = /^([^/@]+)\/([^@]+)@(.+)$/.exec(text);
  const [, domain = "", repository = "", digest = ""] = match ?? [];
  return match === null || !isDigest(digest) ? null : { domain, repository, digest };
}

/** As references to images of Gantry's own registry are called; null for a pin of another. */
export function ownImageName(text: string | undefined): string | null {
  const pin = text === undefined ? null : parsePin(text);
  return pin?.domain === OWN_REGISTRY ? `${pin.repository}@${pin.digest}` : null;
}
