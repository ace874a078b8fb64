/**
 * Issues a certificate for a name under the image's authority.
 */
import { createPrivateKey, createPublicKey, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "./x509.ts";
import { type Authority, CURVE } from "./authority.ts";

const YEAR_MS = 365 * 24 * 3600 * 1000;
const DAY_MS = 24 * 3600 * 1000;

export type Issue = (name: string) => Promise<string>;

/** Returns a function from a name, or an IP address, to a certificate in PEM form. */
export async function issuerOf(authority: Authority): Promise<Issue> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const signingKey = await importKey(
    "pkcs8",
    createPrivateKey(authority.key).export({ type: "pkcs8", format: "der" }),
    "sign",
  );
  const leafPublic = createPublicKey(authority.leafKey).export({ type: "spki", format: "der" });
  const publicKey = await importKey("spki", leafPublic, "verify");
  return async (name) => {
    const now = Date.now();
    const certificate = await x509.X509CertificateGenerator.create({
      // A common name has at most 64 characters; clients look at the alternative names anyway.
      subject: [{ CN: [name.slice(0, 64)] }],
      issuer: issuer.subject,
      notBefore: new Date(now - DAY_MS),
      notAfter: new Date(now + YEAR_MS),
      publicKey,
      signingKey,
      signingAlgorithm: CURVE,
      extensions: [
        new x509.SubjectAlternativeNameExtension([{ type: isIP(name) === 0 ? "dns" : "ip", value: name }]),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ],
    });
    return certificate.toString("pem");
  };
}

function importKey(format: "pkcs8" | "spki", key: Buffer, usage: "sign" | "verify"): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey(format, Uint8Array.from(key), CURVE, true, [usage]);
}
