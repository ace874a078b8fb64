/**
 * What an application's instances were denied, a line for each host, method and rule of an instance, and what went through.
 * A denial costs a row when it is told, and an event when it is news; amounts are written now and then.
 */
import type { Database, Row } from "../../database.ts";
import { NO_USAGE, sumOf, type Denial, type EgressTold, type Usage } from "../../egress/told.ts";
import type { DenyReason } from "../../egress/policy/decision.ts";
import { explainDenial } from "../../egress/policy/explain.ts";
import { appendEvents, type EventDraft } from "../events.ts";

/** The oldest are dropped in batches. */
export const DENIALS_KEPT = 1_000;
const TRIM_BATCH = 100;
/** What is denied again and again is news again after so long. */
const NEWS_AFTER_MS = 600_000;
/** Events of one instance within that time: whoever tries a thousand hosts must not push everything else out of the events. */
export const NEWS_KEPT = 20;
/** Instances whose news are counted. */
const MAX_COUNTED = 1_000;
/** Amounts of so long may be lost with the object. */
const WRITE_EVERY_MS = 60_000;

export const EGRESS_LOG_SCHEMA = `
CREATE TABLE egress_denials (
  deployment TEXT NOT NULL,
  host TEXT NOT NULL,
  method TEXT NOT NULL,
  rule TEXT NOT NULL,
  reason TEXT NOT NULL,
  count INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  PRIMARY KEY (deployment, host, method, rule)
) WITHOUT ROWID;
CREATE TABLE egress_usage (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  requests INTEGER NOT NULL,
  denied INTEGER NOT NULL,
  bytes_up INTEGER NOT NULL,
  bytes_down INTEGER NOT NULL
);`;

export interface StoredDenial extends Denial {
  readonly deployment: string;
  readonly firstAt: number;
  readonly lastAt: number;
}

interface DenialRow extends Row {
  deployment: string;
  host: string;
  method: string;
  rule: string;
  reason: string;
  count: number;
  first_at: number;
  last_at: number;
}

interface UsageRow extends Row {
  requests: number;
  denied: number;
  bytes_up: number;
  bytes_down: number;
}

export class EgressLog {
  readonly #db: Database;
  readonly #later: (run: () => void, ms: number) => void;
  #usage: Usage | null = null;
  #isDue = false;
  #kept: number | null = null;
  /** By deployment: since when its events are counted, and how many there were. */
  readonly #news = new Map<string, { readonly since: number; count: number }>();

  constructor(db: Database, later: (run: () => void, ms: number) => void) {
    this.#db = db;
    this.#later = later;
  }

  get usage(): Usage {
    this.#usage ??= this.#readUsage();
    return this.#usage;
  }

  tell(deployment: string, generation: number, { usage, denials }: EgressTold, now: number): void {
    this.#usage = sumOf(this.usage, usage);
    if (denials.length === 0) {
      this.#writeSoon();
      return;
    }
    this.#db.transaction(() => {
      const news = denials.filter((denial) => this.#keep(deployment, denial, now));
      const told = news.flatMap((denial) => {
        const left = this.#newsLeft(deployment, now);
        return left < 0 ? [] : [deniedEvent(deployment, generation, denial, left === 0)];
      });
      appendEvents(this.#db, told, now);
      this.#writeUsage();
      this.#trim();
    });
  }

  /** Newest first. */
  denials(): StoredDenial[] {
    return this.#db
      .all<DenialRow>("SELECT * FROM egress_denials ORDER BY last_at DESC LIMIT ?", DENIALS_KEPT)
      .map(toDenial);
  }

  /** True: it is news. */
  #keep(deployment: string, { host, method, rule, reason, count }: Denial, now: number): boolean {
    const known = this.#db.one<{ last_at: number }>(
      "SELECT last_at FROM egress_denials WHERE deployment = ? AND host = ? AND method = ? AND rule = ?",
      deployment,
      host,
      method,
      rule,
    );
    this.#db.run(
      `INSERT INTO egress_denials VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
        reason = excluded.reason, count = count + excluded.count, last_at = excluded.last_at`,
      deployment,
      host,
      method,
      rule,
      reason,
      count,
      now,
      now,
    );
    if (known === undefined && this.#kept !== null) this.#kept += 1;
    return known === undefined || now - known.last_at >= NEWS_AFTER_MS;
  }

  /** How many more events there may be after this one; negative: this one is in the log alone. */
  #newsLeft(deployment: string, now: number): number {
    let news = this.#news.get(deployment);
    if (news === undefined || now - news.since >= NEWS_AFTER_MS) {
      if (this.#news.size >= MAX_COUNTED) this.#news.clear();
      news = { since: now, count: 0 };
      this.#news.set(deployment, news);
    }
    news.count += 1;
    return NEWS_KEPT - news.count;
  }

  #trim(): void {
    this.#kept ??= this.#db.one<{ count: number }>("SELECT COUNT(*) AS count FROM egress_denials")?.count ?? 0;
    if (this.#kept < DENIALS_KEPT + TRIM_BATCH) return;
    this.#db.run(
      `DELETE FROM egress_denials WHERE (deployment, host, method, rule) IN (
        SELECT deployment, host, method, rule FROM egress_denials ORDER BY last_at LIMIT ?)`,
      this.#kept - DENIALS_KEPT,
    );
    this.#kept = DENIALS_KEPT;
  }

  #writeSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#later(() => {
      if (this.#isDue) this.#writeUsage();
    }, WRITE_EVERY_MS);
  }

  /** The object's storage is about to be erased. */
  close(): void {
    this.#isDue = false;
  }

  #writeUsage(): void {
    this.#isDue = false;
    const { requests, denied, bytesUp, bytesDown } = this.usage;
    this.#db.run(
      `INSERT INTO egress_usage VALUES (1, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET requests = excluded.requests,
        denied = excluded.denied, bytes_up = excluded.bytes_up, bytes_down = excluded.bytes_down`,
      requests,
      denied,
      bytesUp,
      bytesDown,
    );
  }

  #readUsage(): Usage {
    const row = this.#db.one<UsageRow>("SELECT * FROM egress_usage");
    if (row === undefined) return NO_USAGE;
    return { requests: row.requests, denied: row.denied, bytesUp: row.bytes_up, bytesDown: row.bytes_down };
  }
}

function deniedEvent(
  deployment: string,
  generation: number,
  { host, method, rule, reason, count }: Denial,
  isLast: boolean,
): EventDraft {
  const more = isLast ? "; what else is denied within ten minutes is in the egress log alone" : "";
  return {
    type: "Warn",
    name: "EgressDenied",
    message: `${method} to ${host} was denied: ${explainDenial(reason, rule)}${more}`,
    deployment,
    generation,
    details: { host, method, rule, reason, count },
  };
}

function toDenial(row: DenialRow): StoredDenial {
  const { deployment, host, method, rule, count, first_at: firstAt, last_at: lastAt } = row;
  // Written above only.
  return { deployment, host, method, rule, reason: row.reason as DenyReason, count, firstAt, lastAt };
}
