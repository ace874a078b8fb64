/**
 * Which applications refer to what the account keeps: secrets, SSH keys, registry protocols. Written before an
 * application's own write, so that nothing that is about to be used can be deleted meanwhile; too many rows are harmless,
 * since a delete asks the applications that are named here.
 */
import type { Database, Row } from "../database.ts";
import type { Reference, ReferenceKind } from "../orchestrator/references.ts";
import { findApplication } from "./applications.ts";

/** A write that has not settled after this was cut off. */
export const CLAIM_MS = 30_000;

export interface Claim {
  /** New for each write. */
  readonly id: string;
  readonly application: string;
  readonly references: readonly Reference[];
}

export interface User {
  readonly application: string;
  /** Null when the account has no such application: it was deleted, or its create did not get that far. */
  readonly name: string | null;
  /** The last write that claimed it. */
  readonly claim: string;
  /** A write of this application is under way: asking it would come too early. */
  readonly isPending: boolean;
}

interface UseRow extends Row {
  application: string;
  claim: string;
}

const TABLES = {
  secret: "SELECT 1 FROM secrets WHERE name = ?",
  "ssh-key": "SELECT 1 FROM ssh_keys WHERE id = ?",
  protocol: "SELECT 1 FROM protocols WHERE proto = ?",
} as const satisfies Record<Exclude<ReferenceKind, "image">, string>;

/** Those that are not there. */
export function missingReferences(db: Database, references: readonly Reference[]): Reference[] {
  // Images are in another object: whoever claims one looks there afterwards.
  return references.filter(({ kind, name }) => kind !== "image" && db.one(TABLES[kind], name) === undefined);
}

/** Claims all of it, or, when something of it is not there, nothing: returns what is missing. */
export function claimReferences(db: Database, claim: Claim, now: number): Reference[] {
  const missing = missingReferences(db, claim.references);
  if (missing.length > 0) return missing;
  db.transaction(() => {
    if (db.one("SELECT 1 FROM claims WHERE at <= ?", now - CLAIM_MS) !== undefined) {
      db.run("DELETE FROM claims WHERE at <= ?", now - CLAIM_MS);
    }
    db.run("INSERT INTO claims VALUES (?, ?, ?)", claim.id, claim.application, now);
    for (const { kind, name } of claim.references) {
      db.run("INSERT OR REPLACE INTO uses VALUES (?, ?, ?, ?)", claim.application, kind, name, claim.id);
    }
  });
  return [];
}

/** The write is done, whatever came of it: from here on the application itself knows what it uses. */
export function settleClaim(db: Database, id: string): void {
  db.run("DELETE FROM claims WHERE id = ?", id);
}

export function listUsers(db: Database, { kind, name }: Reference, now: number): User[] {
  const sql = "SELECT application, claim FROM uses WHERE kind = ? AND name = ? ORDER BY application";
  return db.all<UseRow>(sql, kind, name).map(({ application, claim }) => ({
    application,
    name: findApplication(db, application)?.name ?? null,
    claim,
    isPending:
      db.one("SELECT 1 FROM claims WHERE application = ? AND at > ?", application, now - CLAIM_MS) !== undefined,
  }));
}

/**
 * Drops the rows of users that were asked and use it no more. False, and nothing dropped, when somebody else is there
 * or one of them has claimed it again, which its row's claim tells: ask again.
 */
export function dropUsers(db: Database, reference: Reference, asked: readonly User[], now: number): boolean {
  const cleared = new Set(asked.map(({ application, claim }) => `${application} ${claim}`));
  const users = listUsers(db, reference, now);
  if (users.some((user) => !cleared.has(`${user.application} ${user.claim}`))) return false;
  if (users.length > 0) db.run("DELETE FROM uses WHERE kind = ? AND name = ?", reference.kind, reference.name);
  return true;
}

/** The application is gone. */
export function dropUses(db: Database, application: string): void {
  db.run("DELETE FROM uses WHERE application = ?", application);
}
