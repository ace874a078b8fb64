/** What every write of users passes, in the same turn as the write: does it know the present state, and may it now. */
import type { Database } from "../database.ts";
import { etagOf, requireMatch } from "../etag.ts";
import { requireLease } from "./leases.ts";
import type { ApplicationRow } from "./storage/application-row.ts";

export interface WriteGuard {
  /** `If-Match`; null when not sent. */
  readonly ifMatch: string | null;
  /** Nonce of the application's lease; null when not sent. */
  readonly lease: string | null;
  /** The same for every try of one request: ids of what it makes, and the mark that it leaves, are taken from it. */
  readonly seed: string;
  /** An earlier try may have done part of the work, or all of it. */
  readonly isRetry: boolean;
}

/** `isDone`: the state is what the request asks for; a retry of it need not match what it has itself changed. */
export function requireGuard(
  db: Database,
  row: ApplicationRow,
  guard: WriteGuard | null,
  now: number,
  isDone = false,
): void {
  if (guard === null) return;
  requireLease(db, guard.lease, now);
  if (guard.isRetry && isDone) return;
  requireMatch(guard.ifMatch, etagOf(row.id, row.generation));
}
