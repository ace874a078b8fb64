/** Image registries that an account has configured. The managed one is always there and has no row. */
import type { Database, Row } from "../database.ts";
import { GantryError } from "../errors.ts";
import { listProtocols } from "./registry-protocols.ts";

export const REGISTRY_KINDS = ["DockerHub", "ECR", "GAR", "GHCR", "Generic"] as const;
export type RegistryKind = (typeof REGISTRY_KINDS)[number];

/** Repositories `<prefix>/…` of the managed registry are those of this one, copied when they are asked for. */
export interface PullThrough {
  /** One part of a name; unique in the account. */
  readonly prefix: string;
  /** After how long a tag is asked for anew. */
  readonly refreshSeconds: number;
}

/** A registry whose images are served below a prefix. */
export interface PullThroughSource extends PullThrough {
  readonly domain: string;
}

export interface RegistryPatch {
  readonly auth?: Omit<NonNullable<Registry["auth"]>, "kind">;
  readonly pullThrough?: PullThrough | null;
}

export interface Registry {
  readonly id: string;
  readonly domain: string;
  /** With `auth`: a public credential, and the name of the secret that goes with it. */
  readonly auth: { readonly kind: RegistryKind; readonly publicCredential: string; readonly secret: string } | null;
  readonly isPublic: boolean;
  /** Of the pair whose private half signs pull tokens. */
  readonly publicKey: string | null;
  readonly pullThrough: PullThrough | null;
  readonly createdAt: number;
}

interface RegistryRow extends Row {
  domain: string;
  id: string;
  entry: string;
  sealed_key: string | null;
  created_at: number;
}

type Entry = Pick<Registry, "auth" | "isPublic" | "publicKey" | "pullThrough">;

export function registryContext(accountId: string, domain: string): string {
  return `registry ${accountId} ${domain}`;
}

/** The one that an earlier try with the same id has made is returned as it is. Null when its secret is not there. */
export function createRegistry(db: Database, registry: Registry, sealedKey: string | null): Registry | null {
  const { id, domain, auth, isPublic, publicKey, pullThrough, createdAt } = registry;
  const existing = findRow(db, domain);
  if (existing !== undefined) {
    if (existing.id === id) return toRegistry(existing);
    const message = `a registry with the domain ${domain} already exists: delete it first`;
    throw new GantryError("IMAGE_REGISTRY_ALREADY_EXISTS", message, { domain });
  }
  // In one turn with the write: a secret that is deleted afterwards finds this registry among its users.
  if (auth !== null && !hasSecret(db, auth.secret)) return null;
  requireFreePrefix(db, domain, pullThrough);
  const entry: Entry = { auth, isPublic, publicKey, pullThrough };
  db.run("INSERT INTO registries VALUES (?, ?, ?, ?, ?)", domain, id, JSON.stringify(entry), sealedKey, createdAt);
  return registry;
}

/** Null when its secret is not there. */
export function changeRegistry(db: Database, domain: string, patch: RegistryPatch): Registry | null {
  const row = findRow(db, domain);
  if (row === undefined) throw registryNotFound(domain);
  const before = toRegistry(row);
  if (patch.auth !== undefined && before.auth === null) {
    const reason = "is not what this registry is read with: remove the registry, and configure it with kind and auth";
    throw new GantryError("VALIDATE_INPUT", `registry ${domain} has no auth to change`, { auth: reason });
  }
  if (patch.auth !== undefined && !hasSecret(db, patch.auth.secret)) return null;
  const pullThrough = patch.pullThrough === undefined ? before.pullThrough : patch.pullThrough;
  requireFreePrefix(db, domain, pullThrough);
  const auth = patch.auth === undefined || before.auth === null ? before.auth : { ...before.auth, ...patch.auth };
  const entry: Entry = { auth, isPublic: before.isPublic, publicKey: before.publicKey, pullThrough };
  const text = JSON.stringify(entry);
  if (text !== row.entry) db.run("UPDATE registries SET entry = ? WHERE domain = ?", text, domain);
  return { ...before, ...entry };
}

export function listPullThroughs(db: Database): PullThroughSource[] {
  return listRegistries(db).flatMap(({ domain, pullThrough }) =>
    pullThrough === null ? [] : [{ domain, ...pullThrough }],
  );
}

export function registryNotFound(text: string): GantryError {
  const domain = text.slice(0, 253);
  const message = `there is no registry ${domain} in this account: configure it with POST /registries`;
  return new GantryError("IMAGE_REGISTRY_NOT_FOUND", message, { domain });
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

function hasSecret(db: Database, name: string): boolean {
  return db.one("SELECT 1 FROM secrets WHERE name = ?", name) !== undefined;
}

function requireFreePrefix(db: Database, domain: string, wanted: PullThrough | null): void {
  const other = listPullThroughs(db).find((one) => one.domain !== domain && one.prefix === wanted?.prefix);
  if (other === undefined) return;
  const reason = `${other.prefix} is the prefix of ${other.domain}: choose another`;
  throw new GantryError("VALIDATE_INPUT", `the prefix ${other.prefix} is taken`, { "pull_through.prefix": reason });
}

function findRow(db: Database, domain: string): RegistryRow | undefined {
  return db.one<RegistryRow>("SELECT * FROM registries WHERE domain = ?", domain);
}

function toRegistry({ domain, id, entry, created_at: createdAt }: RegistryRow): Registry {
  // Written here only; what was written before there were pull-throughs has none.
  const { pullThrough = null, ...rest } = JSON.parse(entry) as Partial<Pick<Entry, "pullThrough">> &
    Omit<Entry, "pullThrough">;
  return { ...rest, pullThrough, id, domain, createdAt };
}
