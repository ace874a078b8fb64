/**
 * Makes the certificate authority whose certificate workerd puts into every container. It is made once, with the
 * sidecar's image on the developer's own machine, since making it at every start would delay every container.
 */
import { webcrypto } from "node:crypto";
import * as x509 from "./x509.ts";

export const CURVE = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const TEN_YEARS_MS = 10 * 365 * 24 * 3600 * 1000;
const DAY_MS = 24 * 3600 * 1000;

export interface Authority {
  readonly certificate: string;
  readonly key: string;
  /** One key for every name: making a key pair costs more than making a certificate. */
  readonly leafKey: string;
}

export async function createAuthority(now = Date.now()): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(CURVE, true, ["sign", "verify"]);
  const leafKeys = await webcrypto.subtle.generateKey(CURVE, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=Gantry local container CA, O=Gantry",
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + TEN_YEARS_MS),
    keys,
    signingAlgorithm: CURVE,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificate: `${certificate.toString("pem")}\n`,
    key: await privatePem(keys.privateKey),
    leafKey: await privatePem(leafKeys.privateKey),
  };
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}
