/** SSH public keys of an account, by name. */
import type { Database, Row } from "../database.ts";
import { GantryError } from "../errors.ts";
import { keyLine } from "../ssh-public-key.ts";

export interface SshKey {
  readonly id: string;
  readonly name: string;
  /** `ssh-ed25519 <base64> [comment]`. */
  readonly publicKey: string;
}

interface KeyRow extends Row {
  name: string;
  id: string;
  public_key: string;
}

/** The one that an earlier try with the same id has made is returned as it is. */
export function createSshKey(db: Database, { id, name, publicKey }: SshKey): SshKey {
  const existing = db.one<KeyRow>("SELECT * FROM ssh_keys WHERE name = ?", name);
  if (existing !== undefined) {
    if (existing.id === id) return toKey(existing);
    const message = `an SSH public key named ${name} already exists: delete it first, or take another name`;
    throw new GantryError("SSH_PUBLIC_KEY_ALREADY_EXISTS", message, { name });
  }
  db.run("INSERT INTO ssh_keys VALUES (?, ?, ?)", name, id, publicKey);
  return { id, name, publicKey };
}

export function listSshKeys(db: Database, cursor: string, limit: number): SshKey[] {
  return db.all<KeyRow>("SELECT * FROM ssh_keys WHERE name > ? ORDER BY name LIMIT ?", cursor, limit).map(toKey);
}

/** By name, else by id. */
export function findSshKey(db: Database, nameOrId: string): SshKey | null {
  const byName = db.one<KeyRow>("SELECT * FROM ssh_keys WHERE name = ?", nameOrId);
  const row = byName ?? db.one<KeyRow>("SELECT * FROM ssh_keys WHERE id = ?", nameOrId);
  return row === undefined ? null : toKey(row);
}

/** By the bytes of the key, in base64. Of one that was registered under several names, the first of them. */
export function findSshKeyByBody(db: Database, body: string): SshKey | null {
  // Stored lines begin with the type, one space and the base64, which all keys of the one type have of one length.
  const line = keyLine({ body, comment: null });
  const sql = "SELECT * FROM ssh_keys WHERE substr(public_key, 1, ?) = ? ORDER BY name LIMIT 1";
  const row = db.one<KeyRow>(sql, line.length, line);
  return row === undefined ? null : toKey(row);
}

export function deleteSshKey(db: Database, id: string): void {
  db.run("DELETE FROM ssh_keys WHERE id = ?", id);
}

function toKey({ id, name, public_key: publicKey }: KeyRow): SshKey {
  return { id, name, publicKey };
}
