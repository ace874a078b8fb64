/**
 * Signs with a user's ed25519 key. ssh-keygen does it where it is installed: it asks for a passphrase, and uses an agent or
 * hardware when it is given a public key. Else a key in OpenSSH's own format that has no passphrase is used here.
 */
import { spawn } from "node:child_process";
import { createPrivateKey, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { armorSshSignature, KEY_TYPE, toBeSigned } from "../src/ssh-signature.ts";
import { WireReader } from "../src/ssh-wire.ts";

const MAGIC = "openssh-key-v1\0";
const PEM = /^-----BEGIN OPENSSH PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----\s*$/;
const SEED_BYTES = 32;

/** The signature in OpenSSH's armored form. Throws why there is none. `program`: how ssh-keygen is called. */
export async function signWithKey(
  keyFile: string,
  namespace: string,
  message: string,
  program = "ssh-keygen",
): Promise<string> {
  const signed = await withKeygen(program, keyFile, namespace, message);
  return signed ?? (await withoutKeygen(keyFile, namespace, message));
}

/** Null: it is not installed. */
function withKeygen(program: string, keyFile: string, namespace: string, message: string): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ["-Y", "sign", "-n", namespace, "-f", keyFile], { stdio: ["pipe", "pipe", "pipe"] });
    const [printed, said]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on("data", (chunk: Buffer) => printed.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
    child.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") resolve(null);
      else reject(error);
    });
    child.on("close", (code) => {
      if (code === 0) resolve(Buffer.concat(printed).toString());
      else reject(new Error(`ssh-keygen does not sign with ${keyFile}: ${Buffer.concat(said).toString().trim()}`));
    });
    // It may end before it has read anything.
    child.stdin.on("error", () => undefined);
    child.stdin.end(message);
  });
}

async function withoutKeygen(keyFile: string, namespace: string, message: string): Promise<string> {
  const { seed, key } = parsePrivateKey(await readFile(keyFile, "utf8"), keyFile);
  const jwk = { kty: "OKP", crv: "Ed25519", d: base64Url(seed), x: base64Url(key) };
  const bytes = await toBeSigned(namespace, "sha512", message);
  const signature = sign(null, bytes, createPrivateKey({ key: jwk, format: "jwk" }));
  return armorSshSignature(key, namespace, "sha512", signature);
}

/** OpenSSH's PROTOCOL.key. */
function parsePrivateKey(text: string, file: string): { seed: Uint8Array; key: Uint8Array } {
  const [, body] = PEM.exec(text.trim()) ?? [];
  if (body === undefined) throw new Error(`${file} is no private key of OpenSSH, and ssh-keygen is not installed`);
  const reader = new WireReader(Uint8Array.from(Buffer.from(body, "base64")));
  const magic = reader.take(MAGIC.length);
  const cipher = reader.text();
  const [, , count] = [reader.string(), reader.string(), reader.number()];
  const [, secret] = [reader.string(), reader.string()];
  if (magic === null || new TextDecoder().decode(magic) !== MAGIC || count !== 1 || secret === null) throw broken(file);
  if (cipher !== "none") {
    throw new Error(`${file} has a passphrase: install ssh-keygen, which asks for it, or use a key without one`);
  }
  const inner = new WireReader(secret);
  inner.take(8);
  const [type, key, both] = [inner.text(), inner.string(), inner.string()];
  if (type !== KEY_TYPE) throw new Error(`${file} is a key of type ${type ?? "?"}: only ${KEY_TYPE} is taken`);
  if (key === null || both === null || both.length !== 2 * SEED_BYTES) throw broken(file);
  return { seed: both.slice(0, SEED_BYTES), key };
}

function broken(file: string): Error {
  return new Error(`${file} is cut off, or in a form that is not known`);
}

function base64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}
