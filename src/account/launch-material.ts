/**
 * What a placement gets of its account: values of secrets, lines of SSH keys, the sources of an image's protocol. Looked
 * up at each launch and kept nowhere, so that a change is seen by the next placement.
 */
import type { Database } from "../database.ts";
import { GantryError } from "../errors.ts";
import { open } from "../sealing.ts";
import { keyLine, parseSshPublicKey } from "../ssh-public-key.ts";
import type { ImageSource } from "../registry/resolve-image.ts";
import { findProtocol } from "./registry-protocols.ts";
import { sealedSecret, secretContext } from "./secrets.ts";
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

/** Throws what refuses the launch: a secret or key that is gone, a value that no key opens. */
export async function launchMaterial(
  db: Database,
  keys: readonly string[],
  accountId: string,
  { secrets, sshKeyIds, protocol }: MaterialRequest,
): Promise<Material> {
  const sealed = [...new Set(secrets)].map((name) => [name, requireSealed(db, name)] as const);
  const keyLines = sshKeyIds.map((id) => requireKeyLine(db, id));
  const sources = protocol === null ? null : (findProtocol(db, protocol)?.domains ?? null);
  const values = await Promise.all(
    sealed.map(async ([name, text]) => [name, await openSecret(keys, text, accountId, name)] as const),
  );
  return { secrets: Object.fromEntries(values), keyLines, sources };
}

function requireSealed(db: Database, name: string): string {
  const sealed = sealedSecret(db, name);
  if (sealed !== null) return sealed;
  const message = `secret ${name} does not exist: create it with POST /secrets, or take it out of the configuration`;
  throw new GantryError("SECRET_NAME_NOT_FOUND", message, { name });
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

async function openSecret(keys: readonly string[], sealed: string, accountId: string, name: string): Promise<string> {
  try {
    return await open(keys, sealed, secretContext(accountId, name));
  } catch (error) {
    if (!GantryError.is(error) || error.code !== "SECRET_UNREADABLE") throw error;
    const message = `secret ${name} cannot be opened: put the key that sealed it back into GANTRY_MASTER_KEY, or write its value anew`;
    throw new GantryError("SECRET_UNREADABLE", message, { name });
  }
}
