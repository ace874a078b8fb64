/**
 * The lease of an application: while one holds it, nobody else changes the application. One row, without a timer: a
 * lease that has run out is as good as none, and is overwritten by the next. Who holds it proves so by its nonce.
 */
import type { Database, Row } from "../database.ts";
import { GantryError } from "../errors.ts";
import { iso } from "../iso.ts";

export const LEASE_SCHEMA = `CREATE TABLE lease (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  nonce TEXT NOT NULL,
  owner TEXT NOT NULL,
  description TEXT,
  expires_at INTEGER NOT NULL
);`;

export interface Lease {
  readonly nonce: string;
  /** Who took it: the actor's name. */
  readonly owner: string;
  readonly description: string | null;
  readonly expiresAt: number;
}

export interface LeaseRequest {
  /** Of a lease that is made: the same for every try of one request. */
  readonly seed: string;
  readonly owner: string;
  readonly description: string | null;
  readonly ttlMs: number;
}

interface LeaseRow extends Row {
  nonce: string;
  owner: string;
  description: string | null;
  expires_at: number;
}

/** Null when nobody holds one. */
export function currentLease(db: Database, now: number): Lease | null {
  const row = db.one<LeaseRow>("SELECT * FROM lease");
  if (row === undefined || row.expires_at <= now) return null;
  return { nonce: row.nonce, owner: row.owner, description: row.description, expiresAt: row.expires_at };
}

/** Takes the lease, or renews the one whose nonce the caller has. A description that is not given stays as it is. */
export function takeLease(db: Database, nonce: string | null, request: LeaseRequest, now: number): Lease {
  const held = currentLease(db, now);
  const isOwn = held !== null && (held.nonce === nonce || held.nonce === request.seed);
  if (held !== null && !isOwn) throw heldError(held, now);
  const lease: Lease = {
    nonce: held?.nonce ?? request.seed,
    owner: held?.owner ?? request.owner,
    description: request.description ?? held?.description ?? null,
    expiresAt: now + request.ttlMs,
  };
  db.run(
    "INSERT OR REPLACE INTO lease VALUES (1, ?, ?, ?, ?)",
    lease.nonce,
    lease.owner,
    lease.description,
    lease.expiresAt,
  );
  return lease;
}

/** False when nobody holds one. `force`: also without the nonce. */
export function releaseLease(db: Database, nonce: string | null, force: boolean, now: number): boolean {
  const held = currentLease(db, now);
  if (held === null) return false;
  if (!force && held.nonce !== nonce) throw heldError(held, now);
  db.run("DELETE FROM lease");
  return true;
}

/** Throws `LEASE_HELD` when another holds it. */
export function requireLease(db: Database, nonce: string | null, now: number): void {
  const held = currentLease(db, now);
  if (held !== null && held.nonce !== nonce) throw heldError(held, now);
}

function heldError({ owner, description, expiresAt }: Lease, now: number): GantryError {
  const until = iso(expiresAt);
  const why = description === null ? "" : ` (${description})`;
  const message = `${owner} holds the lease of this application${why} until ${until}: send its nonce as Gantry-Lease-Nonce, or wait`;
  return new GantryError("LEASE_HELD", message, {
    owner,
    description: description ?? "",
    expires_at: until,
    retry_after: Math.max(1, Math.ceil((expiresAt - now) / 1_000)),
  });
}
