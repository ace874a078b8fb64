/**
 * A new ed25519 key in OpenSSH's format (PROTOCOL.key), which is what ssh2 reads. Not by its own generator: that drops zeros
 * at the beginning of a public key, and each 256th key of it is none.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { KEY_TYPE } from "../../../src/ssh-signature.ts";
import { joined } from "../../../src/encoding.ts";
import { wireStrings } from "../../../src/ssh-wire.ts";

const MAGIC = new TextEncoder().encode("openssh-key-v1\0");
const ONE_KEY = new Uint8Array([0, 0, 0, 1]);
/** Of `none`, the cipher. */
const BLOCK = 8;

export interface KeyFile {
  readonly privateKey: string;
  /** A line of `authorized_keys`. */
  readonly publicKey: string;
}

export function newKeyFile(): KeyFile {
  const { d = "", x = "" } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const [seed, key] = [Buffer.from(d, "base64url"), Buffer.from(x, "base64url")];
  const publicKey = wireStrings(KEY_TYPE, key);
  const check = randomBytes(4);
  const secret = joined(check, check, wireStrings(KEY_TYPE, key, joined(seed, key), ""));
  const padding = Uint8Array.from({ length: (BLOCK - (secret.length % BLOCK)) % BLOCK }, (_, index) => index + 1);
  const file = joined(MAGIC, wireStrings("none", "none", ""), ONE_KEY, wireStrings(publicKey, joined(secret, padding)));
  const body = Buffer.from(file).toString("base64");
  return {
    privateKey: `-----BEGIN OPENSSH PRIVATE KEY-----\n${body}\n-----END OPENSSH PRIVATE KEY-----\n`,
    publicKey: `${KEY_TYPE} ${Buffer.from(publicKey).toString("base64")}`,
  };
}
