/** Signatures as ssh-keygen makes them, and what is none. */
import { describe, it } from "vitest";
import { MESSAGE, OTHER_NAMESPACE, PUBLIC_KEY, RSA_SIGNATURE, SIGNATURES } from "../test/fixtures/ssh.ts";
import { fromBase64 } from "./encoding.ts";
import { sshFingerprint } from "./ssh-public-key.ts";
import { armorSshSignature, isSigned, parseSshSignature, type SshSignature } from "./ssh-signature.ts";

const NAMESPACE = "gantry-exec";
const [, KEY_BODY = ""] = PUBLIC_KEY.split(" ");

function parsed(text: string): SshSignature {
  const signature = parseSshSignature(text);
  if (typeof signature === "string") throw new Error(signature);
  return signature;
}

/** With another base64 in it. */
function armored(change: (bytes: Uint8Array) => Uint8Array): string {
  const [begin = "", ...lines] = SIGNATURES.sha512.trim().split("\n");
  const bytes = fromBase64(lines.slice(0, -1).join("")) ?? new Uint8Array();
  return [begin, Buffer.from(change(bytes)).toString("base64"), lines.at(-1)].join("\n");
}

describe("a signature of ssh-keygen", () => {
  it.for(["sha512", "sha256"] as const)(
    "over %s is that of its key, for its purpose and its message",
    async (hash, { expect }) => {
      const signature = parsed(SIGNATURES[hash]);
      expect(signature).toMatchObject({ keyBody: KEY_BODY, namespace: NAMESPACE, hash });
      expect(await isSigned(signature, NAMESPACE, MESSAGE)).toBe(true);
      expect(await isSigned(signature, NAMESPACE, `${MESSAGE}\n`)).toBe(false);
      expect(await isSigned(signature, "file", MESSAGE)).toBe(false);
    },
  );

  it("that was made for something else is not one for this", async ({ expect }) => {
    const signature = parsed(OTHER_NAMESPACE);
    expect(await isSigned(signature, "file", MESSAGE)).toBe(true);
    expect(await isSigned(signature, NAMESPACE, MESSAGE)).toBe(false);
    // Nor when it says that it was.
    expect(await isSigned({ ...signature, namespace: NAMESPACE }, NAMESPACE, MESSAGE)).toBe(false);
  });

  it("is none of another key", async ({ expect }) => {
    const signature = parsed(SIGNATURES.sha512);
    const other = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
    const key = new Uint8Array((await crypto.subtle.exportKey("raw", other.publicKey)) as ArrayBuffer);
    expect(await isSigned({ ...signature, key }, NAMESPACE, MESSAGE)).toBe(false);
  });

  it("is written as ssh-keygen writes it", ({ expect }) => {
    const { key, signature } = parsed(SIGNATURES.sha512);
    expect(armorSshSignature(key, NAMESPACE, "sha512", signature)).toBe(SIGNATURES.sha512);
  });
});

describe("what is no signature", () => {
  it.for([
    ["", "must begin with"],
    ["-----BEGIN SSH SIGNATURE-----\n!!!\n-----END SSH SIGNATURE-----", "base64"],
    ["-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----", "SSHSIG"],
    [RSA_SIGNATURE, "ssh-ed25519"],
  ] as const)("is refused with the reason: %j", ([text, reason], { expect }) => {
    expect(parseSshSignature(text)).toContain(reason);
  });

  it("is one of another version, cut off anywhere, or longer", ({ expect }) => {
    expect(parseSshSignature(armored((bytes) => bytes.with(9, 2)))).toContain("version 1");
    const { length } = Buffer.from(SIGNATURES.sha512.split("\n").slice(1, -2).join(""), "base64");
    for (let kept = 0; kept < length; kept += 1) {
      expect(typeof parseSshSignature(armored((bytes) => bytes.slice(0, kept)))).toBe("string");
    }
    expect(parseSshSignature(armored((bytes) => Uint8Array.from([...bytes, 0])))).toContain("too long");
  });
});

describe("a fingerprint", () => {
  it("is the one that ssh-keygen shows", ({ expect }) => {
    expect(sshFingerprint(KEY_BODY)).toBe("SHA256:aPcgqs8Fi8Ubgr99zzFKn3Fn1Qn0okeOYWj88EHdIFE");
  });
});
