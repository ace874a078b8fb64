/**
 * The audit: one row for every write that was asked for, written before anything is done and completed with what came
 * of it. A row without a status is a write whose outcome nobody saw: the control plane was cut off in the middle.
 * Bodies are not kept, since they may hold secrets.
 */
import type { Database, Row } from "../database.ts";
import { ERRORS, type ErrorCode } from "../errors.ts";
import type { RateLimiter } from "./rate-limit.ts";

export interface AuditDraft {
  readonly requestId: string;
  readonly actor: string;
  readonly tokenId: string | null;
  readonly method: string;
  readonly path: string;
  readonly address: string | null;
  readonly idempotencyKey: string | null;
  /** Whose SSH key has signed it. */
  readonly signer?: Signer;
}

export interface Signer {
  readonly keyId: string;
  /** `SHA256:…` as ssh-keygen says it. */
  readonly fingerprint: string;
}

export interface AuditEntry extends AuditDraft {
  readonly id: number;
  readonly time: number;
  readonly status: number | null;
  readonly code: string | null;
}

interface AuditRow extends Row {
  id: number;
  time: number;
  entry: string;
  status: number | null;
  code: string | null;
}

/** Kept per account; older ones are dropped in batches. */
export const AUDIT_KEPT = 50_000;
/** Of writes without a good token: whoever sends them must not push out what people did. */
const ANONYMOUS_KEPT = 5_000;
const TRIM_BATCH = 1_000;
/** Bucket of the rows of denied writes. */
const DENIED = "denied";
const DENIED_PER_SECOND = 20;

export function beginAudit(db: Database, draft: AuditDraft, now: number): number {
  const id = (db.one<{ id: number | null }>("SELECT MAX(id) AS id FROM audit")?.id ?? 0) + 1;
  db.run("INSERT INTO audit (id, time, entry) VALUES (?, ?, ?)", id, now, JSON.stringify(draft));
  if (id % TRIM_BATCH === 0) trim(db);
  return id;
}

function trim(db: Database): void {
  dropSurplus(db, "code IS NOT 'UNAUTHORIZED'", AUDIT_KEPT);
  dropSurplus(db, "code = 'UNAUTHORIZED'", ANONYMOUS_KEPT);
}

function dropSurplus(db: Database, condition: string, kept: number): void {
  const surplus = `SELECT id FROM audit WHERE ${condition} ORDER BY id DESC LIMIT -1 OFFSET ?`;
  db.run(`DELETE FROM audit WHERE id IN (${surplus})`, kept);
}

/** Before what was signed is done. */
export function nameSigner(db: Database, id: number, signer: Signer): void {
  db.run("UPDATE audit SET entry = json_set(entry, '$.signer', json(?)) WHERE id = ?", JSON.stringify(signer), id);
}

export function finishAudit(db: Database, id: number, status: number, code: string | null): void {
  db.run("UPDATE audit SET status = ?, code = ? WHERE id = ?", status, code, id);
}

/**
 * A write that was refused before anything was done: one row, complete at once. A flood of them would fill the audit at
 * the account's cost, and the first of each second tell enough.
 */
export function recordDenied(
  db: Database,
  limiter: RateLimiter,
  draft: AuditDraft,
  code: ErrorCode,
  now: number,
): void {
  if (limiter.take(DENIED, DENIED_PER_SECOND, now) > 0) return;
  const id = beginAudit(db, draft, now);
  finishAudit(db, id, ERRORS[code].status, code);
}

/** Newest first, below `before`. */
export function listAudit(db: Database, before: number, limit: number): AuditEntry[] {
  const sql = "SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?";
  return db.all<AuditRow>(sql, before, limit).map((row) => ({
    // Written by this file only, so the JSON has that shape.
    ...(JSON.parse(row.entry) as AuditDraft),
    id: row.id,
    time: row.time,
    status: row.status,
    code: row.code,
  }));
}
