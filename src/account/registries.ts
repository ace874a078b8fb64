/** Image registries that an account has configured. The managed one is always there and has no row. */
import type { Database, Row } from "../database.ts";
import { GantryError } from "../errors.ts";
import { listProtocols } from "./registry-protocols.ts";

export const REGISTRY_KINDS = ["DockerHub", "ECR", "GAR"] as const;
export type RegistryKind = (typeof REGISTRY_KINDS)[number];

export interface Registry {
  readonly id: string;
  readonly domain: string;
  /** With `auth`: a public credential, and the name of the secret that goes with it. */
  readonly auth: { readonly kind: RegistryKind; readonly publicCredential: string; readonly secret: string } | null;
  readonly isPublic: boolean;
  /** Of the pair whose private half signs pull tokens. */
  readonly publicKey: string | null;
  readonly createdAt: number;
}

interface RegistryRow extends Row {
  domain: string;
  id: string;
  entry: string;
  sealed_key: string | null;
  created_at: number;
}

type Entry = Pick<Registry, "auth" | "isPublic" | "publicKey">;

export function registryContext(accountId: string, domain: string): string {
  return `registry ${accountId} ${domain}`;
}

/** The one that an earlier try with the same id has made is returned as it is. Null when its secret is not there. */
export function createRegistry(db: Database, registry: Registry, sealedKey: string | null): Registry | null {
  const { id, domain, auth, isPublic, publicKey, createdAt } = registry;
  const existing = findRow(db, domain);
  if (existing !== undefined) {
    if (existing.id === id) return toRegistry(existing);
    const message = `a registry with the domain ${domain} already exists: delete it first`;
    throw new GantryError("IMAGE_REGISTRY_ALREADY_EXISTS", message, { domain });
  }
  // In one turn with the write: a secret that is deleted afterwards finds this registry among its users.
  if (auth !== null && db.one("SELECT 1 FROM secrets WHERE name = ?", auth.secret) === undefined) return null;
  const entry: Entry = { auth, isPublic, publicKey };
  db.run("INSERT INTO registries VALUES (?, ?, ?, ?, ?)", domain, id, JSON.stringify(entry), sealedKey, createdAt);
  return registry;
}

export function listRegistries(db: Database): Registry[] {
  return db.all<RegistryRow>("SELECT * FROM registries ORDER BY domain").map(toRegistry);
}

export function findRegistry(db: Database, domain: string): { registry: Registry; sealedKey: string | null } | null {
  const row = findRow(db, domain);
  return row === undefined ? null : { registry: toRegistry(row), sealedKey: row.sealed_key };
}

/** Returns what was deleted; null when there is none. */
export function deleteRegistry(db: Database, domain: string): Registry | null {
  const row = findRow(db, domain);
  if (row === undefined) return null;
  const protocols = listProtocols(db).filter(({ domains }) => domains.some((source) => source.domain === domain));
  if (protocols.length > 0) {
    const users = protocols.map(({ proto }) => proto);
    const message = `registry ${domain} is used by the protocols ${users.join(", ")}: take it out of them first`;
    throw new GantryError("IMAGE_REGISTRY_IN_USE", message, { domain, users });
  }
  db.run("DELETE FROM registries WHERE domain = ?", domain);
  return toRegistry(row);
}

/** Registries whose credential is this secret. */
export function registriesWithSecret(db: Database, secret: string): string[] {
  return listRegistries(db)
    .filter(({ auth }) => auth?.secret === secret)
    .map(({ domain }) => domain);
}

function findRow(db: Database, domain: string): RegistryRow | undefined {
  return db.one<RegistryRow>("SELECT * FROM registries WHERE domain = ?", domain);
}

function toRegistry({ domain, id, entry, created_at: createdAt }: RegistryRow): Registry {
  // Written by `createRegistry` only.
  return { ...(JSON.parse(entry) as Entry), id, domain, createdAt };
}
