/**
 * The part of the Account object that keeps secrets, SSH keys, registries and protocols, and who refers to them. A shell
 * like the rest of it: what it does is in free functions. Values are sealed here on their way in, and opened here for a
 * launch, or for a credential of its requests.
 */
import { DurableObject } from "cloudflare:workers";
import type { Database } from "../database.ts";
import type { SecretValue } from "../egress/upstream/credentials.ts";
import { GantryError } from "../errors.ts";
import { requireMatch } from "../etag.ts";
import type { Reference } from "../orchestrator/references.ts";
import { masterKeys, open, seal } from "../sealing.ts";
import { sshFingerprint } from "../ssh-public-key.ts";
import { nameSigner } from "./audit.ts";
import { ImageRemovals } from "./image-removals.ts";
import { launchMaterial, type Material, type MaterialRequest } from "./launch-material.ts";
import {
  claimReferences,
  dropUsers,
  listUsers,
  missingReferences,
  settleClaim,
  type Claim,
  type User,
} from "./references.ts";
import {
  changeRegistry,
  createRegistry,
  deleteRegistry,
  findRegistry,
  listPullThroughs,
  listRegistries,
  registryContext,
  registriesWithSecret,
  type PullThroughSource,
  type Registry,
  type RegistryPatch,
} from "./registries.ts";
import { deleteProtocol, findProtocol, listProtocols, putProtocol, type Protocol } from "./registry-protocols.ts";
import { reseal, type ResealReport } from "./reseal.ts";
import { boundSecret, secretValue } from "./secret-values.ts";
import {
  changeSecret,
  createSecret,
  deleteSecret,
  getSecret,
  listSecrets,
  secretContext,
  secretEtag,
  type Secret,
} from "./secrets.ts";
import {
  countSecrets,
  createSecrets,
  nameOfSecret,
  searchSecrets,
  secretsStore,
  type SecretsStore,
} from "./secrets-store.ts";
import { createSshKey, deleteSshKey, findSshKey, findSshKeyByBody, listSshKeys, type SshKey } from "./ssh-keys.ts";

/** A secret as a client sends it. It is sealed here and goes no further. */
export interface PlainSecret {
  readonly id: string;
  readonly name: string;
  readonly comment: string;
  readonly value: string;
}

/** `changed`: somebody uses it, or has claimed it since the users were asked. */
export type Removal = "removed" | "missing" | "changed";

/** Of one registry of the account. */
export interface RegistryMaterial {
  readonly registry: Registry;
  /** Signs pull tokens, where it has a pair. */
  readonly privateKey: string | null;
  /** The private half of its credential. */
  readonly secret: string | null;
}

export abstract class SecretKeeper extends DurableObject<Env> {
  readonly #db: Database;
  readonly #removals = new ImageRemovals();
  readonly #boundSecret = (name: string): Promise<string | null> => boundSecret(this.env, this.#id, name);

  constructor(ctx: DurableObjectState, env: Env, db: Database) {
    super(ctx, env);
    this.#db = db;
  }

