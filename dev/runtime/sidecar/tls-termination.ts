/**
 * Ends the workload's TLS connection here, with a certificate for the name it asked for, so that a handler sees plain
 * HTTP. Bundled apart from the rest and loaded at the first such connection.
 */
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import type { Authority } from "./authority.ts";
import { type Issue, issuerOf } from "./certificates.ts";
import { AUTHORITY_FILES } from "./paths.ts";

const CONTEXT_LIMIT = 500;
const contexts = new Map<string, Promise<SecureContext>>();
let loaded: Promise<{ authority: Authority; issue: Issue }> | undefined;

export async function terminateTls(socket: Socket, name: string): Promise<TLSSocket> {
  const secureContext = await contextFor(name);
  return new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: ["http/1.1"] });
}

function contextFor(name: string): Promise<SecureContext> {
  const known = contexts.get(name);
  if (known !== undefined) return known;
  if (contexts.size >= CONTEXT_LIMIT) contexts.clear();
  const made = makeContext(name);
  made.catch(() => contexts.delete(name));
  contexts.set(name, made);
  return made;
}

async function makeContext(name: string): Promise<SecureContext> {
  const { authority, issue } = await (loaded ??= loadAuthority());
  return createSecureContext({ key: authority.leafKey, cert: await issue(name) });
}

async function loadAuthority(): Promise<{ authority: Authority; issue: Issue }> {
  const [certificate, key, leafKey] = await Promise.all([
    readFile(AUTHORITY_FILES.certificate, "utf8"),
    readFile(AUTHORITY_FILES.key, "utf8"),
    readFile(AUTHORITY_FILES.leafKey, "utf8"),
  ]);
  const authority = { certificate, key, leafKey };
  return { authority, issue: await issuerOf(authority) };
}
