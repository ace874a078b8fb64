/** Registry protocols: `proto://name:tag` stands for the same image in several registries, in order. */
import type { Database, Row } from "../database.ts";
import { GantryError } from "../errors.ts";
import type { ImageSource } from "../registry/resolve-image.ts";

export interface Protocol {
  readonly id: string;
  readonly proto: string;
  readonly domains: readonly ImageSource[];
}

interface ProtocolRow extends Row {
  proto: string;
  id: string;
  domains: string;
}

/**
 * Creates it or, with `replace`, gives it other domains. The one that an earlier try with the same id has made is
 * returned as it is. `managedDomains` need no configuration; every other must be a registry of the account.
 */
export function putProtocol(
  db: Database,
  { id, proto, domains }: Protocol,
  { replace, managedDomains }: { readonly replace: boolean; readonly managedDomains: readonly string[] },
): Protocol {
  const existing = findProtocol(db, proto);
  if (!replace && existing !== null) {
    if (existing.id === id) return existing;
    const message = `a registry protocol ${proto} already exists: change it with PUT /registries/protos`;
    throw new GantryError("IMAGE_REGISTRY_PROTOCOL_ALREADY_EXISTS", message, { proto });
  }
  if (replace && existing === null) throw protocolNotFound(proto);
  requireConfigured(db, domains, managedDomains);
  const text = JSON.stringify(domains);
  const kept = { id: existing?.id ?? id, proto, domains };
  if (existing === null) db.run("INSERT INTO protocols VALUES (?, ?, ?)", proto, id, text);
  else if (JSON.stringify(existing.domains) !== text) {
    db.run("UPDATE protocols SET domains = ? WHERE proto = ?", text, proto);
  }
  return kept;
}

export function listProtocols(db: Database): Protocol[] {
  return db.all<ProtocolRow>("SELECT * FROM protocols ORDER BY proto").map(toProtocol);
}

export function findProtocol(db: Database, proto: string): Protocol | null {
  const row = db.one<ProtocolRow>("SELECT * FROM protocols WHERE proto = ?", proto);
  return row === undefined ? null : toProtocol(row);
}

export function deleteProtocol(db: Database, proto: string): void {
  db.run("DELETE FROM protocols WHERE proto = ?", proto);
}

export function protocolNotFound(proto: string): GantryError {
  const message = `there is no registry protocol ${proto.slice(0, 100)}`;
  return new GantryError("IMAGE_REGISTRY_PROTOCOL_NOT_FOUND", message, { proto: proto.slice(0, 100) });
}

function requireConfigured(db: Database, domains: readonly ImageSource[], managed: readonly string[]): void {
  const known = db.all<{ domain: string }>("SELECT domain FROM registries").map(({ domain }) => domain);
  const all = [...managed, ...known];
  const unknown = domains.flatMap(({ domain }, index) => (all.includes(domain) ? [] : [[index, domain] as const]));
  if (unknown.length === 0) return;
  const details = unknown.map(([index, domain]) => [
    `domains[${index}].domain`,
    `${domain} is no registry of this account: configure it with POST /registries; known: ${all.join(", ")}`,
  ]);
  const message = unknown.map(([, domain]) => domain).join(", ");
  throw new GantryError("VALIDATE_INPUT", `not configured: ${message}`, Object.fromEntries(details));
}

function toProtocol({ id, proto, domains }: ProtocolRow): Protocol {
  // Written by `putProtocol` only.
  return { id, proto, domains: JSON.parse(domains) as ImageSource[] };
}
