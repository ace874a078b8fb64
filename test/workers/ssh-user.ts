/** Somebody with an ed25519 key, who signs as ssh-keygen does. */
import { toBase64 } from "../../src/encoding.ts";
import { armorSshSignature, toBeSigned } from "../../src/ssh-signature.ts";
import { wireStrings } from "../../src/ssh-wire.ts";
import { sshFingerprint } from "../../src/ssh-public-key.ts";

export interface SshUser {
  /** A line of `authorized_keys`. */
  readonly publicKey: string;
  readonly fingerprint: string;
  sign(message: string, namespace?: string): Promise<string>;
}

export async function sshUser(): Promise<SshUser> {
  const { privateKey, publicKey } = (await crypto.subtle.generateKey("Ed25519", true, [
    "sign",
    "verify",
  ])) as CryptoKeyPair;
  const key = new Uint8Array((await crypto.subtle.exportKey("raw", publicKey)) as ArrayBuffer);
  const body = toBase64(wireStrings("ssh-ed25519", key));
  return {
    publicKey: `ssh-ed25519 ${body}`,
    fingerprint: sshFingerprint(body),
    sign: async (message, namespace = "gantry-exec") => {
      const bytes = await toBeSigned(namespace, "sha512", message);
      const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", privateKey, bytes));
      return armorSshSignature(key, namespace, "sha512", signature);
    },
  };
}
