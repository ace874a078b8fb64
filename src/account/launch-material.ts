/**
 * What a placement gets of its account: values of secrets, lines of SSH keys, the sources of an image's protocol. Looked
 * up at each launch and kept nowhere, so that a change is seen by the next placement.
 */
import type { Database } from "../database.ts";
import { GantryError } from "../errors.ts";
import { keyLine, parseSshPublicKey } from "../ssh-public-key.ts";
import type { ImageSource } from "../registry/resolve-image.ts";
import { findProtocol } from "./registry-protocols.ts";
import { secretValue } from "./secret-values.ts";
import { findSshKey } from "./ssh-keys.ts";

export interface MaterialRequest {
  /** Names of account secrets. */
  readonly secrets: readonly string[];
  readonly sshKeyIds: readonly string[];
  readonly protocol: string | null;
}

export interface Material {
  /** By name of the account secret. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly keyLines: readonly string[];
  /** Null when there is no such protocol, or none was asked for. */
  readonly sources: readonly ImageSource[] | null;
}

/** Throws what refuses the launch: a secret or key that is gone, a value that no key opens. `bound`: see `secretValue`. */
export async function launchMaterial(
  db: Database,
  keys: readonly string[],
  accountId: string,
  { secrets, sshKeyIds, protocol }: MaterialRequest,
  bound?: (name: string) => Promise<string | null>,
): Promise<Material> {
  const keyLines = sshKeyIds.map((id) => requireKeyLine(db, id));
  const sources = protocol === null ? null : (findProtocol(db, protocol)?.domains ?? null);
  const values = await Promise.all(
    [...new Set(secrets)].map(async (name) => {
      const found = await secretValue(db, keys, accountId, name, bound);
      if (found === null) throw missing(name);
      return [name, found.value] as const;
    }),
  );
  return { secrets: Object.fromEntries(values), keyLines, sources };
}

function missing(name: string): GantryError {
  const message = `secret ${name} does not exist: create it with POST /secrets, or take it out of the configuration`;
  return new GantryError("SECRET_NAME_NOT_FOUND", message, { name });
}

function requireKeyLine(db: Database, id: string): string {
  const key = findSshKey(db, id);
  const parsed = key === null ? null : parseSshPublicKey(key.publicKey);
  if (key !== null && parsed !== null && typeof parsed !== "string") {
    return keyLine(parsed, parsed.comment ?? key.name);
  }
  const message = `SSH public key ${id} does not exist: take it out of the configuration`;
  throw new GantryError("SSH_PUBLIC_KEY_NOT_FOUND", message, { id });
}
