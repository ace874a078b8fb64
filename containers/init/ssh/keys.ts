/**
 * Who is let in: the ed25519 keys of GANTRY_AUTHORIZED_KEYS, and certificates of the authorities of
 * GANTRY_TRUSTED_USER_CA_KEYS, by the rules of OpenSSH's `sshd` (PROTOCOL.certkeys).
 */
import { createPublicKey, verify, type KeyObject } from "node:crypto";
import { KEY_TYPE } from "../../../src/ssh-signature.ts";
import { WireReader } from "../../../src/ssh-wire.ts";

const CERTIFICATE_TYPE = "ssh-ed25519-cert-v01@openssh.com";
const USER_CERTIFICATE = 1;
const SIGNATURE_BYTES = 64;

/** What a client shows of a key; with a signature, that it has it. */
export interface Offer {
  readonly algorithm: string;
  readonly blob: Uint8Array;
  readonly signature: Uint8Array | null;
  /** What is signed. */
  readonly message: Uint8Array | null;
  /** The name that it logs in by. */
  readonly user: string;
}

export interface Welcome {
  /** It may have a terminal: a certificate may say that it may not. */
  readonly mayHavePty: boolean;
}

export interface Doorkeeper {
  /** Null: not with this key. A good signature is asked for where there is one. */
  admit(offer: Offer, now: number): Welcome | null;
}

export function doorkeeper(authorizedKeys: string, authorities: string): Doorkeeper {
  const known = new Set(bodiesIn(authorizedKeys));
  const trusted = new Set(bodiesIn(authorities));
  return {
    admit: (offer, now) => {
      if (offer.algorithm === KEY_TYPE && known.has(toBase64(offer.blob))) {
        const key = rawKey(offer.blob);
        return key !== null && hasSigned(key, offer) ? { mayHavePty: true } : null;
      }
      if (offer.algorithm !== CERTIFICATE_TYPE || trusted.size === 0) return null;
      const certificate = readCertificate(offer.blob);
      if (certificate === null || !trusted.has(toBase64(certificate.authority))) return null;
      if (!isValid(certificate, offer.user, now)) return null;
      return hasSigned(certificate.key, offer) ? { mayHavePty: certificate.extensions.has("permit-pty") } : null;
    },
  };
}

/** The second word of each line. */
function bodiesIn(lines: string): string[] {
  return lines.split("\n").flatMap((line) => {
    const [type, body] = line.trim().split(/\s+/);
    return type === KEY_TYPE && body !== undefined ? [body] : [];
  });
}

interface Certificate {
  readonly key: Uint8Array;
  readonly type: number;
  readonly principals: readonly string[];
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly criticalOptions: ReadonlySet<string>;
  readonly extensions: ReadonlySet<string>;
  /** The authority's key in wire form. */
  readonly authority: Uint8Array;
  readonly signature: Uint8Array;
  /** What the authority has signed. */
  readonly signed: Uint8Array;
}

function readCertificate(blob: Uint8Array): Certificate | null {
  const reader = new WireReader(Uint8Array.from(blob));
  if (reader.text() !== CERTIFICATE_TYPE) return null;
  const [, key] = [reader.string(), reader.string()];
  const [, type, , principals] = [reader.take(8), reader.number(), reader.string(), reader.string()];
  const [after, before] = [reader.take(8), reader.take(8)];
  const [critical, extensions, , authority] = [reader.string(), reader.string(), reader.string(), reader.string()];
  const signature = reader.string();
  if (key === null || type === null || principals === null || after === null || before === null) return null;
  if (critical === null || extensions === null || authority === null || signature === null || !reader.isAtEnd)
    return null;
  const names = stringsIn(principals);
  const [options, allowed] = [pairsIn(critical), pairsIn(extensions)];
  if (names === null || options === null || allowed === null) return null;
  return {
    key,
    type,
    principals: names,
    validAfter: Buffer.from(after).readBigUInt64BE(),
    validBefore: Buffer.from(before).readBigUInt64BE(),
    criticalOptions: options,
    extensions: allowed,
    authority,
    signature,
    signed: blob.subarray(0, blob.length - signature.length - 4),
  };
}

function isValid(certificate: Certificate, user: string, now: number): boolean {
  const { type, principals, validAfter, validBefore, criticalOptions, authority, signature, signed } = certificate;
  const seconds = BigInt(Math.floor(now / 1_000));
  // One of no names would be one of all.
  if (type !== USER_CERTIFICATE || !principals.includes(user)) return false;
  if (seconds < validAfter || seconds >= validBefore) return false;
  // What is critical and not known forbids.
  if (criticalOptions.size > 0) return false;
  const key = rawKey(authority);
  const bytes = rawSignature(signature);
  return key !== null && bytes !== null && verify(null, signed, publicKey(key), bytes);
}

function hasSigned(key: Uint8Array, { signature, message }: Offer): boolean {
  // Only asks whether it would do.
  if (signature === null || message === null) return true;
  const bytes = rawSignature(signature);
  return bytes !== null && verify(null, message, publicKey(key), bytes);
}

/** As it is, or behind its type. */
function rawSignature(signature: Uint8Array): Uint8Array | null {
  if (signature.length === SIGNATURE_BYTES) return signature;
  const reader = new WireReader(Uint8Array.from(signature));
  const [type, bytes] = [reader.text(), reader.string()];
  return type === KEY_TYPE && bytes?.length === SIGNATURE_BYTES && reader.isAtEnd ? bytes : null;
}

function rawKey(blob: Uint8Array): Uint8Array | null {
  const reader = new WireReader(Uint8Array.from(blob));
  const [type, bytes] = [reader.text(), reader.string()];
  return type === KEY_TYPE && bytes?.length === 32 && reader.isAtEnd ? bytes : null;
}

function publicKey(key: Uint8Array): KeyObject {
  const x = Buffer.from(key).toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
}

function stringsIn(bytes: Uint8Array): string[] | null {
  const reader = new WireReader(Uint8Array.from(bytes));
  const texts: string[] = [];
  while (!reader.isAtEnd) {
    const text = reader.text();
    if (text === null) return null;
    texts.push(text);
  }
  return texts;
}

/** The names of pairs of a name and a value. */
function pairsIn(bytes: Uint8Array): Set<string> | null {
  const texts = stringsIn(bytes);
  return texts === null || texts.length % 2 !== 0 ? null : new Set(texts.filter((_, index) => index % 2 === 0));
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