  /** Claims what a configuration refers to, before it is written. Returns what is not there: then nothing is claimed. */
  async claimReferences(claim: Claim): Promise<Reference[]> {
    this.#refuseGoing(claim.references);
    const bound = await this.#bound(missingReferences(this.#db, claim.references));
    const references = claim.references.filter(({ kind, name }) => kind !== "secret" || !bound.has(name));
    return claimReferences(this.#db, { ...claim, references }, Date.now());
  }

  async missingReferences(references: readonly Reference[]): Promise<Reference[]> {
    const missing = missingReferences(this.#db, references);
    const bound = await this.#bound(missing);
    return missing.filter(({ kind, name }) => kind !== "secret" || !bound.has(name));
  }

  settleClaim(id: string): void {
    settleClaim(this.#db, id);
  }

  usersOf(reference: Reference): User[] {
    return listUsers(this.#db, reference, Date.now());
  }

  /** Of each, in order. */
  usersOfAll(references: readonly Reference[]): User[][] {
    return references.map((reference) => listUsers(this.#db, reference, Date.now()));
  }

  /** Those of which nobody but who was asked, and uses it no more, knows: nobody can claim them until `imagesGone`. */
  releaseImages(asked: readonly { readonly name: string; readonly users: readonly User[] }[]): string[] {
    const now = Date.now();
    return this.#db.transaction(() =>
      asked.flatMap(({ name, users }) => {
        if (!dropUsers(this.#db, { kind: "image", name }, users, now)) return [];
        this.#removals.begin(name, now);
        return [name];
      }),
    );
  }

  imagesGone(names: readonly string[]): void {
    this.#removals.end(names);
  }

  launchMaterial(request: MaterialRequest): Promise<Material> {
    return launchMaterial(this.#db, masterKeys(this.env), this.#id, request, this.#boundSecret);
  }

  /** For a credential that is set on requests of containers. Null: there is no such secret. */
  secretValue(name: string): Promise<SecretValue | null> {
    return secretValue(this.#db, masterKeys(this.env), this.#id, name, this.#boundSecret);
  }

  async createSecret(secret: PlainSecret): Promise<Secret> {
    const sealed = await this.#seal(secret);
    return createSecret(this.#db, { ...secret, sealed }, Date.now());
  }

  async createSecrets(secrets: readonly PlainSecret[]): Promise<Secret[]> {
    const sealed = await Promise.all(secrets.map(async (secret) => ({ ...secret, sealed: await this.#seal(secret) })));
    return createSecrets(this.#db, sealed, Date.now());
  }

  async changeSecret(change: { name: string; value: string; write: string; ifMatch: string | null }): Promise<Secret> {
    const sealed = await this.#seal(change);
    return changeSecret(this.#db, { ...change, sealed }, Date.now());
  }

  secret(name: string): Secret | null {
    return getSecret(this.#db, name);
  }

  secrets(cursor: string, limit: number): Secret[] {
    return listSecrets(this.#db, cursor, limit);
  }

  secretsStore(): SecretsStore {
    return secretsStore(this.#db);
  }

  searchSecrets(search: string, offset: number, limit: number): { secrets: Secret[]; total: number } {
    return { secrets: searchSecrets(this.#db, search, offset, limit), total: countSecrets(this.#db, search) };
  }

  nameOfSecret(id: string): string | null {
    return nameOfSecret(this.#db, id);
  }

  registriesWithSecret(name: string): string[] {
    return registriesWithSecret(this.#db, name);
  }

  removeSecret(name: string, asked: readonly User[], ifMatch: string | null): Removal {
    const secret = getSecret(this.#db, name);
    if (secret === null) return "missing";
    requireMatch(ifMatch, secretEtag(secret));
    if (registriesWithSecret(this.#db, name).length > 0) return "changed";
    return this.#remove({ kind: "secret", name }, asked, () => deleteSecret(this.#db, name));
  }

  resealAll(): Promise<ResealReport> {
    return reseal(this.#db, masterKeys(this.env), this.#id);
  }

  createSshKey(key: SshKey): SshKey {
    return createSshKey(this.#db, key);
  }

  sshKey(nameOrId: string): SshKey | null {
    return findSshKey(this.#db, nameOrId);
  }

  sshKeys(cursor: string, limit: number): SshKey[] {
    return listSshKeys(this.#db, cursor, limit);
  }

  /** The key with these bytes, for whoever has shown that it is his: the audit says whose that write is. */
  signer(body: string, auditId: number): SshKey | null {
    return this.#db.transaction(() => {
      const key = findSshKeyByBody(this.#db, body);
      if (key !== null) nameSigner(this.#db, auditId, { keyId: key.id, fingerprint: sshFingerprint(body) });
      return key;
    });
  }

  removeSshKey(id: string, asked: readonly User[]): Removal {
    if (findSshKey(this.#db, id) === null) return "missing";
    return this.#remove({ kind: "ssh-key", name: id }, asked, () => deleteSshKey(this.#db, id));
  }

  /** Null when its secret is not there. `privateKey` is sealed here. */
  async createRegistry(registry: Registry, privateKey: string | null): Promise<Registry | null> {
    const context = registryContext(this.#id, registry.domain);
    const sealed = privateKey === null ? null : await seal(masterKeys(this.env), privateKey, context);
    return createRegistry(this.#db, registry, sealed);
  }

  /** Null when its secret is not there. */
  changeRegistry(domain: string, patch: RegistryPatch): Registry | null {
    return this.#db.transaction(() => changeRegistry(this.#db, domain, patch));
  }

  registries(): Registry[] {
    return listRegistries(this.#db);
  }

  pullThroughs(): PullThroughSource[] {
    return listPullThroughs(this.#db);
  }

  /** What it is read with, opened: for the control plane's own requests to it alone. Null: it is not configured. */
  async registryMaterial(domain: string): Promise<RegistryMaterial | null> {
    const found = await this.registry(domain);
    if (found === null) return null;
    const { registry, privateKey } = found;
    const secret = registry.auth === null ? null : await this.secretValue(registry.auth.secret);
    return { registry, privateKey, secret: secret?.value ?? null };
  }

  /** With the opened private key, where it has one. */
  async registry(domain: string): Promise<{ registry: Registry; privateKey: string | null } | null> {
    const found = findRegistry(this.#db, domain);
    if (found === null) return null;
    const { registry, sealedKey } = found;
    const context = registryContext(this.#id, domain);
    return { registry, privateKey: sealedKey === null ? null : await open(masterKeys(this.env), sealedKey, context) };
  }

  removeRegistry(domain: string): Registry | null {
    return deleteRegistry(this.#db, domain);
  }

  putProtocol(protocol: Protocol, options: { replace: boolean; managedDomains: readonly string[] }): Protocol {
    return putProtocol(this.#db, protocol, options);
  }

  protocol(proto: string): Protocol | null {
    return findProtocol(this.#db, proto);
  }

  protocols(): Protocol[] {
    return listProtocols(this.#db);
  }

  removeProtocol(proto: string, asked: readonly User[]): Removal {
    if (findProtocol(this.#db, proto) === null) return "missing";
    return this.#remove({ kind: "protocol", name: proto }, asked, () => deleteProtocol(this.#db, proto));
  }

  #refuseGoing(references: readonly Reference[]): void {
    const now = Date.now();
    const going = references.find(({ kind, name }) => kind === "image" && this.#removals.isGoing(name, now));
    if (going === undefined) return;
    const reason = `the image ${going.name} is being deleted from the registry of this account: push it again`;
    throw new GantryError("IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE", reason, { image: reason });
  }

  /** Names of those that the control plane has instead, which nobody can delete here. */
  async #bound(missing: readonly Reference[]): Promise<ReadonlySet<string>> {
    const bound = new Set<string>();
    for (const { kind, name } of missing) {
      if (kind === "secret" && (await this.#boundSecret(name)) !== null) bound.add(name);
    }
    return bound;
  }

  /** Accounts' objects are named by their ids. */
  get #id(): string {
    return this.ctx.id.name ?? "";
  }

  #seal({ name, value }: { readonly name: string; readonly value: string }): Promise<string> {
    return seal(masterKeys(this.env), value, secretContext(this.#id, name));
  }

  /** In one turn: nobody uses it, and it is gone. */
  #remove(reference: Reference, asked: readonly User[], remove: () => void): Removal {
    return this.#db.transaction(() => {
      if (!dropUsers(this.#db, reference, asked, Date.now())) return "changed";
      remove();
      return "removed";
    });
  }
}
