/**
 * One `Idempotency-Key`, one effect. The key's row is written before anything is done and holds a seed from which the
 * call takes the ids of what it creates: a try after a crash finds what the first one made, and makes nothing twice.
 * The answer is added when there is one, and given again to whoever comes with the same key and the same request.
 */
import type { Database, Row } from "../database.ts";

/** Answers are given again for this long. */
export const KEPT_MS = 86_400_000;
/** Before an answer that holds a secret, and what its sealing is bound to. */
export const SEALED_PREFIX = "sealed:";
export const IDEMPOTENCY_CONTEXT = "idempotency";
/** One key in so many, by its time, sweeps out what has expired: no alarm is spent on it. */
const SWEEP_EVERY = 64;

interface KeyRow extends Row {
  key: string;
  fingerprint: string;
  seed: string;
  created_at: number;
  answer: string | null;
}

export type Claim =
  /** Go on. `isRetry`: an earlier try may have done part of it. */
  | { readonly outcome: "proceed"; readonly seed: string; readonly isRetry: boolean }
  /** Done before: the answer of then, sealed or not, as it was given to `keepAnswer`. */
  | { readonly outcome: "answered"; readonly answer: string; readonly seed: string }
  /** The key was used for something else. */
  | { readonly outcome: "mismatch" };

/** The row's key: two tokens never share one. */
export function storedKey({ tokenId }: { readonly tokenId: string | null }, key: string): string {
  return `${tokenId ?? "operator"} ${key}`;
}

export function claimKey(db: Database, key: string, fingerprint: string, seed: string, now: number): Claim {
  const row = db.one<KeyRow>("SELECT * FROM idempotency WHERE key = ?", key);
  if (row !== undefined && now - row.created_at < KEPT_MS) {
    if (row.fingerprint !== fingerprint) return { outcome: "mismatch" };
    if (row.answer !== null) return { outcome: "answered", answer: row.answer, seed: row.seed };
    return { outcome: "proceed", seed: row.seed, isRetry: true };
  }
  db.run("INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, NULL)", key, fingerprint, seed, now);
  if (now % SWEEP_EVERY === 0) db.run("DELETE FROM idempotency WHERE created_at <= ?", now - KEPT_MS);
  return { outcome: "proceed", seed, isRetry: false };
}

/** The first answer stands. */
export function keepAnswer(db: Database, key: string, seed: string, answer: string): void {
  db.run("UPDATE idempotency SET answer = ? WHERE key = ? AND seed = ? AND answer IS NULL", answer, key, seed);
}

/** Nothing was done, and nothing is promised: the next try begins anew. */
export function releaseKey(db: Database, key: string, seed: string): void {
  db.run("DELETE FROM idempotency WHERE key = ? AND seed = ? AND answer IS NULL", key, seed);
}
