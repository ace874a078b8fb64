/** Tokens of an account: made once, shown once, kept as a digest. */
import type { Scope } from "../api/scopes.ts";
import type { Database, Row } from "../database.ts";

export interface Token {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Ids or names of the applications that it is limited to; null for all. */
  readonly applications: readonly string[] | null;
  /** Requests per second; null for the account's default. */
  readonly rateLimit: number | null;
  readonly createdAt: number;
  readonly expiresAt: number | null;
}

interface TokenRow extends Row {
  id: string;
  name: string;
  digest: string;
  scopes: string;
  applications: string | null;
  rate_limit: number | null;
  created_at: number;
  expires_at: number | null;
}

/** A token that was made by an earlier try with the same id is replaced: that try's secret was never seen. */
export function putToken(db: Database, token: Token, digest: string): void {
  db.run(
    "INSERT OR REPLACE INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    token.id,
    token.name,
    digest,
    JSON.stringify(token.scopes),
    token.applications === null ? null : JSON.stringify(token.applications),
    token.rateLimit,
    token.createdAt,
    token.expiresAt,
  );
}

export function getToken(db: Database, id: string): Token | null {
  const row = db.one<TokenRow>("SELECT * FROM tokens WHERE id = ?", id);
  return row === undefined ? null : toToken(row);
}

export function listTokens(db: Database, cursor: string, limit: number): Token[] {
  return db.all<TokenRow>("SELECT * FROM tokens WHERE id > ? ORDER BY id LIMIT ?", cursor, limit).map(toToken);
}

export function removeToken(db: Database, id: string): void {
  db.run("DELETE FROM tokens WHERE id = ?", id);
}

/** The token when the digest is its own and it has not expired. An unknown id takes as long as a wrong secret. */
export function verifyToken(db: Database, id: string, digest: string, now: number): Token | null {
  const row = db.one<TokenRow>("SELECT * FROM tokens WHERE id = ?", id);
  const isSame = sameDigest(row?.digest ?? "0".repeat(64), digest);
  if (row === undefined || !isSame) return null;
  return row.expires_at !== null && row.expires_at <= now ? null : toToken(row);
}

function sameDigest(a: string, b: string): boolean {
  const encoder = new TextEncoder();
  const [first, second] = [encoder.encode(a), encoder.encode(b)];
  return first.byteLength === second.byteLength && crypto.subtle.timingSafeEqual(first, second);
}

function toToken(row: TokenRow): Token {
  return {
    id: row.id,
    name: row.name,
    // Written by `putToken` only, so the JSON has these shapes.
    scopes: JSON.parse(row.scopes) as Scope[],
    applications: row.applications === null ? null : (JSON.parse(row.applications) as string[]),
    rateLimit: row.rate_limit,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
