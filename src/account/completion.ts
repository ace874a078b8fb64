/** What came of admitted writes: into the audit, and to later tries with the same idempotency key. */
import type { Database } from "../database.ts";
import { finishAudit } from "./audit.ts";
import { keepAnswer, releaseKey, storedKey } from "./idempotency.ts";

export interface KeyInUse {
  readonly tokenId: string | null;
  readonly key: string;
  readonly seed: string;
  /** The next try begins anew; otherwise, without an answer, it goes on with this one's seed. */
  readonly isReleased: boolean;
}

/** What came of an admitted write. */
export interface Completion {
  readonly auditId: number;
  readonly status: number;
  readonly code: string | null;
  readonly idempotency: KeyInUse | null;
  /** With an idempotency key: what is given again; null when the next try is to do it. */
  readonly answer: string | null;
}

export function applyCompletions(db: Database, running: Map<string, number>, completions: readonly Completion[]): void {
  for (const { auditId, status, code, idempotency, answer } of completions) {
    finishAudit(db, auditId, status, code);
    if (idempotency === null) continue;
    const key = storedKey(idempotency, idempotency.key);
    running.delete(key);
    if (answer !== null) keepAnswer(db, key, idempotency.seed, answer);
    else if (idempotency.isReleased) releaseKey(db, key, idempotency.seed);
  }
}
