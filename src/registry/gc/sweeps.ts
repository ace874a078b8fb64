/**
 * Uploads that have ended and may have left objects that nothing names: a write that died, or that another overtook. What
 * is under the prefix of such an upload and in no blob is deleted; looked at twice, because a writer that is alive may
 * still put something after the first look and then die.
 */
import type { Database, Row } from "../../database.ts";
import type { Digest } from "../oci/digest.ts";

export interface Sweep extends Row {
  readonly upload: string;
  /** The blob that it became. */
  readonly digest: Digest | null;
  readonly ended_at: number;
  /** How many there were. */
  readonly looks: number;
}

/** Longer than any request lives: who began to write before the end is gone by then. */
const LAST_LOOK_AFTER_MS = 24 * 60 * 60 * 1_000;
const LOOKS = 2;

export function addSweep(db: Database, upload: string, digest: Digest | null, now: number): void {
  db.run("INSERT OR REPLACE INTO sweeps VALUES (?, ?, ?, 0)", upload, digest, now);
}

/** Null: never again. */
export function sweepDueAt({ ended_at: endedAt, looks }: Sweep, holdMs: number): number | null {
  if (looks >= LOOKS) return null;
  return endedAt + (looks === 0 ? Math.min(holdMs, LAST_LOOK_AFTER_MS) : LAST_LOOK_AFTER_MS);
}

export function allSweeps(db: Database): Sweep[] {
  return db.all<Sweep>("SELECT * FROM sweeps ORDER BY ended_at");
}

/** One look more, or the end of it. */
export function swept(db: Database, sweep: Sweep): void {
  if (sweep.looks + 1 < LOOKS) db.run("UPDATE sweeps SET looks = looks + 1 WHERE upload = ?", sweep.upload);
  else db.run("DELETE FROM sweeps WHERE upload = ?", sweep.upload);
}

/** Of what is stored under the prefix of the upload, what nothing names. */
export function straysOf(stored: readonly string[], named: readonly string[]): string[] {
  const known = new Set(named);
  return stored.filter((key) => !known.has(key));
}
